"""Ensembles as variants: several variants of a stage answer the same items, and their vote is the answer.

    accuracy    of the profile's best member + (share right by vote - share right of that member), both shares
                counted on the same recorded examples; kept within [0, 1]
    latency     at a batch: the largest of its members', which run side by side; the median likewise
    throughput  the smallest of its members'
    cores       the sum            load time   the largest

The vote is by plurality; among labels with equally many votes the one of the most accurate voter wins, so
that two voters always answer as the better of them: ensembles start at three. What a vote is right about is
counted example by example, never computed from the members' accuracies: their errors are not independent.

Where the pipeline has a joint accuracy table it gets a row for each ensemble in place of its best member,
moved by the vote's gain on the whole pipeline where joint votes were recorded; where not, scaled by its gain
on the stage alone, as if errors of stages were independent.

Assumptions: voting takes no time; the slowest of several replicas is no slower than the slowest model's own
quantile (a little optimistic); an ensemble of n members is scaled as one; what it sends on is one label, so
its fan-out is that of its best member.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Self

from pydantic import Field, model_validator

from core.errors import UsageError
from core.pipeline import MeasuredAccuracy, Measurement, Pipeline, Stage, Variant
from core.values import Frozen, Name

SEPARATOR = "+"
"""Between the members in an ensemble's name."""
FEWEST = 3
"""Voters whose vote can differ from the answer of the best of them."""
NOTHING = "-"
"""The letter for an item that a variant gave no label."""

Answers = tuple[str | None, ...]
"""By example: a letter for each item; None where an item before could not be served."""


class JointVotes(Frozen):
    """What each variant answered behind one choice of variants for the other stages."""

    others: tuple[Name, ...]
    """The variants of the other stages, in stage order."""
    answers: Mapping[Name, Answers]


class VoteTable(Frozen):
    """What every variant of a stage answered on the same examples: one letter stands for one label."""

    labels: Mapping[str, str]
    """Label by letter."""
    case_truth: tuple[str, ...]
    """By example: the right letter of each ideal input of the stage."""
    alone: Mapping[Name, tuple[str, ...]]
    """By variant: its letters for those inputs."""
    truth: tuple[str, ...]
    """By example: the letters of the pipeline's right answer; their order says nothing."""
    joint: tuple[JointVotes, ...] = ()
    """What came out of the whole pipeline."""
    provenance: Mapping[str, str | int | float] = Field(default_factory=dict)
    """Where the votes come from: machine, date, command."""

    @model_validator(mode="after")
    def _same_examples(self) -> Self:
        if not self.case_truth or len(self.case_truth) != len(self.truth):
            raise ValueError("'truth' and 'case_truth' must hold the same examples, one at least")
        if not self.alone:
            raise ValueError("'alone' names no variant; give the answers of each")
        for name, answers in self.alone.items():
            if list(map(len, answers)) != list(map(len, self.case_truth)):
                raise ValueError(f"variant {name!r} must have one letter for each case")
        for votes in self.joint:
            self._refuse_uneven(votes)
        return self

    def _refuse_uneven(self, votes: JointVotes) -> None:
        if votes.answers.keys() != self.alone.keys():
            raise ValueError(f"behind {', '.join(votes.others)}: give the answers of every variant")
        sizes = {tuple(None if a is None else len(a) for a in given) for given in votes.answers.values()}
        if len(sizes) != 1 or len(next(iter(sizes))) != len(self.truth):
            raise ValueError(f"behind {', '.join(votes.others)}: every variant must answer the same items")

    def right_alone(self, members: Sequence[str]) -> list[bool]:
        """Say for each example whether the vote of *members*, best first, is right on all cases."""
        return [
            _voted(letters) == truth
            for *letters, truth in zip(*(self.alone[m] for m in members), self.case_truth, strict=True)
        ]

    def right_jointly(self, members: Sequence[str], others: tuple[str, ...]) -> list[bool] | None:
        """Say for each example whether the pipeline's answer is right; None where it was not recorded."""
        for votes in self.joint:
            if votes.others == others:
                given = zip(*(votes.answers[m] for m in members), self.truth, strict=True)
                return [_answered(letters, truth) for *letters, truth in given]
        return None

    def gain_alone(self, members: Sequence[str]) -> float:
        """Return how much more often the vote of *members* is right than the first of them alone."""
        return _difference(self.right_alone(members), self.right_alone(members[:1]))

    def gain_jointly(self, members: Sequence[str], others: tuple[str, ...]) -> float | None:
        """Return that of the whole pipeline's answers; None where they were not recorded."""
        by_vote, by_best = self.right_jointly(members, others), self.right_jointly(members[:1], others)
        return None if by_vote is None or by_best is None else _difference(by_vote, by_best)


def with_ensembles(pipeline: Pipeline, votes: Mapping[str, VoteTable]) -> Pipeline:
    """Return the pipeline with every ensemble of three or more voters as a variant of its stage.

    Raises:
        UsageError: votes are of a stage or variant that the pipeline has not.
    """
    for name, table in votes.items():
        pipeline = _with_stage(pipeline, pipeline.stage(name), table)
    return pipeline


