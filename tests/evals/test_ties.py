"""Ties are broken also where single terms of the objective are far larger than what decides."""

from __future__ import annotations

import pytest

from core.ilp import optimum
from core.problem import Problem
from evals.ipa import DATA, setup
from tools.cadence import PATIENT_MARGINS

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="IPA's pipelines (../shared/data/ipa) are not here")


def test_an_optimum_that_was_found_is_not_lost_while_ties_are_broken() -> None:
    """Terms of 130 next to a slack of 1e-8: HiGHS, asked to stay at the optimum, found nothing there."""
    pipeline = setup("audio-sent").measured()
    objective = pipeline.objective.model_copy(update={"rho": pipeline.objective.beta / 240.0})

    found = [
        optimum(Problem.of(pipeline, load, objective=objective, margins=PATIENT_MARGINS))
        for load in (5.6, 5.7, 5.8, 5.885614965705924, 5.9, 6.0)
    ]

    assert None not in found
