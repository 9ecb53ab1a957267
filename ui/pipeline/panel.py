"""The sliders of what if, and what the solver says to them.

They belong to one decision, the last one when the page was opened: a present that moved on while somebody
drags would fight them. A button begins again from the last decision.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from agent.explain.text import neutral
from core.configuration import Configuration
from core.objective import Objective
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum
from ui import settings, show
from ui.approvals.waiting import last_decision
from ui.pipeline import whatif
from ui.pipeline.present import Present, most_seen_rps, read_present
from ui.pipeline.tradeoffs import Spot, frontier_chart, spot
from ui.pipeline.whatif import Answer, Wish
from ui.places import Place
from ui.show import guards, number, percent
from ui.signing import access

NOTCHES = 100
"""Steps of a slider, at least."""
LEAST_CORES = 0.01
FLOOR_STEP = 0.01
MOST_OPTION = 60
"""Characters of a variant in the list of those to leave out."""
KEPT_S = 600.0
"""How long the answer about a decision is kept; it never changes."""
MS = 1000.0


@st.fragment
@guards
def panel(place: Place) -> None:
    """Draw the sliders and the answer; only this part of the page is drawn again when one moves."""
    access.gate_again(settings.given())
    st.subheader("What if", anchor=False)
    now = _anchored(place)
    if now is None or now.problem is None:
        st.text("No load was known at that decision. Once the loop has seen one, anything can be asked.")
        _again(place)
        return
    asked, told = st.columns([2, 5], gap="large")
    with asked:
        most_rps = whatif.most_load_rps(now.problem, most_seen_rps(place, now))
        wish = _wish(now.problem, most_rps, f"what if {place.key} {now.decision} {_round(place)}")
        _again(place)
    with told, show.guarded():
        wished = whatif.changed(now.problem, wish)
        _told(answered(str(place.folder), now.decision, now.running, now.problem), wished, now)


@st.cache_data(ttl=KEPT_S, max_entries=16, show_spinner=False)
def answered(store: str, decision: str, running: Configuration | None, _problem: Problem) -> Answer:
    """Return the answer to the problem of a decision, which its id and its store stand for.

    Raises:
        SolverError: the solver ended without a proof.
    """
    return whatif.answer(_problem, running)


def _anchored(place: Place) -> Present | None:
    """Return the present of the decision that the sliders began from."""
    key = _anchor(place)
    if key not in st.session_state:
        st.session_state[key] = last_decision(place)
    name = st.session_state[key]
    return None if name is None else read_present(place, name)


def _again(place: Place) -> None:
    """Draw the button that begins anew: from the last decision, with sliders that nobody moved."""

    def begin() -> None:
        st.session_state.pop(_anchor(place), None)
        st.session_state[_rounds(place)] = _round(place) + 1

    st.button("Begin again from the last decision", icon=":material/restart_alt:", on_click=begin)


def _anchor(place: Place) -> str:
    return f"what if of {place.key}"


def _rounds(place: Place) -> str:
    return f"what if begun of {place.key}"


def _round(place: Place) -> int:
    """Return how often it was begun anew: sliders of another round are other sliders."""
    return int(st.session_state.get(_rounds(place), 0))


def _wish(problem: Problem, most_rps: float, key: str) -> Wish:
    """Draw the sliders, each at what is, and return what they say."""
    usual = Wish.of(problem)
    return Wish(
        load_rps=_slider("Load, requests/s", 0.0, most_rps, usual.load_rps, f"{key} load"),
        slo_s=_slider(
            "Latency SLO, seconds",
            usual.slo_s / whatif.SLO_REACH,
            usual.slo_s * whatif.SLO_REACH,
            usual.slo_s,
            f"{key} slo",
        ),
        max_cores=_budget(problem, usual, key),
        min_accuracy=_floor(problem.objective, usual, key),
        excluded=_left_out(problem, usual, key),
    )


def _slider(name: str, least: float, most: float, usual: float, key: str) -> float:
    step = 10.0 ** math.floor(math.log10((most - least) / NOTCHES))
    most = math.ceil(most / step) * step
    return float(st.slider(name, least, max(most, usual), usual, step=step, format="%.4g", key=key))


def _budget(problem: Problem, usual: Wish, key: str) -> float | None:
    limited = st.toggle("Core budget", value=usual.max_cores is not None, key=f"{key} budget?")
    if not limited:
        return None
    least = float(sum(min(v.cores for v in stage.variants) for stage in problem.pipeline.stages))
    return st.number_input(
        "Cores at most",
        min_value=LEAST_CORES,
        value=usual.max_cores or 2 * least,
        step=1.0,
        format="%.4g",
        key=f"{key} budget",
    )


def _floor(objective: Objective, usual: Wish, key: str) -> float | None:
    if objective.kind == "accuracy":
        return None  # the best accuracy is what is sought already
    limited = st.toggle("Accuracy floor", value=usual.min_accuracy is not None, key=f"{key} floor?")
    if not limited:
        return None
    return st.number_input(
        "Accuracy at least",
        min_value=0.0,
        value=usual.min_accuracy or 0.5,
        step=FLOOR_STEP,
        format="%.3f",
        key=f"{key} floor",
    )


def _left_out(problem: Problem, usual: Wish, key: str) -> tuple[VariantName, ...]:
    names = whatif.offered(problem)
    texts = option_texts(names)
    picked: list[int] = st.multiselect(
        "Variants left out",
        range(len(names)),
        default=[i for i, name in enumerate(names) if name in usual.excluded],
        format_func=texts.__getitem__,
        placeholder="none",
        key=f"{key} left out",
    )
    return tuple(names[i] for i in picked)


def option_texts(names: Sequence[VariantName]) -> list[str]:
    """Return each variant for a list, no two alike, however much alike their names look."""
    shown = [neutral(f"{name.stage}/{name.variant}", MOST_OPTION) for name in names]
    twice = {text for text, count in Counter(shown).items() if count > 1}
    return [f"{text} ({i + 1})" if text in twice else text for i, text in enumerate(shown)]


def _told(present: Answer, wished: Problem, now: Present) -> None:
    """Show the answer beside the present."""
    asked = whatif.answer(wished, now.running)
    _took(asked)
    if isinstance(asked.solution, Infeasible):
        _cannot(asked.solution)
    else:
        _figures(present, asked.solution)
        if not asked.holds and asked.runs is not None:
            st.text("What runs now would not keep every limit then.")
        st.dataframe(_rows(present, asked, now), hide_index=True)
    _trade(present, asked, now)


def _took(asked: Answer) -> None:
    """Show how long the solver took, and say so where that is too long."""
    solver = f" by {asked.best.solver}" if asked.best is not None else ""
    if asked.seconds > whatif.AIM_S:
        st.warning(
            f"Solved exactly in {asked.seconds:.2f} s, more than the second it should take.",
            icon=":material/timer:",
        )
        return
    took_ms = asked.seconds * MS
    st.text(f"Solved exactly in {f'{took_ms:.0f} ms' if took_ms >= 1 else 'under 1 ms'}{solver}.")


def _cannot(found: Infeasible) -> None:
    """Show why nothing is feasible and what alone would help."""
    st.error("Nothing keeps all of these limits.", icon=":material/block:")
    for sentence in whatif.sentences(found):
        show.plain(sentence)


def _figures(present: Answer, asked: Optimum) -> None:
    """Show what the optimum would be, each figure against the optimum now."""
    was, now = None if present.best is None else present.best.prediction, asked.prediction
    figures = (
        ("accuracy", percent(now.accuracy), percent(None if was is None else was.accuracy)),
        ("cores", number(now.cores), number(None if was is None else was.cores)),
        ("latency", number(now.latency_s, " s"), number(None if was is None else was.latency_s, " s")),
        (
            "objective",
            number(asked.objective),
            number(None if present.best is None else present.best.objective),
        ),
    )
    for column, (name, value, before) in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(f"{name}, at best", value, f"now {before}", delta_color="off", delta_arrow="off")


def _rows(present: Answer, asked: Answer, now: Present) -> list[dict[str, str]]:
    """Return what runs, what is best now, and what would be, stage by stage."""
    best_now = None if present.best is None else present.best.configuration
    best_then = None if asked.best is None else asked.best.configuration
    return [
        {
            "stage": stage.name,
            "runs": whatif.setting(now.running, stage.name),
            "best now": whatif.setting(best_now, stage.name),
            "best, what if": whatif.setting(best_then, stage.name),
        }
        for stage in asked.problem.pipeline.stages
    ]


def _trade(present: Answer, asked: Answer, now: Present) -> None:
    """Draw the frontier as it would be, over the one that is."""
    spots: list[Spot] = [*spot("runs", now.running, asked.runs)]
    if present.best is not None:
        spots += spot("optimum", present.best.configuration, present.best.prediction)
    if asked.best is not None:
        spots += spot("optimum, what if", asked.best.configuration, asked.best.prediction)
    if not spots and not present.tradeoffs:
        return
    chart = frontier_chart(asked.tradeoffs, spots, before=present.tradeoffs, height=320)
    st.altair_chart(chart, alt="The trade-offs as they would be, and in grey as they are")
