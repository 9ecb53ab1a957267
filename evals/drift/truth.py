"""What is true at a time, as a belief: for the oracle, and to see whether a fault changes what is best.

A factor is the largest that holds within the span asked for, as the oracle's load is the largest to come.
Assumptions: a drift of a variant is known also where it does not serve; a crash without restart takes its
replicas of the variant it is of, of whatever serves where it is of none, as in the twin, so the stage has to
ask for as many more or to leave that variant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from baselines.policy import Situation, optimum_or_hold
from core.belief import AccuracyFactor, Belief, Evidence, LatencyFactor, ReplicaCap
from core.configuration import Configuration, StageConfiguration
from core.patience import backlog_rps
from core.prediction import predict
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.verify import feasible, verify
from evals.drift.case import DriftCase
from simulator.faults import AccuracyDrift, CapacityLoss, Fault, LatencyDrift, MetricOutage, ReplicaCrash
from tools.cadence import LOOP_MARGINS, horizon_s

FORESEEN_Z = 2.345
"""The 0.9905-quantile of the standard normal distribution."""
MATTERS = 0.03
"""Share of the true optimum's objective that keeping the stale one must lose for a fault to matter."""


def belief_at(faults: Sequence[Fault], from_s: float, span_s: float) -> Belief:
    """Return what is true of the profile within [from_s, from_s + span_s]."""
    latency: dict[tuple[str, str], float] = {}
    accuracy: dict[tuple[str, str], float] = {}
    caps: dict[str, int] = {}
    for fault in faults:
        if isinstance(fault, LatencyDrift | AccuracyDrift):
            factors = latency if isinstance(fault, LatencyDrift) else accuracy
            place = (fault.stage, fault.variant)
            share = _largest_share(fault, from_s, span_s)
            factors[place] = factors.get(place, 1.0) * (1 + (fault.factor - 1) * share)
        elif isinstance(fault, CapacityLoss) and _touches(fault, from_s, span_s):
            caps[fault.stage] = min(caps.get(fault.stage, fault.replicas), fault.replicas)
    return Belief(
        latency=tuple(
            LatencyFactor(stage=s, variant=v, factor=f, evidence=_known(f, from_s))
            for (s, v), f in latency.items()
        ),
        accuracy=tuple(
            AccuracyFactor(stage=s, variant=v, factor=f, evidence=_known(f, from_s))
            for (s, v), f in accuracy.items()
        ),
        capacity=tuple(ReplicaCap(stage=s, replicas=n, evidence=_known(n, from_s)) for s, n in caps.items()),
    )


Lost = Mapping[tuple[str, str | None], int]
"""Replicas that are gone, by stage and variant; of any variant under None."""


def lost_at(faults: Sequence[Fault], from_s: float, span_s: float) -> Lost:
    """Return the most replicas that have died without replacement within the span."""
    edges_s = [from_s, *(f.start_s for f in faults if from_s <= f.start_s <= from_s + span_s)]
    lost: Counter[tuple[str, str | None]] = Counter()
    for at_s in edges_s:
        gone: Counter[tuple[str, str | None]] = Counter()
        for fault in faults:
            if isinstance(fault, ReplicaCrash) and not fault.restarts and fault.covers(at_s):
                gone[fault.stage, fault.variant] += fault.replicas
        lost |= gone
    return lost


