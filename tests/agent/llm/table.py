"""The table at which planners are tried: situations, three small tools, and a driver that follows the graph.

The driver does what the nodes do: it uses the tools a planner asks for, rules on what it proposes, and gives
both back. The pipeline is small: stage `find` (small: accuracy 0.5, 1 core; large: 0.8, 2 cores) and `read`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.planners.briefing import Briefing, Planner, Thought
from core.assessment import Assessment, Finding
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from core.problem import Problem
from core.proposal import Proposal
from core.ruling import Grounds, Ruling, rule
from core.solution import Optimum
from core.solve import solve
from core.spend import Planning
from core.tooluse import ToolUse
from pipelines.reader import read_pipeline
from tools.toolkit.situation import Situation

TEXT = """\
apiVersion: trimtab/v1
kind: Pipeline
metadata: {name: toy}
spec:
  slo: {latency: 2.0, quantile: 0.99}
  objective: {alpha: 10.0, beta: 0.1}
  limits: {maxCores: 40}
  stages:
    - name: find
      replicas: {min: 1, max: 8}
      variants:
        - {name: small, accuracy: 0.5, cores: 1, profile: [{batch: 1, latency: 0.1}]}
        - {name: large, accuracy: 0.8, cores: 2, profile: [{batch: 1, latency: 0.2}]}
    - name: read
      replicas: {min: 1, max: 8}
      variants:
        - {name: only, accuracy: 0.9, cores: 1, profile: [{batch: 1, latency: 0.1}]}
"""
ROUNDS = 20
"""More than any planner may take."""
SURGE = Finding(
    kind="load surge", subject="toy", statement="load reached 12 rps, the configuration was decided for 5"
)


@cache
def toy_pipeline(text: str = TEXT) -> Pipeline:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "toy.yaml"
        path.write_text(text, encoding="utf-8")
        return read_pipeline(path)


def running(variant: str = "large", replicas: int = 8, read: int = 4) -> Configuration:
    """Return a configuration of the toy."""
    return Configuration(
        stages=(
            StageConfiguration(stage="find", variant=variant, batch=1, replicas=replicas),
            StageConfiguration(stage="read", variant="only", batch=1, replicas=read),
        )
    )


def situation(
    load_rps: float = 12.0,
    *,
    findings: Sequence[Finding] = (SURGE,),
    now: Configuration | None = None,
    **changes: Any,  # noqa: ANN401 - of `Situation`
) -> Situation:
    """Return a situation of the toy: a surge, unless told otherwise."""
    now = now or running()
    found = Situation(
        problem=Problem.of(toy_pipeline(), load_rps, running=now),
        observation=None,
        forecast=None,
        assessment=Assessment(findings=tuple(findings)),
        running=now,
        time_s=100.0,
        horizon_s=20.0,
    )
    return replace(found, **changes)


def quiet() -> Situation:
    """Return a situation in which nothing is found and the optimum runs."""
    found = situation(findings=())
    best = solve(found.problem)
    assert isinstance(best, Optimum)
    return situation(findings=(), now=best.configuration)


def tool(name: str) -> dict[str, Any]:
    """Return a reading tool without arguments of its own."""
    parameters = {"type": "object", "properties": {"stage": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "description": "Read.", "parameters": parameters}}


TOOLS = [tool(name) for name in ("read_metrics", "solve", "upcoming_events", "frontier")]
RESULT = json.dumps({"load_rps": 12.0, "optimum": 6.3, "replicas": 7, "factor": 1.31, "in_time": 0.9512})


@dataclass(slots=True)
class Table:
    """Lets a planner take a turn."""

    planner: Planner
    situation: Situation
    decision: str = "toy-1"
    revisions: int = 2
    result: str = RESULT
    rulings: list[Ruling] = field(default_factory=list)
    uses: tuple[ToolUse, ...] = ()
    thoughts: list[Thought] = field(default_factory=list)
    after_step: Callable[[Thought], None] = lambda _: None

    def turn(self) -> Proposal:
        """Return the proposal that the planner ends with: accepted, or the last it may make."""
        briefing = Briefing(self.decision, self.situation)
        proposed: list[tuple[Proposal, Ruling]] = []
        for _ in range(ROUNDS):
            thought = self.planner.plan(briefing)
            self.thoughts.append(thought)
            self.after_step(thought)
            briefing = replace(briefing, talk=_plain(thought.talk), planning=_kept(thought.planning))
            if thought.proposal is None:
                self.uses = (*self.uses, *self._used(thought))
                briefing = replace(briefing, uses=self.uses)
                continue
            ruling = rule(self.situation.problem, thought.proposal, self._grounds())
            self.rulings.append(ruling)
            proposed.append((thought.proposal, ruling))
            if ruling.ruled == "accepted" or len(proposed) > self.revisions:
                return thought.proposal
            briefing = replace(briefing, rejected=tuple(proposed))
        raise AssertionError("the planner did not come to an end")

    @property
    def planning(self) -> Planning:
        """How the last proposal came about."""
        return self.thoughts[-1].planning

    def _used(self, thought: Thought) -> list[ToolUse]:
        assert thought.calls, "a thought is a proposal or calls"
        first = len(self.uses) + 1
        return [
            ToolUse(
                id=f"t{first + n}",
                call=call.id,
                tool=call.tool,
                arguments=call.arguments,
                ok=True,
                result=self.result,
                shows=("load surge",) if call.tool == "read_metrics" else (),
            )
            for n, call in enumerate(thought.calls)
        ]

    def _grounds(self) -> Grounds:
        shown = {use.id: frozenset(use.shows) for use in self.uses if use.ok}
        return Grounds(self.situation.assessment.findings, self.situation.announced, shown)


def _plain(talk: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Send the talk through JSON, as a checkpoint does."""
    found: list[dict[str, Any]] = json.loads(json.dumps(talk))
    return tuple(found)


def _kept(planning: Planning) -> Planning:
    return Planning.model_validate_json(planning.model_dump_json())
