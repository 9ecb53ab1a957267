"""Makes small images in the format of `docker save`."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOOD_CONFIG: dict[str, Any] = {"User": "10001:10001", "Env": ["PATH=/opt/trimtab/bin:/usr/bin"]}


@dataclass(frozen=True, slots=True)
class Planted:
    """A file, folder or link to put into a layer."""

    path: str
    content: bytes = b""
    mode: int = 0o644
    owner: int = 0
    kind: bytes = tarfile.REGTYPE
    headers: tuple[tuple[str, str], ...] = ()


def saved(
    folder: Path,
    *layers: Sequence[Planted],
    config: dict[str, Any] | None = None,
    history: Sequence[dict[str, Any]] | None = None,
    packed: bool = False,
) -> Path:
    """Write an image of these layers to a file and return its path."""
    steps = [{"created_by": f"step {number}"} for number in range(len(layers))]
    settings = {"config": config or GOOD_CONFIG, "history": steps if history is None else list(history)}
    names = [f"{number}.tar" for number in range(len(layers))]
    image = folder / "image.tar"
    with tarfile.open(image, "w") as tar:
        _add(tar, "manifest.json", json.dumps([{"Config": "settings.json", "Layers": names}]).encode())
        _add(tar, "settings.json", json.dumps(settings).encode())
        for name, layer in zip(names, layers, strict=True):
            written = _layer(layer)
            _add(tar, name, gzip.compress(written) if packed else written)
    return image


def _layer(planted: Sequence[Planted]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for thing in planted:
            info = tarfile.TarInfo(thing.path)
            info.mode, info.uid, info.type = thing.mode, thing.owner, thing.kind
            info.size, info.pax_headers = len(thing.content), dict(thing.headers)
            tar.addfile(info, io.BytesIO(thing.content))
    return stream.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
