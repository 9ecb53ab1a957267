"""Sequential evidence against "all is well", with a stated average run length to a false alarm.

For each alternative k an interval gives a likelihood ratio L_k whose mean is at most 1 where all is well,
whatever came before. The CUSUM of each, and their mean,

    M_k <- max(M_k, 1) * L_k        M = mean of M_k        alarm when M >= A

form an e-detector (Shin, Ramdas and Rinaldo 2023, "E-detectors", definitions 2.1 and 2.6, theorem 2.4):
while all is well the mean time to the first alarm is at least A intervals, without any assumption about
when a change comes. We differ in nothing but the cap: M_k grows no further than `CAP` above A, so that what
is over is soon forgotten; a smaller M keeps the guarantee.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

RUN_LENGTH = 10_000
"""Mean intervals to a false alarm, at least, of every sequential test: 28 hours of ten seconds."""
END_RUN_LENGTH = 100
"""The same of the tests that say a drift is over: a false end is corrected by the next alarm."""
CAP = math.log(20)
"""Log of the evidence kept beyond the threshold."""


@dataclass(slots=True)
class Evidence:
    """The e-detector over so many alternatives; logs throughout."""

    alternatives: int
    run_length: float = RUN_LENGTH
    logs: list[float] = field(default_factory=list)
    since: list[float] = field(default_factory=list)
    """When the present run of each alternative began, in seconds of the loop's clock."""

    def add(self, log_ratios: Sequence[float], began_s: float) -> None:
        """Take in an interval that began at *began_s*."""
        if not self.logs:
            self.logs, self.since = [0.0] * self.alternatives, [began_s] * self.alternatives
        most = math.log(self.run_length) + math.log(self.alternatives) + CAP
        for k, ratio in enumerate(log_ratios):
            if self.logs[k] <= 0:
                self.logs[k], self.since[k] = 0.0, began_s
            self.logs[k] = min(most, self.logs[k] + ratio)

    @property
    def alarmed(self) -> bool:
        """Whether the evidence has reached the threshold."""
        if not self.logs:
            return False
        top = max(self.logs)
        mean = top + math.log(math.fsum(math.exp(x - top) for x in self.logs) / len(self.logs))
        return mean >= math.log(self.run_length)

    @property
    def since_s(self) -> float:
        """When the run of the best supported alternative began; 0 before anything was seen."""
        if not self.logs:
            return 0.0
        return self.since[max(range(len(self.logs)), key=self.logs.__getitem__)]

    def clear(self) -> None:
        """Forget everything."""
        self.logs, self.since = [], []


def binomial_log_ratios(
    hits: float, trials: float, null: float, alternatives: Sequence[float]
) -> list[float]:
    """Return the log likelihood ratios of *hits* among *trials*, each alternative against *null*.

    Where the alternatives lie above *null*, the mean ratio is at most 1 for every chance up to *null* (the
    ratio grows with the hits); where they lie below, for every chance from *null* up.
    """
    return [
        hits * math.log(p / null) + (trials - hits) * math.log((1 - p) / (1 - null)) for p in alternatives
    ]
