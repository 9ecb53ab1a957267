"""What is compared, and on what: scenarios (the cells of a table) and entrants (its rows).

    scenario = Scenario("paper", "video/bursty", group="bursty", pipeline=pipeline, trace_rps=trace_rps)
    entrant = Entrant("ipa", "ipa", parameters={"batch_cap": 8})

Every entrant of a scenario meets the same requests under one seed (paired), the same cold starts and the same
clock, and starts from what it chooses itself for the first interval.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.pipeline import Pipeline
from tools.cadence import margins_of
from tools.replay import ReplaySettings


@dataclass(frozen=True, slots=True)
class Scenario:
    """One cell: a pipeline under a load."""

    suite: str
    name: str
    """Unique in its suite."""
    group: str
    """What belongs into one picture: a trace, or a family of drift."""
    pipeline: Pipeline
    trace_rps: tuple[float, ...]
    """Requests per second, one figure a second."""
    settings: ReplaySettings = field(default_factory=ReplaySettings)
    ensembles: Pipeline | None = None
    """The pipeline with ensembles among its variants, where votes are on record (`core.ensemble`)."""

    def pipeline_for(self, entrant: Entrant) -> Pipeline:
        """Return the pipeline that an entrant decides for and the twin serves."""
        if entrant.ensembles and self.ensembles is not None:
            return self.ensembles
        return self.pipeline


@dataclass(frozen=True, slots=True)
class Entrant:
    """One policy with its parameters, under the label it has in tables."""

    label: str
    policy: str
    """As it is registered in `baselines`."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    by_pipeline: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Parameters that its authors tuned for one pipeline, by the pipeline's name."""
    ensembles: bool = False
    """Whether it can run several variants of a stage side by side and take a vote."""
    settings: ReplaySettings | None = None
    """How its episodes are run, where that is not as the scenario says."""
    hindsight: tuple[ReplaySettings, ...] = ()
    """Run under each of these too, of which the best episode counts: for limits that know the future."""
    cold_starts: bool = True
    """False for the limit that no cluster reaches: replicas that are ready at once."""

    def settings_for(self, scenario: Scenario) -> ReplaySettings:
        """Return how its episodes are run."""
        return self.settings or scenario.settings

    def tried(self, scenario: Scenario) -> tuple[ReplaySettings, ...]:
        """Return the settings that are tried, each once; but for limits that is one."""
        usual = margins_of(scenario.pipeline)
        found: dict[str, ReplaySettings] = {}
        for settings in (self.settings_for(scenario), *self.hindsight):
            resolved = replace(settings, margins=settings.margins or usual)
            found.setdefault(repr(resolved), settings)
        return tuple(found.values())

    def parameters_for(self, pipeline: Pipeline) -> Mapping[str, object]:
        """Return what the policy is made with there."""
        return {**self.parameters, **self.by_pipeline.get(pipeline.name, {})}


def digest(scenario: Scenario, entrant: Entrant) -> str:
    """Return what an episode depends on beside its seed and the code, as SHA-256 in hexadecimal."""
    told = {
        "pipeline": scenario.pipeline_for(entrant).digest,
        "trace": scenario.trace_rps,
        "settings": repr(entrant.tried(scenario)),
        "policy": entrant.policy,
        "parameters": repr(sorted(entrant.parameters_for(scenario.pipeline).items())),
        "cold_starts": entrant.cold_starts,
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
