"""What the evaluations came to: a suite, what it must show, and its policies by cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from evals.bars import Bar
from evals.tables import RECORD_HEAD, record_rows
from ui import settings, show
from ui.evaluations import results
from ui.evaluations.charts import PICKED, heat_map
from ui.evaluations.figures import MEASURES, first_shown, squares
from ui.evaluations.onecell import draw_cell, policies_key, table
from ui.evaluations.results import CACHED_S, SHORT_COMMIT, Held, Overview, Stamp
from ui.evaluations.turns import draw_turns
from ui.show import Look
from ui.when import viewers_zone, wall

SUITE, HEAT = "evaluations-suite", "evaluations-heat"
FIRST_MEASURE = "regret"
MOST_NAMED = 3
"""Missing episodes that are named; of more there is the number."""
VERDICTS: dict[bool | None, tuple[str, Look]] = {
    True: ("met", Look("green", ":material/check_circle:")),
    False: ("not met", Look("red", ":material/cancel:")),
    None: ("not judged", Look("gray", ":material/help:")),
}


@show.guards
def page() -> None:
    """Draw the page."""
    st.title("Evaluations", anchor=False)
    shelf = results.shelf(settings.given().evals)
    for name in shelf.unfinished:
        st.info(
            f"The run in {show.label(name)} has not ended: its results come once all its episodes are done.",
            icon=":material/hourglass_top:",
        )
    if not shelf.held:
        _nothing(settings.given().evals)
        return
    held = _choose(shelf.held)
    with show.guarded():
        if held.kind == "episodes":
            _suite(held, _overview(held.folder, held.stamp))
        else:
            draw_turns(held, viewers_zone())


@st.cache_data(ttl=CACHED_S, max_entries=3, show_spinner="Reading the results…")
def _overview(folder: Path, stamp: Stamp) -> Overview:
    """Return what a folder shows; the stamp has it read again once its file has changed."""
    return results.overview(folder)


def _nothing(evals: Path) -> None:
    show.empty(
        "No results yet",
        f"There are none in {evals}, where `trimtab evaluate` writes them; --evals names another folder.",
        "The planners, decision by decision, in a few seconds:",
        "$ trimtab evaluate agent",
        "What goes wrong in operation, in a few minutes:",
        "$ trimtab evaluate drift --seeds 3",
        "Everybody on IPA's pipelines and traces, which are other people's files:",
        "$ trimtab evaluate paper --seeds 10 --data FOLDER",
    )


def _choose(held: Sequence[Held]) -> Held:
    """Let one of the suites be chosen; the newest until then."""
    zone, by_folder = viewers_zone(), {str(one.folder) + one.kind: one for one in held}
    if st.session_state.get(SUITE) not in by_folder:  # at first, and after its folder is gone
        st.session_state[SUITE] = next(iter(by_folder))
    chosen = st.segmented_control(
        "Suite, newest first",
        list(by_folder),
        format_func=lambda key: (
            f"{show.label(by_folder[key].name)} · {wall(by_folder[key].changed, zone).rpartition(':')[0]}"
        ),
        key=SUITE,
        required=True,
    )
    return by_folder[chosen or st.session_state[SUITE]]


def _suite(held: Held, seen: Overview) -> None:
    _origin(seen)
    _missing(seen)
    _bars(seen)
    names = [cell.scenario for cell in seen.cells]
    key = _cell_key(seen)
    if st.session_state.get(key) not in names:  # at first, and after other results were written
        st.session_state[key] = names[0]
    _standing(seen, st.session_state[key])
    st.subheader("One cell", anchor=False)
    chosen = st.selectbox("Cell", names, key=key)
    draw_cell(held, seen.suite, seen.cell(chosen))


def _origin(seen: Overview) -> None:
    """Say what made the figures; names of machines come from a file."""
    of = seen.origin
    commits = ", ".join(commit[:SHORT_COMMIT] for commit in of["commit"].split(", "))
    began = wall(seen.begun, viewers_zone())
    made_by = f"commit {commits} · {of['machine']}"
    show.plain(f"Begun {began} · {made_by} · seeds {of['seeds']} · {of['episodes']} episodes")


def _missing(seen: Overview) -> None:
    if not seen.missing:
        return
    named = "; ".join(
        f"{policy} in {scenario}, seed {seed}" for scenario, policy, seed in seen.missing[:MOST_NAMED]
    )
    more = " and others" if len(seen.missing) > MOST_NAMED else ""
    st.warning(
        f"{len(seen.missing)} episodes are missing that others of their cell have: "
        f"{show.label(named, 300)}{more}. Means over fewer seeds stand beside means over more; "
        "run the suite again, which does what is left.",
        icon=":material/rule:",
    )


def _bars(seen: Overview) -> None:
    if seen.unjudged:
        st.warning(f"The bars cannot be judged: {show.label(seen.unjudged, 300)}", icon=":material/rule:")
    if not seen.bars:
        return
    st.subheader("What the suite must show", anchor=False)
    with st.container(border=True, gap="xsmall"):
        for bar in seen.bars:
            _bar(bar)


def _bar(bar: Bar) -> None:
    verdict, look = VERDICTS[bar.met]
    sign, said = st.columns((1, 8), vertical_alignment="center", gap="small")
    sign.badge(verdict, icon=look.icon, color=look.colour)
    with said:
        st.text(f"{bar.key}  {bar.demand}: {bar.measured}")


def _standing(seen: Overview, chosen: str) -> None:
    """Show every policy in every cell; *chosen* is the one that is looked at below."""
    st.subheader("Policies by cells", anchor=False)
    name = st.segmented_control(
        "Measure", list(MEASURES), default=FIRST_MEASURE, required=True, key=f"{HEAT}-measure"
    )
    measure = MEASURES[name or FIRST_MEASURE]
    drawn = squares(seen.cells, measure)
    if any(square.value is not None for square in drawn):
        st.caption(
            "A row is a policy, the one that regrets least on top; bright is bad. Point at a square for its "
            "figures; click it to look at its episodes below."
        )
        order = [record.policy for record in seen.records]
        chart = heat_map(drawn, measure, order, ours=seen.ours, chosen=chosen)
        st.altair_chart(chart, key=_heat_key(seen), on_select=lambda: _clicked(seen), selection_mode=PICKED)
    else:
        show.plain("No episode of this run has that figure: regret needs the oracle among the policies.")
    with st.expander(f"{show.label(seen.ours)} against each policy, by cells", icon=":material/table_rows:"):
        table(RECORD_HEAD, record_rows(seen.records))


def _clicked(seen: Overview) -> None:
    """Take a square of the heat map for the cell and the policy to look at."""
    event: Any = st.session_state[_heat_key(seen)]
    for square in event["selection"].get(PICKED, []):
        cell = seen.cell(square["cell"])
        st.session_state[_cell_key(seen)] = cell.scenario
        others = [policy for policy in first_shown(cell) if policy != square["policy"]]
        st.session_state[policies_key(seen.suite, cell)] = [square["policy"], *others]


def _cell_key(seen: Overview) -> str:
    return f"evaluations-cell-{seen.suite}"


def _heat_key(seen: Overview) -> str:
    return f"{HEAT}-{seen.suite}"
