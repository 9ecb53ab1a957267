from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.controller.member import Turn
from agent.controller.status import MOST_DECISIONS, REFRESH_S, status_of, worth_writing
from core.assessment import Finding
from core.decision import Decision
from core.observation import Observation
from core.proposal import Proposal
from tests.tools.kubernetes.stages import configured, toy
from tools.kubernetes.declared import Declared, Operation
from tools.kubernetes.events import LONGEST_MESSAGE
from tools.kubernetes.hindrance import Hindrance

NOW = 1_800_000_000.0
TOY = toy()


def declared(**status: object) -> Declared:
    return Declared(
        namespace="shop",
        name="toy",
        path="/toy",
        source="crd",
        uid="1",
        version="7",
        generation=3,
        paused=False,
        status=status,
        pipeline=TOY,
        operation=Operation(),
    )


def decided(outcome: str = "unchanged", *, name: str = "toy-000001", rationale: str = "quiet") -> Decision:
    return Decision.model_validate(
        {
            "id": name,
            "pipeline": "toy",
            "time_s": 10,
            "mode": "auto",
            "planner": "rules",
            "observation": Observation(
                time_s=10,
                interval_s=10,
                loads_rps=(10.0, None, 14.0),
                latency_s=0.5,
                in_time=1.0,
                dropped_rps=0.0,
                accuracy=None,
            ),
            "forecast": None,
            "running": configured("small", 2, 2),
            "proposals": (Proposal(configuration=configured("small", 2, 2), rationale=rationale),),
            "outcome": outcome,
        }
    )


def claims(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


def test_what_runs_is_said_with_its_figures() -> None:
    status = status_of(declared(), Turn("auto", decided("held")), now=NOW)

    assert status["configuration"] == "find=small/1x2, read=only/1x2"
    assert (status["cores"], status["accuracy"], status["loadRps"]) == (4.0, 0.45, 12.0)
    assert (status["observedGeneration"], status["mode"], status["outcome"]) == (3, "auto", "held")


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        pytest.param(Turn("observe", decided("recommended"), paused=True), "Paused", id="paused"),
        pytest.param(
            Turn("observe", decided("recommended"), Hindrance(kind="EditedByHand", statement="who")),
            "EditedByHand",
            id="edited",
        ),
        pytest.param(Turn("auto", decided("failed")), "ApplyFailed", id="failed"),
        pytest.param(Turn("auto", problem="no disk"), "ApplyFailed", id="no turn"),
        pytest.param(Turn("auto", decided("refused")), "Refused", id="refused"),
        pytest.param(Turn("auto", decided("held"), stuck="no room"), "RollOutStuck", id="stuck"),
        pytest.param(Turn("auto", decided("held")), "AsAsked", id="fine"),
    ],
)
def test_whether_what_was_asked_for_is_what_runs(turn: Turn, reason: str) -> None:
    assert claims(status_of(declared(), turn, now=NOW))["Applied"][1] == reason


def test_a_broken_spec_has_one_condition_with_the_complaint() -> None:
    broken = replace(declared(), pipeline=None, problem="spec.slo: add it")

    status = status_of(broken, Turn("observe", problem="spec.slo: add it", invalid=True), now=NOW)

    assert claims(status) == {"Valid": ("False", "InvalidSpec")}
    assert status["conditions"][0]["message"] == "spec.slo: add it"


def test_missing_metrics_are_said() -> None:
    finding = Finding(kind="missing metrics", subject="toy", statement="Prometheus is away")
    blind = decided("held").model_copy(update={"findings": (finding,)})

    assert claims(status_of(declared(), Turn("auto", blind), now=NOW))["MetricsAvailable"] == (
        "False",
        "MetricsMissing",
    )


def test_what_was_odd_about_the_metrics_is_said_where_they_are_fine() -> None:
    status = status_of(declared(), Turn("auto", decided("held"), note="the clocks differ"), now=NOW)

    said = next(c for c in status["conditions"] if c["type"] == "MetricsAvailable")
    assert (said["status"], said["message"]) == ("True", "the clocks differ")


def test_a_condition_keeps_the_time_since_when_it_holds() -> None:
    first = status_of(declared(), Turn("auto", decided("held")), now=NOW)

    same = status_of(declared(**first), Turn("auto", decided("held")), now=NOW + 50)
    other = status_of(declared(**first), Turn("auto", decided("failed")), now=NOW + 50)

    def since(status: dict[str, Any]) -> str:
        return next(str(c["lastTransitionTime"]) for c in status["conditions"] if c["type"] == "Applied")

    assert since(same) == since(first)
    assert since(other) > since(first)


def test_decisions_that_did_something_are_listed_newest_first_and_few() -> None:
    status: dict[str, Any] = {}
    for k in range(MOST_DECISIONS + 2):
        turn = Turn("auto", decided("applied", name=f"toy-{k}", rationale=f"reason {k}"))
        status = status_of(declared(**status), turn, now=NOW + k)
    status = status_of(declared(**status), Turn("auto", decided("held", name="quiet")), now=NOW + 99)

    assert [d["id"] for d in status["lastDecisions"]] == ["toy-6", "toy-5", "toy-4", "toy-3", "toy-2"]


def test_the_same_recommendation_again_is_not_listed_twice() -> None:
    first = status_of(declared(), Turn("observe", decided("recommended", name="a")), now=NOW)

    second = status_of(declared(**first), Turn("observe", decided("recommended", name="b")), now=NOW + 10)

    assert [d["id"] for d in second["lastDecisions"]] == ["a"]


def test_text_from_outside_stays_one_short_line() -> None:
    hostile = "ignore\nall\x1b[31m <script>" + "x" * 1900

    turn = Turn("auto", decided("applied", rationale=hostile))
    rationale = status_of(declared(), turn, now=NOW)["lastDecisions"][0]["rationale"]

    assert rationale.startswith("ignore all [31m <script>xxx")
    assert len(rationale) == LONGEST_MESSAGE
    assert rationale.isprintable()


def test_figures_alone_are_written_once_a_minute() -> None:
    first = status_of(declared(), Turn("auto", decided("held")), now=NOW)
    again = {**first, "loadRps": 99.0, "updated": "2027-01-15T08:00:10Z"}

    assert not worth_writing(first, again, now=NOW + 10)
    assert worth_writing(first, again, now=NOW + REFRESH_S)


def test_what_changes_is_written_at_once() -> None:
    first = status_of(declared(), Turn("auto", decided("held")), now=NOW)

    changed = status_of(declared(**first), Turn("auto", decided("failed")), now=NOW + 1)

    assert worth_writing(first, changed, now=NOW + 1)
