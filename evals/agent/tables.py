"""The tables of the `agent` suite: a line for each planner, and one for each kind of situation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.errors import TrimtabError, UsageError
from evals.agent.judged import Judged
from evals.agent.summary import Summary, mean, percent

COLUMNS = (
    "planner",
    "decisions",
    "agrees with the optimum",
    "mean regret",
    "worst regret",
    "feasible at first",
    "revisions",
    "fallbacks",
    "cause right",
    "wrong",
    "none",
    "ready for an event",
    "tokens in",
    "out",
    "cost",
    "seconds",
)


def summarised(rows: Sequence[Judged]) -> Summary:
    """Return the table over rows of `decisions.parquet`, a line for each planner.

    Raises:
        TrimtabError: there are none.
        UsageError: a model was asked, and its endpoint never answered.
    """
    if not rows:
        raise TrimtabError("the agent suite judged 0 decisions: that is a failure, not a result")
    labels = tuple(dict.fromkeys(row.planner for row in rows))
    for label in labels:
        _reached(label, [row for row in rows if row.planner == label])
    return Summary(
        title="Planners, decision by decision",
        columns=COLUMNS,
        rows=tuple(_line(label, [row for row in rows if row.planner == label]) for label in labels),
        notes=tuple(_notes(rows)),
    )


def by_kind(rows: Sequence[Judged]) -> Summary:
    """Return whether the right cause was named, a line for each kind of situation.

    Raises:
        TrimtabError: there are no rows.
    """
    if not rows:
        raise TrimtabError("the agent suite judged 0 decisions: that is a failure, not a result")
    labels = tuple(dict.fromkeys(row.planner for row in rows))
    kinds = tuple(dict.fromkeys(row.kind for row in rows))
    lines = []
    for kind in kinds:
        of_kind = [row for row in rows if row.kind == kind]
        first = [row for row in of_kind if row.planner == labels[0]]
        shown = percent(sum(_shown(row) for row in first), len(first))
        named = (_named([row for row in of_kind if row.planner == label]) for label in labels)
        lines.append((kind, shown, *named))
    return Summary(
        title="The right cause, by what was injected",
        columns=("injected", "shown to the planner", *labels),
        rows=tuple(lines),
        notes=("Shown: the assessment or the calendar has it; a planner cannot know what they do not say.",),
    )


def _reached(label: str, rows: Sequence[Judged]) -> None:
    if rows and not any(row.answered for row in rows):
        why = next((row.fell_back for row in rows if row.fell_back), "no answer")
        raise UsageError(f"planner {label!r}: the endpoint never answered ({why}); correct it and run again")


def _line(label: str, rows: Sequence[Judged]) -> tuple[str, ...]:
    bound = [row for row in rows if row.agrees is not None]
    shares = [100 * row.regret_share for row in rows if row.regret_share is not None]
    first = [row for row in rows if row.feasible_first is not None]
    events = [row for row in rows if row.ready is not None]
    return (
        label,
        str(len(rows)),
        percent(sum(bool(row.agrees) for row in bound), len(bound)),
        mean(shares, " %", digits=2),
        f"{max(shares):.2f} %" if shares else "-",
        percent(sum(bool(row.feasible_first) for row in first), len(first)),
        str(sum(row.revisions for row in rows)),
        str(sum(bool(row.fell_back) or row.overruled for row in rows)),
        _named(rows),
        str(sum(row.attribution == "wrong" for row in rows)),
        str(sum(row.attribution == "none" for row in rows)),
        percent(sum(bool(row.ready) for row in events), len(events)),
        mean([row.input_tokens for row in rows], "", digits=0),
        mean([row.output_tokens for row in rows], "", digits=0),
        _cost(rows),
        mean([row.seconds for row in rows], " s", digits=3),
    )


def _cost(rows: Sequence[Judged]) -> str:
    """Return what all decisions cost; unknown where the price of one is."""
    if any(row.usd is None for row in rows):
        return "unknown"
    return f"{sum(row.usd or 0.0 for row in rows):.4f} USD"


def _named(rows: Sequence[Judged]) -> str:
    return percent(sum(row.attribution == "right" for row in rows), len(rows))


def _shown(row: Judged) -> bool:
    """Say whether the planner could know the cause."""
    known = {*row.found, "none", *(("announced event",) if row.ready is not None else ())}
    return bool(known & set(row.injected))


def _notes(rows: Sequence[Judged]) -> Iterator[str]:
    situations = len({row.situation for row in rows})
    yield f"{situations} situations; regret is what would run against the exact optimum, checks included."
    yield "Tokens and seconds are means, cost is the sum; to be ready for an event costs regret."
    commits = sorted({row.git for row in rows})
    if len(commits) > 1:
        yield f"The rows come from {len(commits)} commits: {', '.join(commits)}."
