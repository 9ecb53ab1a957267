"""Every kind of entrant runs a short episode: the same requests, each with what it may know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agent.choosing import Choice
from core.calendar import Event
from core.errors import UsageError
from evals.drift.case import Happening
from evals.drift.running import DriftEntrant, run
from evals.suites.drift import digest, episodes, play
from simulator.faults import LatencyDrift, MetricOutage
from tests.evals import drifttoy

EVENT = Event(id="e", pipeline="toy", start_s=30, end_s=60, load_factor=2.0, author="us", entered_s=0.0)


def test_all_entrants_meet_the_same_requests() -> None:
    case = drifttoy.case()

    requests = {e: run(case, e).report.requests for e in ("oracle", "ilp-stale", "rules")}

    assert len(set(requests.values())) == 1, requests


def test_the_loop_believes_the_wrong_profile_at_first_and_the_cluster_serves_the_true_one() -> None:
    case = replace(drifttoy.case(), profile=drifttoy.pipeline(small_latency_s=0.05))

    decisions = run(case, "rules").decisions

    first = decisions[0]
    assert first.running is not None
    assert first.running["read"].replicas == 1, "14 requests a second, 20 believed of one replica"
    assert first.observation is not None
    assert first.observation.stages[0].services[0].mean_s > 0.07, "0.05 s is believed"


def test_the_stale_optimizer_is_told_the_wrong_profile_and_the_oracle_is_not() -> None:
    case = replace(drifttoy.case(), profile=drifttoy.pipeline(small_latency_s=0.02))

    stale, oracle = run(case, "ilp-stale").report, run(case, "oracle").report

    assert stale.mean_cores == pytest.approx(1.0)
    assert oracle.mean_cores >= 2.0


def test_the_stale_optimizer_keeps_what_the_loop_and_the_oracle_leave() -> None:
    slower = LatencyDrift(stage="read", variant="small", start_s=10, factor=3.0)
    truth = (Happening(what="latency drift", subject="read", start_s=10, end_s=120, variant="small"),)
    case = replace(drifttoy.case([slower], seconds=120), truth=truth)

    stale, loop, oracle = (run(case, e) for e in ("ilp-stale", "rules", "oracle"))

    assert oracle.score > loop.score > stale.score
    assert [a.naming for a in loop.attributions] == ["right"]
    assert stale.attributions == ()


def test_the_oracle_decides_also_while_the_metrics_are_away() -> None:
    dark = MetricOutage(start_s=5, end_s=50)
    rising = tuple(4.0 if t < 20 else 16.0 for t in range(60))
    case = replace(drifttoy.case([dark]), trace_rps=rising)

    blind, oracle = run(case, "ilp-true"), run(case, "oracle")

    assert (oracle.report.slo_attainment or 0) > (blind.report.slo_attainment or 0) + 0.2


def test_a_biased_forecast_reaches_the_loop_and_what_is_replayed_alike() -> None:
    honest, biased = drifttoy.case(), replace(drifttoy.case(), forecast_factor=0.5)

    for entrant in cast("tuple[DriftEntrant, ...]", ("ilp-stale", "rules")):
        lower, higher = (run(c, entrant).report.mean_cores for c in (biased, honest))
        assert lower < higher, entrant
    assert run(biased, "oracle").report.mean_cores == run(honest, "oracle").report.mean_cores


def test_what_is_announced_is_read_by_the_loop() -> None:
    case = replace(drifttoy.case(), events=(EVENT,))

    decisions = run(case, "rules").decisions

    assert any(p.cause == "announced event" for d in decisions for p in d.proposals)


def test_unknown_entrants_and_models_without_an_endpoint_are_refused() -> None:
    case = drifttoy.case()

    with pytest.raises(UsageError, match=r"no entrant called 'wizard' in the drift suite. Known: ilp-assess"):
        run(case, cast("Any", "wizard"))
    with pytest.raises(UsageError, match="OPENAI_BASE_URL"):
        run(case, "llm", choice=Choice(model=None), environment={})


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"profile": drifttoy.pipeline(small_latency_s=0.05)}, id="what is believed"),
        pytest.param({"forecast_factor": 0.5}, id="the forecast's bias"),
        pytest.param({"events": (EVENT,)}, id="what is announced"),
        pytest.param({"faults": (MetricOutage(start_s=5, end_s=50),)}, id="what goes wrong"),
    ],
)
def test_whatever_a_case_is_is_in_the_digest_of_its_episodes(changed: dict[str, Any]) -> None:
    case = drifttoy.case()

    assert digest(replace(case, **changed), "rules", None) != digest(case, "rules", None)


def test_how_a_model_is_asked_is_in_the_digest_too(tmp_path: Path) -> None:
    cold, case = tmp_path / "cold.yaml", drifttoy.case()
    cold.write_text("client: {temperature: 0.0}\n")

    digests = {
        digest(case, "llm", Choice("llm", model, settings))
        for model, settings in (("a", None), ("b", None), ("a", cold))
    }

    assert len(digests) == 3


def test_an_episode_becomes_a_row() -> None:
    row = play("stationary", "static-large", seed=0)

    assert (row.suite, row.scenario, row.group, row.policy, row.seed) == (
        "drift",
        "stationary",
        "steady",
        "static-large",
        0,
    )
    assert row.score is not None
    assert row.extra == {"named": [], "alarms": [], "assessed_s": 0.0, "fell_back": 0}


def test_every_family_meets_every_entrant_on_every_seed_once() -> None:
    found = list(episodes(range(2), entrants=("oracle", "rules"), only=("bursty", "lost node")))

    assert len(found) == len(set(found)) == 8
