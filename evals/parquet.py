"""Write a table whole: a reader, and whoever comes after a crash, finds the old file or the new one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.files import replacing


def write_whole(path: Path, table: pa.Table) -> None:
    """Write and sync it, then rename it into place.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    with replacing(path, sync="file") as file:
        pq.write_table(table, file)
