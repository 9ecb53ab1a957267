"""A situation of the toy whose optimum fits in the head, and planners that say what they are told to.

At 16 requests/s, without margins, 4 large and 2 readers are the optimum, 10 cores: 10 * 0.8 * 0.9 - 0.1 * 10
is 6.2. 5 large and 2 readers give 6.0, 2 small and 2 readers 10 * 0.5 * 0.9 - 0.1 * 4 = 4.1; 1 small carries
too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from agent.planners import Briefing, Planner, Thought
from core.assessment import Assessment, Finding
from core.calendar import Event
from core.configuration import Configuration
from core.problem import Problem
from core.proposal import Proposal
from evals.agent.judged import Judged
from evals.agent.judging import judged
from evals.agent.situations import Case, Kind, all_cases
from tests.agent.toy import pipeline_of, running
from tools.toolkit.situation import Situation

LOAD_RPS = 16.0
BEST = running("large", 4, read=2)
TOO_MUCH = running("large", 5, read=2)
POOR = running("small", 2, read=2)
TOO_LITTLE = running("small", 1, read=2)
OPTIMUM = 6.2
SURGE = Finding(kind="load surge", subject="toy", statement="16 rps, 10 were expected")


def made() -> Mapping[str, object]:
    """Return a provenance."""
    return {"git": "0123abc", "machine": "a machine", "python": "3.11", "dirty": False}


def case_of(kind: Kind, pipeline: str = "video") -> Case:
    """Return the situation of that kind on that pipeline."""
    return next(c for c in all_cases() if (c.kind, c.pipeline) == (kind, pipeline))


def toy_situation(*findings: Finding, announced: float = 1.0, runs: Configuration = BEST) -> Situation:
    """Return the situation; with *announced* above 1 the calendar says so too."""
    launch = Event(
        id="launch", pipeline="toy", start_s=75, end_s=400, load_factor=2, author="ann", entered_s=1
    )
    return Situation(
        problem=Problem.of(pipeline_of(), LOAD_RPS, running=runs),
        observation=None,
        forecast=None,
        assessment=Assessment(findings=findings),
        running=runs,
        time_s=70.0,
        horizon_s=10.0,
        events=(launch,) if announced > 1 else (),
        announced=announced,
    )


@dataclass(slots=True)
class Saying:
    """Makes its proposals one after the other, the last one again and again."""

    proposals: Sequence[Proposal]
    made: list[Proposal] = field(default_factory=list)
    name: ClassVar[str] = "saying"

    def plan(self, briefing: Briefing) -> Thought:
        """Return the next one."""
        self.made.append(self.proposals[min(len(self.made), len(self.proposals) - 1)])
        return Thought(self.made[-1])


def wanting(*configurations: Configuration | None) -> Saying:
    """Return a planner that wants those, in turn."""
    return Saying([Proposal(configuration=c, rationale="told to") for c in configurations])


def row_of(
    planner: Planner,
    situation: Situation | None = None,
    case: Case | None = None,
    **changes: Any,  # noqa: ANN401 - of `judged`
) -> Judged:
    """Return what becomes of a planner in a situation."""
    told = {"label": planner.name, "repeat": 1, "provenance": made(), **changes}
    return judged(case or case_of("burst"), situation or toy_situation(), planner, **told)
