"""What a model reads of a situation, a tool's result, a rejection: short, with the strangers' text quoted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Stage
from core.proposal import LEAST_HEADROOM, LEAST_WEIGHT, MOST_HEADROOM, MOST_WEIGHT
from core.ruling import EPSILON, Ruling
from core.tooluse import ToolUse
from core.trial import Quarantine, Trial
from prompts import figure, load, shortened
from tools.toolkit.situation import Situation

SYSTEM, SITUATION = "plan", "situation"
MOST_RESULT = 1500
"""Characters of a tool's result that are shown; the record keeps all of it."""
MOST_LINES = 8
"""Findings, corrections, events and the like that are shown of each; the rest is counted."""
MOST_VARIANTS = 12
"""Variants of a stage that are shown."""
MOST_STATEMENT = 240
"""Characters of a finding's or a correction's line."""


def system_text(epsilon: float = EPSILON) -> str:
    """Return the message that stays the same from decision to decision."""
    return load(SYSTEM).render(
        epsilon=epsilon,
        least_headroom=LEAST_HEADROOM,
        most_headroom=MOST_HEADROOM,
        least_weight=LEAST_WEIGHT,
        most_weight=MOST_WEIGHT,
    )


def prompt_label() -> str:
    """Return which prompts are in use, `plan@1+situation@1`."""
    return f"{load(SYSTEM).label}+{load(SITUATION).label}"


def situation_text(situation: Situation, triggers: Sequence[str], uses: Sequence[ToolUse]) -> str:
    """Return the situation with the tool results there are already."""
    problem, assessment = situation.problem, situation.assessment
    pipeline = problem.pipeline
    return load(SITUATION).render(
        name=pipeline.name,
        slo_s=pipeline.slo.latency_s,
        quantile=pipeline.slo.quantile,
        objective=_objective(situation),
        max_cores=problem.max_cores,
        load_rps=problem.load_rps,
        horizon_s=situation.horizon_s,
        time_s=situation.time_s,
        forecast=situation.forecast,
        triggers=[shortened(t, MOST_STATEMENT) for t in _few(triggers)],
        findings=_few(f"{f.kind} ({f.subject}): {_line(f.statement)}" for f in assessment.findings),
        beliefs=_few(_beliefs(situation)),
        signals=_few(f"{s.name} {s.state}" for s in assessment.signals if s.state != "fresh"),
        stages=[_stage(stage, situation.running) for stage in pipeline.stages],
        events=len(situation.events),
        announced=situation.announced,
        trial=None if situation.trial is None else _trial(situation.trial, situation.time_s),
        quarantine=_few(_quarantined(q) for q in situation.quarantine),
        results=uses,
        most_result=MOST_RESULT,
    )


def result_text(use: ToolUse) -> str:
    """Return a tool's result as the model reads it."""
    return load("result").render(use=use, most_result=MOST_RESULT)


def rejected_text(ruling: Ruling) -> str:
    """Return why a proposal was rejected, and what would fit."""
    verdict = ruling.verdict
    return load("rejected").render(
        ruled=ruling.ruled,
        reason=ruling.reason,
        violations=() if verdict is None else verdict.violations[:MOST_LINES],
        optimum=None if verdict is None else verdict.optimum,
        regret=None if verdict is None else verdict.regret,
        allowed=ruling.allowed,
        nearest=None if verdict is None or verdict.nearest is None else _settings(verdict.nearest),
    )


def correction_text(complaint: str, *, forced: bool) -> str:
    """Return what is wrong with an answer, for the model."""
    return load("correction").render(complaint=complaint, forced=forced)


def _objective(situation: Situation) -> str:
    objective = situation.problem.objective
    floor = "" if objective.min_accuracy is None else f", accuracy at least {figure(objective.min_accuracy)}"
    match objective.kind:
        case "cost":
            return f"objective: fewest cores{floor}"
        case "accuracy":
            return "objective: highest accuracy"
        case "weighted":
            weights = f"{figure(objective.alpha)} x accuracy - {figure(objective.beta)} x cores"
            return f"objective: highest {weights}{floor}"


def _beliefs(situation: Situation) -> list[str]:
    belief = situation.problem.belief
    found = [
        f"{c.stage}/{c.variant} takes {figure(c.factor)} times its profiled time "
        f"({figure(c.evidence.low)} to {figure(c.evidence.high)})"
        for c in belief.latency
    ]
    found += [
        f"{c.stage}/{c.variant} keeps {figure(c.factor)} of its profiled accuracy "
        f"({figure(c.evidence.low)} to {figure(c.evidence.high)})"
        for c in belief.accuracy
    ]
    return found + [f"{c.stage} can get {c.replicas} replicas" for c in belief.capacity]


def _stage(stage: Stage, running: Configuration) -> dict[str, object]:
    variants = [f"{v.name} ({figure(v.accuracy)}, {figure(v.cores)})" for v in stage.variants[:MOST_VARIANTS]]
    left_out = len(stage.variants) - MOST_VARIANTS
    if left_out > 0:
        variants.append(f"{left_out} more")
    setting = running.by_stage.get(stage.name)
    return {
        "name": stage.name,
        "variants": variants,
        "running": "nothing" if setting is None else _setting(setting),
    }


def _setting(setting: StageConfiguration) -> str:
    return f"{setting.variant} batch {setting.batch} x {setting.replicas} replicas"


def _settings(configuration: Configuration) -> list[str]:
    return [f"{s.stage}: {_setting(s)}" for s in configuration.stages]


def _trial(trial: Trial, time_s: float) -> str:
    return f"the change of {trial.decision}, made {figure(time_s - trial.applied_s)} s ago"


def _quarantined(quarantine: Quarantine) -> str:
    what = ", ".join(f"{v.stage}/{v.variant}" for v in quarantine.variants[:MOST_LINES])
    return what or f"the configuration of {quarantine.decision}"


def _line(statement: str) -> str:
    return shortened(" ".join(statement.split()), MOST_STATEMENT).replace("<", "below ")


def _few(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    if len(found) <= MOST_LINES:
        return found
    return [*found[:MOST_LINES], f"{len(found) - MOST_LINES} more"]
