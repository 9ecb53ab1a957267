"""What the suites must show, each bar with what was measured and the cells that show it.

Words: ours *beats* a policy in a cell where the 95 % interval of the paired difference of scores lies above
0, and *equals* it where that interval holds 0; one seed has no interval, and says neither. A bar about so
many cells is not met by a run that has fewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evals.drift.bars import bars as drift_bars
from evals.frames import Results, Row
from evals.standings import Cell, Standing, mean_relative_regret
from evals.tables import NONE, VERDICTS, share, spread

IPA = "ipa"
"""How the labels of IPA begin, with whichever predictor."""
PAPER_CELLS = 20
LEAST_BEATEN = 18
LEAST_ATTAINMENT = 0.99
MOST_REGRET = 0.05
PAPER_SEEDS, PAPER_CORES = 10, 2
MOST_PAPER_S = 600.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing an evaluation must show."""

    key: str
    """As it is cited."""
    title: str
    demand: str
    measured: str
    met: bool | None
    """None where this run cannot say."""
    head: tuple[str, ...] = ()
    evidence: tuple[tuple[str, ...], ...] = ()
    """Rows of a table; the first column names the cell."""


def bars_of(results: Results, cells: Sequence[Cell]) -> tuple[Bar, ...]:
    """Return the bars of a suite; a suite without bars has none.

    Raises:
        UsageError: an episode of the drift suite is missing that another must be compared with.
        InvalidDocument: an episode says it is of the drift suite, and is not.
    """
    match results.suites:
        case ("paper",):
            return (
                against_ipa(cells),
                against_others(cells),
                attainment(cells),
                regret(cells),
                duration(results.rows, cells),
            )
        case ("drift",):
            return tuple(_drift(results.rows))
    return ()


def against_ipa(cells: Sequence[Cell]) -> Bar:
    """Judge: beats or equals IPA in every cell."""
    found = [(cell, s) for cell in cells for s in cell.rivals if s.policy.startswith(IPA) and s.versus]
    outcomes = [s.versus.outcome for _, s in found if s.versus]
    covered = {cell.scenario for cell, _ in found}
    tally = ", ".join(f"{VERDICTS[o]} {outcomes.count(o)}" for o in ("win", "tie", "loss"))
    return Bar(
        key="P1",
        title="Score against IPA",
        demand=f"beats or equals IPA in score in all {PAPER_CELLS} cells",
        measured=f"{tally}; {len(covered)} cells",
        met=("loss" not in outcomes and len(covered) >= PAPER_CELLS) if _can_lose(cells) else None,
        head=("cell", "against", "ours minus theirs", ""),
        evidence=tuple(_difference(cell, s) for cell, s in found),
    )


def against_others(cells: Sequence[Cell]) -> Bar:
    """Judge: each other baseline is beaten in enough cells; in how many all are at once is said as well."""
    others = {cell.scenario: [s for s in cell.rivals if not s.policy.startswith(IPA)] for cell in cells}
    unbeaten = {name: [s.policy for s in of if not _beaten(s)] for name, of in others.items()}
    clean = [name for name, left in unbeaten.items() if others[name] and not left]
    policies = sorted({s.policy for of in others.values() for s in of})
    beaten_in = {p: sum(_beaten(s) for of in others.values() for s in of if s.policy == p) for p in policies}
    hardest = min(beaten_in, key=lambda p: beaten_in[p], default=NONE)
    fewest = beaten_in.get(hardest, 0)
    best = [name for name, of in others.items() if of and all(_is_ahead(s) for s in of)]
    return Bar(
        key="P2",
        title="Score against every other baseline",
        demand=f"beats every other baseline in at least {LEAST_BEATEN} cells",
        measured=(
            f"each in at least {fewest} of {len(cells)} ({hardest}); all at once in {len(clean)}, "
            f"with the best mean score of all in {len(best)}"
        ),
        met=fewest >= LEAST_BEATEN if _can_lose(cells) else None,
        head=("cell", "baselines", "not beaten"),
        evidence=tuple(
            (cell.scenario, str(len(others[cell.scenario])), ", ".join(unbeaten[cell.scenario]) or "none")
            for cell in cells
        ),
    )


