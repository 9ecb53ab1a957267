"""The verdict against the oracle: every constraint with its slack, the regret, and the nearest feasible."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.nearest import nearest_feasible
from core.problem import Problem
from core.verify import verify
from tests.core.brute import (
    Candidate,
    Instance,
    Setting,
    accuracy_of,
    best,
    edges_of,
    feasible,
    figures,
    loads_of,
    objective,
    replica_range,
    sign,
    waiting_order,
)
from tests.core.instances import any_settings, case, configuration_of, problem_of, settings_of

INSTANCES = 200
ROUNDING = 1e-9
Limit = tuple[str, float | None, float | None, int]
"""Name, value, limit, and 1 where the value must be at least it, -1 where at most."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An instance, all that enumeration holds feasible in it, and settings to judge."""

    instance: Instance
    candidates: list[Candidate]
    settings: dict[str, Setting]


def proposal(seed: int) -> Proposal:
    """Return settings to judge: by turns any, a feasible one, and one that is a single change from it."""
    instance, rng = case(seed), random.Random(seed)
    candidates = feasible(instance)
    settings = any_settings(instance, rng)
    if not candidates or seed % 3 == 0:
        return Proposal(instance, candidates, settings)
    chosen = dict(rng.choice(candidates).settings)
    if seed % 3 == 1:
        name = rng.choice(list(chosen))
        chosen[name] = settings[name]
    return Proposal(instance, candidates, chosen)


@pytest.fixture(scope="module", params=range(INSTANCES))
def proposed(request: pytest.FixtureRequest) -> Proposal:
    """Give a proposal; each is enumerated once for all tests."""
    return proposal(request.param)


def test_every_constraint_is_judged_with_its_slack(proposed: Proposal) -> None:
    instance, settings = proposed.instance, proposed.settings

    verdict = verify(problem_of(instance), configuration_of(settings))

    expected = {name: (value, limit, way) for name, value, limit, way in limits(instance, settings)}
    assert sorted(c.constraint for c in verdict.constraints) == sorted(expected)
    for c in verdict.constraints:
        value, limit, way = expected[c.constraint]
        assert c.value == close(value), c.constraint
        assert c.limit == close(limit), c.constraint
        if value is None or limit is None:
            assert c.slack is None
            assert not c.kept
        else:
            assert c.slack == close(way * (value - limit)), c.constraint
            assert c.kept == (way * (value - limit) >= -ROUNDING * limit), c.constraint


def test_what_enumeration_holds_feasible_is_accepted_and_nothing_else(proposed: Proposal) -> None:
    instance, settings = proposed.instance, proposed.settings

    verdict = verify(problem_of(instance), configuration_of(settings))

    assert verdict.accepted == any(c.settings == settings for c in proposed.candidates)
    assert verdict.accepted == (not verdict.violations)
    assert (verdict.nearest is None) == (verdict.accepted or not proposed.candidates)


def test_the_regret_is_what_the_best_gains_over_it(proposed: Proposal) -> None:
    instance, candidates, settings = proposed.instance, proposed.candidates, proposed.settings
    judged = candidate(instance, settings)

    verdict = verify(problem_of(instance), configuration_of(settings))

    own = None if judged.accuracy is None else objective(instance, judged)
    assert verdict.objective == close(own)
    assert verdict.accuracy == close(judged.accuracy)
    assert verdict.cores == close(judged.cores)
    assert verdict.latency_s == close(judged.latency_s if math.isfinite(judged.latency_s) else None)
    assert verdict.optimum == close(best(instance, candidates) if candidates else None, 1e-6)
    if own is None or not candidates:
        assert verdict.regret is None
    else:
        regret = sign(instance) * (best(instance, candidates) - own)
        assert verdict.regret == close(regret, 1e-6)
        assert not verdict.accepted or regret >= -1e-6


def test_the_nearest_feasible_is_feasible_and_nothing_feasible_is_nearer(proposed: Proposal) -> None:
    instance, candidates, settings = proposed.instance, proposed.candidates, proposed.settings

    found = nearest_feasible(problem_of(instance), configuration_of(settings))

    if not candidates:
        assert found is None
        return
    assert found is not None
    chosen = next((c for c in candidates if c.settings == settings_of(found)), None)
    assert chosen is not None, "the nearest is not feasible"
    least = min(distance(instance, c.settings, settings) for c in candidates)
    assert distance(instance, chosen.settings, settings) == pytest.approx(least, abs=1e-6)


def test_a_stage_that_changes_its_variant_takes_the_fewest_replicas(proposed: Proposal) -> None:
    instance, settings = proposed.instance, proposed.settings
    if instance.wait_quantile is not None:  # more replicas then shorten the wait
        return
    found = nearest_feasible(problem_of(instance), configuration_of(settings))
    chosen = {} if found is None else settings_of(found)
    known = [c.settings for c in proposed.candidates]

    for name, setting in chosen.items():
        fewer = {**chosen, name: setting._replace(replicas=setting.replicas - 1)}

        assert setting.variant == settings[name].variant or fewer not in known


