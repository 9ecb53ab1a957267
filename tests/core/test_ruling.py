"""What becomes of a proposal: feasible, close to the optimum or backed by evidence, and never more.

The toy: one stage; `small` has accuracy 0.6, 1 core, 10 requests/s a replica; `large` 0.9, 2 cores, 5
requests/s, one by one. The objective is 10 * accuracy - cores, so at 10 requests/s small x1 is worth 5 and
large x2 is worth 5 too, at 9 large x2 is 5 and small x1 is 5; at 5 large x1 is 7.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assessment import Finding, FindingKind
from core.belief import Belief, Evidence, LatencyFactor
from core.configuration import Configuration
from core.problem import Problem, VariantName
from core.proposal import Ask, Cause, LatencyMove, Proposal
from core.ruling import CAUSED_EPSILON, EPSILON, NO_GROUNDS, Grounds, backed, rule
from core.solution import Optimum
from core.solve import solve
from core.verify import verify
from tests.core.toys import configuration, pipeline


def config(variant: str, replicas: int, batch: int = 1) -> Configuration:
    return configuration(("first", variant, batch, replicas))


RUNNING = config("small", 1)
LOAD_RPS = 5.0
"""At which large x1 is worth 9 - 2 = 7, small x1 is worth 6 - 1 = 5."""
BEST, WORSE = config("large", 1), config("small", 1)


def problem(load_rps: float = LOAD_RPS, belief: Belief | None = None) -> Problem:
    return Problem.of(pipeline(), load_rps, running=RUNNING, belief=belief)


def found(kind: FindingKind) -> Finding:
    return Finding(kind=kind, subject="first", statement="seen")


def grounds(
    kind: FindingKind = "latency drift", shown: str = "latency drift", announced: float = 1
) -> Grounds:
    return Grounds(findings=(found(kind),), announced=announced, shown={"t1": frozenset({shown})})


def wanting(
    what: Configuration | None = None, cause: Cause = "none", *cited: str, ask: Ask | None = None
) -> Proposal:
    return Proposal(configuration=what, ask=ask, rationale="so", cause=cause, evidence=cited)


def test_the_optimum_is_accepted_without_a_reason() -> None:
    ruling = rule(problem(), wanting(BEST), Grounds())

    assert (ruling.ruled, ruling.candidate) == ("accepted", BEST)
    assert ruling.allowed == pytest.approx(EPSILON * 7)


def test_a_deviation_without_a_cause_is_unsupported_however_good_it_sounds() -> None:
    ruling = rule(problem(), wanting(WORSE), grounds())

    assert ruling.ruled == "unsupported"
    assert (
        ruling.reason == "loses 2 against the optimum, 0.07 is allowed: cause 'none' is no reason to deviate"
    )


def test_a_deviation_with_a_cause_that_was_found_and_shown_is_accepted() -> None:
    ruling = rule(problem(), wanting(WORSE, "latency drift", "t1"), grounds())

    assert ruling.ruled == "accepted"
    assert ruling.caused
    assert ruling.allowed == pytest.approx(CAUSED_EPSILON * 7)


@pytest.mark.parametrize(
    ("proposal", "evidence", "said"),
    [
        pytest.param(
            wanting(WORSE, "latency drift"), grounds(), "no tool result that it cites", id="nothing cited"
        ),
        pytest.param(
            wanting(WORSE, "latency drift", "t9"), grounds(), "no tool result", id="an invented result"
        ),
        pytest.param(
            wanting(WORSE, "latency drift", "t1"),
            grounds("load surge"),
            "no 'latency drift' was found",
            id="not found",
        ),
        pytest.param(
            wanting(WORSE, "latency drift", "t1"),
            grounds(shown="flapping"),
            "no tool result",
            id="shows another cause",
        ),
        pytest.param(
            wanting(WORSE, "announced event", "t1"),
            grounds(shown="announced event"),
            "was found",
            id="no event",
        ),
    ],
)
def test_a_cause_that_nothing_backs_does_not_count(proposal: Proposal, evidence: Grounds, said: str) -> None:
    ruling = rule(problem(), proposal, evidence)

    assert ruling.ruled == "unsupported"
    assert said in ruling.reason


@pytest.mark.parametrize("cause", NO_GROUNDS)
def test_some_causes_never_justify_a_deviation(cause: Cause) -> None:
    kind: FindingKind = "warming up" if cause == "none" else cause  # type: ignore[assignment]

    assert not backed(wanting(WORSE, cause, "t1"), grounds(kind, cause))


def test_even_a_backed_cause_does_not_allow_everything() -> None:
    """small x9 is worth 6 - 9 = -3, 10 less than the optimum of 7."""
    ruling = rule(problem(), wanting(config("small", 9), "latency drift", "t1"), grounds())

    assert ruling.ruled == "unsupported"
    assert "even 'latency drift' allows 3.5" in ruling.reason


def test_a_surge_is_a_reason_for_more_capacity_and_not_for_less_accuracy() -> None:
    surge = grounds("load surge", "load surge")

    more = rule(problem(), wanting(config("large", 2), "load surge", "t1"), surge)
    worse = rule(problem(), wanting(WORSE, "load surge", "t1"), surge)
    required = Ask(required=(VariantName(stage="first", variant="small"),))
    asked_for_worse = rule(problem(), wanting(None, "load surge", "t1", ask=required), surge)

    assert (more.ruled, more.candidate) == ("accepted", config("large", 2))
    assert worse.ruled == asked_for_worse.ruled == "unsupported"
    assert "not for less accuracy" in worse.reason


def test_what_is_infeasible_is_rejected_whatever_the_cause() -> None:
    ruling = rule(problem(12), wanting(WORSE, "latency drift", "t1"), grounds())

    assert ruling.ruled == "infeasible"
    assert ruling.reason == "capacity[first] is 10, the limit is 12"
    assert ruling.verdict is not None
    assert ruling.verdict.nearest is not None


def test_what_does_not_exist_is_impossible_and_says_what_does() -> None:
    ruling = rule(problem(), wanting(config("gpt", 1)), Grounds())

    assert (ruling.ruled, ruling.candidate) == ("impossible", None)
    assert ruling.reason == "stage 'first' has no variant 'gpt', only small, large"


def test_holding_is_ruled_upon_like_any_proposal() -> None:
    assert rule(problem(), wanting(None), Grounds()).ruled == "unsupported"
    assert rule(problem(), wanting(None, "latency drift", "t1"), grounds()).candidate == RUNNING


def test_an_ask_is_solved_exactly() -> None:
    """With large left out, small x1 is the best there is."""
    ask = Ask(excluded=(VariantName(stage="first", variant="large"),))

    ruling = rule(problem(), wanting(None, "latency drift", "t1", ask=ask), grounds())

    assert (ruling.ruled, ruling.candidate) == ("accepted", WORSE)


def test_a_required_variant_leaves_out_the_others() -> None:
    ask = Ask(required=(VariantName(stage="first", variant="small"),))

    assert rule(problem(), wanting(None, "latency drift", "t1", ask=ask), grounds()).candidate == WORSE


def test_an_announced_load_may_be_prepared_for_and_no_more() -> None:
    """At 15 requests/s large x3 is worth 9 - 6 = 3, small x1 in fours is worth 6 - 1 = 5."""
    calendar = grounds(shown="announced event", announced=3)
    ask = Ask(load_factor=3)

    ruling = rule(problem(), wanting(None, "announced event", "t1", ask=ask), calendar)
    more = rule(problem(), wanting(None, "announced event", "t1", ask=Ask(load_factor=4)), calendar)
    uncited = rule(problem(), wanting(None, "announced event", ask=ask), calendar)

    assert (ruling.ruled, ruling.candidate) == ("accepted", config("small", 1, batch=4))
    assert more.ruled == "impossible"
    assert more.reason == "load_factor 4 is above 3, the most that is announced for this horizon"
    assert uncited.ruled == "unsupported"


SLOW = Belief(
    latency=(
        LatencyFactor(
            stage="first",
            variant="large",
            factor=1.2,
            evidence=Evidence(statement="slower", low=1.1, high=1.4, since_s=0.0),
        ),
    )
)


@pytest.mark.parametrize(
    ("factor", "variant", "ruled"),
    [
        pytest.param(1.4, "large", "accepted", id="at the upper end"),
        pytest.param(1.5, "large", "impossible", id="beyond what was measured"),
        pytest.param(1.0, "large", "impossible", id="below what was measured"),
        pytest.param(1.2, "small", "impossible", id="nothing was measured"),
    ],
)
def test_a_belief_moves_only_inside_what_was_measured(factor: float, variant: str, ruled: str) -> None:
    ask = Ask(latency=(LatencyMove(stage="first", variant=variant, factor=factor),))

    ruling = rule(problem(3, SLOW), wanting(None, "latency drift", "t1", ask=ask), grounds())

    assert ruling.ruled == ruled


configurations = st.builds(
    config, st.sampled_from(["small", "large", "gpt"]), st.integers(0, 12), st.sampled_from([1, 4, 7])
)
names = st.builds(VariantName, stage=st.just("first"), variant=st.sampled_from(["small", "large", "gpt"]))
moves = st.builds(
    LatencyMove, stage=st.just("first"), variant=st.sampled_from(["small", "large"]), factor=st.floats(0.1, 5)
)
asks = st.builds(
    Ask,
    headroom=st.none() | st.floats(1, 2),
    load_factor=st.floats(1, 10),
    excluded=st.lists(names, max_size=2).map(tuple),
    required=st.lists(names, max_size=2).map(tuple),
    accuracy_weight=st.floats(0.5, 2),
    cores_weight=st.floats(0.5, 2),
    latency=st.lists(moves, max_size=2).map(tuple),
)
FOUND: tuple[FindingKind, ...] = ("latency drift", "slo breach")
causes = st.sampled_from(["none", "latency drift", "announced event", "slo breach", "warming up"])
proposals = st.builds(
    Proposal,
    configuration=st.none() | configurations,
    rationale=st.just("so"),
    cause=causes,
    evidence=st.just(("t1",)),
) | st.builds(Proposal, ask=asks, rationale=st.just("so"), cause=causes, evidence=st.just(("t1",)))
evidences = st.builds(
    Grounds,
    findings=st.lists(st.sampled_from(FOUND).map(found), max_size=2).map(tuple),
    announced=st.floats(1, 5),
    shown=st.fixed_dictionaries({"t1": st.frozensets(causes)}),
)


@given(proposal=proposals, evidence=evidences, load_rps=st.floats(0.5, 120), slow=st.booleans())
def test_nothing_infeasible_and_nothing_dear_is_ever_accepted(
    proposal: Proposal, evidence: Grounds, load_rps: float, slow: bool
) -> None:
    turn = problem(load_rps, SLOW if slow else None)

    ruling = rule(turn, proposal, evidence)

    if ruling.ruled != "accepted":
        assert ruling.reason
        return
    assert ruling.candidate is not None
    verdict = verify(turn, ruling.candidate)
    best = solve(turn)
    assert verdict.accepted
    assert isinstance(best, Optimum)
    assert verdict.regret is not None
    if not ruling.caused:
        assert verdict.regret <= EPSILON * abs(best.objective) + 1e-6
