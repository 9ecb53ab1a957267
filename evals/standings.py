"""From episodes to judgements: in every cell each policy's figures, its regret, and how it stands to ours.

Regret is paired: the oracle's score minus the policy's on the same arrivals; relative regret is its mean as a
share of the size of the oracle's mean score in that cell. The oracle has perfect foresight of the load and
suffers cold starts like everyone; it is a limit in practice, not by proof (it plans without feedback; that of
the drift suite decides interval by interval), so that a regret below 0 can happen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from evals.frames import Results, Row
from evals.stats import Comparison, Estimate, Outcome, compare, estimate, holm, ratio

ORACLE = "oracle"
"""Label of the oracle with cold starts, and how the labels of all others that know the future begin."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who plays what in a suite."""

    ours: str
    """Everybody is compared with it."""
    oracle: str = ORACLE
    kin: tuple[str, ...] = ()
    """How the labels of other versions of ours begin (ablations, planners): they are no rivals."""

    def is_rival(self, policy: str) -> bool:
        """Say whether a policy is somebody else's, and plays fair."""
        return policy != self.ours and not policy.startswith((ORACLE, *self.kin))


SIGNIFICANT = 0.05
"""A corrected p below this is called significant."""

ROLES: Mapping[str, Roles] = {
    "drift": Roles(ours="rules", kin=("ilp", "llm")),
}
COMMON = Roles(ours="ilp", kin=("ilp", "rules", "llm"))
"""Of every other suite: ours is the exact optimizer with its own forecaster."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One policy in one cell. A figure is None where no episode has it."""

    policy: str
    episodes: int
    attainment: Estimate | None
    effective_accuracy: Estimate | None
    mean_cores: Estimate
    score: Estimate | None
    unscored: int
    """Episodes in which nothing was served: they have no score, and the mean of the rest flatters."""
    regret: Estimate | None
    relative_regret: Estimate | None
    decision_s: Estimate | None
    switches: Estimate
    versus: Comparison | None
    """Ours minus this one: a win is ours. None for ours itself."""
    p: float | None
    """Of that comparison, corrected for the number of policies in the cell without foresight."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario with everybody in it, best mean score first."""

    scenario: str
    suite: str
    group: str
    slo_s: float
    """Of the lowest seed, whose episodes are kept second by second."""
    slos_s: tuple[float, ...]
    """All there are, ascending: more than one where every seed draws its pipeline, as in the drift suite."""
    seeds: tuple[int, ...]
    roles: Roles
    standings: tuple[Standing, ...]

    @property
    def title(self) -> str:
        """What tells it from others of its group."""
        return " ".join(part for part in self.scenario.split("/") if part != self.group) or self.scenario

    def find(self, policy: str) -> Standing | None:
        """Return the standing of a policy, if it took part."""
        return next((s for s in self.standings if s.policy == policy), None)

    @property
    def rivals(self) -> tuple[Standing, ...]:
        """Return all policies but ours, its kin, and those with foresight, best first."""
        return tuple(s for s in self.standings if self.roles.is_rival(s.policy))


@dataclass(frozen=True, slots=True)
class Record:
    """How ours fared against one policy over all cells that have both."""

    policy: str
    wins: int
    ties: int
    losses: int
    significant: int
    """Wins with a corrected p below 0.05."""
    relative_regret: float | None
    """Mean over the cells of what that policy regrets."""
    mean_place: float
    """Mean rank by mean score in a cell; 1 is best."""
    best: int
    """Cells in which no policy without foresight has a better mean score."""

    @property
    def cells(self) -> int:
        """Number of cells that were compared."""
        return self.wins + self.ties + self.losses


def cells(results: Results) -> tuple[Cell, ...]:
    """Return every scenario's judgement, in the order of their names."""
    grouped = groupby(results.rows, key=lambda row: row.scenario)
    return tuple(_cell(scenario, tuple(rows)) for scenario, rows in grouped)


def records(judged: Sequence[Cell]) -> tuple[Record, ...]:
    """Return how ours fared against each policy, the one that regrets least first."""
    policies = sorted({s.policy for cell in judged for s in cell.standings})
    found = [_record(policy, judged) for policy in policies]
    return tuple(sorted(found, key=lambda r: (_or_last(r.relative_regret), r.policy)))


def mean_relative_regret(policy: str, judged: Sequence[Cell]) -> float | None:
    """Return the mean over the cells that have one; None where none has."""
    standings = [cell.find(policy) for cell in judged]
    shares = [s.relative_regret.mean for s in standings if s is not None and s.relative_regret is not None]
    return sum(shares) / len(shares) if shares else None


