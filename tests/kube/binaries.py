"""Where the programs of a control plane are found, as controller-runtime's envtest finds them.

In this order: the folder `KUBEBUILDER_ASSETS`, the `PATH`, /usr/local/kubebuilder/bin, and our own cache,
which is filled from `kube-*.xz` beside the project where they are there. The three of Kubernetes come from
one folder, as their versions must agree; etcd may come from another.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

APISERVER, MANAGER, SCHEDULER = KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
ASSETS = "KUBEBUILDER_ASSETS"
NEEDED = "TESTS_NEED_KUBERNETES"
"""Set by CI: what is missing is then a failure and not a reason to skip."""
ARCHIVES = Path(__file__).parents[3] / "shared" / "kubernetes"
CACHE = Path("~/.cache/trimtab/kubebuilder").expanduser()
KUBEBUILDER = Path("/usr/local/kubebuilder/bin")
HELP = (
    "`setup-envtest use` brings kube-apiserver and etcd (or: apt-get install etcd-server), https://dl.k8s.io "
    f"the other two of the same version; name their folder in {ASSETS}"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs, and the version of Kubernetes they are."""

    folder: Path
    etcd: Path
    version: tuple[int, int]


def found() -> Binaries:
    """Return the programs; without them skip the test, or fail it where CI should have them."""
    unpack()
    folder = next((f for f in folders() if _has(f, *KUBERNETES)), None)
    etcd = next((f / "etcd" for f in folders() if _has(f, "etcd")), None)
    if folder is None or etcd is None:
        missing = " and ".join([*KUBERNETES] * (folder is None) + ["etcd"] * (etcd is None))
        absent(f"no control plane for tests: {missing} not found; {HELP}")
        raise AssertionError  # absent() does not return
    return Binaries(folder, etcd, version(folder / APISERVER))


def absent(message: str) -> None:
    """Skip the test with this line, or fail it where CI should have what is missing."""
    if os.environ.get(NEEDED):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def folders() -> Iterator[Path]:
    """Give the folders to look in, the first first."""
    if os.environ.get(ASSETS):
        yield Path(os.environ[ASSETS])
    yield from (Path(name) for name in os.get_exec_path())
    yield KUBEBUILDER
    yield CACHE


def version(program: Path) -> tuple[int, int]:
    """Return the major and minor version that a program of Kubernetes says it is."""
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    match = re.search(r"v(\d+)\.(\d+)", said)
    assert match, f"{program} --version says {said!r}"
    return int(match[1]), int(match[2])


def unpack(archives: Path = ARCHIVES, cache: Path = CACHE) -> None:
    """Fill the cache from the archives; another process may be doing the same at this moment."""
    for name in KUBERNETES:
        archive, target = archives / f"{name}.xz", cache / name
        if archive.is_file() and not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            _unpack(archive, target)


def _unpack(archive: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as partial:
        try:
            with lzma.open(archive) as packed:
                shutil.copyfileobj(packed, partial)
            partial.flush()
            Path(partial.name).chmod(0o755)
            # A whole file appears at once; should another process be first, it is the same file.
            Path(partial.name).replace(target)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise


def _has(folder: Path, *names: str) -> bool:
    return all(os.access(folder / name, os.X_OK) and (folder / name).is_file() for name in names)
