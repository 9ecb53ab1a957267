"""What recorded votes are worth: what was counted, beside what independent errors would promise.

Items are the ideal inputs of the stage. The binomial is the formula of the literature: every member right
with the members' mean accuracy, independently, and right the vote of more than half. It is printed to be
refuted; nothing else uses it. Members are ordered, and the best ensemble and the best single variant chosen,
on the first half of the examples; every figure is of the second half.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from statistics import fmean

from core.ensemble import FEWEST, JointVotes, VoteTable, vote
from pipelines.profiling.markdown import table as as_table


@dataclass(frozen=True, slots=True)
class Worth:
    """One ensemble on the second half of the examples: shares of items."""

    members: tuple[str, ...]
    """Most accurate first, by the first half."""
    majority: float
    binomial: float
    best_member: float
    chosen: bool
    """Whether it was the best ensemble of the first half."""


def worths(votes: VoteTable) -> list[Worth]:
    """Return what every ensemble is worth, the smallest first."""
    first, second = halves(votes)
    order = sorted(votes.alone, key=lambda name: (-_accuracy(first, (name,)), name))
    groups = [g for size in range(FEWEST, len(order) + 1) for g in combinations(order, size)]
    best = max(groups, key=lambda group: _accuracy(first, group), default=())
    return [
        Worth(
            members=group,
            majority=_accuracy(second, group),
            binomial=binomial([_accuracy(second, (name,)) for name in group]),
            best_member=_accuracy(second, group[:1]),
            chosen=group == best,
        )
        for group in groups
    ]


def halves(votes: VoteTable) -> tuple[VoteTable, VoteTable]:
    """Return the first and the second half of the examples; neighbours, which may be alike, stay together."""
    middle = len(votes.truth) // 2
    return _part(votes, slice(None, middle)), _part(votes, slice(middle, None))


def binomial(accuracies: list[float]) -> float:
    """Return the chance that more than half of as many independent voters of the mean accuracy are right."""
    n, p = len(accuracies), fmean(accuracies)
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))


def summary(votes: VoteTable) -> str:
    """Return the tables that are printed: by item alone, and end to end."""
    first, second = halves(votes)
    single = max(votes.alone, key=lambda name: _accuracy(first, (name,)))
    found = worths(votes)
    items = sum(map(len, second.case_truth))
    alone = as_table(
        [f"members (share of {items} items)", "vote", "independent binomial", "best member"],
        [
            [
                "+".join(w.members) + (" *" if w.chosen else ""),
                *(f"{share:.3f}" for share in (w.majority, w.binomial, w.best_member)),
            ]
            for w in found
        ],
    )
    joint = as_table(
        [f"end to end (share of {len(second.truth)} examples)", "members", "vote", "best member"],
        [
            [
                " + ".join(behind.others),
                "+".join(w.members) + (" *" if w.chosen else ""),
                *(f"{_joint(second, members, behind):.3f}" for members in (w.members, w.members[:1])),
            ]
            for behind in second.joint
            for w in found
        ],
    )
    best = f"best single variant of the first half: {single}, {_accuracy(second, (single,)):.3f} of the items"
    return f"{alone}\n{joint}\n{best}; * the best ensemble of the first half"


def _accuracy(votes: VoteTable, members: tuple[str, ...]) -> float:
    right = [
        vote(letters) == truth
        for *words, truths in zip(*(votes.alone[m] for m in members), votes.case_truth, strict=True)
        for *letters, truth in zip(*words, truths, strict=True)
    ]
    return fmean(right) if right else 0.0


def _joint(votes: VoteTable, members: tuple[str, ...], behind: JointVotes) -> float:
    return fmean(votes.right_jointly(members, behind.others) or [False])


def _part(votes: VoteTable, part: slice) -> VoteTable:
    return VoteTable(
        labels=votes.labels,
        case_truth=votes.case_truth[part],
        alone={name: answers[part] for name, answers in votes.alone.items()},
        truth=votes.truth[part],
        joint=tuple(
            JointVotes(others=j.others, answers={n: a[part] for n, a in j.answers.items()})
            for j in votes.joint
        ),
        provenance=votes.provenance,
    )
