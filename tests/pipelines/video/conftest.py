"""The weights, trained once where they are not there yet."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def weights() -> Path:
    """Return the folder of the trained networks."""
    from pipelines.video.kit import KIT  # noqa: PLC0415 - the tests skip where its libraries are missing

    folder = ROOT / ".models" / "video"
    KIT.prepare(folder, print)
    return folder
