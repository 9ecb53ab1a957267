"""On the approvals page a person answers exactly the change they saw, and only if their role covers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.approvals import os_user
from agent.episode import EmbeddedRun
from agent.folder import REQUESTS
from agent.planners import Briefing, Thought
from core.errors import UsageError
from core.proposal import Proposal
from core.roles import NotAllowed
from tests.agent.toy import CHEAPER, ENOUGH, TOO_SMALL, Scripted, running
from tests.ui.approvals.waiting_run import LOAD_RPS, loop_in, place_of, press, shown, texts, turn
from tools.requests import Asked, Requests
from ui import settings
from ui.approvals import page as approvals
from ui.approvals.steady import STILL_S, laid_out
from ui.approvals.waiting import (
    Unweighed,
    Weighed,
    constraint_rows,
    effect_rows,
    stage_rows,
    verdict_line,
    weigh,
)
from ui.places import Place
from ui.settings import ConsoleSettings

HOSTILE = "<script>alert(1)</script> **bold** [x](https://evil.example) :red[no]"


@pytest.fixture
def planner() -> Scripted:
    return Scripted([CHEAPER])


@pytest.fixture
def run(tmp_path: Path, planner: Scripted) -> Iterator[EmbeddedRun]:
    """A loop whose second turn found the question of its first one still open."""
    with loop_in(tmp_path, planner) as found:
        turn(found)
        turn(found)
        yield found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_of(tmp_path)


def asked(place: Place) -> tuple[Asked, ...]:
    with closing(Requests(place.folder / REQUESTS, must_exist=True)) as requests:
        return requests.latest(10)


def open_request(place: Place) -> Asked:
    (found,) = [a for a in asked(place) if a.closed is None]
    return found


def test_a_change_is_shown_with_its_stages_its_effect_its_limits_and_the_time_left(
    run: EmbeddedRun, place: Place
) -> None:
    app = shown(place)

    stages, effect, limits = (app.dataframe[i].value for i in range(3))
    assert list(stages["stage"]) == ["find", "read"]
    assert stages["change"][0].startswith("large → small")
    assert list(effect["predicted"])[:3] == ["accuracy", "cores", "latency, SLO 2 s"]
    assert set(limits[""]) == {"✓ kept"}
    assert "min left, until" in texts(app)
    assert "Checked now on the problem of toy-000002, " in texts(app)
    assert "line 1 of the script" in texts(app)


def test_what_is_approved_is_applied_in_the_loops_next_turn(run: EmbeddedRun, place: Place) -> None:
    app = press(shown(place), "Approve")

    assert "toy\\-000001 approved by" in app.success[0].value
    decision = turn(run)
    assert decision is not None
    assert (decision.id, decision.outcome) == ("toy-000001", "applied")
    assert run.cluster.desired().configuration == CHEAPER


def test_an_answer_is_kept_with_who_when_and_the_comment(run: EmbeddedRun, place: Place) -> None:
    app = shown(place)
    app.text_input[0].input("not before **six**")

    press(app, "Refuse")

    word = open_request(place).answer
    assert word is not None
    assert (word.agreed, word.approver, word.comment) == (False, os_user(), "not before **six**")
    assert f"Refused by {os_user()} at" in texts(app)
    assert "Comment: not before **six**" in texts(app)


def test_what_was_answered_can_not_be_answered_again(run: EmbeddedRun, place: Place) -> None:
    app = press(shown(place), "Approve")

    assert {"Approve", "Refuse"}.isdisjoint(b.label for b in app.button)


def test_the_history_says_who_answered_and_what_became_of_it(run: EmbeddedRun, place: Place) -> None:
    app = shown(place)
    app.text_input[0].input("go")
    press(app, "Approve")
    turn(run)

    app = shown(place)

    assert app.subheader[0].value == "No change waits for an answer"
    (past,) = app.dataframe[0].value.to_dict("records")
    assert (past["answer"], past["by"], past["comment"]) == ("approved", os_user(), "go")
    assert past["what became of it"].startswith("applied")


@pytest.mark.parametrize("words", ["Approve", "Refuse"])
def test_a_page_that_shows_an_older_change_answers_nothing(
    run: EmbeddedRun, planner: Scripted, place: Place, words: str
) -> None:
    app = shown(place)
    planner.proposals = [ENOUGH]
    turn(run)

    press(app, words)

    assert "superseded by toy\\-000003" in app.error[0].value
    assert [a.answer for a in asked(place)] == [None, None]
    assert "toy-000003, asked" in texts(app)


def test_what_takes_the_place_of_another_change_cannot_be_answered_by_a_click_meant_for_that(
    run: EmbeddedRun, planner: Scripted, place: Place
) -> None:
    app = shown(place)
    planner.proposals = [ENOUGH]
    turn(run)

    app.run()

    assert "toy-000003, asked" in texts(app)
    assert {b.label: b.disabled for b in app.button if b.form_id.startswith("answer")} == {
        "Approve": True,
        "Refuse": True,
    }
    assert "it can be answered in a moment" in texts(app)


def test_a_card_can_be_used_once_it_and_those_above_it_stand_still() -> None:
    opened = laid_out(None, ["a", "b"], 100.0)
    moved = laid_out(opened, ["a", "c"], 200.0)
    joined = laid_out(moved, ["a", "c", "d"], 201.0)
    moved_up = laid_out(joined, ["c", "d"], 300.0)

    assert [opened.still(k, 100.0) for k in range(2)] == [True, True]
    assert [moved.still(k, 200.0) for k in range(2)] == [True, False]
    assert [joined.still(k, 200.0 + STILL_S) for k in range(3)] == [True, True, False]
    assert [moved_up.still(k, 300.0) for k in range(2)] == [False, False]


def test_the_same_change_asked_for_again_is_not_answered_by_the_page_that_showed_it_before(
    run: EmbeddedRun, planner: Scripted, place: Place
) -> None:
    app = shown(place)
    for wanted in (ENOUGH, CHEAPER):
        planner.proposals = [wanted]
        turn(run)
    assert open_request(place).request.proposal == asked(place)[-1].request.proposal

    press(app, "Approve")

    assert app.error
    assert all(a.answer is None for a in asked(place))


def test_another_change_under_the_same_decision_is_refused(run: EmbeddedRun, place: Place) -> None:
    settings.use(ConsoleSettings(data=place.folder, writable=True))

    with pytest.raises(UsageError, match="not what was shown"):
        approvals.answer(place, "toy-000001", "0" * 64, "", agreed=True)

    assert open_request(place).answer is None


def test_who_may_only_look_sees_everything_but_no_buttons(run: EmbeddedRun, place: Place) -> None:
    app = shown(place, writable=False)

    assert "line 1 of the script" in texts(app)
    assert "to answer a request takes the role approver" in texts(app)
    assert not app.button
    assert not app.text_input


def test_who_may_only_look_cannot_answer_by_going_around_the_page(run: EmbeddedRun, place: Place) -> None:
    settings.use(ConsoleSettings(data=place.folder))
    request = open_request(place).request

    with pytest.raises(NotAllowed, match="'approver' is needed"):
        approvals.answer(place, request.decision, request.proposal, "", agreed=True)

    assert open_request(place).answer is None


def test_a_planners_words_and_a_persons_comment_stay_text(tmp_path: Path, place: Place) -> None:
    class Hostile:
        name = "scripted"

        def plan(self, briefing: Briefing) -> Thought:
            return Thought(Proposal(configuration=CHEAPER, rationale=HOSTILE))

    with loop_in(tmp_path, Hostile()) as run:
        turn(run)
        turn(run)
        app = shown(place)
        app.text_input[0].input(HOSTILE)
        press(app, "Approve")

    assert HOSTILE in [t.value for t in app.text]
    assert f"Comment: {HOSTILE}" in [t.value for t in app.text]
    marked = [*app.markdown, *app.success, *app.error, *app.caption, *app.subheader, *app.button]
    assert not any("script" in spelled(e) or "evil" in spelled(e) for e in marked)


def spelled(element: Any) -> str:  # noqa: ANN401 - Streamlit's elements share no type
    return str(getattr(element, "value", "")) + str(getattr(element, "label", ""))


def test_where_nothing_waits_the_page_says_how_it_comes_to(tmp_path: Path, place: Place) -> None:
    with loop_in(tmp_path, Scripted([None]), mode="auto") as run:
        turn(run)
        app = shown(place)

    assert app.subheader[0].value == "No change waits for an answer"
    assert "--mode approve" in app.code[0].value


def test_what_all_loops_ask_is_shown_the_oldest_first_and_that_one_does_not_run(
    tmp_path: Path, place: Place
) -> None:
    for name in ("two", "one"):
        with loop_in(tmp_path / name, Scripted([CHEAPER])) as run:
            turn(run)
            turn(run)

    app = shown(place)

    assert [t.value for t in app.text if t.value in ("one/toy", "two/toy")] == ["two/toy", "one/toy"]
    assert texts(app).count("The loop does not run now") == 2


def test_a_loop_whose_file_is_damaged_is_shown_and_hides_no_other(tmp_path: Path, place: Place) -> None:
    for name in ("one", "two"):
        with loop_in(tmp_path / name, Scripted([CHEAPER])) as run:
            turn(run)
            turn(run)
    (tmp_path / "one" / REQUESTS).write_bytes(b"no database" * 100)

    app = shown(place)

    assert "cannot be used" in app.warning[0].value
    assert "two/toy" in texts(app)
    assert [b.label for b in app.button if b.form_id.startswith("answer")] == ["Approve", "Refuse"]


def test_a_change_is_weighed_on_what_was_measured_last(run: EmbeddedRun, place: Place) -> None:
    found = weigh(place, open_request(place).request)

    assert isinstance(found, Weighed)
    assert found.decision == "toy-000002"
    assert found.load_rps >= LOAD_RPS / 2
    assert found.proposed.accuracy == pytest.approx(0.45)
    assert found.proposed.cores == 8
    assert found.runs.accuracy == pytest.approx(0.72)
    accuracy, cores, latency = effect_rows(found)
    assert accuracy == {
        "predicted": "accuracy",
        "runs": "72.00%",
        "proposed": "45.00%",
        "change": "-27.00 points",
    }
    assert cores["proposed"] == "8"
    assert latency["predicted"] == "latency, SLO 2 s"
    assert latency["proposed"].endswith(" s")


def test_what_is_not_enough_by_now_is_rejected_with_the_broken_limits_first(
    run: EmbeddedRun, place: Place
) -> None:
    request = open_request(place).request.model_copy(update={"proposed": TOO_SMALL})

    found = weigh(place, request)

    assert isinstance(found, Weighed)
    assert verdict_line(found.verdict) == "3 limits are broken."
    rows = constraint_rows(found.verdict.constraints)
    assert [row["limit on"] for row in rows[:3]] == ["latency", "capacity[find]", "capacity[read]"]
    assert [row[""] for row in rows[2:4]] == ["✗ broken", "✓ kept"]


def test_without_a_decision_there_is_nothing_to_weigh_on(tmp_path: Path, planner: Scripted) -> None:
    with loop_in(tmp_path, planner) as run:
        turn(run)
        place = place_of(tmp_path)

        found = weigh(place, open_request(place).request)

    assert found == Unweighed("no turn has ended yet")


def test_a_change_is_weighed_on_the_latest_turn_even_where_an_older_one_was_recorded_after_it(
    run: EmbeddedRun, planner: Scripted, place: Place
) -> None:
    planner.proposals = [ENOUGH]
    turn(run)
    assert run.loop.context.store.latest(1)[0].id == "toy-000001"

    found = weigh(place, open_request(place).request)

    assert isinstance(found, Weighed)
    assert found.decision == "toy-000002"


def test_what_changes_is_said_in_words() -> None:
    rows = stage_rows(running("large", 8, read=4), running("large", 3, read=4, batch=2))

    assert [row["change"] for row in rows] == ["batch 1 → 2; replicas 8 → 3 (-5)", "unchanged"]
    assert rows[0]["runs"] == "large, batch 1, × 8"
