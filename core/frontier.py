"""Every trade-off of accuracy against cores that nothing beats, at one load: label setting in numpy.

Stages are taken in topological order. A *label* stands for choices made so far: accuracy, cores, and
for each stage that others still wait for its finish time and the load it sends. One label makes
another superfluous if it is at least as accurate, uses no more cores and finishes no later
everywhere, provided both send the same loads on (and, with a joint table, chose the same variants): every
completion of the second is then open to the first. So no optimum is lost, and after the last
stage the labels left are the frontier. Exact by the same argument as dynamic programming; no formula
is linearised, which makes it an independent check of the integer programme.

Finish times below what could ever break the SLO are raised to that value, so that they compare equal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from core.configuration import Configuration
from core.dominance import survivors, undominated
from core.joint import joint_rows
from core.objective import Limits, Objective
from core.options import Floats, Ints, StageOptions, all_options, within_reach
from core.problem import TOLERANCE, Problem


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One trade-off."""

    configuration: Configuration
    accuracy: float
    cores: float
    latency_s: float


@dataclass(frozen=True, slots=True)
class _Labels:
    """Choices so far, one label a row."""

    accuracy: Floats
    cores: Floats
    finish_s: Floats
    """[labels, stages done]; only the columns of open stages matter."""
    sent_rps: Floats
    """[labels, stages done] items per second sent along an edge of fan-out 1."""
    picks: Ints
    """[labels, stages done] chosen option of each stage."""

    def take(self, rows: Ints) -> _Labels:
        return _Labels(*(getattr(self, field.name)[rows] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.accuracy)


def frontier(problem: Problem) -> tuple[FrontierPoint, ...]:
    """Return the accuracy/cores trade-offs that nothing beats, cheapest first; empty if infeasible.

    All limits of the problem hold; its objective is not used, but for an accuracy floor.

    Raises:
        UsageError: as `core.options.all_options`.
    """
    plain = _plain(problem)
    stages = undominated(plain, within_reach(plain, all_options(plain)))
    if any(len(s.options) == 0 for s in stages):
        return ()
    labels = _Labels(
        np.ones(1) if problem.pipeline.accuracy == "product" else np.zeros(1),
        np.zeros(1),
        *(np.zeros((1, 0)), np.zeros((1, 0)), np.zeros((1, 0), dtype=np.int64)),
    )
    for k in range(len(stages)):
        labels = _reduced(problem, stages, k, _extended(problem, stages, k, labels))
    return _points(problem, stages, labels)


def _plain(problem: Problem) -> Problem:
    """Return the problem in which only accuracy, cores and latency tell options apart."""
    return problem.replaced(
        objective=Objective(maximise="accuracy"),
        limits=Limits(max_cores=problem.max_cores),
        running=None,
    )


def _extended(problem: Problem, stages: Sequence[StageOptions], k: int, labels: _Labels) -> _Labels:
    """Return every label followed by every option of stage *k* that fits it."""
    s = stages[k]
    options = s.options
    label, option = _pairs(stages, k, labels)
    above = [_index(stages, edge.stage) for edge in s.stage.after]
    start_s = labels.finish_s[:, above].max(axis=1) if above else np.zeros(len(labels))
    finish_s = start_s[label] + options.latency_s[option]
    accuracy = labels.accuracy[label]
    if problem.pipeline.accuracy == "product":
        accuracy = accuracy * options.accuracy[option]
    else:
        accuracy = accuracy + options.accuracy[option]
    cores = labels.cores[label] + options.cores[option]
    sent_rps = s.levels_rps[options.level[option]] * options.fan_out[option]
    keep = finish_s + _rest_s(stages)[k][0] <= problem.pipeline.slo.latency_s * (1 + TOLERANCE)
    if problem.max_cores is not None:
        rest = sum(float(later.options.cores.min()) for later in stages[k + 1 :])
        keep &= cores + rest <= problem.max_cores * (1 + TOLERANCE)
    rows = np.flatnonzero(keep)
    label, option = label[rows], option[rows]
    return _Labels(
        accuracy[rows],
        cores[rows],
        np.column_stack([labels.finish_s[label], finish_s[rows]]),
        np.column_stack([labels.sent_rps[label], sent_rps[rows]]),
        np.column_stack([labels.picks[label], option]),
    )


def _pairs(stages: Sequence[StageOptions], k: int, labels: _Labels) -> tuple[Ints, Ints]:
    """Return the rows of labels and of options that go together: those of the load that arrives."""
    s = stages[k]
    label = np.repeat(np.arange(len(labels)), len(s.options))
    option = np.tile(np.arange(len(s.options)), len(labels))
    if len(s.levels_rps) == 1:
        return label, option
    arriving = np.max(
        [labels.sent_rps[:, _index(stages, e.stage)] * e.fan_out for e in s.stage.after], axis=0
    )
    level = np.abs(arriving[:, None] - s.levels_rps).argmin(axis=1)
    fits = s.options.level[option] == level[label]
    return label[fits], option[fits]


def _reduced(problem: Problem, stages: Sequence[StageOptions], k: int, labels: _Labels) -> _Labels:
    """Drop the labels that another makes superfluous."""
    open_stages = _open(problem, stages, k)
    finish_s = [np.maximum(labels.finish_s[:, p], _harmless_s(problem, stages, p)) for p in open_stages]
    groups = [labels.sent_rps[:, p] for p in open_stages if _sends_differ(stages[p])]
    if problem.pipeline.accuracy == "measured":
        chosen = [stages[p].options.variant[labels.picks[:, p]] for p in range(k + 1)]
        groups += [variant.astype(float) for variant in chosen]
    order = np.zeros(len(labels), dtype=np.int64)
    if groups and len(labels):
        order = np.unique(np.column_stack(groups), axis=0, return_inverse=True)[1].reshape(-1)
    accuracy = labels.accuracy if problem.pipeline.accuracy != "measured" else np.zeros(len(labels))
    kept = []
    for group in np.unique(order):
        rows = np.flatnonzero(order == group)
        kept.append(rows[_pareto(accuracy[rows], labels.cores[rows], [f[rows] for f in finish_s])])
    return labels.take(np.concatenate(kept) if kept else np.arange(0))


def _sends_differ(s: StageOptions) -> bool:
    return len(np.unique(s.levels_rps[s.options.level] * s.options.fan_out)) > 1


def _open(problem: Problem, stages: Sequence[StageOptions], k: int) -> list[int]:
    """Return the stages up to *k* that a later one waits for."""
    done = {s.stage.name for s in stages[: k + 1]}
    return [
        p
        for p in range(k + 1)
        if any(n not in done for n in problem.pipeline.successors[stages[p].stage.name])
    ]


def _index(stages: Sequence[StageOptions], name: str) -> int:
    return next(k for k, s in enumerate(stages) if s.stage.name == name)


def _rest_s(stages: Sequence[StageOptions]) -> list[tuple[float, float]]:
    """Return, for each stage, the least and the most that the longest path below it may take."""
    rest = [(0.0, 0.0)] * len(stages)
    for k in reversed(range(len(stages))):
        for edge in stages[k].stage.after:
            p = _index(stages, edge.stage)
            least = rest[k][0] + float(stages[k].options.latency_s.min())
            most = rest[k][1] + float(stages[k].options.latency_s.max())
            rest[p] = (max(rest[p][0], least), max(rest[p][1], most))
    return rest


def _harmless_s(problem: Problem, stages: Sequence[StageOptions], k: int) -> float:
    """Return the finish time of stage *k* up to which no choice below can break the SLO."""
    return problem.pipeline.slo.latency_s - _rest_s(stages)[k][1]


def _pareto(accuracy: Floats, cores: Floats, finish_s: list[Floats]) -> Ints:
    """Return the rows that no other row makes superfluous."""
    if len(finish_s) > 1:
        return survivors(np.column_stack([-accuracy, cores, *finish_s]))
    late = finish_s[0] if finish_s else np.zeros(len(accuracy))
    order = np.lexsort((late, -accuracy, cores))
    return order[_staircase(accuracy[order], late[order])]


def _staircase(accuracy: Floats, late: Floats) -> Ints:
    """Return the useful rows of labels sorted by cores, then accuracy falling, then lateness.

    The *stairs* are the least lateness at each accuracy or better so far, both ascending. A label is
    superfluous if the first stair as accurate as it is no later.
    """
    stair_accuracy: list[float] = []
    stair_late: list[float] = []
    kept = []
    for row, (a, f) in enumerate(zip(accuracy.tolist(), late.tolist(), strict=True)):
        end = bisect_left(stair_accuracy, a)
        if end < len(stair_late) and stair_late[end] <= f:
            continue
        kept.append(row)
        start = bisect_left(stair_late, f, hi=end)
        same = end < len(stair_accuracy) and stair_accuracy[end] == a
        stair_accuracy[start : end + same] = [a]
        stair_late[start : end + same] = [f]
    return np.array(kept, dtype=np.int64)


def _points(problem: Problem, stages: Sequence[StageOptions], labels: _Labels) -> tuple[FrontierPoint, ...]:
    accuracy = labels.accuracy
    if problem.pipeline.accuracy == "measured":
        accuracy = _joint(problem, stages, labels)
    floor = (problem.objective.min_accuracy or 0.0) * (1 - TOLERANCE)
    known = np.flatnonzero(accuracy >= floor)
    best = known[_pareto(accuracy[known], labels.cores[known], [])]
    return tuple(
        FrontierPoint(
            Configuration(
                stages=tuple(s.setting(int(o)) for s, o in zip(stages, labels.picks[row], strict=True))
            ),
            float(accuracy[row]),
            float(labels.cores[row]),
            float(labels.finish_s[row].max()),
        )
        for row in best[np.argsort(labels.cores[best], kind="stable")]
    )


def _joint(problem: Problem, stages: Sequence[StageOptions], labels: _Labels) -> Floats:
    """Return the measured accuracy of each label; NaN where the combination was not measured."""
    table = {row.variants: row.accuracy for row in joint_rows(problem, stages)}
    variants = [s.options.variant[labels.picks[:, k]] for k, s in enumerate(stages)]
    return np.array([table.get(names, np.nan) for names in zip(*(v.tolist() for v in variants), strict=True)])
