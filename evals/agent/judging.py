"""One turn of one planner in one situation, held against the exact optimum and against what was injected.

    optimum         of the turn's problem, as `core.solve` proves it; the calendar is no part of that problem
    regret          what the configuration that would run loses of it, in the objective's unit and as a share
    agrees          |regret| <= 1e-6 |optimum|
    feasible_first  the planner's own first proposal keeps every limit, whatever it loses
    revisions       its further proposals, after a rejection
    overruled       the loop had the last word: the solver's own answer was taken in place of the planner's
    fell_back       why the rules decided in the place of a model
    attribution     of the last cause that the planner named itself: right, wrong, or none named
    ready           whether what would run carries the load that was announced for the horizon

Regret is that of the turn as a whole, checks included: what the cluster would suffer. `first_regret_share` is
the planner's own, before anyone corrected it. Preparing for an announced event costs regret: the problem of
this turn does not know of it; `ready` is the other side of that. What fell back proposed nothing of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Literal

from agent.context import LoopSettings
from agent.planners import Planner, Thought
from agent.turn import Turn, think
from core.asked import asked
from core.configuration import Configuration
from core.proposal import Ask, Cause
from core.ruling import Ruling
from core.verdict import Verdict
from core.verify import feasible, verify
from evals.agent.judged import Judged
from evals.agent.rows import origin
from evals.agent.scene import THINKING
from evals.agent.situations import Case
from evals.agent.subjects import Heard
from tools.toolkit.situation import Situation

AGREES = 1e-6
"""Share of the objective within which a configuration is as good as the optimum (DESIGN section 2)."""
Attribution = Literal["right", "wrong", "none"]


def judged(
    case: Case,
    situation: Situation,
    planner: Planner,
    *,
    label: str,
    repeat: int,
    provenance: Mapping[str, object],
    settings: LoopSettings = THINKING,
) -> Judged:
    """Let *planner* think in *situation* and return what became of it.

    Raises:
        TrimtabError: whatever a planner, a tool or a solver reports.
    """
    from_here, begun_s = origin(provenance), time.perf_counter()
    heard = Heard(planner)
    turn = think(heard, case.name, situation, settings=settings)
    seconds = time.perf_counter() - begun_s
    own, spend = _own(heard.said), turn.planning.spend
    verdict = verify(situation.problem, turn.chosen, nearest=False)
    cause = _named(own)
    return Judged(
        **from_here,
        situation=case.name,
        kind=case.kind,
        pipeline=case.pipeline,
        seed=case.seed,
        injected=case.causes,
        found=tuple(dict.fromkeys(f.kind for f in situation.assessment.findings)),
        planner=label,
        model=turn.planning.model,
        prompt=turn.planning.prompt,
        repeat=repeat,
        outcome=turn.outcome,
        degraded=turn.degraded,
        optimum=verdict.optimum,
        objective=verdict.objective,
        agrees=_agrees(verdict),
        regret=_regret(verdict),
        regret_share=_share(verdict),
        first_regret_share=_first_share(own, turn.rulings),
        feasible_first=None if verdict.optimum is None else _feasible_first(own, turn.rulings),
        revisions=max(0, len(own) - 1),
        overruled=_overruled(heard.said, turn),
        fell_back=turn.planning.fell_back,
        cause=cause,
        attribution=attribution(cause, case.causes),
        ready=_ready(situation, turn.chosen),
        calls=spend.calls,
        input_tokens=spend.input_tokens,
        output_tokens=spend.output_tokens,
        usd=spend.usd,
        seconds=seconds,
    )


def attribution(named: str, right: Sequence[Cause]) -> Attribution:
    """Say whether a cause that was named is right; where nothing is wrong, `none` is."""
    if named in right:
        return "right"
    return "none" if named == "none" else "wrong"


def _own(said: Sequence[Thought]) -> tuple[Thought, ...]:
    """Return the proposals that are the planner's own: the rules' in its place are not."""
    return tuple(t for t in said if t.proposal is not None and not t.planning.fell_back)


def _named(own: Sequence[Thought]) -> Cause:
    """Return the last cause that was named."""
    causes = (t.proposal.cause for t in reversed(own) if t.proposal is not None)
    return next(causes, "none")


def _overruled(said: Sequence[Thought], turn: Turn) -> bool:
    """Say whether there are more proposals in the turn than planners made."""
    return len(turn.proposals) > sum(t.proposal is not None for t in said)


def _first(own: Sequence[Thought], rulings: Sequence[Ruling]) -> Ruling | None:
    """Return the ruling on the planner's first proposal: its own come before all others."""
    return rulings[0] if own and rulings else None


def _feasible_first(own: Sequence[Thought], rulings: Sequence[Ruling]) -> bool:
    first = _first(own, rulings)
    return first is not None and first.ruled in ("accepted", "unsupported")


def _first_share(own: Sequence[Thought], rulings: Sequence[Ruling]) -> float | None:
    first = _first(own, rulings)
    return None if first is None or first.verdict is None else _share(first.verdict)


def _regret(verdict: Verdict) -> float | None:
    """Return the regret of what keeps every limit; what breaks one may well be better, and is no solution."""
    return verdict.regret if verdict.accepted else None


def _share(verdict: Verdict) -> float | None:
    regret = _regret(verdict)
    return None if regret is None or not verdict.optimum else regret / abs(verdict.optimum)


def _agrees(verdict: Verdict) -> bool | None:
    if verdict.optimum is None:
        return None
    regret = _regret(verdict)
    return regret is not None and abs(regret) <= AGREES * abs(verdict.optimum)


def _ready(situation: Situation, chosen: Configuration) -> bool | None:
    if situation.announced <= 1.0:
        return None
    announced = asked(situation.problem, Ask(load_factor=situation.announced), announced=situation.announced)
    return feasible(announced, chosen)
