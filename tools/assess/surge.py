"""Load surge: the load of a second lay above what the running configuration was decided for."""

from __future__ import annotations

from dataclasses import dataclass

from core.assessment import Finding
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
        known = [rate for rate in moment.observation.loads_rps if rate is not None]
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
