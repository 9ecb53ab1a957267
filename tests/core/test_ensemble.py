"""Ensembles: what a vote answers, what it is worth, and the variant that it makes of its members.

Three readers of five examples, each of one item with the truth `a`. `fair` is right on the first four,
`poor` on all but the second, `weak` on all but the fourth:

    fair  a a a a b        poor  a b a a a        weak  a a a b a

By vote all five are right; the best alone are right on four. So the vote gains 0.2.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.ensemble import JointVotes, VoteTable, members_of, single_variants, vote, with_ensembles
from core.errors import UsageError
from core.pipeline import Pipeline
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from tests.core.toys import pipeline, stage, variant

FAIR = variant("fair", 0.7, 1, (1, 0.1), (4, 0.3, 12.0), loadTime=5)
POOR = variant("poor", 0.6, 2, (1, 0.2), (4, 0.25, 16.0), loadTime=7)
WEAK = variant("weak", 0.5, 3, (1, 0.15), (4, 0.2, 20.0), (8, 0.4), loadTime=6)
ALONE = {"fair": "aaaab", "poor": "abaaa", "weak": "aaaba"}
TRIO = "fair+poor+weak"


def voters(**answers: str) -> VoteTable:
    """A table of one item an example, whose truth is always `a`."""
    given_answers = answers or ALONE
    size = len(next(iter(given_answers.values())))
    return VoteTable(
        labels={"a": "right", "b": "wrong", "c": "other"},
        case_truth=("a",) * size,
        alone={name: tuple(letters) for name, letters in given_answers.items()},
        truth=("a",) * size,
    )


def reader(**fields: Any) -> Pipeline:  # noqa: ANN401 - parts of a file
    return pipeline(stage("read", FAIR, POOR, WEAK), **fields)


@pytest.mark.parametrize(
    ("labels", "answer"),
    [
        pytest.param("abb", "b", id="the majority against the best"),
        pytest.param("ab", "a", id="two follow the better"),
        pytest.param("abc", "a", id="all differ"),
        pytest.param("cbba", "b", id="a plurality is enough"),
        pytest.param("abba", "a", id="a tie goes to the most accurate"),
        pytest.param("cbaab", "b", id="the best in the tie, not the best of all"),
        pytest.param("--a", "-", id="no label is a vote too"),
    ],
)
def test_the_most_votes_win_and_the_better_voter_breaks_a_tie(labels: str, answer: str) -> None:
    assert vote(labels) == answer


def test_an_ensemble_is_a_variant_made_of_its_members() -> None:
    """Together at a batch: the slowest's latency, the least throughput; batch 8 was measured for one only."""
    trio = with_ensembles(reader(), {"read": voters()}).stage("read").variant(TRIO)

    assert (trio.cores, trio.load_time_s) == (6, 7)
    assert trio.accuracy == pytest.approx(0.7 + 0.2)
    assert [(p.batch, p.latency_s, p.throughput_rps) for p in trio.profile] == [(1, 0.2, 5.0), (4, 0.3, 12.0)]


def test_every_ensemble_of_three_or_more_is_offered_best_member_first() -> None:
    last = variant("last", 0.4, 1, (1, 0.1))
    spec = pipeline(stage("read", WEAK, last, FAIR, POOR))

    offered = with_ensembles(spec, {"read": voters(**ALONE, last="bbbbb")}).stage("read")

    assert [v.name for v in offered.variants[:4]] == ["weak", "last", "fair", "poor"]
    assert {v.name for v in offered.variants[4:]} == {
        *(TRIO, "fair+poor+last", "fair+weak+last", "poor+weak+last", "fair+poor+weak+last"),
    }


def test_errors_shared_by_all_are_not_voted_away() -> None:
    """Each is right on 3 of 5, all on the same: independent errors would promise 0.65, the vote has 0.6."""
    alike = voters(fair="aaabb", poor="aaabb", weak="aaabb")

    trio = with_ensembles(reader(), {"read": alike}).stage("read").variant(TRIO)

    assert trio.accuracy == pytest.approx(0.7)


def test_a_vote_may_be_worse_than_its_best_member() -> None:
    worse = voters(fair="aaaa", poor="bbaa", weak="bbba")

    assert with_ensembles(reader(), {"read": worse}).stage("read").variant(TRIO).accuracy == pytest.approx(
        0.7 - 0.5
    )


