"""A changed copy of a value is worked out of its own fields, whatever the original had worked out before."""

from __future__ import annotations

from tests.core.toys import pipeline, stage


def test_a_copy_forgets_what_was_worked_out_of_fields_that_changed() -> None:
    original = pipeline(stage("first"), stage("second"))
    before = original.digest, tuple(original.by_name)

    copied = original.model_copy(update={"stages": original.stages[:1]})

    assert copied.digest == pipeline(stage("first")).digest
    assert tuple(copied.by_name) == ("first",)
    assert (original.digest, tuple(original.by_name)) == before


def test_another_slo_is_the_same_pipeline_otherwise() -> None:
    original = pipeline(stage("first"), slo_s=2.0)
    assert original.digest

    assert original.with_slo(0.5) == pipeline(stage("first"), slo_s=0.5)
    assert original.with_slo(0.5).digest == pipeline(stage("first"), slo_s=0.5).digest
