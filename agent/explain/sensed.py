"""What a turn started from: what was measured, and what was made of it before anything was proposed."""

from __future__ import annotations

from collections.abc import Iterator

from agent.explain.text import count, figure, share
from core.assessment import Finding
from core.belief import Belief
from core.calendar import Event
from core.decision import Decision
from core.forecast import Forecast
from core.observation import Observation, StageObservation
from core.pipeline import Pipeline
from core.tooluse import ToolUse

MODELLESS = ("rules", "ilp")
"""Planners that use no language model."""
MOST_RESULT = 160
"""Characters of a tool's arguments or result that are shown; the record has them all."""


def seen(decision: Decision, pipeline: Pipeline | None, *, brief: bool) -> Iterator[str]:
    """Yield the observation, and which signals are not fresh."""
    observation = decision.observation
    if observation is None:
        yield "nothing: no metrics could be read"
    else:
        yield f"{_load(observation)}; {_lateness(observation, pipeline)}"
        if not brief:
            yield from (_stage(stage) for stage in observation.stages)
        if observation.accuracy is not None:
            yield f"{share(observation.accuracy)} of {count(observation.labelled, 'labelled sample')} right"
    states: dict[str, list[str]] = {}
    for signal in decision.signals:
        if signal.state != "fresh":
            age = "" if signal.age_s is None else f" ({signal.age_s:g} s old)"
            states.setdefault(signal.state, []).append(f"{signal.name}{age}")
    if states and not brief:
        yield "not fresh: " + "; ".join(f"{state}: {', '.join(names)}" for state, names in states.items())


def considered(decision: Decision, *, brief: bool) -> Iterator[str]:
    """Yield the findings, the forecast, the belief, the calendar, and the tools that were used."""
    yield from (_finding(finding) for finding in decision.findings)
    if not decision.findings and not brief:
        yield "nothing out of the ordinary was found"
    yield forecast_line(decision.forecast, decision.load_rps)
    yield from belief_lines(decision.belief)
    yield from (event_line(event, decision.time_s) for event in decision.events)
    for q in decision.quarantine:
        if decision.time_s < q.until_s:
            yield f"in quarantine until {q.until_s:g} s, since {q.decision}: {q.evidence}"
    if not brief:
        yield asked_line(decision)
    yield from (_use(use) for use in decision.uses)


def _load(observation: Observation) -> str:
    known = [rate for rate in observation.loads_rps if rate is not None]
    missing = len(observation.loads_rps) - len(known)
    gap = f", {missing} of {len(observation.loads_rps)} samples missing" if missing else ""
    if not known:
        return f"load unknown{gap}"
    mean_rps = sum(known) / len(known)
    return f"load {figure(min(known))} to {figure(max(known))} rps, mean {figure(mean_rps)}{gap}"


def _lateness(observation: Observation, pipeline: Pipeline | None) -> str:
    slo = "the SLO" if pipeline is None else f"the SLO of {pipeline.slo.latency_s:g} s"
    if observation.in_time is None:
        served = "share in time unknown"
    else:
        served = f"{share(observation.in_time)} of {observation.judged} within {slo}"
    latency = "latency unknown" if observation.latency_s is None else f"latency {observation.latency_s:.3g} s"
    dropped = observation.dropped_rps
    return f"{served}, {latency}" + (f", {dropped:.3g} rps dropped" if dropped else "")


def _stage(stage: StageObservation) -> str:
    ready = "an unknown number of replicas" if stage.ready is None else count(stage.ready, "replica")
    services = ", ".join(f"{s.variant}/{s.batch} in {s.mean_s:.3g} s" for s in stage.services if s.batches)
    measured = f", batches served: {services} on average" if services else ""
    return (
        f"{stage.stage}: {figure(stage.arrivals_rps)} rps in, queue {figure(stage.queue)}, {ready} ready"
        + (measured)
    )


def _finding(finding: Finding) -> str:
    notes = finding_notes(finding)
    detail = f" ({notes})" if notes else ""
    return f"{finding.kind} in {finding.subject}: {finding.statement}{detail}"


def finding_notes(finding: Finding) -> str:
    """Return how sure a finding is: since when, in which interval, and how likely for nothing."""
    notes = []
    if finding.since_s is not None:
        notes.append(f"since {finding.since_s:g} s")
    if finding.low is not None and finding.high is not None:
        notes.append(f"between {finding.low:.4g} and {finding.high:.4g}")
    if finding.false_alarm is not None:
        notes.append(f"false alarm at most {finding.false_alarm:.1g}")
    return ", ".join(notes)


def forecast_line(forecast: Forecast | None, load_rps: float | None) -> str:
    """Return the forecast, how it did so far, and what was decided for."""
    if forecast is None:
        return "no forecast could be made"
    if forecast.coverage is None:
        checked = "too few scored yet to say how it does"
    else:
        checked = f"{share(forecast.coverage)} of {forecast.scored} stayed below, {forecast.missed} did not"
    decided = "" if load_rps is None else f"; decided for {figure(load_rps)} rps"
    return (
        f"forecast ({forecast.method}): at most {figure(forecast.upper_rps)} rps in {forecast.horizon_s:g} s "
        f"at {forecast.quantile:.0%}, {figure(forecast.point_rps)} expected; {checked}{decided}"
    )


def belief_lines(belief: Belief) -> Iterator[str]:
    """Yield each correction of the profile with its evidence."""
    for slower in belief.latency:
        yield (
            f"belief: {slower.stage}/{slower.variant} takes {slower.factor:.4g} times its profile "
            f"({slower.evidence.low:.4g} to {slower.evidence.high:.4g}): {slower.evidence.statement}"
        )
    for worse in belief.accuracy:
        yield (
            f"belief: {worse.stage}/{worse.variant} has {worse.factor:.4g} of its profiled accuracy left "
            f"({worse.evidence.low:.4g} to {worse.evidence.high:.4g}): {worse.evidence.statement}"
        )
    for cap in belief.capacity:
        replicas = count(cap.replicas, "replica")
        yield f"belief: {cap.stage} can get {replicas} at present: {cap.evidence.statement}"


def event_line(event: Event, time_s: float) -> str:
    """Return an event of the calendar, and whether it is still to come."""
    when = "over" if event.end_s <= time_s else "now" if event.start_s <= time_s else "ahead"
    return (
        f"calendar: {event.id} by {event.author}, {event.load_factor:g} times the load from "
        f"{event.start_s:g} s to {event.end_s:g} s ({when}): {event.note}"
    )


def asked_line(decision: Decision) -> str:
    """Return why a model was asked, or why not."""
    planning = decision.planning
    if not planning.triggers:
        reason = "this planner uses none" if decision.planner in MODELLESS else "nothing called for one"
        return f"no language model was asked: {reason}"
    fell_back = f"; the rules decided instead: {planning.fell_back}" if planning.fell_back else ""
    return (
        f"language model {planning.model or 'unknown'} was asked (prompt {planning.prompt or 'unknown'}): "
        f"{'; '.join(planning.triggers)}{fell_back}"
    )


def _use(use: ToolUse) -> str:
    answered = "" if use.ok else "could not answer: "
    shows = f" [shows {', '.join(use.shows)}]" if use.shows else ""
    return f"{use.id} {_cut(use.tool)} {_cut(use.arguments)} → {answered}{_cut(use.result)}{shows}"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_RESULT else f"{text[: MOST_RESULT - 1]}…"
