"""Write a table whole: a reader, and whoever comes after a crash, finds the old file or the new one."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_whole(path: Path, table: pa.Table) -> None:
    """Write beside, sync, and rename into place.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
