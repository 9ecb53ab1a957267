"""The steps of a decision's timeline: what each has to show. Text in them is as recorded, so a stranger's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.approval import Approval
from core.assessment import Finding, Signal
from core.belief import Belief
from core.calendar import Event
from core.decision import Certificate, Outcome
from core.forecast import Forecast
from core.observation import Observation
from core.pipeline import Slo
from core.proposal import Proposal
from core.ruling import Ruling
from core.spend import Planning
from core.tooluse import ToolUse
from core.trial import Quarantine
from ui.decisions.exchanges import Said

Author = Literal["model", "no model", "unknown"]
"""Of a proposal. Unknown where a model was asked and the flight recorder no longer has what it said."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was measured."""

    observation: Observation | None
    signals: tuple[Signal, ...]
    slo: Slo | None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The forecast, and what was decided for."""

    forecast: Forecast | None
    load_rps: float | None


@dataclass(frozen=True, slots=True)
class Assessed:
    """What was made of it."""

    findings: tuple[Finding, ...]
    belief: Belief
    events: tuple[Event, ...]
    quarantine: tuple[Quarantine, ...]
    time_s: float


@dataclass(frozen=True, slots=True)
class Proposed:
    """One proposal."""

    number: int
    proposal: Proposal
    author: Author
    loose: tuple[str, ...]
    """Figures in it that no tool result it cites has."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check said of it."""

    number: int
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Revised:
    """Why another proposal followed."""

    accepted: bool
    """It was possible, and the limits on the rate of change put another in its place."""
    next_author: Author


@dataclass(frozen=True, slots=True)
class Approved:
    """A person's word."""

    approval: Approval


@dataclass(frozen=True, slots=True)
class Change:
    """One stage before and after."""

    stage: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether they differ."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Acted:
    """What was done."""

    outcome: Outcome
    degraded: bool
    note: str
    changes: tuple[Change, ...]
    """By stage; empty where what runs is unknown."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What was expected of what runs from here on; None where nothing was."""

    latency_s: float | None
    accuracy: float | None
    slo_s: float | None
    forecast: Forecast | None


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it."""

    lines: tuple[str, ...]
    measured: tuple[Observation, ...]
    """Of the decisions that followed, oldest first."""
    under_s: float
    """Until when the configuration that the figures are of did run; 0 where it never did."""
    expected: Expected
    time_s: float


@dataclass(frozen=True, slots=True)
class Proved:
    """The certificate of a change."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Spent:
    """Why a model was asked or was not, and what that cost."""

    planning: Planning


Thinking = Observed | Foreseen | Assessed | Said | ToolUse | Proposed | Spent
Doing = Checked | Revised | Approved | Acted | Proved | Came
Step = Thinking | Doing
