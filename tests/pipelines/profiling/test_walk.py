"""Answers of a toy with a fork, a join and a stage that refuses, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.profiling.answers import examine, items_for
from pipelines.profiling.measured import Answers
from pipelines.profiling.walk import Sent, Walk, line_of, stages_before
from pipelines.serving.served import load
from tests.pipelines.profiling.toy import TOY

ALL = {stage.name: tuple(stage.variants) for stage in TOY.stages}
NOWHERE = Path("nowhere")


@pytest.fixture(scope="module")
def answers() -> Answers:
    return examine(TOY, ALL, NOWHERE, examples=4, seed=1, drift=0.0, told=lambda _, __: None)


def test_what_a_stage_gets_depends_on_all_before_it() -> None:
    assert stages_before(TOY, "words") == ()
    assert stages_before(TOY, "join") == ("words", "upper", "count")
    assert line_of(TOY, "count") == ("words", "count")


def test_stages_alone_are_examined_on_their_own_cases(answers: Answers) -> None:
    right = {(a.stage, a.variant): a.right for a in answers.alone}

    assert right["words", "all"] == "1111"
    assert right["words", "lossy"] == "0000"
    assert right["upper", "upper"] == "1110", "the long word is refused"
    assert right["count", "one"] == "0010", "only `a b c` has words of one letter"


def test_combinations_are_walked_to_the_end(answers: Answers) -> None:
    right = {joint.variants: joint.right for joint in answers.joint}

    assert right["all", "upper", "count", "equals"] == "1110", "a refused item fails its whole example"
    assert right["all", "upper", "one", "equals"] == "0010"
    assert right["lossy", "upper", "count", "equals"] == "0000"
    assert len(right) == 4


def test_fan_out_is_outputs_per_item(answers: Answers) -> None:
    fan_outs = {(a.stage, a.variant): a.fan_out for a in answers.alone}

    assert fan_outs["words", "all"] == pytest.approx(7 / 4)
    assert fan_outs["words", "lossy"] == pytest.approx(3 / 4)
    assert fan_outs["upper", "upper"] == 1.0


def test_what_is_timed_comes_from_the_variants_before_and_can_be_served() -> None:
    items = items_for(TOY, ALL, NOWHERE, examples=4, seed=1, told=lambda _, __: None)

    assert items["words"] == {(): [b"one two", b"three", b"a b c", b"astonishing"]}
    assert items["upper"]["all",] == [b"one", b"two", b"three", b"a", b"b", b"c"]
    assert items["count"]["all",][-1] == b"astonishing", "only the stage that refuses it does without"
    assert items["upper"]["lossy",] == [b"one", b"a", b"b"]
    assert len(items["join"]["lossy", "upper", "one"]) == 3


def test_one_refused_item_fails_the_example_as_it_fails_the_request() -> None:
    walk = Walk(TOY, [b"a astonishing", b"b"])
    for stage, choice, variant in (("words", (), "all"), ("upper", ("all",), "upper")):
        list(walk.serve(stage, choice, variant, load(TOY, stage, variant, NOWHERE, batch=1)))

    assert walk.sent("upper", ("all", "upper")) == [None, Sent(((b"B",),))]
