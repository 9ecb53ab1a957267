"""The table of a verdict begins with what is broken, and goes on with what has the least room."""

from __future__ import annotations

from core.verdict import Constraint, Verdict
from ui.decisions.draw_outcome import constraint_rows


def constraint(
    name: str, value: float | None, limit: float, slack: float | None, *, kept: bool
) -> Constraint:
    return Constraint(constraint=name, value=value, limit=limit, slack=slack, kept=kept)


def test_the_broken_come_first_then_the_tightest_and_bounds_on_replicas_last() -> None:
    constraints = (
        constraint("replicas.min[find]", 1, 1, 0, kept=True),
        constraint("cores", 2, 40, 38, kept=True),
        constraint("latency", 1.9, 2, 0.1, kept=True),
        constraint("replicas.max[find]", 9, 8, -1, kept=False),
        constraint("capacity[find]", 10, 16, -6, kept=False),
        constraint("accuracy floor", None, 0.7, None, kept=False),
    )
    verdict = Verdict(
        accepted=False,
        constraints=constraints,
        objective=None,
        optimum=None,
        regret=None,
        accuracy=None,
        cores=2,
        latency_s=1.9,
    )

    rows = constraint_rows(verdict)

    assert [(row[""], row["constraint"]) for row in rows] == [
        ("✗ broken", "capacity[find]"),
        ("✗ broken", "accuracy floor"),
        ("✗ broken", "replicas.max[find]"),
        ("✓ kept", "latency"),
        ("✓ kept", "cores"),
        ("✓ kept", "replicas.min[find]"),
    ]