def test_an_example_counts_where_all_its_cases_are_right() -> None:
    table = VoteTable(
        labels={"a": "one", "b": "two"},
        case_truth=("ab", "", "ba"),
        alone={"fair": ("ab", "", "bb"), "poor": ("aa", "", "ba"), "weak": ("bb", "", "bb")},
        truth=("ab", "", "ab"),
    )

    assert table.right_alone(["fair", "poor", "weak"]) == [True, True, False]
    assert table.right_alone(["poor"]) == [False, True, True]


LOOK = stage("look", variant("dim", 0.5, 1, (1, 0.1)), variant("sharp", 0.8, 1, (1, 0.1)))
ROWS = [
    {"variants": [look, read], "accuracy": accuracy}
    for look, read, accuracy in [
        ("dim", "fair", 0.3),
        ("dim", "poor", 0.25),
        ("dim", "weak", 0.2),
        ("sharp", "fair", 0.56),
        ("sharp", "poor", 0.5),
        ("sharp", "weak", 0.4),
    ]
]


def seen(**joint: dict[str, tuple[str | None, ...]]) -> VoteTable:
    table = voters()
    votes = tuple(JointVotes(others=(name,), answers=answers) for name, answers in joint.items())
    return VoteTable.model_validate(table.model_dump() | {"joint": votes})


JOINTLY: dict[str, tuple[str | None, ...]] = {
    "fair": ("ab", "b", "b-", None, ""),
    "poor": ("ba", "b", "a-", None, ""),
    "weak": ("ba", "c", "ab", None, ""),
}
"""Of truths ab, a, a, a and none at all: by vote the first (in any order), third and last are right, `fair`
alone has the first and last. So the vote gains 0.2 here as well, of another base."""


def test_the_joint_table_moves_by_the_gain_behind_each_choice_of_the_other_stages() -> None:
    fields = seen(dim=JOINTLY).model_dump() | {"truth": ("ab", "a", "a", "a", "")}
    spec = pipeline(LOOK, stage("read", FAIR, POOR, WEAK), accuracy="measured", accuracyTable=ROWS)

    joint = with_ensembles(spec, {"read": VoteTable.model_validate(fields)}).joint_accuracy

    assert joint["dim", TRIO] == pytest.approx(0.3 + 0.2)
    assert {names: joint[names] for names in spec.joint_accuracy} == spec.joint_accuracy


def test_where_no_joint_votes_were_recorded_the_row_is_scaled_by_the_gain_alone() -> None:
    spec = pipeline(LOOK, stage("read", FAIR, POOR, WEAK), accuracy="measured", accuracyTable=ROWS)

    joint = with_ensembles(spec, {"read": voters()}).joint_accuracy

    assert joint["sharp", TRIO] == pytest.approx(0.56 * 0.9 / 0.7)
    assert len(joint) == len(ROWS) + 2


def test_two_stages_that_vote_have_a_row_for_every_pair() -> None:
    lookers = [variant(name, 0.5, 1, (1, 0.1)) for name in ("p", "q", "r")]
    rows = [
        {"variants": [look, read], "accuracy": 0.3}
        for look in ("p", "q", "r")
        for read in ("fair", "poor", "weak")
    ]
    spec = pipeline(
        stage("look", *lookers),
        stage("read", FAIR, POOR, WEAK),
        accuracy="measured",
        accuracyTable=rows,
    )

    voted = with_ensembles(spec, {"look": voters(p="a", q="a", r="a"), "read": voters()})

    assert len(voted.joint_accuracy) == 4 * 4


def test_an_example_that_never_arrived_is_wrong_even_where_nothing_was_there_to_find() -> None:
    fields = seen(dim=JOINTLY).model_dump() | {"truth": ("", "", "", "", "")}
    table = VoteTable.model_validate(fields)

    assert table.right_jointly(["fair", "poor", "weak"], ("dim",)) == [False, False, False, False, True]
    assert table.right_jointly(["fair"], ("sharp",)) is None


def test_an_ensemble_sends_on_what_its_best_member_does() -> None:
    readers = [
        variant(name, accuracy, 1, (1, 0.1), fanOut=fan_out)
        for name, accuracy, fan_out in [("poor", 0.6, 1.0), ("fair", 0.7, 2.0), ("weak", 0.5, 3.0)]
    ]

    offered = with_ensembles(pipeline(stage("read", *readers)), {"read": voters()}).stage("read")

    assert offered.variant(TRIO).fan_out == 2.0


def test_a_median_is_known_where_all_members_have_one() -> None:
    timed = [variant(n, 0.5, 1, (1, 0.3, 5.0, m), (2, 0.4)) for n, m in [("x", 0.1), ("y", 0.2), ("z", 0.15)]]

    offered = with_ensembles(pipeline(stage("read", *timed)), {"read": voters(x="a", y="a", z="a")})

    assert [p.median_s for p in offered.stage("read").variant("x+y+z").profile] == [0.2, None]


