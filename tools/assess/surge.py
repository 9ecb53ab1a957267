"""Load surge: the load lay above what the running configuration was decided for.

That of a second, or the mean of a few where requests may wait (`core.patience`).
"""

from __future__ import annotations

from dataclasses import dataclass

from core.assessment import Finding
from core.patience import averaged_rps, averaged_s
from core.pipeline import Pipeline
from tools.assess._moment import Moment


@dataclass(frozen=True, slots=True)
class LoadSurge:
    """A comparison of what was measured; nothing is left to chance."""

    pipeline: Pipeline

    def learn(self, moment: Moment) -> None:
        """Remember nothing."""

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return the surge, if there is one."""
        if moment.observation is None:
            return ()
        rates = averaged_rps(moment.observation.loads_rps, averaged_s(self.pipeline))
        known = [rate for rate in rates if rate is not None]
        if not known or max(known) <= moment.decided_rps:
            return ()
        return (
            Finding(
                kind="load surge",
                subject=self.pipeline.name,
                statement=(
                    f"load reached {max(known):g} rps, "
                    f"the configuration was decided for {moment.decided_rps:.4g}"
                ),
                figure=max(known),
            ),
        )
