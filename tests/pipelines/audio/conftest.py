"""The prepared weights, and a few requests at three drifts, made once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipelines.kit import Example

ROOT = Path(__file__).parents[3]
SEED, COUNT = 5, 24


@pytest.fixture(scope="session")
def folder() -> Path:
    from pipelines.audio.kit import KIT  # noqa: PLC0415 - needs the extra

    models = ROOT / ".models" / "audio"
    KIT.prepare(models, print)
    return models


@pytest.fixture(scope="session")
def shown() -> dict[float, list[Example]]:
    from pipelines.audio.kit import KIT  # noqa: PLC0415 - as above

    return {drift: KIT.examples(COUNT, SEED, drift) for drift in (0.0, 0.5, 1.0)}