def test_the_proposals_are_of_every_kind() -> None:
    kinds: dict[str, int] = {}
    for seed in range(INSTANCES):
        found = proposal(seed)
        for name, value, limit, way in limits(found.instance, found.settings):
            kept = value is not None and limit is not None and way * (value - limit) >= -ROUNDING * limit
            key = f"{name.split('[')[0]} {'kept' if kept else 'broken'}"
            kinds[key] = kinds.get(key, 0) + 1

    with_figures = ("latency", "capacity", "replicas.min", "replicas.max", "stage cores", "cores")
    for name in (*with_figures, "accuracy floor"):
        assert kinds[f"{name} kept"] > 5
        assert kinds[f"{name} broken"] > 5
    assert kinds["excluded broken"] > 2
    assert kinds["accuracyTable broken"] > 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(
            {"s9": Setting("a", 1, 1)}, "pipeline 'toy' has no stage 's9', only s0", id="surplus stage"
        ),
        pytest.param({"s0": Setting("zzz", 1, 1)}, "stage 's0' has no variant 'zzz', only", id="variant"),
        pytest.param(
            {"s0": Setting("", 3, 1)}, "is not offered at batch 3; measured and allowed", id="batch"
        ),
        pytest.param({"s0": None}, "the configuration has no stage 's0'; add it", id="missing stage"),
    ],
)
def test_a_proposal_that_names_what_is_not_there_is_refused(
    change: Mapping[str, Setting | None], sentence: str
) -> None:
    instance = case(1)
    settings = any_settings(instance, random.Random(1))
    for name, setting in change.items():
        settings.pop(name, None)
        if setting is not None:
            settings[name] = setting._replace(
                variant=setting.variant or instance.stages[0]["variants"][0]["name"]
            )

    with pytest.raises(UsageError) as refusal:
        verify(problem_of(instance), configuration_of(settings))

    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        pytest.param([("s0", 1, -1)], "greater than or equal to 0", id="negative replicas"),
        pytest.param([("s0", 0, 1)], "greater than or equal to 1", id="batch of none"),
        pytest.param([("s0", 1, 1), ("s0", 1, 2)], "stage 's0' is configured twice; keep one", id="twice"),
    ],
)
def test_a_configuration_that_means_nothing_cannot_be_written(
    stages: list[tuple[str, int, int]], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Configuration(
            stages=tuple(
                StageConfiguration(stage=name, variant="a", batch=b, replicas=n) for name, b, n in stages
            )
        )


def test_no_replicas_break_the_least_count_and_the_capacity() -> None:
    problem, settings = loaded()
    none = {name: s._replace(replicas=0) for name, s in settings.items()}

    verdict = verify(problem, configuration_of(none))

    broken = {c.constraint for c in verdict.violations}
    assert not verdict.accepted
    assert {f"capacity[{name}]" for name in settings} <= broken
    assert any(name.startswith("replicas.min") for name in broken)


def close(value: float | None, within: float = ROUNDING) -> object:
    """Return what equals *value* up to rounding."""
    return None if value is None else pytest.approx(value, rel=within, abs=within)


def loaded() -> tuple[Problem, dict[str, Setting]]:
    """Return a problem with load at every stage, and settings for it."""
    for seed in range(INSTANCES):
        instance = case(seed)
        settings = any_settings(instance, random.Random(seed))
        least = [replica_range(instance, s)[0] for s in instance.stages]
        if all(loads_of(instance, settings).values()) and max(least) and instance.load_rps:
            return problem_of(instance), settings
    raise AssertionError("no instance carries load everywhere")


def candidate(instance: Instance, settings: Mapping[str, Setting]) -> Candidate:
    """Work out any settings, feasible or not."""
    loads, edges = loads_of(instance, settings), edges_of(instance)
    ends, spent, cold = dict[str, float](), 0.0, 0.0
    latencies = []
    for stage in waiting_order(instance):
        name = stage["name"]
        f = figures(instance, stage, settings[name], loads[name])
        ends[name] = f.latency_s + max((ends[p] for p, _ in edges[name]), default=0.0)
        latencies.append(f.latency_s)
        spent, cold = spent + f.cores, cold + f.switching
    accuracy = accuracy_of(instance, {name: s.variant for name, s in settings.items()})
    batches = sum(s.batch for s in settings.values())
    return Candidate(
        settings, accuracy, spent, max(ends.values()), tuple(latencies), batches, cold, changes=0
    )


def limits(instance: Instance, settings: Mapping[str, Setting]) -> list[Limit]:
    """Return every limit that applies to the settings, with what stands against it."""
    judged, loads = candidate(instance, settings), loads_of(instance, settings)
    slo_s = instance.spec["slo"]["latency"]
    latency_s = judged.latency_s if math.isfinite(judged.latency_s) else None
    found: list[Limit] = [("latency", latency_s, slo_s, -1)]
    for stage in instance.stages:
        name, setting = stage["name"], settings[stage["name"]]
        f = figures(instance, stage, setting, loads[name])
        least, most = replica_range(instance, stage)
        found.append((f"capacity[{name}]", f.capacity_rps, instance.headroom * loads[name], 1))
        found.append((f"replicas.min[{name}]", setting.replicas, least, 1))
        found.append((f"replicas.max[{name}]", setting.replicas, most, -1))
        if stage.get("maxCores") is not None:
            found.append((f"stage cores[{name}]", f.cores, stage["maxCores"], -1))
        if (name, setting.variant) in instance.excluded:
            found.append((f"excluded[{name}]", None, None, 1))
    if instance.budget < math.inf:
        found.append(("cores", judged.cores, instance.budget, -1))
    if judged.accuracy is None:
        found.append(("accuracyTable", None, None, 1))
    elif instance.floor:
        found.append(("accuracy floor", judged.accuracy, instance.floor, 1))
    return found


def distance(instance: Instance, one: Mapping[str, Setting], other: Mapping[str, Setting]) -> float:
    """Return what `core.nearest` states: 100 a variant, 10 a batch size, else the share of the bound."""
    total = 0.0
    for stage in instance.stages:
        a, b = one[stage["name"]], other[stage["name"]]
        total += 10.0 * (a.batch != b.batch)
        total += 100.0 if a.variant != b.variant else abs(a.replicas - b.replicas) / stage["replicas"]["max"]
    return total
