"""The nearest feasible configuration, where numbers fit in the head."""

from __future__ import annotations

from core.nearest import nearest_feasible
from core.problem import Problem, VariantName
from tests.core.toys import SMALL, configuration, pipeline, stage, variant

FEW_BUT_DEAR = variant("dear", 0.5, 4, (1, 0.1))
"""One replica of 4 cores carries 10 rps."""
MANY_BUT_CHEAP = variant("cheap", 0.5, 1, (1, 0.25))
"""Three replicas of 1 core carry 12 rps."""


def test_counts_of_different_variants_are_not_compared() -> None:
    """Three cheap replicas in place of one are as near as one dear one, and leave the other stage alone."""
    problem = Problem.of(
        pipeline(
            stage("first", SMALL, FEW_BUT_DEAR, MANY_BUT_CHEAP), stage("second"), limits={"maxCores": 5}
        ),
        10.0,
        excluded=(VariantName(stage="first", variant="small"),),
    )

    found = nearest_feasible(problem, configuration(("first", "small", 1, 1), ("second", "small", 1, 2)))

    assert found == configuration(("first", "cheap", 1, 3), ("second", "small", 1, 2))


def test_a_feasible_configuration_is_its_own_nearest() -> None:
    wanted = configuration(("first", "large", 4, 7))

    assert nearest_feasible(Problem.of(pipeline(), 10.0), wanted) == wanted


def test_replicas_go_before_batches_and_batches_before_variants() -> None:
    one = configuration(("first", "small", 1, 1))

    assert nearest_feasible(Problem.of(pipeline(), 90.0), one) == configuration(("first", "small", 1, 9))
    assert nearest_feasible(Problem.of(pipeline(), 190.0), one) == configuration(("first", "small", 4, 10))
    large = configuration(("first", "large", 4, 10))
    assert nearest_feasible(Problem.of(pipeline(), 150.0), large) == configuration(("first", "small", 4, 8))
