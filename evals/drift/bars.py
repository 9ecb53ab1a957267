"""What the drift suite must show, from the rows of its episodes.

    loss          the oracle's score minus the policy's, on the same requests
    wrong         where something is wrong the rules agent loses at most `MOST_SHARE` of what the optimizer on
                  the stale profile loses: the mean loss over families and seeds, one over the other
    steady        where nothing is wrong it scores at most `MOST_WORSE` below that optimizer, as a share of
                  the oracle's score: means over families and seeds
    false alarms  of the loop, per simulated day, over all episodes; ambiguous ones (`judging`) stand beside

The bars hold for the suite; every family's own figures stand beside them, so that a mean hides nothing. Time
to the right name is a median over happenings; one that was never named counts as longer than all others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from core.errors import UsageError
from evals.drift.families import Group, group_of
from evals.drift.judging import DAY_S
from evals.drift.rows import NamedRow, read_extra
from evals.frames import Row, distinct

OURS, STALE, ORACLE = "rules", "ilp-stale", "oracle"
MOST_SHARE = 0.5
MOST_WORSE = 0.01
MOST_ALARMS = 1.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing the suite must show."""

    key: str
    """As it is cited: the same whichever others a run can judge."""
    title: str
    name: str
    value: float
    most: float

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.value <= self.most


@dataclass(frozen=True, slots=True)
class FamilyFigures:
    """One policy in one family."""

    family: str
    group: Group
    policy: str
    seeds: int
    score: float
    loss: float
    """Mean over seeds."""
    right: int
    wrong: int
    never: int
    """Happenings by how they were named."""
    after_s: float | None
    """Median time to the right name, in seconds; None where half or more were not named, or nothing was."""
    alarms_per_day: float | None
    """None for a policy that raises none."""
    ambiguous: int
    """Alarms that share their evidence with one that was right; not among the others."""


def figures(rows: Sequence[Row]) -> tuple[FamilyFigures, ...]:
    """Return every policy's figures in every family.

    Raises:
        UsageError: the oracle's episode is missing for one of the rows, or an episode served nothing.
        InvalidDocument: a row is of another suite.
    """
    oracle = _scores(rows, ORACLE)
    found = []
    for family in distinct(row.scenario for row in rows):
        for policy in distinct(row.policy for row in rows if row.scenario == family):
            mine = [row for row in rows if (row.scenario, row.policy) == (family, policy)]
            found.append(_figures(family, policy, mine, oracle))
    return tuple(found)


def bars(rows: Sequence[Row], *, ours: str = OURS) -> tuple[Bar, ...]:
    """Return how *ours* stands to what the suite must show; only bars whose policies took part.

    Raises:
        UsageError: an episode of one that took part is missing where another must be compared with it.
        InvalidDocument: a row is of another suite.
    """
    oracle, stale, mine = (_scores(rows, policy) for policy in (ORACLE, STALE, ours))
    found = []
    compared = mine if oracle and stale else {}
    wrong, steady = _of_group(compared, "wrong"), _of_group(compared, "steady")
    if wrong:
        lost = fmean(_at(oracle, k, ORACLE) - mine[k] for k in wrong)
        given = fmean(_at(oracle, k, ORACLE) - _at(stale, k, STALE) for k in wrong)
        share = lost / given if given > 0 else math.inf
        name = f"{ours} loses of what {STALE} loses where something is wrong"
        found.append(Bar("D1", "Loss under drift", name, share, MOST_SHARE))
    if steady:
        behind = fmean(_at(stale, k, STALE) - mine[k] for k in steady)
        whole = fmean(abs(_at(oracle, k, ORACLE)) for k in steady)
        name = f"{ours} below {STALE} where nothing is wrong"
        found.append(Bar("D2", "Loss where nothing drifts", name, behind / whole, MOST_WORSE))
    rate = _alarms_per_day([row for row in rows if row.policy == ours])
    if rate is not None:
        name = f"false alarms of {ours} per simulated day"
        found.append(Bar("D3", "False alarms", name, rate, MOST_ALARMS))
    return tuple(found)


Key = tuple[str, int]
"""Family and seed."""


def _figures(family: str, policy: str, mine: Sequence[Row], oracle: Mapping[Key, float]) -> FamilyFigures:
    scores = _scores(mine, policy)
    named = [n for row in mine for n in read_extra(row).named]
    return FamilyFigures(
        family=family,
        group=group_of(family),
        policy=policy,
        seeds=len(mine),
        score=fmean(scores.values()),
        loss=fmean(_at(oracle, key, ORACLE) - score for key, score in scores.items()),
        right=sum(n.naming == "right" for n in named),
        wrong=sum(n.naming == "wrong" for n in named),
        never=sum(n.naming == "never" for n in named),
        after_s=_median_s(named),
        alarms_per_day=_alarms_per_day(mine),
        ambiguous=sum(a.ambiguous for row in mine for a in read_extra(row).alarms),
    )


def _median_s(named: Sequence[NamedRow]) -> float | None:
    middle = median([math.inf if n.after_s is None else n.after_s for n in named] or [math.inf])
    return middle if math.isfinite(middle) else None


def _alarms_per_day(rows: Iterable[Row]) -> float | None:
    extras = [read_extra(row) for row in rows]
    assessed_s = math.fsum(extra.assessed_s for extra in extras)
    if not assessed_s:
        return None
    alarms = sum(not alarm.ambiguous for extra in extras for alarm in extra.alarms)
    return alarms * DAY_S / assessed_s


def _scores(rows: Iterable[Row], policy: str) -> dict[Key, float]:
    found = {}
    for row in rows:
        if row.policy != policy:
            continue
        if row.score is None:
            raise UsageError(f"{row.scenario}, {policy}, seed {row.seed}: nothing was served, so no score")
        found[row.scenario, row.seed] = row.score
    return found


def _of_group(scores: Mapping[Key, float], group: Group) -> list[Key]:
    return [key for key in scores if group_of(key[0]) == group]


def _at(scores: Mapping[Key, float], key: Key, policy: str) -> float:
    if key not in scores:
        raise UsageError(f"{key[0]}, seed {key[1]}: the episode of {policy!r} is missing; run it too")
    return scores[key]
