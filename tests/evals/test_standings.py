from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from evals.frames import load
from evals.standings import Cell, cells, records
from tests.evals.made_up import Record, episode, scored, write

Scores = Mapping[str, Sequence[float | None]]
PLAIN: Scores = {
    "oracle": [10.0, 12.0, 11.0, 13.0, 12.0],
    "ilp": [9.5, 11.4, 10.5, 12.3, 11.5],
    "ipa": [9.0, 11.0, 10.0, 12.0, 11.0],
    "loki": [9.6, 11.3, 10.6, 12.2, 11.5],
    "rim": [4.0, 5.0, 4.0, 5.0, 4.5],
}


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Cell, ...]:
    return judge(tmp_path, scored("video/bursty", PLAIN))


def judge(folder: Path, episodes: Sequence[Record]) -> tuple[Cell, ...]:
    return cells(load(write(folder, episodes)))


def test_policies_stand_in_the_order_of_their_mean_scores(judged: tuple[Cell, ...]) -> None:
    assert [s.policy for s in judged[0].standings] == ["oracle", "ilp", "loki", "ipa", "rim"]


def test_regret_is_what_the_oracle_has_more_as_a_share_of_what_it_has(judged: tuple[Cell, ...]) -> None:
    rim = judged[0].find("rim")

    assert rim is not None
    assert rim.regret is not None
    assert rim.relative_regret is not None
    assert rim.regret.mean == pytest.approx(11.6 - 4.5)
    assert rim.relative_regret.mean == pytest.approx(7.1 / 11.6)


def test_regret_is_a_share_of_the_size_of_a_score_below_0(tmp_path: Path) -> None:
    (cell,) = judge(tmp_path, scored("a/b", {"oracle": [-10.0, -10.0], "ilp": [-11.0, -11.0]}))

    mine = cell.find("ilp")
    assert mine is not None
    assert mine.relative_regret is not None
    assert mine.relative_regret.mean == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("policy", "outcome"), [("oracle", "loss"), ("ipa", "win"), ("loki", "tie"), ("rim", "win")]
)
def test_ours_is_held_against_each_policy_on_the_same_seeds(
    judged: tuple[Cell, ...], policy: str, outcome: str
) -> None:
    standing = judged[0].find(policy)

    assert standing is not None
    assert standing.versus is not None
    assert standing.versus.outcome == outcome


def test_ours_is_not_held_against_itself(judged: tuple[Cell, ...]) -> None:
    mine = judged[0].find("ilp")

    assert mine is not None
    assert (mine.versus, mine.p) == (None, None)


def test_chance_is_corrected_for_the_policies_without_foresight(judged: tuple[Cell, ...]) -> None:
    p = {s.policy: s.p for s in judged[0].standings}

    assert p["ipa"] == pytest.approx(3 * 2 / 2**5)
    assert p["oracle"] is None


def test_rivals_are_neither_ours_nor_its_versions_nor_those_that_know_the_future(tmp_path: Path) -> None:
    policies = ("oracle", "oracle-instant", "ilp", "ilp-no-headroom", "rules", "ipa", "static-small")
    (cell,) = judge(tmp_path, scored("a/b", {policy: [1.0] for policy in policies}))

    assert {s.policy for s in cell.rivals} == {"ipa", "static-small"}


def test_an_episode_that_served_nothing_is_told_and_never_paired(tmp_path: Path) -> None:
    scores: Scores = {"oracle": [10.0, 10.0], "ilp": [9.0, 8.0], "ipa": [None, 7.0]}
    (cell,) = judge(tmp_path, scored("a/b", scores))

    ipa = cell.find("ipa")
    assert ipa is not None
    assert ipa.versus is not None
    assert (ipa.episodes, ipa.unscored) == (2, 1)
    assert ipa.versus.difference.mean == pytest.approx(1.0)
    assert ipa.versus.difference.seeds == 1


def test_seeds_are_paired_by_their_number_not_by_their_place(tmp_path: Path) -> None:
    episodes = scored("a/b", {"oracle": [9.0, 9.0, 9.0], "ilp": [1.0, 5.0, 9.0], "ipa": [0.0, 4.0, 8.0]})

    (cell,) = judge(tmp_path, [e for e in episodes if (e["policy"], e["seed"]) != ("ipa", 0)][::-1])

    ipa = cell.find("ipa")
    assert ipa is not None
    assert ipa.versus is not None
    assert ipa.versus.difference.mean == pytest.approx(1.0)


def test_without_the_oracle_there_is_no_regret(tmp_path: Path) -> None:
    (cell,) = judge(tmp_path, scored("a/b", {"ilp": [1.0], "ipa": [2.0]}))

    assert [s.relative_regret for s in cell.standings] == [None, None]


def test_the_record_counts_cells(tmp_path: Path) -> None:
    lost: Scores = {**PLAIN, "ipa": [9.9, 11.9, 10.9, 12.9, 11.9]}
    judged = judge(tmp_path, [*scored("video/bursty", PLAIN), *scored("nlp/bursty", lost)])

    found = {r.policy: r for r in records(judged)}

    ipa, mine = found["ipa"], found["ilp"]
    assert (ipa.wins, ipa.ties, ipa.losses, ipa.cells) == (1, 0, 1, 2)
    assert mine.cells == 0
    assert (mine.best, ipa.best) == (1, 1)
    assert ipa.mean_place == pytest.approx((4 + 2) / 2)
    assert ipa.relative_regret == pytest.approx((1.0 / 11.6 + 0.1 / 11.6) / 2)
    assert found["oracle"].best == 0


def test_in_the_drift_suite_ours_is_the_agent_with_the_rules(tmp_path: Path) -> None:
    (cell,) = judge(tmp_path, scored("lost node", {"oracle": [2.0], "rules": [1.0]}, suite="drift"))

    assert cell.roles.ours == "rules"


def test_a_cell_whose_seeds_draw_their_pipelines_names_none_and_has_all_their_slos(tmp_path: Path) -> None:
    rows = [
        episode("lost node", policy, seed, suite="drift", group="wrong", pipeline=drawn, slo_s=slo_s)
        for policy in ("oracle", "rules")
        for seed, (drawn, slo_s) in enumerate([("audio", 0.6), ("video", 0.3), ("audio", 0.6)])
    ]

    (cell,) = judge(tmp_path, rows)

    assert cell.title == "lost node"
    assert (cell.slo_s, cell.slos_s) == (0.6, (0.3, 0.6))


@pytest.mark.parametrize(
    ("scenario", "group", "title"),
    [("video/bursty", "bursty", "video"), ("video/bursty/tight", "bursty", "video tight"), ("x", "x", "x")],
)
def test_a_cell_is_called_by_what_tells_it_from_its_group(
    tmp_path: Path, scenario: str, group: str, title: str
) -> None:
    (cell,) = judge(tmp_path, [episode(scenario, "ilp", 0, group=group)])

    assert cell.title == title
