"""Whether the machine is quiet enough to be measured on: a fixed piece of work, and who else uses the CPU.

Three things are looked at around every step of the timing:

- *spread*: the 90th percentile of a fixed piece of work over its 10th. Alone on a core it is about 1.05; a
  neighbour on the same core makes some repeats wait and others not.
- *drift*: the median of that work over the lowest median of the run. A slower clock or a busy host slows all
  repeats alike; figures of different rounds could then not be compared.
- *foreign*: the CPU time that neither we nor our replicas used, and that the host took away (steal), in
  cores. What others use of a core may be taken from the run that is on it.

The limits allow about a tenth. The variants of a stage and doubled batches differ by half and more, so that
much noise does not change their order, and it is within what the intervals of the 99th percentile span.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.values import Frozen, NonNegative, Positive

MOST_SPREAD = 1.25
"""A quiet machine shows 1.02 to 1.1; with one neighbour on each core it is 1.5 and more."""
MOST_DRIFT = 1.15
MOST_FOREIGN_CORES = 0.15
"""The system's own services and a shell take 0.01 to 0.05."""


class Noise(Frozen):
    """What was seen around one step."""

    calibration_s: tuple[Positive, ...]
    """Of every repeat of the fixed work, before and after the step."""
    foreign_cores: NonNegative
    """Cores that others used during the step, on average."""

    @property
    def median_s(self) -> float:
        """The median of the fixed work."""
        return float(np.median(self.calibration_s))

    @property
    def spread(self) -> float:
        """The 90th percentile of the fixed work over the 10th."""
        low, high = np.quantile(self.calibration_s, (0.1, 0.9))
        return float(high / low)


@dataclass(frozen=True, slots=True)
class Summary:
    """The worst of several steps."""

    spread: float
    drift: float
    foreign_cores: float

    @classmethod
    def of(cls, steps: Sequence[Noise]) -> Summary:
        """Return the worst of *steps*, of which there is at least one."""
        medians = [step.median_s for step in steps]
        return cls(
            max(step.spread for step in steps),
            max(medians) / min(medians),
            max(step.foreign_cores for step in steps),
        )

    @property
    def complaints(self) -> tuple[str, ...]:
        """Which limits are passed, and by how much; empty where it was quiet enough."""
        found = []
        if self.spread > MOST_SPREAD:
            found.append(
                f"repeats of one calculation differed by a factor of {self.spread:.2f} (limit {MOST_SPREAD})"
            )
        if self.drift > MOST_DRIFT:
            found.append(
                f"one calculation slowed by a factor of {self.drift:.2f} during the run (limit {MOST_DRIFT})"
            )
        if self.foreign_cores > MOST_FOREIGN_CORES:
            found.append(f"other processes used {self.foreign_cores:.2f} cores (limit {MOST_FOREIGN_CORES})")
        return tuple(found)
