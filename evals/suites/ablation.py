"""The `ablation` suite: what each ingredient of the exact policy is worth, one left out at a time.

ilp                  everything
oracle               the error of forecast, and planning ahead
ilp-last             the forecaster: the last block instead of the mixture
ilp-seconds          the load: the highest second, with the margins that go with it, instead of the rate
ilp-no-margin        the queueing margin and the headroom: n h >= load
ilp-headroom         a headroom of 1.1 instead
ilp-batch-1          batching
ilp-free-switching   the charge for cold starts
ilp-ipa-model        the model: IPA's n h >= load on our point forecast; every batch, unlike as published
"""

from __future__ import annotations

from core.problem import Margins
from evals.scenario import Entrant
from evals.suites.paper import BY_THE_SECOND, LIMITS, OURS
from tools.replay import ReplaySettings

SUITE = "ablation"
HEADROOM = 1.1
ANY_BATCH = 64
"""The largest that IPA's authors profiled."""


def entrants() -> tuple[Entrant, ...]:
    """Return the exact policy, whole and without one thing each, and the oracle."""
    return (
        *OURS,
        Entrant("ilp-last", "ilp", settings=ReplaySettings(forecaster="last")),
        Entrant("ilp-seconds", "ilp", settings=BY_THE_SECOND),
        Entrant("ilp-no-margin", "ilp", settings=ReplaySettings(margins=Margins())),
        Entrant("ilp-headroom", "ilp", settings=ReplaySettings(margins=Margins(headroom=HEADROOM))),
        Entrant("ilp-batch-1", "ilp", parameters={"batch_cap": 1}),
        Entrant("ilp-free-switching", "ilp", parameters={"settle_s": None}),
        Entrant("ilp-ipa-model", "ipa", parameters={"batch_cap": ANY_BATCH}),
        LIMITS[0],
    )
