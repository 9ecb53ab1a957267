"""Draws the steps of a decision from the check on. What was recorded is text here, never markup."""

from __future__ import annotations

import time

import streamlit as st

from agent.explain.settled import OUTCOMES
from agent.explain.text import figure, neutral
from core.decision import Certificate, check_certificate
from core.ruling import Ruled, Ruling
from core.verdict import Constraint, Verdict
from ui import settings, show
from ui.charts import Across, Chart
from ui.decisions.aftermath import accuracy_after, latency_after, load_after
from ui.decisions.draw_thought import SAID_BY, lines, paragraph, step
from ui.decisions.steps import Acted, Approved, Came, Change, Checked, Revised
from ui.show import Look
from ui.signing import access
from ui.when import When, wall

DIGITS = 12
"""Of a hash that are shown."""
RULED: dict[Ruled, Look] = {
    "accepted": Look("green", ":material/check_circle:"),
    "infeasible": Look("red", ":material/block:"),
    "unsupported": Look("orange", ":material/help:"),
    "impossible": Look("red", ":material/error:"),
}


def checked(found: Checked, *, of: int, brief: bool) -> None:
    """Draw the verdict, with the table of the constraints."""
    ruling = found.ruling
    title = "Verdict" if of == 1 else f"Verdict on proposal {found.number}"
    with step(":material/gavel:", title):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            look = RULED[ruling.ruled]
            st.badge(ruling.ruled, icon=look.icon, color=look.colour)
            if ruling.caused:
                st.badge("cause backed by evidence", icon=":material/fact_check:", color="blue")
            show.plain(ruling.reason)
        if ruling.verdict is not None:
            st.text(_standing(ruling, ruling.verdict))
            _constraints(ruling.verdict, brief=brief)


def constraint_rows(verdict: Verdict) -> list[dict[str, str | float | None]]:
    """Return the constraints as rows of a table: the broken first, then those with the least room."""
    return [
        {
            "": "✓ kept" if c.kept else "✗ broken",
            "constraint": neutral(c.constraint),
            "value": c.value,
            "limit": c.limit,
            "slack": c.slack,
        }
        for c in sorted(verdict.constraints, key=lambda c: (c.kept, _idle(c), _room(c)))
    ]


def revised(found: Revised) -> None:
    """Draw why another proposal followed."""
    with step(":material/undo:", "Revision"):
        if found.accepted:
            st.text("The limits on the rate of change put another in its place:")
        elif found.next_author == "model":
            st.text("Rejected: it went back to the model, with the verdict.")
        else:
            st.text(f"Rejected: another followed ({SAID_BY[found.next_author]}).")


def approved(found: Approved, when: When) -> None:
    """Draw a person's word."""
    approval = found.approval
    with step(":material/how_to_vote:", "Approval", wall(approval.at, when.zone)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if approval.agreed:
                st.badge("agreed to", icon=":material/thumb_up:", color="green")
            else:
                st.badge("refused", icon=":material/thumb_down:", color="red")
            show.plain(f"by {approval.approver}, shown as {approval.proposal[:DIGITS]}")
        if approval.comment:
            st.text(lines(approval.comment, len(approval.comment)))


def acted(found: Acted) -> None:
    """Draw what was done, stage by stage."""
    with step(show.OUTCOMES[found.outcome].icon, f"Done: {OUTCOMES[found.outcome]}"):
        if found.degraded:
            st.badge("degraded: nothing was feasible", icon=":material/warning:", color="orange")
        if found.note:
            show.plain(found.note)
        if any(change.changed for change in found.changes):
            st.dataframe(change_rows(found.changes), hide_index=True)
        elif found.changes:
            runs = "; ".join(f"{c.stage}: {c.before}" for c in found.changes)
            show.plain(f"runs on: {runs}")


def change_rows(changes: tuple[Change, ...]) -> list[dict[str, str]]:
    """Return the difference by stage as rows of a table."""
    return [
        {
            "stage": neutral(c.stage),
            "before": neutral(c.before),
            "after": neutral(c.after),
            "": "changes" if c.changed else "stays",
        }
        for c in changes
    ]


def came(found: Came, when: When) -> None:
    """Draw what was measured afterwards, against what was predicted."""
    with step(":material/monitoring:", "Came of it"):
        paragraph(*found.lines)
        across = Across(when)
        charts: list[tuple[str, Chart | None]] = [
            ("Highest load, and the forecast (area)", load_after(found, across)),
            ("Latency, predicted (dashed), SLO (line)", latency_after(found, across)),
            ("Accuracy, predicted (dashed)", accuracy_after(found, across)),
        ]
        drawn = [(title, chart) for title, chart in charts if chart is not None]
        for column, (title, chart) in zip(st.columns(max(1, len(drawn))), drawn, strict=False):
            with column:
                st.caption(title)
                st.altair_chart(chart, alt=title)


def proved(certificate: Certificate, decision: str) -> None:
    """Draw the certificate, and solve the problem again when asked to."""
    with step(":material/verified:", "Proof", f"problem {certificate.problem_digest[:DIGITS]}"):
        show.plain(
            f"{certificate.status}: objective {figure(certificate.objective)}, no configuration has more "
            f"than {figure(certificate.bound)}; proved by {certificate.solver} at "
            f"{figure(certificate.problem.load_rps)} rps"
        )
        _again(certificate, decision)


@st.fragment
@show.guards
def _again(certificate: Certificate, decision: str) -> None:
    access.gate_again(settings.given())
    if not st.button("Verify again", key=f"verify-{decision}", icon=":material/replay:"):
        return
    began = time.perf_counter()
    wrong = check_certificate(certificate)
    seconds = time.perf_counter() - began
    if not wrong:
        st.success(
            f"The proof holds: solved and checked again in {seconds:.2g} s.", icon=":material/verified:"
        )
        return
    st.error(f"The proof does not hold ({seconds:.2g} s):", icon=":material/gpp_bad:")
    for line in wrong:
        show.plain(line)


def _standing(ruling: Ruling, verdict: Verdict) -> str:
    allowed = "" if ruling.allowed is None else f", {figure(ruling.allowed)} allowed"
    return (
        f"objective {figure(verdict.objective)}, at best {figure(verdict.optimum)}: regret "
        f"{figure(verdict.regret)}{allowed}; predicted accuracy {figure(verdict.accuracy)}, "
        f"{figure(verdict.cores)} cores, latency {figure(verdict.latency_s, ' s')}"
    )


def _constraints(verdict: Verdict, *, brief: bool) -> None:
    broken, rows = len(verdict.violations), constraint_rows(verdict)
    if not rows:
        return
    label = f"{broken} of {len(rows)} constraints broken" if broken else f"all {len(rows)} constraints kept"
    with st.expander(label, expanded=bool(broken) or not brief, icon=":material/rule:"):
        figures = {name: st.column_config.NumberColumn(format="%.4g") for name in ("value", "limit", "slack")}
        st.dataframe(rows, hide_index=True, placeholder="–", column_config=figures)


def _room(constraint: Constraint) -> float:
    """Return how far inside its limit it is, as a share of it."""
    if constraint.slack is None:
        return 0.0
    return constraint.slack / abs(constraint.limit) if constraint.limit else constraint.slack


def _idle(constraint: Constraint) -> bool:
    """Say whether this is a bound on replicas, which come after what is measured."""
    return constraint.constraint.startswith("replicas")