def ensemble_of(members: Sequence[str]) -> str:
    """Return the name of the variant that is the vote of *members*, best first."""
    return SEPARATOR.join(members)


def members_of(stage: Stage, variant: str) -> tuple[str, ...]:
    """Return the voters of an ensemble, best first; of any other variant itself.

    Raises:
        UsageError: the stage has no such variant.
    """
    stage.variant(variant)
    parts = tuple(variant.split(SEPARATOR))
    is_vote = len(parts) >= FEWEST and all(part in stage.by_name for part in parts)
    return parts if is_vote else (variant,)


def single_variants(stage: Stage) -> list[Variant]:
    """Return the variants that are no ensembles, most accurate first; among equals by name."""
    alone = [v for v in stage.variants if len(members_of(stage, v.name)) == 1]
    return sorted(alone, key=lambda v: (-v.accuracy, v.name))


def vote(labels: Sequence[str]) -> str:
    """Return the label with most votes; among equals the one of the first voter."""
    counts = Counter(labels)
    return max(counts, key=lambda label: counts[label])


def _voted(letters: Sequence[str]) -> str:
    return "".join(vote(given) for given in zip(*letters, strict=True))


def _difference(right: Sequence[bool], other: Sequence[bool]) -> float:
    return (sum(right) - sum(other)) / len(right)


def _answered(letters: Sequence[str | None], truth: str) -> bool:
    given = [of_member for of_member in letters if of_member is not None]
    if len(given) < len(letters):
        return False
    return sorted(_voted(given).replace(NOTHING, "")) == sorted(truth)


def _with_stage(pipeline: Pipeline, stage: Stage, table: VoteTable) -> Pipeline:
    voters = sorted((stage.variant(name) for name in table.alone), key=lambda v: (-v.accuracy, v.name))
    groups = [
        group
        for size in range(FEWEST, len(voters) + 1)
        for group in combinations(voters, size)
        if _shared_batches(group)
    ]
    taken = {ensemble_of([v.name for v in group]) for group in groups} & stage.by_name.keys()
    if taken:
        raise UsageError(f"stage {stage.name!r} has a variant {min(taken)!r} already; add ensembles once")
    variants = (*stage.variants, *(_ensemble(group, table) for group in groups))
    changed = Stage.model_validate(_fields(stage) | {"variants": variants})
    rows = pipeline.accuracy_table
    if rows is not None:
        place = pipeline.stages.index(stage)
        rows = (*rows, *(row for group in groups for row in _rows(rows, group, place, table)))
    stages = tuple(changed if s.name == stage.name else s for s in pipeline.stages)
    return Pipeline.model_validate(_fields(pipeline) | {"stages": stages, "accuracy_table": rows})


def _fields(value: Frozen) -> dict[str, object]:
    return {name: getattr(value, name) for name in type(value).model_fields}


def _ensemble(members: Sequence[Variant], table: VoteTable) -> Variant:
    return Variant(
        name=ensemble_of([m.name for m in members]),
        accuracy=_accuracy(members, table),
        cores=sum(m.cores for m in members),
        load_time_s=max(m.load_time_s for m in members),
        fan_out=members[0].fan_out,
        profile=tuple(_side_by_side(members, batch) for batch in _shared_batches(members)),
    )


def _shared_batches(members: Sequence[Variant]) -> list[int]:
    return [batch for batch in members[0].points if all(batch in m.points for m in members)]


def _side_by_side(members: Sequence[Variant], batch: int) -> Measurement:
    points = [m.at(batch) for m in members]
    medians_s = [p.median_s for p in points if p.median_s is not None]
    return Measurement(
        batch=batch,
        latency_s=max(p.latency_s for p in points),
        throughput=min(p.throughput_rps for p in points),
        median_s=max(medians_s) if len(medians_s) == len(points) else None,
    )


def _accuracy(members: Sequence[Variant], table: VoteTable) -> float:
    return _within(members[0].accuracy + table.gain_alone([m.name for m in members]))


def _rows(
    rows: Sequence[MeasuredAccuracy], members: Sequence[Variant], place: int, table: VoteTable
) -> list[MeasuredAccuracy]:
    """Return the row of the ensemble for each row of its best member."""
    ensemble = ensemble_of([m.name for m in members])
    found = []
    for row in rows:
        if row.variants[place] == members[0].name:
            before, after = row.variants[:place], row.variants[place + 1 :]
            accuracy = _moved(row.accuracy, members, (*before, *after), table)
            found.append(MeasuredAccuracy(variants=(*before, ensemble, *after), accuracy=accuracy))
    return found


def _moved(accuracy: float, members: Sequence[Variant], others: tuple[str, ...], table: VoteTable) -> float:
    gain = table.gain_jointly([m.name for m in members], others)
    if gain is not None:
        return _within(accuracy + gain)
    best = members[0].accuracy
    return _within(accuracy * _accuracy(members, table) / best) if best else accuracy


def _within(accuracy: float) -> float:
    return min(max(accuracy, 0.0), 1.0)
