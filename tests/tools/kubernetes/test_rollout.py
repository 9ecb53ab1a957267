from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.configuration import Configuration
from tests.tools.kubernetes.stages import asked, configured, seen, toy, written
from tools.kubernetes.rollout import Step, plan, settled
from tools.kubernetes.seen import Asked, Seen, deployment

TOY = toy()
CARRIES = {"small": 10.0, "large": 5.0, "only": 10.0}
CORES = {"small": 1.0, "large": 2.0, "only": 1.0}
configurations = st.builds(
    configured, st.sampled_from(["small", "large"]), st.integers(1, 8), st.integers(1, 8)
)


def on_the_way(before: Mapping[str, Seen], steps: Sequence[Step]) -> Iterator[dict[str, tuple[str, int]]]:
    """Yield variant and replicas of each stage before, between and after the steps."""
    now = {stage: (s.spec.variant or "", s.spec.replicas) for stage, s in before.items()}
    yield dict(now)
    for step in steps:
        now[step.stage] = (step.asked.stage.variant, step.asked.replicas)
        yield dict(now)


def cores_of(way: Mapping[str, tuple[str, int]]) -> float:
    return sum(CORES[variant] * replicas for variant, replicas in way.values())


def test_what_adds_capacity_comes_first() -> None:
    before = seen(TOY, configured("small", 4, 1))

    steps = plan(TOY, before, asked(TOY, configured("small", 2, 3)), least_rps=10)

    assert [s.stage for s in steps] == ["read", "find"]


def test_nothing_is_taken_away_before_what_is_new_is_ready() -> None:
    before = seen(TOY, configured("small", 4, 1))

    steps = {s.stage: s for s in plan(TOY, before, asked(TOY, configured("small", 2, 3)), least_rps=10)}

    assert (steps["read"].asked.replicas, steps["find"].asked.replicas) == (3, 4)
    assert steps["find"].asked.stage.replicas == 2


def test_a_new_variant_starts_with_as_many_as_the_old_one_had() -> None:
    before = seen(TOY, configured("small", 4, 1))

    steps = {s.stage: s for s in plan(TOY, before, asked(TOY, configured("large", 2, 1)), least_rps=5)}

    assert steps["find"].asked.replicas == 4
    assert not steps["find"].asked.settled


def test_a_plain_scale_down_is_not_put_off() -> None:
    before = seen(TOY, configured("small", 4, 3))

    steps = plan(TOY, before, asked(TOY, configured("small", 2, 1)), least_rps=5)

    assert all(s.asked.settled for s in steps)


def test_where_the_way_would_cost_more_cores_than_there_are_nothing_is_kept() -> None:
    small_budget = toy(max_cores=7)
    before = seen(small_budget, configured("small", 5, 2))

    steps = {
        s.stage: s
        for s in plan(small_budget, before, asked(small_budget, configured("large", 2, 2)), least_rps=5)
    }

    assert steps["find"].asked.replicas == 2


@given(before=configurations, after=configurations, least_rps=st.floats(0, 40))
def test_hard_limits_hold_on_the_way_where_they_hold_at_both_ends(
    before: Configuration, after: Configuration, least_rps: float
) -> None:
    start = seen(TOY, before)
    wish = asked(TOY, after)

    ways = list(on_the_way(start, plan(TOY, start, wish, least_rps=least_rps)))

    ends = (cores_of(ways[0]), sum(CORES[a.stage.variant] * a.stage.replicas for a in wish.values()))
    if max(ends) <= 12:
        assert max(map(cores_of, ways)) <= 12
    assert {stage: v for stage, (v, _) in ways[-1].items()} == {s: a.stage.variant for s, a in wish.items()}


@given(before=configurations, after=configurations, load_rps=st.floats(1, 40))
def test_a_stage_never_carries_less_on_the_way_than_the_weaker_of_both_ends(
    before: Configuration, after: Configuration, load_rps: float
) -> None:
    start = seen(TOY, before)
    wish = asked(TOY, after)

    ways = list(on_the_way(start, plan(TOY, start, wish, least_rps=load_rps)))

    for stage, a in wish.items():
        was = CARRIES[start[stage].spec.variant or ""] * start[stage].spec.replicas
        will = CARRIES[a.stage.variant] * a.stage.replicas
        assert all(CARRIES[v] * n >= min(was, will) for v, n in (way[stage] for way in ways))


def test_what_was_kept_goes_once_everything_new_is_ready() -> None:
    wishes = asked(TOY, configured("large", 2, 1))
    kept = {**wishes, "find": wishes["find"].model_copy(update={"replicas": 4})}
    rolling = {s: read(w, ready=False) for s, w in kept.items()}
    ready = {s: read(w, ready=True) for s, w in kept.items()}

    steps = settled(ready)

    assert settled(rolling) == ()
    assert [(s.stage, s.asked.replicas) for s in steps] == [("find", 2)]


def test_nothing_goes_while_one_stage_is_not_ready_yet() -> None:
    wishes = asked(TOY, configured("large", 2, 1))
    kept = {**wishes, "find": wishes["find"].model_copy(update={"replicas": 4})}

    now = {"find": read(kept["find"], ready=True), "read": read(kept["read"], ready=False)}

    assert settled(now) == ()


def read(wish: Asked, *, ready: bool) -> Seen:
    found = deployment(written(wish, ready=ready))
    assert found is not None
    return found


@pytest.mark.parametrize("other", ["4", "5"])
def test_a_workload_that_was_scaled_by_hand_is_an_edit(other: str) -> None:
    found = seen(TOY, configured("small", 3, 1))["find"]

    edited = replace(found, spec=replace(found.spec, replicas=int(other)))

    assert not found.edited
    assert edited.edited
    assert not edited.ours
    assert replace(edited, adopted=edited.change).ours
