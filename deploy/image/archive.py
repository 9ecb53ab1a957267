"""Reads an image as `docker save` writes it: its settings, its layers, and every file in them."""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from core.errors import UsageError

Kind = Literal["file", "folder", "link", "other"]

READ_AT_MOST_BYTES = 1_000_000
"""Keys and settings are text; what is larger is not looked into."""

CHUNK_BYTES = 1 << 20
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a layer."""

    path: str
    """Without a slash in front."""

    kind: Kind
    mode: int
    owner: int
    size_bytes: int
    content: bytes = b""
    """Of a small file; empty for everything else."""

    has_capabilities: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, and how it was made."""

    made_by: str
    size_bytes: int
    packed_bytes: int
    """After gzip, as a registry would keep it."""


class Archive:
    """An image in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tar = tarfile.open(file)  # noqa: SIM115 - `__exit__` closes it
        [manifest] = json.loads(self._open("manifest.json").read())
        self._layers: list[str] = manifest["Layers"]
        self.settings: dict[str, Any] = json.loads(self._open(manifest["Config"]).read())

    def __enter__(self) -> Archive:
        """Return the archive; it is closed when the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._tar.close()

    def layers(self) -> tuple[Layer, ...]:
        """Measure every layer, lowest first."""
        made_by = [step["created_by"] for step in self.settings["history"] if not step.get("empty_layer")]
        # A squashed base has fewer layers than steps: the last ones are sure.
        named = [*([""] * len(self._layers)), *made_by][-len(self._layers) :]
        return tuple(Layer(how, *self._sizes(name)) for how, name in zip(named, self._layers, strict=True))

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Yield everything in every layer with the layer's number, lowest first, removals included."""
        for number, name in enumerate(self._layers):
            with tarfile.open(fileobj=self._open(name)) as layer:
                for member in layer:
                    yield number, _entry(layer, member)

    def _open(self, name: str) -> IO[bytes]:
        stream = self._tar.extractfile(name)
        if stream is None:
            raise UsageError(f"{self._file}: {name!r} is a folder, not a part of an image")
        return stream

    def _sizes(self, name: str) -> tuple[int, int]:
        stream = self._open(name)
        if stream.read(len(GZIP)) == GZIP:
            stream.seek(0)
            with gzip.open(stream) as unpacked:
                return sum(len(chunk) for chunk in _chunks(unpacked)), stream.tell()
        stream.seek(0)
        squeeze, size_bytes, packed_bytes = zlib.compressobj(), 0, 0
        for chunk in _chunks(stream):
            size_bytes += len(chunk)
            packed_bytes += len(squeeze.compress(chunk))
        return size_bytes, packed_bytes + len(squeeze.flush())


class Readable(Protocol):
    """The one method that is asked of a stream."""

    def read(self, size: int, /) -> bytes:
        """Return at most that many bytes."""
        ...


def _chunks(stream: Readable) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def _entry(layer: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    content = b""
    if member.isreg() and member.size <= READ_AT_MOST_BYTES:
        stream = layer.extractfile(member)
        content = stream.read() if stream is not None else b""
    return Entry(
        path=member.name.removeprefix("./").strip("/"),
        kind=_kind(member),
        mode=member.mode,
        owner=member.uid,
        size_bytes=member.size,
        content=content,
        has_capabilities="SCHILY.xattr.security.capability" in member.pax_headers,
    )


def _kind(member: tarfile.TarInfo) -> Kind:
    if member.isreg() or member.islnk():
        return "file"
    if member.isdir():
        return "folder"
    return "link" if member.issym() else "other"
