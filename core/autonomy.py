"""Earned autonomy: what the record must show before the loop may do more by itself, and when it does less.

`observe` recommends, `approve` asks a person, `auto` acts. One step at a time is earned, by what was decided
since the mode last changed; a step is lost as soon as the record says so. Both are worked out from the
recorded decisions alone, so a restart changes nothing and anyone can work it out again.

    regret      the planner's first proposal of a turn against the exact optimum, as a share of it, at
                most 1; 1 where that proposal was infeasible or impossible
    coverage    share of intervals whose largest load stayed at or below the upper forecast made before them
    rollback    a change whose trial failed in that turn
    override    a person's no
    breach      an interval with an SLO breach that a feasible configuration could have avoided

Decisions without metrics count for nothing. A quantity that is unknown earns nothing and costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Annotated

from pydantic import Field, model_validator

from core.decision import Decision, Mode
from core.observation import Observation
from core.ruling import Ruling
from core.values import Count, Fraction, Frozen, NonNegative

LADDER: tuple[Mode, ...] = ("observe", "approve", "auto")
"""From least to most autonomy."""
LEAST_OPTIMUM = 1e-9
"""Below this an objective is zero, and no regret is a share of it."""


class Step(Frozen):
    """What the record in one mode must show before the next mode is earned: all of it."""

    decisions: Annotated[Count, Field(alias="minDecisions")] = 100
    """At least so many turns with metrics."""
    observed_s: Annotated[NonNegative, Field(alias="minSeconds")] = 24 * 3600.0
    """At least so many seconds from the first of them to the last: a day has seen each hour of a day."""
    changes: Annotated[Count, Field(alias="minChanges")] = 0
    """At least so many changes applied; from `observe` there are none to count."""
    regret: Annotated[NonNegative, Field(alias="maxRegret")] = 0.02
    """Mean shadow regret may be at most this share of the optimum."""
    coverage: Annotated[Fraction, Field(alias="minCoverage")] = 0.85
    """Forecast coverage must be at least this."""
    rollbacks: Annotated[Fraction, Field(alias="maxRollbackRate")] = 0.02
    """At most this share of the changes may have been taken back."""
    overrides: Annotated[Fraction, Field(alias="maxOverrideRate")] = 0.1
    """At most this share of the changes put to a person may have been refused."""


class LastStep(Step):
    """The same for the step to `auto`, with defaults fit for acting alone."""

    decisions: Annotated[Count, Field(alias="minDecisions")] = 500
    observed_s: Annotated[NonNegative, Field(alias="minSeconds")] = 7 * 24 * 3600.0
    """A week has seen each day of a week."""
    changes: Annotated[Count, Field(alias="minChanges")] = 20


class Demotion(Frozen):
    """What costs a step: any of it."""

    rollbacks: Annotated[Count, Field(alias="rollbacks")] = 1
    """So many changes taken back since the mode last changed, at once; 0 for never."""
    breaches: Annotated[Count, Field(alias="breachStreak")] = 3
    """So many breaches in a row, at once; 0 for never."""
    decisions: Annotated[Count, Field(alias="minDecisions")] = 30
    """The rates below count from so many decisions on."""
    regret: Annotated[NonNegative, Field(alias="maxRegret")] = 0.1
    """Mean shadow regret above this."""
    coverage: Annotated[Fraction, Field(alias="minCoverage")] = 0.7
    """Forecast coverage below this."""
    overrides: Annotated[Fraction, Field(alias="maxOverrideRate")] = 0.5
    """Refusals above this share of the changes put to a person."""


class Policy(Frozen):
    """What earns each step, and what loses one."""

    approve: Step = Step()
    """From `observe` to `approve`."""
    auto: LastStep = LastStep()
    """From `approve` to `auto`."""
    demote: Demotion = Demotion()

    @model_validator(mode="after")
    def _earned_is_not_lost(self) -> Policy:
        """Refuse thresholds that would earn and lose a step in turns."""
        for name, step in (("approve", self.approve), ("auto", self.auto)):
            if self.demote.regret < step.regret:
                raise ValueError(f"demote.maxRegret must be at least {name}.maxRegret, {step.regret:g}")
            if self.demote.coverage > step.coverage:
                raise ValueError(f"demote.minCoverage must be at most {name}.minCoverage, {step.coverage:g}")
            if self.demote.overrides < step.overrides:
                raise ValueError(
                    f"demote.maxOverrideRate must be at least {name}.maxOverrideRate, {step.overrides:g}"
                )
        return self


class Standing(Frozen):
    """What the record shows since the mode last changed; counts, so that one more decision can be added."""

    mode: Mode = "observe"
    """The mode of the last decision that counts."""
    decisions: Count = 0
    """Turns with metrics."""
    first_s: NonNegative | None = None
    last_s: NonNegative | None = None
    """Time of the first and the last of them."""
    proposals: Count = 0
    """First proposals whose regret is known."""
    regrets: NonNegative = 0
    """Sum of their regrets, as shares of the optimum."""
    forecasts: Count = 0
    """Forecasts that met their target."""
    covered: Count = 0
    """Of them, those that were high enough."""
    upper_rps: NonNegative | None = None
    """The last forecast, not met yet."""
    upper_until_s: NonNegative = 0
    """How far ahead it looked."""
    changes: Count = 0
    rollbacks: Count = 0
    asked: Count = 0
    """Changes that a person answered."""
    overrides: Count = 0
    breaches: Count = 0
    """In a row, up to the last interval that was measured."""

    @property
    def observed_s(self) -> float:
        """Seconds from the first decision to the last."""
        return 0.0 if self.first_s is None or self.last_s is None else max(0.0, self.last_s - self.first_s)

    @property
    def regret(self) -> float | None:
        """Mean shadow regret; None where no proposal tells."""
        return self.regrets / self.proposals if self.proposals else None

    @property
    def coverage(self) -> float | None:
        """Share of forecasts that were high enough; None where none met its target."""
        return self.covered / self.forecasts if self.forecasts else None

    @property
    def rollback_rate(self) -> float | None:
        """Share of the changes that were taken back; None without changes."""
        return min(1.0, self.rollbacks / self.changes) if self.changes else None

    @property
    def override_rate(self) -> float | None:
        """Share of the answers that were no; None without answers."""
        return self.overrides / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Moved:
    """The mode from now on, and why."""

    mode: Mode
    reason: str
    """One line: what was earned or lost, or what is still missing."""


def standing(decisions: Iterable[Decision]) -> Standing:
    """Return what the decisions of one pipeline, oldest first, show since the mode last changed."""
    return reduce(counted, decisions, Standing())


def counted(before: Standing, decision: Decision) -> Standing:
    """Return the standing with one more decision."""
    observation = decision.observation
    if observation is None:
        return before
    if decision.mode != before.mode:
        before = Standing(mode=decision.mode)
    met = _met(before, observation)
    regret = _regret(decision)
    expected, word = decision.forecast, decision.approval
    return Standing(
        mode=before.mode,
        decisions=before.decisions + 1,
        first_s=decision.time_s if before.first_s is None else before.first_s,
        last_s=decision.time_s,
        proposals=before.proposals + (regret is not None),
        regrets=before.regrets + (regret or 0.0),
        forecasts=before.forecasts + (met is not None),
        covered=before.covered + (met is True),
        upper_rps=None if expected is None else expected.upper_rps,
        upper_until_s=0.0 if expected is None else decision.time_s + expected.horizon_s,
        changes=before.changes + (decision.outcome == "applied"),
        rollbacks=before.rollbacks + any(q.since_s == decision.time_s for q in decision.quarantine),
        asked=before.asked + (word is not None),
        overrides=before.overrides + (word is not None and not word.agreed),
        breaches=_breaches(before.breaches, decision),
    )


def next_mode(policy: Policy, mode: Mode, record: Standing, ceiling: Mode) -> Moved:
    """Return the mode of the next turn: one step up if earned, one down if lost, never above *ceiling*."""
    if LADDER.index(mode) > LADDER.index(ceiling):
        return Moved(ceiling, f"{ceiling} is the most that is allowed")
    if record.mode != mode:
        record = Standing(mode=mode)
    lost = _lost(policy.demote, record)
    if lost and mode != LADDER[0]:
        down = LADDER[LADDER.index(mode) - 1]
        return Moved(down, f"back from {mode} to {down}: {'; '.join(lost)}")
    if mode == ceiling:
        return Moved(mode, f"{mode} is the most that is allowed")
    up = LADDER[LADDER.index(mode) + 1]
    missing = [*lost, *_missing(policy.approve if up == "approve" else policy.auto, record)]
    if missing:
        return Moved(mode, f"{up} is not earned yet: {'; '.join(missing)}")
    return Moved(up, f"{up} is earned by {record.decisions} decisions in {record.observed_s:g} s")


def _met(before: Standing, observation: Observation) -> bool | None:
    """Say whether the forecast before this interval was high enough; None where that is not known."""
    known = [rate for rate in observation.loads_rps if rate is not None]
    if before.upper_rps is None or not known or observation.time_s > before.upper_until_s:
        return None
    return max(known) <= before.upper_rps


def _regret(decision: Decision) -> float | None:
    """Return the regret of the first proposal, as a share of the optimum; None where nothing tells it."""
    if not decision.rulings:
        return None
    first: Ruling = decision.rulings[0]
    if first.verdict is None:
        return 1.0
    optimum, regret = first.verdict.optimum, first.verdict.regret
    if optimum is None:
        return None
    if first.ruled == "infeasible" or regret is None:
        return 1.0
    return min(1.0, max(0.0, regret) / max(abs(optimum), LEAST_OPTIMUM))


def _breaches(before: int, decision: Decision) -> int:
    """Return the breaches in a row; where nothing was feasible the interval counts neither way."""
    if decision.degraded or (decision.observation is not None and decision.observation.in_time is None):
        return before
    return before + 1 if any(f.kind == "slo breach" for f in decision.findings) else 0


def _lost(demotion: Demotion, record: Standing) -> list[str]:
    """Return what costs a step."""
    found = []
    if 0 < demotion.rollbacks <= record.rollbacks:
        found.append(f"{record.rollbacks} changes were taken back")
    if 0 < demotion.breaches <= record.breaches:
        found.append(f"{record.breaches} SLO breaches in a row")
    if record.decisions < demotion.decisions:
        return found
    if record.regret is not None and record.regret > demotion.regret:
        found.append(f"mean regret {record.regret:.3g} is above {demotion.regret:g}")
    if record.coverage is not None and record.coverage < demotion.coverage:
        found.append(f"forecast coverage {record.coverage:.3g} is below {demotion.coverage:g}")
    if record.override_rate is not None and record.override_rate > demotion.overrides:
        found.append(
            f"{record.override_rate:.0%} of the changes were refused, {demotion.overrides:.0%} may be"
        )
    return found


def _missing(step: Step, record: Standing) -> list[str]:
    """Return what is still missing for a step up."""
    found = []
    for name, value, least in (
        ("decisions", record.decisions, step.decisions),
        ("seconds observed", record.observed_s, step.observed_s),
        ("changes", record.changes, step.changes),
    ):
        if value < least:
            found.append(f"{value:g} of {least:g} {name}")
    if record.breaches:
        found.append("the SLO is not kept now")
    if record.regret is None or record.regret > step.regret:
        found.append(f"mean regret {_shown(record.regret)}, at most {step.regret:g}")
    if record.coverage is None or record.coverage < step.coverage:
        found.append(f"forecast coverage {_shown(record.coverage)}, at least {step.coverage:g}")
    if record.rollback_rate is not None and record.rollback_rate > step.rollbacks:
        found.append(f"rollback rate {record.rollback_rate:.3g}, at most {step.rollbacks:g}")
    if record.override_rate is not None and record.override_rate > step.overrides:
        found.append(f"override rate {record.override_rate:.3g}, at most {step.overrides:g}")
    return found


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