def attainment(cells: Sequence[Cell]) -> Bar:
    """Judge: the SLO is attained wherever the oracle attains it."""
    asked = [(c, mine) for c in cells if _attains(c.find(c.roles.oracle)) and (mine := c.find(c.roles.ours))]
    short = [cell.scenario for cell, mine in asked if not _attains(mine)]
    return Bar(
        key="P3",
        title="SLO attainment",
        demand=f"SLO attainment at least {LEAST_ATTAINMENT:.0%} in every cell where the oracle reaches it",
        measured=f"in {len(asked) - len(short)} of {len(asked)} such cells",
        met=not short if asked else None,
        head=("cell", "ours", "oracle"),
        evidence=tuple(
            (cell.scenario, *(_attainment(cell.find(p)) for p in (cell.roles.ours, cell.roles.oracle)))
            for cell in cells
        ),
    )


def regret(cells: Sequence[Cell]) -> Bar:
    """Judge: the mean regret against the oracle that suffers cold starts."""
    ours = cells[0].roles.ours
    mean = mean_relative_regret(ours, cells)
    found = [(cell, cell.find(ours)) for cell in cells]
    return Bar(
        key="P4",
        title="Regret against the oracle",
        demand=f"mean regret against the oracle with cold starts at most {MOST_REGRET:.0%}",
        measured=f"{share(mean, 2)}, mean over {len(cells)} cells",
        met=None if mean is None else mean <= MOST_REGRET,
        head=("cell", "regret"),
        evidence=tuple((cell.scenario, _regret(standing)) for cell, standing in found),
    )


def duration(rows: Sequence[Row], cells: Sequence[Cell]) -> Bar:
    """Judge: how long the suite took, from the start of its first episode to the end of its last."""
    begun = [datetime.fromisoformat(row.started) for row in rows]
    ended = [at + timedelta(seconds=row.wall_s) for at, row in zip(begun, rows, strict=True)]
    taken_s = (max(ended) - min(begun)).total_seconds()
    seeds, cores = min(len(cell.seeds) for cell in cells), max(row.cores for row in rows)
    whole = len(cells) >= PAPER_CELLS and seeds >= PAPER_SEEDS
    comparable = cores <= PAPER_CORES and (whole or taken_s > MOST_PAPER_S)
    return Bar(
        key="P5",
        title="Time for the whole suite",
        demand=f"all cells, {PAPER_SEEDS} seeds, in under {MOST_PAPER_S:.0f} s on {PAPER_CORES} cores",
        measured=f"{taken_s:.0f} s for {len(cells)} cells with {seeds} seeds on {cores} cores",
        met=taken_s < MOST_PAPER_S if comparable else None,
    )


def _drift(rows: Sequence[Row]) -> Iterator[Bar]:
    """Yield the suite's own bars."""
    for bar in drift_bars(rows):
        yield Bar(
            key=bar.key,
            title=bar.title,
            demand=f"{bar.name}: at most {bar.most:g}",
            measured=f"{bar.value:.4g}",
            met=bar.met,
        )


def _difference(cell: Cell, standing: Standing) -> tuple[str, ...]:
    if standing.versus is None:
        return cell.scenario, standing.policy, NONE, NONE
    difference = spread(standing.versus.difference, "{:+.4g}".format)
    return cell.scenario, standing.policy, difference, VERDICTS[standing.versus.outcome]


def _can_lose(cells: Sequence[Cell]) -> bool:
    """Say whether every comparison with a rival has an interval."""
    compared = [s.versus for cell in cells for s in cell.rivals if s.versus]
    return all(versus.difference.low is not None for versus in compared)


def _beaten(standing: Standing) -> bool:
    return standing.versus is not None and standing.versus.outcome == "win"


def _is_ahead(standing: Standing) -> bool:
    """Say whether ours has the better mean score, paired by seed."""
    return standing.versus is not None and standing.versus.difference.mean > 0


def _attains(standing: Standing | None) -> bool:
    of = None if standing is None else standing.attainment
    return of is not None and of.mean >= LEAST_ATTAINMENT


def _attainment(standing: Standing | None) -> str:
    return spread(standing.attainment if standing else None, lambda value: share(value, 2))


def _regret(standing: Standing | None) -> str:
    return spread(standing.relative_regret if standing else None, lambda value: share(value, 2))
