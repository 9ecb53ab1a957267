"""Draws the steps of a decision up to what was proposed. What was recorded is text here, never markup."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from agent.explain.sensed import belief_lines, event_line, finding_notes
from agent.explain.settled import money, stated, wish
from agent.explain.text import neutral
from core.assessment import SignalState
from core.observation import Observation
from core.tooluse import ToolUse
from ui import show
from ui.decisions.exchanges import Said
from ui.decisions.steps import Assessed, Author, Foreseen, Observed, Proposed, Spent
from ui.show import SIGNALS, Look
from ui.struck import STROKE, struck

MOST_NAMED = 8
"""Signals that are named when they are not fresh."""
MOST_FINDINGS = 40
"""Findings that are drawn: each takes a line, and a browser its time."""
AUTHORS: dict[Author, Look] = {
    "model": Look("violet", ":material/smart_toy:"),
    "no model": Look("gray", ":material/calculate:"),
    "unknown": Look("orange", ":material/question_mark:"),
}
SAID_BY: dict[Author, str] = {
    "model": "the model's words",
    "no model": "no model: rules and solver",
    "unknown": "author not on record",
}
ROLES = {
    "system": "instructions, the same every time",
    "user": "what it was told",
    "tool": "a tool's result, as the model read it",
}


@contextmanager
def step(icon: str, title: str, note: str = "") -> Iterator[None]:
    """Draw the frame of one step; title and note are our own words."""
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{icon} **{title}**", width="content")
            if note:
                st.caption(note, width="content")
        yield


def metric(column: DeltaGenerator, label: str, value: str, below: str = "") -> None:
    """Draw a figure; what stands below it is what it is held against, and no change of it."""
    column.metric(label, value, below, delta_color="off", delta_arrow="off")


def observed(seen: Observed, *, brief: bool) -> None:
    """Draw what was measured."""
    observation = seen.observation
    note = "" if observation is None else f"over {observation.interval_s:g} s"
    with step(":material/visibility:", "Observed", note):
        if observation is None:
            st.badge("no metrics could be read", icon=":material/sensors_off:", color="red")
        else:
            _figures(seen, observation)
            if not brief:
                _stages(observation)
        if not brief or any(s.state in ("stale", "missing") for s in seen.signals):
            _signals(seen)


def foreseen(found: Foreseen, *, brief: bool) -> None:
    """Draw the forecast, how it did so far, and what was decided for."""
    forecast = found.forecast
    note = "" if forecast is None else f"for {forecast.horizon_s:g} s"
    with step(":material/trending_up:", "Forecast", note):
        if forecast is None:
            st.text("no forecast could be made")
            return
        columns = st.columns(4)
        metric(columns[0], "expected", show.number(forecast.point_rps, " rps"))
        metric(columns[1], f"at most, at {forecast.quantile:.0%}", show.number(forecast.upper_rps, " rps"))
        few = "too few scored yet to say"
        scored = few if forecast.coverage is None else f"of {forecast.scored} stayed below"
        metric(columns[2], "coverage so far", show.percent(forecast.coverage), scored)
        metric(columns[3], "decided for", show.number(found.load_rps, " rps"))
        if not brief:
            show.plain(f"method: {forecast.method}", show.MOST_LABEL)


def assessed(found: Assessed) -> None:
    """Draw the findings with their evidence, the corrections of the profile, and the calendar."""
    with step(":material/troubleshoot:", "Assessed"):
        for finding in found.findings[:MOST_FINDINGS]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(finding.kind, icon=":material/priority_high:", color="orange")
                show.plain(f"{finding.subject}: {finding.statement}")
            if notes := finding_notes(finding):
                st.caption(notes)
        if len(found.findings) > MOST_FINDINGS:
            st.text(f"and {len(found.findings) - MOST_FINDINGS} more findings: the record below has them")
        paragraph(
            *belief_lines(found.belief),
            *(event_line(event, found.time_s) for event in found.events),
            *(
                f"in quarantine until {q.until_s:g} s, since {q.decision}: {q.evidence}"
                for q in found.quarantine
            ),
        )


def said(exchange: Said) -> None:
    """Draw one exchange with the model."""
    spend = exchange.spend
    tokens = f"{spend.input_tokens} tokens in, {spend.output_tokens} out"
    note = f"{spend.seconds:.3g} s, {tokens}, {money(spend.usd)}"
    with step(":material/forum:", f"Asked the model, {exchange.number}", note):
        for failure in exchange.failures:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge("no use", icon=":material/error:", color="red")
                show.plain(failure)
        for message in exchange.sent:
            with st.expander(f"Sent: {ROLES[message.role]}", icon=":material/upload:"):
                code(message.content)
        if exchange.answered:
            _answer(exchange)
        if exchange.left_out:
            st.caption(f"{exchange.left_out} characters were too many to be kept")


def used(use: ToolUse) -> None:
    """Draw one tool call with its result."""
    with step(":material/build:", "Tool", f"{use.seconds:.2g} s"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if use.ok:
                st.badge("answered", icon=":material/check:", color="green")
            else:
                st.badge("could not answer", icon=":material/error:", color="red")
            for cause in use.shows[:MOST_NAMED]:
                st.badge(show.in_badge(f"shows {cause}"), icon=":material/fact_check:", color="blue")
            show.plain(f"{use.id}  {use.tool} {use.arguments}", 2 * show.MOST_LABEL)
        with st.expander("Result", icon=":material/data_object:"):
            code(pretty(use.result), language="json")


def proposed(found: Proposed, *, of: int) -> None:
    """Draw one proposal, with the figures that nothing it cites has struck through."""
    proposal = found.proposal
    title = "Proposal" if of == 1 else f"Proposal {found.number} of {of}"
    with step(":material/edit_note:", title):
        show.chips([(SAID_BY[found.author], AUTHORS[found.author])])
        words = [f"because: {proposal.rationale or 'no reason given'}"]
        if proposal.diagnosis:
            words = [f"diagnosis: {proposal.diagnosis}", *words]
        words = [lines(struck(text, found.loose), 2 * len(text)) for text in words]
        paragraph(f"wants: {wish(proposal)}")
        st.text("\n".join(words))
        paragraph(stated(proposal))
        if found.loose:
            _loose(found.loose)


def spent(found: Spent, planner: str) -> None:
    """Draw why a model was asked, and what that cost."""
    planning, spend, day = found.planning, found.planning.spend, found.planning.day
    with step(":material/payments:", "Spent"):
        if not planning.triggers:
            show.plain(f"no language model was asked by planner {planner}")
            return
        show.plain(
            f"{planning.model or 'a model'} was asked with prompt {planning.prompt or 'unknown'}, because:"
        )
        paragraph(*(f"• {trigger}" for trigger in planning.triggers))
        if planning.fell_back:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge("the rules decided instead", icon=":material/alt_route:", color="orange")
                show.plain(planning.fell_back)
        columns = st.columns(3)
        metric(columns[0], "tokens", f"{spend.tokens}", f"{spend.input_tokens} in, {spend.output_tokens} out")
        metric(columns[1], "seconds", show.number(spend.seconds), f"{spend.calls} calls")
        metric(columns[2], "cost", money(spend.usd), f"last 24 hours {money(day.usd)}")
        show.plain(
            f"breaker {planning.breaker}; {day.tokens} tokens and {day.calls} calls in the last 24 hours"
        )


def paragraph(*texts: str) -> None:
    """Show strangers' texts, a line each; nothing where there is none."""
    if shown := [neutral(text) for text in texts if text]:
        st.text("\n".join(shown))


