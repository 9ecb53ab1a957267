"""Load surge: the load lay above what the running configuration was decided for.

That of a second, or the mean of several where requests may wait (`core.patience`): one second alone, the
first of an interval say, is chance there, so the last seconds of the interval before count with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.assessment import Finding
from core.observation import Observation
from core.patience import AVERAGED_S, averaged_rps, averaged_s
from core.pipeline import Pipeline
from tools.assess._moment import Moment

SLACK_S = 1.0
"""How far the borders of intervals may be off."""


@dataclass(slots=True)
class LoadSurge:
    """A comparison of what was measured; nothing is left to chance."""

    pipeline: Pipeline
    before: tuple[float | None, ...] = ()
    """The last samples before the interval, where they join it."""
    newest: Observation | None = None

    def learn(self, moment: Moment) -> None:
        """Remember what an average takes of the interval before."""
        seen, previous = moment.observation, self.newest
        if seen is not None and previous is not None and _joined(previous, seen):
            self.before = (*self.before, *previous.loads_rps)[1 - AVERAGED_S :]
        else:
            self.before = ()
        self.newest = seen

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return the surge, if there is one."""
        if moment.observation is None:
            return ()
        seconds = averaged_s(self.pipeline)
        whole = max(len(self.before), seconds - 1)  # a mean of fewer is chance
        rates = averaged_rps([*self.before, *moment.observation.loads_rps], seconds)[whole:]
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


def _joined(previous: Observation, seen: Observation) -> bool:
    return abs(seen.time_s - seen.interval_s - previous.time_s) <= SLACK_S
