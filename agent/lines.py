"""A decision in one line, and as the JSON object the command line prints."""

from __future__ import annotations

from agent.answers import Answer
from core.configuration import Configuration
from core.decision import Decision


def decision_line(decision: Decision) -> str:
    """Return what was decided and why, for a person."""
    load = "load unknown"
    if decision.forecast is not None:
        load = f"≤ {decision.forecast.upper_rps:.1f} rps"
    marks = " DEGRADED" if decision.degraded else ""
    chosen = chosen_of(decision)
    what = "" if chosen is None or decision.outcome == "held" else f" {configuration_line(chosen)}"
    return f"{decision.time_s:6.0f} s  {load:>14}  {decision.outcome}{marks}{what}  ({reason_of(decision)})"


def configuration_line(configuration: Configuration) -> str:
    """Return a configuration as `stage=variant/batch x replicas`."""
    return ", ".join(f"{s.stage}={s.variant}/{s.batch}x{s.replicas}" for s in configuration.stages)


def chosen_of(decision: Decision) -> Configuration | None:
    """Return what was applied or would be; what ran where that is held; None where unknown."""
    if decision.certificate is not None:
        return decision.certificate.configuration
    if decision.outcome == "recommended" and decision.rulings:
        return decision.rulings[-1].candidate
    return decision.running


def reason_of(decision: Decision) -> str:
    """Return the note, or the rationale of the last proposal."""
    if decision.note:
        return decision.note
    return decision.proposals[-1].rationale if decision.proposals else "nothing was proposed"


def decision_answer(decision: Decision) -> Answer:
    """Return the JSON object of one decision, without its observation and certificate."""
    chosen = chosen_of(decision)
    return {
        "id": decision.id,
        "pipeline": decision.pipeline,
        "time": decision.time_s,
        "planner": decision.planner,
        "mode": decision.mode,
        "outcome": decision.outcome,
        "degraded": decision.degraded,
        "load": decision.load_rps,
        "reason": reason_of(decision),
        "findings": [f.statement for f in decision.findings],
        "stages": None if chosen is None else [s.model_dump() for s in chosen.stages],
    }
