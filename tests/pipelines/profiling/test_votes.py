"""Votes are recorded from a kit, kept in a file, and worth what counting gives.

The toy kit tells vowels (`v`) from other letters (`c`): `split` cuts a word into letters (`most` loses the
last), `tell` names each. `true` is always right, `vowel` and `other` always say the same, `shy` says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.ensemble import JointVotes, VoteTable, with_ensembles
from core.errors import InvalidDocument, UsageError
from pipelines.kit import BadItem, Case, Example, Kit, Model, StageKit
from pipelines.profiling.ballots import binomial, summary, worths
from pipelines.profiling.votes import VOTES_FILE, VOTING, read_votes, recorded
from pipelines.reader import read_pipeline

WORDS = ("ab", "e", "xyz", "bad")
PACKAGE = Path(__file__).parents[3] / "pipelines"
PROVENANCE = {"command": "a test"}


def tells(letter: str) -> str:
    return "v" if letter in "aeiou" else "c"


def model(answer: Callable[[Any], list[Any]]) -> Callable[[Path], Model]:
    return lambda _: lambda items: [answer(item) for item in items]


def text(item: bytes) -> str:
    if item == b"!":
        raise BadItem("that is no letter")
    return item.decode()


def stage_kit(name: str, variants: dict[str, Callable[[Path], Model]], *after: str) -> StageKit:
    return StageKit(
        name,
        variants,
        decode=text,
        encode=str.encode,
        right=lambda outputs, truth: list(outputs) == [truth],
        read_back=bytes.decode,
        sample=lambda: b"a",
        after=after,
    )


def example(word: str) -> Example:
    labels = [tells(letter) for letter in word]
    cases = tuple(Case(letter.encode(), label) for letter, label in zip(word, labels, strict=True))
    return Example(payload=word.encode(), truth=sorted(labels), cases={"split": (), "tell": cases})


def kit(*words: str, right: Callable[[Any, Any], bool] = lambda said, truth: bool(said == truth)) -> Kit:
    shown = words or WORDS
    return Kit(
        name="toy",
        description="Letters.",
        stages=(
            stage_kit("split", {"all": model(list), "most": model(lambda word: list(word[:-1]))}),
            stage_kit(
                "tell",
                {
                    "vowel": model(lambda _: ["v"]),
                    "other": model(lambda _: ["c"]),
                    "shy": model(lambda _: []),
                    "true": model(lambda letter: [tells(letter)]),
                },
                "split",
            ),
        ),
        prepare=lambda _, __: None,
        examples=lambda count, seed, drift: [example(shown[k % len(shown)]) for k in range(count)],
        answer=lambda outputs: sorted(output.decode() for output in outputs),
        right=right,
        slo={"latency": 1.0, "quantile": 0.99},
        objective={"alpha": 1.0, "beta": 0.1},
        limits={},
    )


def record(of: Kit, examples: int = 4) -> tuple[str, VoteTable]:
    return recorded(of, Path(), examples=examples, seed=1, provenance=PROVENANCE)


def test_every_variant_names_the_ideal_inputs_and_what_comes_out_of_each_choice_before() -> None:
    name, table = record(kit())

    assert (name, table.labels) == ("tell", {"a": "c", "b": "v"})
    assert table.case_truth == ("ba", "b", "aaa", "aba")
    assert table.truth == ("ab", "b", "aaa", "aab")
    assert table.alone == {
        "vowel": ("bb", "b", "bbb", "bbb"),
        "other": ("aa", "a", "aaa", "aaa"),
        "shy": ("--", "-", "---", "---"),
        "true": table.case_truth,
    }
    assert [votes.others for votes in table.joint] == [("all",), ("most",)]
    assert table.joint[0].answers["true"] == table.case_truth
    assert table.joint[1].answers["true"] == ("b", "", "aa", "ab")
    assert table.provenance == PROVENANCE


def test_an_example_that_a_stage_refuses_is_answered_by_none() -> None:
    table = record(kit("a!", "e"), examples=2)[1]

    assert [answers[0] for answers in table.joint[0].answers.values()] == [None] * 4
    assert table.right_jointly(["true"], ("all",)) == [False, True]
    assert table.alone["true"] == ("b-", "b")


def test_a_pipeline_that_is_right_by_more_than_its_labels_has_no_votes() -> None:
    with pytest.raises(UsageError, match="'toy' is not right by its labels alone"):
        record(kit(right=lambda said, truth: len(said) == len(truth)))


def test_a_single_example_cannot_be_halved() -> None:
    with pytest.raises(UsageError, match="1 examples cannot be halved; give at least 2"):
        record(kit(), examples=1)


def halved() -> VoteTable:
    """Four examples of an item: `x` leads in the first half, and `z` is never right; then all change."""
    alone = {"x": (*"aaab",), "y": (*"abaa",), "z": (*"bbaa",)}
    return VoteTable(
        labels={"a": "right", "b": "wrong"},
        case_truth=(*"aaaa",),
        alone=alone,
        truth=(*"aaaa",),
        joint=(JointVotes(others=("before",), answers=alone),),
    )


def test_what_is_chosen_on_the_first_half_is_judged_on_the_second() -> None:
    """Second half: the vote 2 of 2, `x` 1 of 2; their mean 5/6: 3 p^2 (1 - p) + p^3 = 200/216."""
    (found,) = worths(halved())

    assert (found.members, found.chosen) == (("x", "y", "z"), True)
    assert (found.majority, found.best_member) == (1.0, 0.5)
    assert found.binomial == pytest.approx(200 / 216)


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        pytest.param([0.8, 0.7, 0.6], 0.784, id="three of 0.7"),
        pytest.param([0.5, 0.5, 0.5, 0.5], 5 / 16, id="of four, more than half are three"),
        pytest.param([1.0, 1.0, 1.0], 1.0, id="certain"),
    ],
)
def test_the_binomial_is_that_of_the_mean_accuracy(accuracies: list[float], expected: float) -> None:
    assert binomial(accuracies) == pytest.approx(expected)


def test_the_summary_has_the_vote_beside_the_promise_and_the_best_member() -> None:
    lines = summary(halved()).splitlines()

    assert "| x+y+z * | 1.000 | 0.926 | 0.500 |" in lines
    assert "| before | x+y+z * | 1.000 | 0.500 |" in lines
    assert lines[-1].startswith("best single variant of the first half: x, 0.500 of the items")


def test_a_file_that_holds_no_votes_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / VOTES_FILE
    with pytest.raises(UsageError, match=f"{VOTES_FILE}: cannot be read"):
        read_votes(path)
    path.write_text('{"classify": {}}')

    with pytest.raises(InvalidDocument, match=f"{VOTES_FILE}: .*record the votes again"):
        read_votes(path)


@pytest.mark.parametrize("name", VOTING)
def test_the_votes_that_ship_are_of_the_pipeline_beside_them(name: str) -> None:
    shipped = read_pipeline(PACKAGE / name / "pipeline.yaml")
    votes = read_votes(PACKAGE / name / VOTES_FILE)

    voted = with_ensembles(shipped, votes)

    (table,) = votes.values()
    voters = len(shipped.stage("classify").variants)
    assert table.alone.keys() == shipped.stage("classify").by_name.keys()
    assert len(voted.stage("classify").variants) == voters + {3: 1, 4: 5}[voters]
    assert all(voted.joint_accuracy.keys() >= {(*v.others, n)} for v in table.joint for n in table.alone)
    assert table.provenance["command"] == (
        f"python -m pipelines.profiling.votes {name} --examples {len(table.truth)} --seed 4127"
    )


@pytest.mark.parametrize("name", VOTING)
def test_the_page_has_what_the_votes_that_ship_are_worth(name: str) -> None:
    page = (PACKAGE.parent / "docs" / "ensembles.md").read_text(encoding="utf-8").replace("**", "")
    (table,) = read_votes(PACKAGE / name / VOTES_FILE).values()

    for w in worths(table):
        figures = f"{w.majority:.3f} | {w.binomial:.3f} | {w.best_member:.3f}"
        assert f"| {name} | `{'+'.join(w.members)}` | {figures} |" in page


@pytest.mark.parametrize("name", VOTING)
def test_the_votes_that_ship_agree_with_the_profile_of_single_variants(name: str) -> None:
    """Other examples, so within what 200 of the profile leave open: three standard errors and a bit."""
    shipped = read_pipeline(PACKAGE / name / "pipeline.yaml")
    (table,) = read_votes(PACKAGE / name / VOTES_FILE).values()

    for variant in shipped.stage("classify").variants:
        right = table.right_alone([variant.name])
        assert sum(right) / len(right) == pytest.approx(variant.accuracy, abs=0.1)
