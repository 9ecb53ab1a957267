"""A change is on trial until it has proved itself; one that fails is taken back and not tried again soon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from core.assessment import Assessment
from core.decision import Decision
from core.quarantine import FIRST_SHORT_S
from simulator.faults import CapacityLoss, LatencyDrift
from tests.agent.toy import AT_ONCE, CHEAPER, ENOUGH, Scripted, running, toy_run, turns
from tools.assess import Moment

WATCHED = replace(AT_ONCE, confirm_s=20.0)
SMALL_IS_SLOW = LatencyDrift(start_s=0, stage="find", variant="small", factor=30.0)
"""3 s for what the profile says takes 0.1 s, with an SLO of 2 s."""


class Unsuspecting:
    """An assessor that finds nothing, so that only the trial is left to notice."""

    def assess(self, moment: Moment) -> Assessment:
        """Find nothing."""
        return Assessment()

    def replay(self, decisions: Iterable[Decision]) -> None:
        """Learn nothing."""


def failed(decisions: list[Decision]) -> Decision:
    """Return the decision in which a change on trial failed."""
    (found,) = [d for d in decisions if " failed: " in d.note]
    return found


def test_a_change_that_does_worse_than_before_is_taken_back_and_quarantined(tmp_path: Path) -> None:
    planner = Scripted([ENOUGH, None, CHEAPER])
    with toy_run(tmp_path, planner, settings=WATCHED, faults=[SMALL_IS_SLOW]) as run:
        run.loop.context.assessor = Unsuspecting()
        decisions = turns(run, 16)

        tried = next(d for d in decisions if d.certificate and d.certificate.configuration == CHEAPER)
        back = failed(decisions)
        assert back.time_s > tried.time_s
        assert f"the change of {tried.id} failed: " in back.note
        assert "requests in time" in back.note
        assert back.outcome == "applied"
        assert back.proposals[-1].configuration == ENOUGH
        (quarantine,) = back.quarantine
        assert quarantine.configuration == CHEAPER
        assert [(v.stage, v.variant) for v in quarantine.variants] == [("find", "small")]
        later = [d for d in decisions if d.time_s > back.time_s]
        assert later
        assert all(d.proposals[0].configuration == CHEAPER for d in later if d.trial is None)
        changes = [d.certificate.configuration for d in later if d.certificate is not None]
        assert all(c["find"].variant == "large" for c in changes), "what failed is not tried again"


def test_a_change_that_cannot_complete_is_escaped_from(tmp_path: Path) -> None:
    lost = CapacityLoss(start_s=0, stage="find", replicas=6)
    modest = running("small", 4)
    planner = Scripted([modest, None, ENOUGH])
    with toy_run(tmp_path, planner, settings=WATCHED, faults=[lost]) as run:
        decisions = turns(run, 14)

        back = failed(decisions)
        assert "unschedulable: 6 of 8 replicas of find (large) are ready" in back.note
        assert back.certificate is not None
        assert back.certificate.configuration == modest
        soon = [d for d in decisions if back.time_s < d.time_s <= back.time_s + FIRST_SHORT_S]
        assert soon
        assert all(d.running is not None and d.running["find"].replicas <= 6 for d in soon)


def test_a_change_that_keeps_its_promise_is_confirmed_and_let_go(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH, None]), settings=WATCHED) as run:
        decisions = turns(run, 10)

        assert decisions[0].trial is not None
        assert decisions[0].trial.after == ENOUGH
        assert decisions[-1].trial is None
        assert not any(d.quarantine for d in decisions)
        assert run.cluster.desired().configuration == ENOUGH


def test_while_a_change_is_on_trial_nothing_else_is_changed(tmp_path: Path) -> None:
    planner = Scripted([ENOUGH, CHEAPER])
    with toy_run(tmp_path, planner, settings=WATCHED) as run:
        first, second = turns(run, 2)

        assert first.outcome == "applied"
        assert second.outcome == "held"
        assert (
            second.proposals[-1].rationale == f"the change of {first.id} is on trial, what runs is feasible"
        )
        assert len(planner.heard) == 1, "the planner is not asked"


def test_a_trial_does_not_keep_the_loop_from_growing(tmp_path: Path) -> None:
    few = running("small", 2, read=2)
    with toy_run(
        tmp_path,
        Scripted([few, ENOUGH]),
        settings=WATCHED,
        trace_rps=[6.0] * 12 + [18.0] * 100,
    ) as run:
        decisions = turns(run, 4)

        assert run.cluster.desired().configuration == ENOUGH
        begun = [d.trial for d in decisions if d.trial is not None]
        assert begun[-1].after == ENOUGH


def test_a_variant_that_proves_slow_is_left_before_its_trial_is_over(tmp_path: Path) -> None:
    planner = Scripted([ENOUGH, None, CHEAPER])
    with toy_run(tmp_path, planner, settings=WATCHED, faults=[SMALL_IS_SLOW]) as run:
        decisions = turns(run, 16)

        tried = next(d for d in decisions if d.certificate and d.certificate.configuration == CHEAPER)
        later = [d for d in decisions if d.time_s > tried.time_s]
        assert any(f.kind == "latency drift" for d in later for f in d.findings)
        (slow,) = later[-1].belief.latency
        assert (slow.stage, slow.variant) == ("find", "small")
        assert run.cluster.desired().configuration["find"].variant == "large"
