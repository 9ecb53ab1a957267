"""The status of a Pipeline object: what a person sees with kubectl, out of one turn. Pure.

Conditions are those of the API conventions; the time of the last transition moves only with the status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from agent.controller.member import Turn
from agent.controller.states import mean_rps
from agent.lines import chosen_of, configuration_line, reason_of
from core.decision import Decision
from tools.kubernetes.declared import Declared
from tools.kubernetes.events import one_line
from tools.requests import Request

Json = dict[str, Any]

MOST_DECISIONS = 5
"""Kept in the status; all of them are in the store."""
REFRESH_S = 60.0
"""Figures alone are written this often: 200 pipelines need no 200 writes an interval."""
FIGURES = frozenset({"loadRps", "updated"})
"""What may be a minute old in a status."""
QUIET = frozenset({"unchanged", "held"})
"""Outcomes that are not listed among the last decisions."""


def status_of(declared: Declared, turn: Turn, *, now: float) -> Json:
    """Return the status after a turn.

    Args:
        declared: What is reported on, with the status it has.
        turn: What came of the turn.
        now: Unix time.
    """
    before = declared.status
    found: Json = {
        "observedGeneration": declared.generation,
        "mode": turn.mode,
        "updated": _time(now),
        "conditions": _conditions(declared, turn, before, now),
        "lastDecisions": _last_decisions(turn.decision, before, now),
    }
    if turn.waiting is not None:
        found["recommended"] = configuration_line(turn.waiting.proposed)
    if turn.decision is None:
        kept = ("outcome", "configuration", "loadRps", "cores", "accuracy")
        return {key: before[key] for key in kept if key in before} | found
    return found | _figures(declared, turn.decision)


def worth_writing(before: Mapping[str, Any], after: Json, *, now: float) -> bool:
    """Say whether a status says something new, or its figures are too old."""
    if {k: v for k, v in before.items() if k not in FIGURES} != _plain(after):
        return True
    written = _unix(before.get("updated"))
    return written is None or now - written >= REFRESH_S


def _plain(status: Json) -> Json:
    return {key: value for key, value in status.items() if key not in FIGURES}


def _figures(declared: Declared, decision: Decision) -> Json:
    found: Json = {"outcome": decision.outcome}
    running, chosen = decision.running, chosen_of(decision)
    now = chosen if decision.outcome == "applied" else running
    if now is not None:
        found["configuration"] = configuration_line(now)
        if declared.pipeline is not None:
            found["cores"] = round(now.cores(declared.pipeline), 3)
            accuracy = now.accuracy(declared.pipeline)
            found |= {} if accuracy is None else {"accuracy": round(accuracy, 4)}
    if decision.outcome == "recommended" and chosen is not None:
        found["recommended"] = configuration_line(chosen)
    seen = decision.observation
    load_rps = None if seen is None else mean_rps(seen.loads_rps)
    return found if load_rps is None else found | {"loadRps": round(load_rps, 2)}


def _conditions(declared: Declared, turn: Turn, before: Mapping[str, Any], now: float) -> list[Json]:
    old = {c.get("type"): c for c in before.get("conditions") or () if isinstance(c, dict)}
    found = []
    for kind, status, reason, message in _claims(declared, turn):
        was = old.get(kind, {})
        since = was.get("lastTransitionTime") if was.get("status") == status else None
        found.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": one_line(message),
                "lastTransitionTime": since or _time(now),
                "observedGeneration": declared.generation,
            }
        )
    return found


def _claims(declared: Declared, turn: Turn) -> Iterator[tuple[str, str, str, str]]:
    """Yield type, status, reason and message of every condition."""
    if declared.pipeline is None:
        yield "Valid", "False", "InvalidSpec", declared.problem
        return
    yield "Valid", "True", "Read", "the spec describes a pipeline"
    decision = turn.decision
    if decision is not None:
        yield _metrics(decision, turn.note)
        yield _feasible(decision)
    yield _applied(turn)


def _metrics(decision: Decision, note: str) -> tuple[str, str, str, str]:
    missing = next((f for f in decision.findings if f.kind == "missing metrics"), None)
    stale = next((f for f in decision.findings if f.kind == "stale metrics"), None)
    if missing is not None:
        return "MetricsAvailable", "False", "MetricsMissing", missing.statement
    if stale is not None:
        return "MetricsAvailable", "False", "MetricsStale", stale.statement
    return "MetricsAvailable", "True", "Fresh", note or "load and latency are measured"


def _feasible(decision: Decision) -> tuple[str, str, str, str]:
    if decision.degraded:
        return "Feasible", "False", "Degraded", reason_of(decision)
    return "Feasible", "True", "Feasible", "a configuration keeps the SLO within the limits"


def _applied(turn: Turn) -> tuple[str, str, str, str]:
    return ("Applied", *next(_hitches(turn)))


def _hitches(turn: Turn) -> Iterator[tuple[str, str, str]]:
    """Yield what there is to say of what was asked for, the worst first: status, reason and message."""
    decision = turn.decision
    if turn.paused:
        yield "False", "Paused", f"the pipeline is {turn.pause or 'paused'}: nothing is applied"
    if turn.hindrance is not None:
        yield "False", turn.hindrance.kind, turn.hindrance.statement
    if turn.problem or (decision is not None and decision.outcome == "failed"):
        said = turn.problem or ("" if decision is None else decision.note)
        yield "False", "ApplyFailed", said or "the change could not be applied"
    if decision is not None and decision.outcome == "refused":
        yield "False", "Refused", decision.note or "the change was refused"
    if turn.waiting is not None:
        yield "Unknown", "WaitsForApproval", waiting_for(turn.waiting)
    if turn.stuck:
        yield "Unknown", "RollOutStuck", turn.stuck
    yield "True", "AsAsked", "the workloads say what was last asked for"


def waiting_for(request: Request) -> str:
    """Return what a person is asked, in one line."""
    return (
        f"{request.decision} waits for a person: {configuration_line(request.running)} -> "
        f"{configuration_line(request.proposed)} ({request.effect}): {request.rationale}; "
        f"answer with trimtab approve or refuse {request.decision} before {_time(request.expires_at)}"
    )


def _last_decisions(decision: Decision | None, before: Mapping[str, Any], now: float) -> list[Json]:
    """Return the last decisions worth listing, newest first."""
    listed = [d for d in before.get("lastDecisions") or () if isinstance(d, dict)]
    if decision is None or decision.outcome in QUIET:
        return listed[:MOST_DECISIONS]
    new: Json = {
        "id": decision.id,
        "time": _time(now),
        "outcome": decision.outcome,
        "causes": sorted({f.kind for f in decision.findings}),
        "rationale": one_line(reason_of(decision)),
    }
    if listed and all(listed[0].get(k) == new[k] for k in ("outcome", "causes", "rationale")):
        return listed[:MOST_DECISIONS]
    return [new, *listed][:MOST_DECISIONS]


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unix(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