def code(text: str, language: str | None = None) -> None:
    """Show a stranger's text as it is, line by line."""
    st.code(lines(text, len(text)), language=language, wrap_lines=True)


def lines(text: str, most: int) -> str:
    """Return the text without what is hidden in it; its lines and their indents stay."""
    found = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip(" "))]
        found.append(indent + neutral(line, max(1, most)))
    return "\n".join(found)


def pretty(text: str) -> str:
    """Return JSON laid out; whatever is none, as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _figures(seen: Observed, observation: Observation) -> None:
    known = [rate for rate in observation.loads_rps if rate is not None]
    slo, columns = seen.slo, st.columns(4)
    mean = sum(known) / len(known) if known else None
    missing = len(observation.loads_rps) - len(known)
    gap = f", {missing} s unknown" if missing else ""
    metric(
        columns[0], "load", show.number(mean, " rps"), f"up to {show.number(max(known, default=None))}{gap}"
    )
    aim = "" if slo is None else f"SLO {slo.latency_s:g} s"
    quantile = "latency" if slo is None else f"latency, p{slo.quantile * 100:g}"
    metric(columns[1], quantile, show.number(observation.latency_s, " s"), aim)
    kept = f"of {observation.judged}" + ("" if slo is None else f", aim {slo.quantile:.1%}")
    metric(columns[2], "in time", show.percent(observation.in_time), kept)
    right = f"of {observation.labelled} labelled"
    metric(columns[3], "accuracy", show.percent(observation.accuracy), right)
    if observation.dropped_rps:
        st.badge(f"{observation.dropped_rps:.3g} rps dropped", icon=":material/delete:", color="red")


def _stages(observation: Observation) -> None:
    rows = [
        {
            "stage": neutral(s.stage),
            "arrivals, rps": s.arrivals_rps,
            "queue": s.queue,
            "replicas ready": s.ready,
        }
        for s in observation.stages
    ]
    if rows:
        st.dataframe(rows, hide_index=True, placeholder="unknown")


def _signals(seen: Observed) -> None:
    counts = Counter(s.state for s in seen.signals)
    states: tuple[SignalState, ...] = get_args(SignalState)
    looks: list[tuple[str, Look]] = [(f"{counts[s]} {s}", SIGNALS[s]) for s in states if counts[s]]
    for signal in [s for s in seen.signals if s.state in ("stale", "missing")][:MOST_NAMED]:
        old = "" if signal.age_s is None else f", {show.age(signal.age_s)} old"
        looks.append((f"{signal.name} {signal.state}{old}", SIGNALS[signal.state]))
    show.chips(looks)


def _answer(exchange: Said) -> None:
    with st.expander("Answered", icon=":material/download:"):
        if exchange.refusal:
            code(f"refused: {exchange.refusal}")
        if exchange.text:
            code(exchange.text)
        for call in exchange.calls:
            code(f"{call.tool} {pretty(call.arguments)}", language="json")


def _loose(figures: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("not grounded", icon=":material/format_strikethrough:", color="orange")
        show.plain(
            f"struck through, in no tool result it cites: {', '.join(f.replace(STROKE, '') for f in figures)}"
        )
