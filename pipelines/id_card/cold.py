"""Start one variant and serve one request: what `latency.load_time_s` times from outside.

Usage: python -m pipelines.id_card.cold detect|read VARIANT MODELS
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(stage: str, variant: str, models: Path) -> None:
    """Load *variant* of *stage* and give it one input."""
    if stage == "detect":
        from pipelines.id_card.detect import DETECTORS, crops  # noqa: PLC0415 - a replica loads one stage

        crops(DETECTORS[variant](models), [np.full((192, 320, 3), 200, np.uint8)])
    else:
        from pipelines.id_card.read import READERS  # noqa: PLC0415 - as above

        READERS[variant](models)([np.full((20, 120, 3), 200, np.uint8)])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
