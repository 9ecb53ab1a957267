"""The one way to replace a file whole: a reader finds the old content or the new one, never a mixture.

The new content is written beside the file under a name that nobody else has, and renamed over it. So writers
at the same time do not disturb each other: the last rename counts. What a crash leaves, by `Sync`:

    process killed, before the rename    the old content, and a temporary file .HEX.part
    process killed, after the rename     the new content
    power cut, "none"                    the old content, the new one, or an empty or half-written file
    power cut, "file"                    the old content or the new one
    power cut, "folder"                  once the call has returned: the new one; until then as "file"

Nobody reads the temporary file, and it may be removed. The new file has the rights of any new file, not those
of the old one; where the path is a symbolic link, the file takes the link's place.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

Sync = Literal["none", "file", "folder"]
"""What is on the disk before it goes on: nothing; the content, before the rename; the rename too."""
TOKEN_BYTES = 8
"""Enough that two writers never share a name."""
SUFFIX = ".part"


def replaced(path: Path, content: bytes | str, *, sync: Sync) -> None:
    """Replace the file at *path*, text as UTF-8; the module says what a crash leaves.

    Raises:
        OSError: it cannot be written, and the old content is there still; or, with "folder", it was renamed
            and the folder could not be synced.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, sync=sync) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, *, sync: Sync) -> Iterator[BinaryIO]:
    """Yield a file to write to, which replaces that at *path* unless the caller raises. As `replaced`."""
    beside = path.parent / f".{secrets.token_hex(TOKEN_BYTES)}{SUFFIX}"
    try:
        with beside.open("xb") as file:
            yield file
            if sync != "none":
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):  # what went wrong first is what the caller can mend
            beside.unlink(missing_ok=True)
        raise
    if sync == "folder":
        _synced(path.parent)


def left_behind(path: Path) -> bool:
    """Say whether a process that was killed while it replaced a file left this one."""
    return path.name.startswith(".") and path.suffix == SUFFIX


def _synced(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
