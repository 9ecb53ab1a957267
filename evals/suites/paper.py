"""The `paper` suite: IPA's five pipelines on its four traces, and all that the field compares itself with.

Every entrant gets the same profile, requests, cold starts and clock. Those whose authors published settings
for one of these pipelines (IPA's batch cap and margin, the replicas of RIM in IPA's runs) get them there;
INFaaS is run with three accuracy floors. IPA is run with its own predictor, with ours of the highest second
(`ipa-seconds`), as its predictor aims at, and with ours as our optimizer gets it (`ipa`); the others that
take a forecast get that of the highest second, for which they were made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from evals.ipa import DATA, NAMES, TRACES, Setup, setup, trace
from evals.scenario import Entrant, Scenario
from tools.cadence import LOOP_MARGINS, PATIENT_MARGINS, QUANTILE
from tools.replay import ReplaySettings

SUITE = "paper"
PERCENT = 100.0

Accuracy = Literal["measured", "ranks"]
"""As `evals.ipa` has it: measured accuracies, or IPA's own objective on ranks."""

RIM_REPLICAS: Mapping[str, tuple[int, ...]] = {
    "video": (3, 3),
    "audio-qa": (27, 6),
    "audio-sent": (27, 6),
    "sum-qa": (12, 8),
    "nlp": (4, 15, 8),
}
"""Of IPA's runs of RIM (metaseries 14), by stage."""

BY_THE_SECOND = ReplaySettings(averaged_s=1, quantile=QUANTILE, margins=LOOP_MARGINS)
"""Told what the highest second may bring, with the margins that go with it, even where requests may wait
(`core.patience`): that is what the published systems' predictors aim at."""

CAREFUL = ReplaySettings(margins=PATIENT_MARGINS)
LIMITS = (
    Entrant("oracle", "oracle", hindsight=(CAREFUL,)),
    Entrant("oracle-warm", "oracle", hindsight=(CAREFUL,), cold_starts=False),
)
"""Perfect foresight with cold starts, and without. A plan cannot mend a queue that it did not foresee, so the
margins that the loop's feedback allows may not suit it: hindsight tells which do."""
OURS = (Entrant("ilp", "ilp"),)
RIVALS: tuple[str, ...] = (
    "infaas-low",
    "infaas",
    "infaas-high",
    "model-switching",
    "ms-plus",
    "fa2-low",
    "fa2-high",
    "inferline",
    "infadapter",
    "loki",
    "hpa",
    "keda",
    "static-small",
    "static-large",
)
"""Policies that are run as they are registered."""


def scenarios(data: Path = DATA, accuracy: Accuracy = "measured") -> Iterator[Scenario]:
    """Yield the twenty cells.

    Raises:
        UsageError: IPA's data are not there.
    """
    suite = suite_of(accuracy)
    for name in NAMES:
        read = setup(name, data)
        pipeline = read.measured() if accuracy == "measured" else read.ranked()
        for pattern in TRACES:
            yield Scenario(suite, f"{name}/{pattern}", pattern, pipeline, trace(pattern, data))


def suite_of(accuracy: Accuracy) -> str:
    """Return the name of the suite: under another objective it is another one, without bars."""
    return SUITE if accuracy == "measured" else f"{SUITE}-{accuracy}"


def entrants(data: Path = DATA) -> tuple[Entrant, ...]:
    """Return everyone, ours first.

    Raises:
        UsageError: IPA's data are not there.
    """
    setups = {name: setup(name, data) for name in NAMES}
    tuned = {name: _ipa(read) for name, read in setups.items()}
    rim = {name: {**tuned[name], "replicas": _rim(read)} for name, read in setups.items()}
    return (
        *OURS,
        Entrant("ipa", "ipa", by_pipeline=tuned),
        Entrant("ipa-seconds", "ipa", by_pipeline=tuned, settings=BY_THE_SECOND),
        Entrant("ipa-own", "ipa-own", by_pipeline=tuned),
        Entrant("rim", "rim", by_pipeline=rim, settings=BY_THE_SECOND),
        *others(),
        *LIMITS,
    )


def others() -> tuple[Entrant, ...]:
    """Return the rivals that know nothing of one pipeline in particular."""
    cocktail = Entrant("cocktail", "cocktail", ensembles=True, settings=BY_THE_SECOND)
    return (cocktail, *(Entrant(name, name, settings=BY_THE_SECOND) for name in RIVALS))


def _ipa(read: Setup) -> Mapping[str, object]:
    return {"batch_cap": read.settings.batch_cap, "margin": read.settings.margin_pct / PERCENT}


def _rim(read: Setup) -> Mapping[str, int]:
    names = [stage.task for stage in read.stages]
    return dict(zip(names, RIM_REPLICAS[read.pipeline], strict=True))