@dataclass(frozen=True, slots=True)
class DriftOracle:
    """The exact optimum on the true profile. No policy can know it.

    With `foresight` it is at the true load too, else at the forecast like everybody's.
    """

    case: DriftCase
    interval_s: int
    foresight: bool = True

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum and on top of it what crashes are going to take, or leave what crashes.

        What is added depends on the variant alone, so the better of the best with and the best without the
        variants that crash is the optimum, as long as what is added exceeds no limit.
        """
        now_s = 0.0 if situation.observation is None else situation.observation.time_s
        span_s = horizon_s(self.case.pipeline, self.interval_s)
        belief = belief_at(self.case.faults, now_s, span_s)
        known = replace(situation, pipeline=self.case.pipeline, belief=belief)
        lost = lost_at(self.case.faults, now_s, span_s)
        stays = _topped_up(optimum_or_hold(known), lost)
        return _better(known, stays, lost) if any(lost) else stays


def matters(case: DriftCase, time_s: float) -> bool:
    """Say whether what a stale optimizer would run fails at *time_s*, or loses `MATTERS` of the best.

    It is sized for the load that a forecast gives, `foreseen_rps`, and fails if it does not carry the load
    itself: a trouble that the forecast's surplus absorbs changes nothing. What could be had is at that same
    forecast. Where metrics go away, it is the forecast of the load as they went.
    """
    load_rps = case.trace_rps[int(time_s)]
    known_rps = foreseen_rps(case.trace_rps[int(_seen_until_s(case, time_s))]) * case.forecast_factor
    stale = solve(Problem.of(case.believed, known_rps, margins=LOOP_MARGINS))
    belief = belief_at(case.faults, time_s, 0.0)
    now, planned = (
        Problem.of(case.pipeline, rps, margins=LOOP_MARGINS, belief=belief) for rps in (load_rps, known_rps)
    )
    if isinstance(stale, Infeasible):
        return False
    served = _served(stale.configuration, belief, lost_at(case.faults, time_s, 0.0))
    if served is None or not feasible(now, served):
        return isinstance(solve(planned), Optimum)
    if not feasible(planned, served):
        return False
    verdict = verify(planned, served, nearest=False)
    if verdict.regret is None or verdict.optimum is None:
        return False
    return verdict.regret > MATTERS * abs(verdict.optimum)


def foreseen_rps(load_rps: float) -> float:
    """Return what the 0.9-quantile of the highest second of a decision's horizon is, for Poisson arrivals.

    With 11 seconds each must stay below its 0.9 ** (1 / 11) = 0.9905-quantile; normal approximation.
    """
    return load_rps + FORESEEN_Z * math.sqrt(load_rps)


def _served(wanted: Configuration, belief: Belief, lost: Lost) -> Configuration | None:
    """Return what serves where *wanted* is asked for; None where a stage has nothing left."""
    left = []
    for s in wanted.stages:
        cap, replicas = belief.replica_cap(s.stage), s.replicas - _lost_of(s, lost)
        left.append(s.model_copy(update={"replicas": replicas if cap is None else min(replicas, cap)}))
    return None if any(s.replicas < 1 for s in left) else Configuration(stages=tuple(left))


def _seen_until_s(case: DriftCase, time_s: float) -> float:
    """Return when the metrics were there last."""
    dark = [f for f in case.faults if isinstance(f, MetricOutage) and f.covers(time_s)]
    return min((f.start_s for f in dark), default=time_s)


def _largest_share(fault: LatencyDrift | AccuracyDrift, from_s: float, span_s: float) -> float:
    """Return how much of a drift has come about at most within the span."""
    last_s = from_s + span_s
    if fault.end_s is not None and from_s < fault.end_s <= last_s:
        return max(fault.share(from_s), min(1.0, _ramped(fault, fault.end_s)))
    return max(fault.share(from_s), fault.share(last_s))


def _ramped(fault: LatencyDrift | AccuracyDrift, at_s: float) -> float:
    if at_s <= fault.start_s:
        return 0.0
    return 1.0 if fault.ramp_s == 0 else (at_s - fault.start_s) / fault.ramp_s


def _touches(fault: CapacityLoss, from_s: float, span_s: float) -> bool:
    return fault.start_s <= from_s + span_s and (fault.end_s is None or from_s < fault.end_s)


def _topped_up(configuration: Configuration, lost: Lost) -> Configuration:
    stages = tuple(
        s.model_copy(update={"replicas": s.replicas + _lost_of(s, lost)}) for s in configuration.stages
    )
    return Configuration(stages=stages)


def _lost_of(setting: StageConfiguration, lost: Lost) -> int:
    return sum(lost.get((setting.stage, variant), 0) for variant in (None, setting.variant))


def _better(known: Situation, stays: Configuration, lost: Lost) -> Configuration:
    """Return the better of *stays* and the best without the variants that crash, if there is one."""
    pipeline = known.pipeline
    problem = Problem.of(
        pipeline,
        known.forecast.upper_rps + backlog_rps(pipeline, known.observation, known.running),
        margins=known.margins,
        belief=known.belief,
        running=known.running,
        excluded=tuple(VariantName(stage=s, variant=v) for s, v in lost if v is not None),
    )
    match solve(problem):
        case Optimum(configuration=other):
            return max(stays, _topped_up(other, lost), key=lambda c: _worth(problem, c))
        case Infeasible():
            return stays


def _worth(problem: Problem, configuration: Configuration) -> float:
    """Return what an episode of *configuration* is expected to score; least of all if that is unknown."""
    expected = predict(problem, configuration)
    if expected.accuracy is None:
        return -math.inf
    return problem.objective.score(effective_accuracy=expected.accuracy, mean_cores=expected.cores)


def _known(figure: float, since_s: float) -> Evidence:
    return Evidence(statement="known to the oracle", low=figure, high=figure, since_s=since_s)