def test_the_pipeline_without_votes_is_left_as_it_is() -> None:
    spec = reader()

    assert with_ensembles(spec, {}) == spec
    assert [v.name for v in spec.stage("read").variants] == ["fair", "poor", "weak"]


def test_the_solver_takes_an_ensemble_where_it_pays() -> None:
    """One replica of each will do: 10 * 0.9 - 6 is less than 10 * 0.7 - 1, but 90 - 6 more than 70 - 1."""
    cheap = with_ensembles(reader(), {"read": voters()})
    dear = with_ensembles(reader(objective={"alpha": 100.0, "beta": 1.0}), {"read": voters()})

    chosen = [solve(Problem.of(spec, 1.0)) for spec in (cheap, dear)]

    assert all(isinstance(found, Optimum) for found in chosen)
    assert [f.configuration["read"].variant for f in chosen if isinstance(f, Optimum)] == ["fair", TRIO]


def test_members_are_told_from_a_plus_in_a_plain_name() -> None:
    plus = variant("v3+wide", 0.9, 1, (1, 0.1))
    read = with_ensembles(pipeline(stage("read", FAIR, POOR, WEAK, plus)), {"read": voters()}).stage("read")

    assert members_of(read, TRIO) == ("fair", "poor", "weak")
    assert members_of(read, "v3+wide") == ("v3+wide",)
    assert [v.name for v in single_variants(read)] == ["v3+wide", "fair", "poor", "weak"]


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        pytest.param({"write": voters()}, "has no stage 'write', only read", id="stage"),
        pytest.param({"read": voters(fair="a", best="a")}, "has no variant 'best'", id="variant"),
    ],
)
def test_votes_of_another_pipeline_are_refused(votes: dict[str, VoteTable], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_ensembles(reader(), votes)


def test_ensembles_are_added_once() -> None:
    voted = with_ensembles(reader(), {"read": voters()})

    with pytest.raises(UsageError, match=r"has a variant 'fair\+poor\+weak' already; add ensembles once"):
        with_ensembles(voted, {"read": voters()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"alone": {}}, "names no variant", id="no variant"),
        pytest.param({"truth": ("a",)}, "must hold the same examples", id="truths of other examples"),
        pytest.param({"case_truth": (), "truth": ()}, "one at least", id="no example"),
        pytest.param(
            {"alone": {"fair": ("aa", *"aaaa")}}, "'fair' must have one letter", id="an extra letter"
        ),
        pytest.param(
            {"joint": [{"others": ["dim"], "answers": {"fair": [*"aaaaa"]}}]},
            "behind dim: give the answers of every variant",
            id="a variant that did not vote",
        ),
        pytest.param(
            {"joint": [{"others": ["dim"], "answers": {"fair": ["a"], "poor": ["a"], "weak": ["a"]}}]},
            "behind dim: every variant must answer the same items",
            id="fewer examples",
        ),
    ],
)
def test_votes_that_do_not_fit_together_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VoteTable.model_validate(voters().model_dump() | change)


NAMES = ("v", "w", "x", "y")


@given(st.integers(3, 4), st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_accuracy_of_every_ensemble_is_what_counting_the_examples_gives(
    members: int, examples: int, rng: random.Random
) -> None:
    accuracies = dict(zip(NAMES[:members], rng.sample(range(1, 100), members), strict=True))
    answers = {name: "".join(rng.choice("abc") for _ in range(examples)) for name in accuracies}
    variants = [variant(name, percent / 100, 1, (1, 0.1)) for name, percent in accuracies.items()]

    offered = with_ensembles(pipeline(stage("read", *variants)), {"read": voters(**answers)}).stage("read")

    for size in range(3, members + 1):
        for group in combinations(accuracies, size):
            best_first = sorted(group, key=lambda name: -accuracies[name])
            found = offered.variant("+".join(best_first)).accuracy
            best = best_first[0]
            right = sum(_wins([answers[name][k] for name in best_first]) for k in range(examples))
            gain = (right - answers[best].count("a")) / examples
            assert found == pytest.approx(min(max(accuracies[best] / 100 + gain, 0), 1))


def _wins(labels: list[str]) -> bool:
    """Whether `a` wins the vote: by more votes, or by as many and an earlier voter."""
    ranked = sorted(Counter(labels).items(), key=lambda item: (-item[1], labels.index(item[0])))
    return ranked[0][0] == "a"
