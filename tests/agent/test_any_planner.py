"""Whatever a planner emits: nothing infeasible is applied, the turn ends, and the record is complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.context import CALLS_PER_ROUND, MAX_ROUNDS
from agent.planners import Briefing, Thought, ToolCall
from core.configuration import Configuration, StageConfiguration
from core.decision import Decision, check_certificate
from core.problem import VariantName
from core.proposal import CAUSES, Ask, LatencyMove, Proposal
from core.ruling import EPSILON
from core.verify import verify
from tests.agent.toy import AT_ONCE, toy_run, turns
from tools.toolkit import names

TURNS = 3


@dataclass(slots=True)
class Anything:
    """Says one thing after the other, from the beginning again when it is through."""

    thoughts: Sequence[Thought]
    said: int = 0
    heard: list[Briefing] = field(default_factory=list)
    name: ClassVar[str] = "anything"

    def plan(self, briefing: Briefing) -> Thought:
        """Return the next thought."""
        self.heard.append(briefing)
        self.said += 1
        return self.thoughts[(self.said - 1) % len(self.thoughts)]


words = st.sampled_from(["find", "read", "small", "large", "only", "gpt", "find; drop", "\u202efind"])
settings_of_stage = st.builds(
    StageConfiguration,
    stage=words.filter(lambda w: " " not in w),
    variant=words.filter(lambda w: " " not in w),
    batch=st.sampled_from([1, 2, 3, 64]),
    replicas=st.integers(0, 1000),
)
configurations = st.lists(settings_of_stage, max_size=3, unique_by=lambda s: s.stage).map(
    lambda found: Configuration(stages=tuple(found))
)
plausible = st.builds(
    lambda variant, replicas, read: Configuration(
        stages=(
            StageConfiguration(stage="find", variant=variant, batch=1, replicas=replicas),
            StageConfiguration(stage="read", variant="only", batch=1, replicas=read),
        )
    ),
    st.sampled_from(["small", "large"]),
    st.integers(0, 12),
    st.integers(0, 6),
)
variants = st.builds(
    VariantName,
    stage=st.sampled_from(["find", "read", "nowhere"]),
    variant=st.sampled_from(["small", "large", "only", "gpt"]),
)
asks = st.builds(
    Ask,
    headroom=st.none() | st.floats(1, 2),
    load_factor=st.floats(1, 10),
    excluded=st.lists(variants, max_size=3).map(tuple),
    required=st.lists(variants, max_size=2).map(tuple),
    accuracy_weight=st.floats(0.5, 2),
    cores_weight=st.floats(0.5, 2),
    latency=st.lists(
        st.builds(LatencyMove, stage=st.just("find"), variant=st.just("large"), factor=st.floats(0.01, 100)),
        max_size=1,
    ).map(tuple),
)
told = {
    "rationale": st.text(max_size=40),
    "diagnosis": st.text(max_size=40),
    "cause": st.sampled_from(CAUSES),
    "confidence": st.none() | st.floats(0, 1),
    "evidence": st.lists(st.sampled_from(["t1", "t2", "t99", "all"]), max_size=3).map(tuple),
}
proposals = st.one_of(
    st.builds(Proposal, configuration=st.none() | configurations | plausible, **told),
    st.builds(Proposal, ask=asks, **told),
)
calls = st.builds(
    ToolCall,
    id=st.sampled_from(["a", "b"]),
    tool=st.sampled_from([*names(), "propose", "apply", "kubectl", ""]),
    arguments=st.sampled_from(["{}", "", "null", "[]", '{"load_rps": 1e308}', '{"load_rps": -1}', "{" * 50])
    | st.text(max_size=30),
)
thoughts = st.one_of(
    proposals.map(Thought),
    st.lists(calls, max_size=6).map(lambda c: Thought(None, calls=tuple(c))),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=st.lists(thoughts, min_size=1, max_size=8), strict=st.booleans(), load=st.floats(1, 35))
def test_whatever_a_planner_emits_only_what_is_feasible_is_applied(
    said: list[Thought], strict: bool, load: float
) -> None:
    planner = Anything(said)
    chosen = AT_ONCE if not strict else type(AT_ONCE)(mode="auto", epsilon=EPSILON)
    with (
        TemporaryDirectory() as folder,
        toy_run(Path(folder), planner, trace_rps=[load] * 60, settings=chosen) as run,
    ):
        decisions = turns(run, TURNS)

        for decision in decisions:
            check_record(decision)
            check_change(decision, strict=strict)
        recorded = run.loop.context.store.latest(TURNS)
        assert recorded[::-1] == tuple(decisions)
        applied = [d for d in decisions if d.outcome == "applied"]
        desired = run.cluster.desired()
        assert desired.change == (applied[-1].id if applied else "initial")
    assert len(planner.heard) <= TURNS * (MAX_ROUNDS + 2) * (AT_ONCE.max_revisions + 1)


def check_record(decision: Decision) -> None:
    """Check that everything is there that led to the outcome."""
    assert len(decision.rulings) == len(decision.proposals)
    assert len(decision.uses) <= (MAX_ROUNDS + 1) * CALLS_PER_ROUND
    assert [use.id for use in decision.uses] == [f"t{k + 1}" for k in range(len(decision.uses))]
    if decision.outcome in ("applied", "held") and decision.proposals:
        assert decision.rulings[-1].ruled == "accepted" or decision.degraded
    assert (decision.certificate is not None) == (decision.outcome == "applied")


def check_change(decision: Decision, *, strict: bool) -> None:
    """Check an applied change against the problem it carries, and its regret against what is allowed."""
    certificate = decision.certificate
    if certificate is None:
        return
    assert check_certificate(certificate) == ()
    verdict = verify(certificate.problem, certificate.configuration)
    assert verdict.accepted
    assert verdict.regret is not None
    ruling = decision.rulings[-1]
    last_is_own = len(decision.rulings) > 1 or ruling.allowed is None
    if strict and not ruling.caused and not last_is_own:
        assert verdict.regret <= EPSILON * abs(certificate.bound) + 1e-6
