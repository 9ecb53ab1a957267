"""What was run is kept in parts, and the whole is made of the newest of them, each episode once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import StoreError, TrimtabError, UsageError
from evals import frames, store
from evals.episode import Played, play
from evals.scenario import Entrant
from tests.evals.cells import ILP, ORACLE, SMALL, cell
from tests.pipelines.left import LEFT

EVERYONE = (ILP, SMALL, ORACLE)


def ran(entrants: Sequence[Entrant] = EVERYONE, seed: int = 0, *, series: bool = False) -> list[Played]:
    return play(cell(), entrants, seed, series=series)


def changed(played: Sequence[Played], **changes: object) -> list[Played]:
    """Return what was played as if something had been different."""
    return [replace(p, row=p.row.model_copy(update=changes)) for p in played]


def keys(*played: Played) -> list[store.Key]:
    return [store.key_of(p) for p in played]


def test_what_was_kept_is_what_is_loaded(tmp_path: Path) -> None:
    first, second = ran(), ran(seed=1)
    for played in (first, second):
        store.keep(tmp_path, played)

    count = store.gather(tmp_path, keys(*first, *second))

    rows = frames.load(tmp_path).rows
    assert count == len(rows) == 6
    assert sorted((p.row for p in [*first, *second]), key=lambda r: (r.policy, r.seed)) == [*rows]


def test_what_is_there_is_known_by_what_it_depends_on(tmp_path: Path) -> None:
    played = ran()
    store.keep(tmp_path, played)

    assert store.done(tmp_path) == {store.key_of(p): p.row.scenario_digest for p in played}
    assert store.done(tmp_path / "nowhere") == {}


def test_only_what_was_asked_for_goes_into_the_whole(tmp_path: Path) -> None:
    played = ran(series=True)
    store.keep(tmp_path, played)
    store.gather(tmp_path, keys(*played))

    store.gather(tmp_path, keys(played[0]))

    loaded = frames.load(tmp_path)
    assert [row.policy for row in loaded.rows] == ["ilp"]
    assert [*loaded.trails] == [("toy/steps", "ilp")]


def test_a_whole_without_series_does_not_show_those_of_one_before(tmp_path: Path) -> None:
    with_series, without = ran(series=True), ran(seed=1)
    for played in (with_series, without):
        store.keep(tmp_path, played)
    store.gather(tmp_path, keys(*with_series, *without))

    store.gather(tmp_path, keys(*without))

    assert frames.load(tmp_path).trails == {}


def test_an_episode_that_was_run_again_counts_once_and_as_it_was_last(tmp_path: Path) -> None:
    """Alone this time, so in another part: its series must not be shown end to end with the old one."""
    first = changed(ran(series=True), started="2026-01-01T00:00:00+00:00", score=1.0)
    again = changed(ran([ILP], series=True), started="2026-01-02T00:00:00+00:00", score=2.0)
    for played in (first, again):
        store.keep(tmp_path, played)

    store.gather(tmp_path, keys(*first))

    loaded = frames.load(tmp_path)
    assert [(row.policy, row.score) for row in loaded.rows] == [
        ("ilp", 2.0), ("oracle", 1.0), ("static-small", 1.0),
    ]  # fmt: skip
    lengths = {key: len(trail.second) for key, trail in loaded.trails.items()}
    assert len(set(lengths.values())) == 1
    assert len(lengths) == 3


def test_of_what_was_run_twice_the_last_is_what_is_there(tmp_path: Path) -> None:
    """However the parts are called: else the wrong one would be taken for done."""
    old = changed(ran(), started="2026-01-01T00:00:00+00:00", scenario_digest="old")
    new = changed(ran(), started="2026-01-02T00:00:00+00:00", scenario_digest="new")
    for order in ([old, new[:1], new[1:]], [new, old[:1], old[1:]]):
        folder = tmp_path / str(id(order))
        for played in order:
            store.keep(folder, played)

        assert set(store.done(folder).values()) == {"new"}


def test_the_series_shown_is_that_of_the_lowest_seed(tmp_path: Path) -> None:
    for seed in (3, 1, 2):
        store.keep(tmp_path, ran([ILP], seed=seed, series=True))

    store.gather(tmp_path, [("toy/steps", "ilp", seed) for seed in (1, 2, 3)])

    loaded = frames.load(tmp_path)
    (trail,) = loaded.trails.values()
    assert sum(trail.arrivals) == next(row.requests for row in loaded.rows if row.seed == 1)


def test_series_in_which_a_column_is_empty_go_together_with_others(tmp_path: Path) -> None:
    """Where nobody came there is no latency in any second."""
    silent = play(cell("toy/silent", trace_rps=(0.0,) * 20), [ILP], 0, series=True)
    busy = ran([ILP], series=True)
    for played in (silent, busy):
        store.keep(tmp_path, played)

    store.gather(tmp_path, keys(*silent, *busy))

    assert len(frames.load(tmp_path).trails) == 2


def test_results_of_another_commit_are_not_mixed_with_ours(tmp_path: Path) -> None:
    store.keep(tmp_path, changed(ran(), git="f" * 40))

    with pytest.raises(UsageError, match=r"are of commit ffffffffffff, this is another .* --fresh"):
        store.done(tmp_path)


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    played = ran(series=True)
    store.keep(tmp_path, played)
    store.gather(tmp_path, keys(*played))
    (tmp_path / "notes.txt").write_text("mine")

    store.forget(tmp_path)

    assert store.done(tmp_path) == {}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["notes.txt"]
    store.forget(tmp_path / "nowhere")


def test_nothing_executed_is_a_failure(tmp_path: Path) -> None:
    store.keep(tmp_path, ran([ILP]))

    for folder, wanted in ((tmp_path, []), (tmp_path, [("toy/steps", "ipa", 0)]), (tmp_path / "no", [])):
        with pytest.raises(TrimtabError, match="0 episodes were executed, which is a failed run"):
            store.gather(folder, wanted)


def test_a_draft_of_a_run_that_was_killed_is_not_read(tmp_path: Path) -> None:
    store.keep(tmp_path, ran([ILP]))
    (tmp_path / "parts" / LEFT).write_bytes(b"half a fi")

    assert len(store.done(tmp_path)) == 1


def test_a_series_whose_rows_were_never_written_is_not_shown(tmp_path: Path) -> None:
    """Killed between the two files of a task: nothing of it counts."""
    played, lost = ran([ILP]), ran([SMALL], series=True)
    store.keep(tmp_path, played)
    store.keep(tmp_path, lost)
    rows = [p for p in (tmp_path / "parts").glob("*.parquet") if p.with_suffix(".series.parquet").exists()]
    rows[0].unlink()

    store.gather(tmp_path, keys(*played, *lost))

    loaded = frames.load(tmp_path)
    assert [row.policy for row in loaded.rows] == ["ilp"]
    assert loaded.trails == {}


def test_a_part_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    store.keep(tmp_path, ran([ILP]))
    bad = tmp_path / "parts" / "bad.parquet"

    bad.write_bytes(b"no parquet")
    with pytest.raises(StoreError, match=r"bad\.parquet: cannot be read: .*remove it, and run again"):
        store.done(tmp_path)

    pq.write_table(pa.table({"scenario": ["a"]}), bad)
    with pytest.raises(StoreError, match=r"bad\.parquet: no column 'policy'; remove it, and run again"):
        store.done(tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "parts").write_text("a file where the folder should be")

    with pytest.raises(StoreError, match="parts: cannot be written"):
        store.keep(tmp_path, ran([ILP]))
