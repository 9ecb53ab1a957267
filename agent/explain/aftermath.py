"""What came of a decision, read from the decisions after it: measured against what was predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from agent.explain.text import count, figure, share
from core.configuration import Configuration
from core.decision import Decision
from core.observation import Observation
from core.patience import averaged_rps
from core.pipeline import Pipeline
from core.trial import Trial

FOLLOWED = 30
"""Decisions after this one that are read: no trial takes longer."""


def came_of(
    decision: Decision, pipeline: Pipeline | None, later: Sequence[Decision], *, brief: bool
) -> Iterator[str]:
    """Yield whether the change was kept, what was measured under it, and whether the forecast held."""
    if not later:
        yield "nothing yet: it is the last decision"
        return
    if decision.outcome == "applied" and decision.certificate is not None:
        yield from _trial(decision, later)
        yield from _measured(decision, decision.certificate.configuration, pipeline, later)
    yield from _forecast(decision, later)
    if not brief:
        following = later[0]
        yield f"next: {following.id} at {following.time_s:g} s, {following.outcome}"


def _trial(decision: Decision, later: Sequence[Decision]) -> Iterator[str]:
    """Yield how the trial of this change went."""
    if decision.trial is None:
        yield "it was not put on trial"
        return
    last, ended = _ended(decision, decision.trial, later)
    ready = "" if last.ready_s is None else f", ready at {last.ready_s:g} s"
    if ended is None:
        yield f"still on trial{ready}"
        return
    failed = next((q for q in ended.quarantine if q.decision == decision.id), None)
    if failed is not None:
        back = f"{failed.evidence}; not again before {failed.until_s:g} s"
        yield f"failed at {ended.time_s:g} s, the last good configuration came back ({ended.id}): {back}"
    elif ended.trial is not None and ended.trial.before == last.before:
        yield f"replaced before it was confirmed{ready} ({ended.id})"
    else:
        yield f"kept at {ended.time_s:g} s{ready} ({ended.id})"


def _ended(decision: Decision, trial: Trial, later: Sequence[Decision]) -> tuple[Trial, Decision | None]:
    """Return the trial as it was last seen, and the decision in which it was over."""
    for following in later:
        if following.trial is None or following.trial.decision != decision.id:
            return trial, following
        trial = following.trial
    return trial, None


def _measured(
    decision: Decision, configuration: Configuration, pipeline: Pipeline | None, later: Sequence[Decision]
) -> Iterator[str]:
    """Yield the share in time and the cores in use while this configuration ran, and what was expected."""
    seen = [d.observation for d in takewhile(lambda d: d.running == configuration, later) if d.observation]
    judged = sum(o.judged for o in seen if o.in_time is not None)
    if not judged:
        yield "what it did was not measured"
        return
    kept = sum(o.in_time * o.judged for o in seen if o.in_time is not None)
    band = None if decision.trial is None else decision.trial.band
    expected = "" if band is None else f", at least {share(band.in_time)} expected"
    cores = _cores_in_use(seen, configuration, pipeline)
    most = f", {figure(band.cores)} expected" if band is not None else ""
    until_s = seen[-1].time_s
    yield (
        f"measured up to {until_s:g} s: {share(kept / judged)} of {judged} in time{expected}; "
        f"{figure(cores)} cores in use at the end{most}"
    )


def _cores_in_use(
    seen: Sequence[Observation], configuration: Configuration, pipeline: Pipeline | None
) -> float | None:
    """Return the cores of the replicas that were ready when this configuration was last seen."""
    if pipeline is None:
        return None
    ready = {s.stage: s.ready for s in seen[-1].stages}
    cores = 0.0
    for setting in configuration.stages:
        replicas = ready.get(setting.stage)
        if replicas is None:
            return None
        cores += replicas * pipeline.stage(setting.stage).variant(setting.variant).cores
    return cores


def _forecast(decision: Decision, later: Sequence[Decision]) -> Iterator[str]:
    """Yield whether the load stayed below what was forecast, over the seconds that were measured."""
    forecast = decision.forecast
    if forecast is None:
        return
    rates: list[float | None] = []
    for observation in (d.observation for d in later):
        if observation is None:
            break
        rates += observation.loads_rps
    horizon = rates[: int(forecast.horizon_s)]
    known = [rate for rate in averaged_rps(horizon, forecast.averaged_s) if rate is not None]
    if known:
        held = "below" if max(known) <= forecast.upper_rps else "above"
        yield (
            f"the load reached {figure(max(known))} rps in the {count(len(known), 'second')} after, "
            f"{held} the {figure(forecast.upper_rps)} forecast"
        )