def _record(policy: str, judged: Sequence[Cell]) -> Record:
    compared = [s for cell in judged if (s := cell.find(policy)) and s.versus]
    places = [place for cell in judged if (place := _place(policy, cell))]
    outcomes = Counter[Outcome](s.versus.outcome for s in compared if s.versus)
    return Record(
        policy,
        wins=outcomes["win"],
        ties=outcomes["tie"],
        losses=outcomes["loss"],
        significant=sum(_is_significant_win(s) for s in compared),
        relative_regret=mean_relative_regret(policy, judged),
        mean_place=sum(places) / len(places),
        best=sum(bool(fair) and fair[0] == policy for fair in map(_fair, judged)),
    )


def _place(policy: str, cell: Cell) -> int | None:
    order = [s.policy for s in cell.standings]
    return order.index(policy) + 1 if policy in order else None


def _fair(cell: Cell) -> list[str]:
    """Return the policies without foresight, best mean score first."""
    return [s.policy for s in cell.standings if not s.policy.startswith(ORACLE)]


def _is_significant_win(standing: Standing) -> bool:
    won = standing.versus is not None and standing.versus.outcome == "win"
    return won and standing.p is not None and standing.p < SIGNIFICANT


def _cell(scenario: str, rows: Sequence[Row]) -> Cell:
    first = rows[0]
    by_policy = {policy: tuple(of) for policy, of in groupby(rows, key=lambda row: row.policy)}
    roles = ROLES.get(first.suite, COMMON)
    ours, oracle = by_policy.get(roles.ours, ()), by_policy.get(roles.oracle, ())
    standings = _corrected([_standing(of, ours, oracle) for of in by_policy.values()])
    return Cell(
        scenario=scenario,
        suite=first.suite,
        group=first.group,
        slo_s=min(rows, key=lambda row: row.seed).slo_s,
        slos_s=tuple(sorted({row.slo_s for row in rows})),
        seeds=tuple(sorted({row.seed for row in rows})),
        roles=roles,
        standings=tuple(sorted(standings, key=lambda s: (_or_last(_cost(s)), s.policy))),
    )


def _standing(rows: Sequence[Row], ours: Sequence[Row], oracle: Sequence[Row]) -> Standing:
    policy = rows[0].policy
    best, own = _paired_scores(oracle, rows)
    mine, theirs = _paired_scores(ours, rows)
    regrets = [b - o for b, o in zip(best, own, strict=True)]
    is_ours = bool(ours) and ours[0].policy == policy
    return Standing(
        policy=policy,
        episodes=len(rows),
        attainment=_mean(rows, lambda row: row.slo_attainment),
        effective_accuracy=_mean(rows, lambda row: row.effective_accuracy),
        mean_cores=estimate([row.mean_cores for row in rows]),
        score=_mean(rows, lambda row: row.score),
        unscored=sum(row.score is None for row in rows),
        regret=estimate(regrets) if regrets else None,
        relative_regret=ratio(regrets, best) if regrets else None,
        decision_s=_mean(rows, lambda row: row.decision_mean_s),
        switches=estimate([row.switches for row in rows]),
        versus=None if is_ours or not mine else compare(mine, theirs),
        p=None,
    )


def _paired_scores(first: Sequence[Row], second: Sequence[Row]) -> tuple[list[float], list[float]]:
    """Return the scores of both on the seeds where both have one."""
    scores = {row.seed: row.score for row in first if row.score is not None}
    shared = [row for row in second if row.score is not None and row.seed in scores]
    return [scores[row.seed] for row in shared], [row.score for row in shared if row.score is not None]


def _mean(rows: Sequence[Row], figure: Callable[[Row], float | None]) -> Estimate | None:
    known = [value for row in rows if (value := figure(row)) is not None]
    return estimate(known) if known else None


def _corrected(standings: Sequence[Standing]) -> Iterator[Standing]:
    asked = {s.policy: s.versus.p for s in standings if s.versus and not s.policy.startswith(ORACLE)}
    corrected = dict(zip(asked, holm(list(asked.values())), strict=True))
    for standing in standings:
        yield replace(standing, p=corrected.get(standing.policy))


def _cost(standing: Standing) -> float | None:
    return None if standing.score is None else -standing.score.mean


def _or_last(value: float | None) -> float:
    return float("inf") if value is None else value
