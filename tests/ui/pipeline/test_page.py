"""The page of a pipeline: what it is doing, and what would be best if something were otherwise."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.assessment import Signal
from core.decision import Decision, Mode
from core.problem import Problem, VariantName
from core.solution import Optimum
from core.solve import solve
from tests.agent.toy import CHEAPER, ENOUGH, Scripted, pipeline_of, silent, toy_run, turns
from tools.presence import Presence, write_presence
from tools.store import DecisionStore
from ui.pipeline.panel import option_texts
from ui.pipeline.present import open_request, present_of
from ui.places import Place
from ui.show import label

TURNS = 4


def _recorded(folder: Path, mode: Mode) -> Path:
    with toy_run(folder, Scripted([ENOUGH, CHEAPER]), mode=mode) as run:
        run.loop.recover()
        turns(run, TURNS)
    return folder / "data"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a loop that changed something in its first turns."""
    return _recorded(tmp_path_factory.mktemp("auto"), "auto")


@pytest.fixture(scope="module")
def observing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a loop that may only recommend."""
    return _recorded(tmp_path_factory.mktemp("observe"), "observe")


def _script(data: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - AppTest runs this text alone

    from ui import settings  # noqa: PLC0415 - as above
    from ui.pipeline import page as pipeline_page  # noqa: PLC0415 - as above

    settings.use(settings.ConsoleSettings(data=Path(data)))
    pipeline_page.page()


def shown(data: Path) -> AppTest:
    """Return the page as it is drawn."""
    page = AppTest.from_function(_script, kwargs={"data": str(data)}, default_timeout=20).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    """Return all texts and chips of a page."""
    elements = (*page.title, *page.markdown, *page.text, *page.warning, *page.error, *page.subheader)
    return "\n".join(str(e.value) for e in elements)


def figure(page: AppTest, name: str) -> str:
    """Return what is shown of the optimum."""
    return next(str(m.value) for m in page.metric if m.label == f"{name}, at best")


def last(data: Path) -> Decision:
    """Return the last decision."""
    store = DecisionStore(data / "decisions.sqlite", read_only=True)
    try:
        return store.latest(1)[0]
    finally:
        store.close()


def present_problem(data: Path) -> Problem:
    """Return what there is to solve after the last decision."""
    found = present_of(last(data), pipeline_of()).problem
    assert found is not None
    return found


def test_the_page_says_how_the_pipeline_stands(store: Path) -> None:
    page = shown(store)

    told = words(page)
    assert [t.value for t in page.title] == ["toy"]
    assert "mode auto" in told
    assert "the run has ended" in told
    assert "fresh" in told
    assert "Accuracy against cores at the present load" in told
    assert not page.error and not page.warning


def test_sliders_at_rest_show_the_optimum_as_it_is(store: Path) -> None:
    best = solve(present_problem(store))
    assert isinstance(best, Optimum)

    page = shown(store)

    assert figure(page, "cores") == f"{best.prediction.cores:.4g}"
    assert figure(page, "accuracy") == f"{best.prediction.accuracy:.2%}"
    assert "Solved exactly in" in words(page)


def test_moving_the_load_shows_the_optimum_there(store: Path) -> None:
    page = shown(store)
    before = figure(page, "cores")

    load = next(s for s in page.slider if s.label.startswith("Load"))
    page = load.set_value(35.0).run()

    best = solve(present_problem(store).replaced(load_rps=35.0))
    assert isinstance(best, Optimum)
    assert figure(page, "cores") == f"{best.prediction.cores:.4g}"
    assert figure(page, "cores") != before


def test_leaving_a_variant_out_shows_what_is_best_without_it(store: Path) -> None:
    page = shown(store)

    page = page.multiselect[0].set_value([1]).run()

    without = (VariantName(stage="find", variant="large"),)
    best = solve(present_problem(store).replaced(excluded=without))
    assert isinstance(best, Optimum)
    assert figure(page, "accuracy") == f"{best.prediction.accuracy:.2%}"
    assert page.multiselect[0].options == ["find/small", "find/large", "read/only"]


def test_what_cannot_be_had_is_said_with_what_would_help(store: Path) -> None:
    page = shown(store)

    page = page.number_input[0].set_value(1.0).run()

    told = words(page)
    assert "Nothing keeps all of these limits." in told
    assert "All else as it is," in told
    assert not [m for m in page.metric if m.label.endswith("at best")]


def test_leaving_every_variant_of_a_stage_out_is_a_sentence_and_no_failure(store: Path) -> None:
    page = shown(store)

    page = page.multiselect[0].set_value([2]).run()

    assert not page.exception
    assert "keep one of them" in words(page)


def test_beginning_again_puts_the_sliders_back(store: Path) -> None:
    page = shown(store)
    load = next(s for s in page.slider if s.label.startswith("Load"))
    usual = load.value
    page = load.set_value(load.max).run()

    page = next(b for b in page.button if b.label.startswith("Begin again")).click().run()

    assert next(s for s in page.slider if s.label.startswith("Load")).value == usual


def test_what_is_recommended_stands_beside_what_runs(observing: Path) -> None:
    page = shown(observing)

    decision = last(observing)
    candidate = decision.rulings[-1].candidate
    assert decision.outcome == "recommended" and candidate is not None
    assert "Recommended beside what runs" in words(page)
    rows = page.dataframe[0].value.to_dict("records")
    assert [row["stage"] for row in rows] == ["find", "read"]
    assert rows[0]["recommended"] == f"{candidate['find'].variant}, batch 1, × {candidate['find'].replicas}"


def test_nothing_is_recommended_where_it_was_applied(store: Path) -> None:
    assert "Recommended" not in words(shown(store))


def test_what_a_person_is_asked_about_is_what_is_recommended(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH]), mode="observe") as run:
        decision = turns(run, 1)[0]
    with toy_run(tmp_path, Scripted([CHEAPER]), mode="approve", approver=silent) as run:
        run.cluster.pass_time(10)
        assert run.loop.tick() is None

    request = open_request(Place(tmp_path / "data", "toy", "toy"), time.time())
    assert request is not None
    now = present_of(decision, pipeline_of(), request)

    assert now.asked
    assert now.recommended == CHEAPER
    assert now.running == request.running


def test_a_paused_loop_and_signals_in_doubt_are_told_by_name(store: Path, tmp_path: Path) -> None:
    decision = last(store)
    signals = (
        Signal(name="queue[find]", state="stale", age_s=90.0),
        Signal(name="ready[read]", state="missing"),
    )
    doubtful = decision.model_copy(update={"id": "toy-000099", "signals": signals})
    data = tmp_path / "data"
    data.mkdir()
    kept = DecisionStore(data / "decisions.sqlite")
    kept.keep_pipeline(pipeline_of())
    kept.record(doubtful)
    kept.close()
    now = time.time()
    write_presence(
        data,
        Presence(
            pipeline="toy",
            process=1,
            host="here",
            started=now - 60,
            beat=now,
            clock_s=decision.time_s,
            real_time=True,
            interval_s=10.0,
            limit="auto",
            mode="observe",
            mode_reason="*not* earned",
            paused_by="[ann](http://x)",
            planner="rules",
        ),
    )

    page = shown(data)

    told = words(page)
    texts = [str(t.value) for t in page.text]
    assert "paused" in told
    assert "Paused by [ann](http://x)." in texts
    assert "Mode observe: *not* earned" in texts
    assert label("queue[find] stale, 1.5 min old") in told
    assert label("ready[read] missing, never measured") in told
    assert r"\\[" not in told


def test_a_decision_without_metrics_leaves_nothing_to_solve_and_says_so(store: Path, tmp_path: Path) -> None:
    blind = last(store).model_copy(
        update={
            "id": "toy-000099",
            "observation": None,
            "forecast": None,
            "load_rps": None,
            "certificate": None,
            "outcome": "held",
            "rulings": (),
            "proposals": (),
        }
    )
    data = tmp_path / "data"
    data.mkdir()
    kept = DecisionStore(data / "decisions.sqlite")
    kept.keep_pipeline(pipeline_of())
    kept.record(blind)
    kept.close()

    page = shown(data)

    told = words(page)
    assert "blind" in told
    assert "there is nothing to solve" in told
    assert "No load was known at that decision" in told
    assert "nothing of it was measured in this range" in told


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    page = shown(tmp_path)

    assert "No pipeline yet" in words(page)
    assert [c.value for c in page.code] == ["trimtab demo"]


def test_a_damaged_store_is_a_banner_and_no_trace(tmp_path: Path) -> None:
    (tmp_path / "decisions.sqlite").write_bytes(b"no database at all, " * 50)

    page = shown(tmp_path)

    assert "No pipeline yet" not in words(page)
    assert page.warning


def test_variants_that_look_alike_are_still_told_apart() -> None:
    long = "v" * 100
    names = [VariantName(stage="s", variant=v) for v in (f"{long}1", f"{long}2", "short")]

    texts = option_texts(names)

    assert len(set(texts)) == 3
    assert texts[2] == "s/short"
