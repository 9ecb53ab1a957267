"""One cell of a suite: its policies, its episodes, and some of them second by second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from evals.frames import Row
from evals.standings import Cell
from evals.tables import COLUMNS, cell_rows, slo
from ui import show
from ui.evaluations import results
from ui.evaluations.charts import MOST_OVERLAID, panels
from ui.evaluations.figures import Curve, curves, first_shown
from ui.evaluations.results import CACHED_S, Held, Stamp

TABLE_PX = 300


def draw_cell(held: Held, suite: str, cell: Cell) -> None:
    """Draw one cell."""
    order = tuple(standing.policy for standing in cell.standings)
    show.plain(f"{cell.scenario}: {slo(cell)}, {len(cell.seeds)} seeds; the best mean score first")
    single, summed = st.tabs(["Episodes", "Policies, with 95 % intervals"])
    with single:
        _episode_table(_episodes(held.folder, held.stamp, cell.scenario, order), policies_key(suite, cell))
    with summed:
        table([column.title for column in COLUMNS], cell_rows(cell))
    _second_by_second(held, suite, cell)


def policies_key(suite: str, cell: Cell) -> str:
    """Return where the session keeps which policies of a cell are drawn."""
    return f"evaluations-policies-{suite}-{cell.scenario}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a table of texts; its cells are never read as markup."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(head)
    st.dataframe(dict(zip(head, map(list, columns), strict=True)), height="auto")


@st.cache_data(ttl=CACHED_S, max_entries=8, show_spinner=False)
def _episodes(folder: Path, stamp: Stamp, scenario: str, order: tuple[str, ...]) -> tuple[Row, ...]:
    return results.episodes(folder, scenario, order)


@st.cache_data(ttl=CACHED_S, max_entries=8, show_spinner="Reading the episodes…")
def _curves(folder: Path, stamp: Stamp, scenario: str, policies: tuple[str, ...]) -> tuple[Curve, ...]:
    return curves(folder, scenario, policies)


def _episode_table(rows: Sequence[Row], key: str) -> None:
    st.caption("Tick episodes to draw their policies below.")
    table_key = f"{key}-table"

    def ticked() -> None:
        event: Any = st.session_state[table_key]
        wanted = list(dict.fromkeys(rows[k].policy for k in event["selection"]["rows"] if k < len(rows)))
        if wanted:
            st.session_state[key] = wanted[:MOST_OVERLAID]

    st.dataframe(
        {
            "policy": [row.policy for row in rows],
            "seed": [row.seed for row in rows],
            "score": [row.score for row in rows],
            "SLO attainment": [row.slo_attainment for row in rows],
            "effective accuracy": [row.effective_accuracy for row in rows],
            "mean cores": [row.mean_cores for row in rows],
            "switches": [row.switches for row in rows],
            "requests": [row.requests for row in rows],
            "dropped": [row.dropped for row in rows],
        },
        column_config={
            "score": st.column_config.NumberColumn(format="%.4g"),
            "SLO attainment": st.column_config.NumberColumn(format="percent"),
            "effective accuracy": st.column_config.NumberColumn(format="%.4f"),
            "mean cores": st.column_config.NumberColumn(format="%.2f"),
        },
        height=TABLE_PX,
        placeholder="–",
        key=table_key,
        on_select=ticked,
        selection_mode="multi-row",
    )


def _second_by_second(held: Held, suite: str, cell: Cell) -> None:
    st.subheader("Second by second", anchor=False)
    if held.series is None:
        show.plain("This run kept no episode second by second; run the suite again with this version.")
        return
    key = policies_key(suite, cell)
    if key not in st.session_state:
        st.session_state[key] = first_shown(cell)
    policies = st.multiselect(
        f"Policies, at most {MOST_OVERLAID}",
        [standing.policy for standing in cell.standings],
        key=key,
        max_selections=MOST_OVERLAID,
    )
    if not policies:
        show.plain("Choose a policy.")
        return
    drawn = _curves(held.folder, held.series, cell.scenario, tuple(policies))
    for line in _caveats(cell, policies, drawn):
        show.plain(line)
    if drawn:
        for k, chart in enumerate(panels(drawn, cell.slo_s)):
            st.altair_chart(chart, key=f"evaluations-panel-{k}")


def _caveats(cell: Cell, policies: Sequence[str], drawn: Sequence[Curve]) -> Iterator[str]:
    """Yield what must be known to read the panels."""
    without = [policy for policy in policies if policy not in {curve.policy for curve in drawn}]
    if without:
        yield f"No episode of {', '.join(without)} was kept second by second."
    if drawn:
        yield (
            f"Of the lowest seed, {cell.seeds[0]}, which is kept second by second. A point stands for "
            f"{drawn[0].width_s:g} s: the mean of requests and cores, the sum of what was missed, the worst "
            "latency and queue."
        )
