"""The page of decisions, drawn by Streamlit without a browser, over stores of real runs."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agent.folder import DECISIONS, FLIGHT
from core.assessment import Finding
from core.decision import Certificate, Decision
from core.tooluse import ToolUse
from core.trial import Quarantine
from tests.agent.explain.records import OPTIMUM, SMALL, change, turn
from tests.agent.llm.server import proposing
from tests.agent.toy import running
from tests.ui.decided import HOSTILE, NOWHERE, by_model, by_rules, decisions, many, stored
from ui.decision_record import PAGE
from ui.struck import STROKE, struck

MOST_LIST_S = 2.0
"""What the list may take with 50,000 decisions."""
LONG = 50_000
MARKUP = ("<img", "**bold**", "](https", ":red[", ":material/home:", "$x^2$")
"""Parts of `HOSTILE`, as markup would need them."""


def _script(data: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - AppTest runs this text alone

    from ui import decision_page, settings  # noqa: PLC0415 - as above

    settings.use(settings.ConsoleSettings(data=Path(data)))
    decision_page.page()


def shown(data: Path, **address: str) -> AppTest:
    page = AppTest.from_function(_script, kwargs={"data": str(data)}, default_timeout=30)
    for key, value in address.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    return "\n".join(str(e.value) for e in page.text)


def drawn(page: AppTest) -> str:
    """Return what is drawn as Markdown, without what is escaped in it."""
    elements = (
        *page.markdown,
        *page.caption,
        *page.title,
        *page.subheader,
        *page.error,
        *page.warning,
        *page.success,
        *page.metric,
        *page.expander,
        *page.button,
    )
    return re.sub(
        r"\\.", "", "\n".join(f"{getattr(e, 'label', '')} {getattr(e, 'value', '')}" for e in elements)
    )


def clicked(page: AppTest, label: str) -> AppTest:
    next(b for b in page.button if b.label == label).click().run()
    assert not page.exception
    return page


def tables(page: AppTest) -> list[list[dict[str, Any]]]:
    return [json.loads(d.value.to_json(orient="records")) for d in page.dataframe]


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_rules(tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_model(tmp_path_factory.mktemp("llm"))


def test_a_decision_is_followed_through_from_what_was_seen_to_what_came_of_it(ruled: Path) -> None:
    page = shown(ruled, decision="toy-000001")

    headings = [m.value.split("**")[1] for m in page.markdown if "**" in m.value]
    assert headings == [
        "Observed",
        "Forecast",
        "Assessed",
        "Proposal",
        "Verdict",
        "Done: applied",
        "Proof",
        "Came of it",
        "Spent",
    ]
    assert "applied" in drawn(page)
    assert not page.error


def test_a_proof_is_solved_again_and_holds(ruled: Path) -> None:
    page = clicked(shown(ruled, decision="toy-000001"), "Verify again")

    assert [s.value for s in page.success] != []
    assert page.success[0].value.startswith("The proof holds")
    assert not page.error


def forged(**changes: object) -> Decision:
    honest = change(1)
    assert isinstance(honest.certificate, Certificate)
    return change(1, certificate=honest.certificate.model_copy(update=changes))


@pytest.mark.parametrize(
    ("changes", "disagreement"),
    [
        pytest.param({"objective": 99.0}, "the objective is", id="objective"),
        pytest.param({"bound": 99.0}, "the optimum is", id="bound"),
        pytest.param({"problem_digest": "0" * 64}, "the record was altered", id="problem"),
        pytest.param({"configuration": running("large", 1, read=1)}, "is broken", id="configuration"),
    ],
)
def test_a_forged_proof_says_what_disagrees(
    changes: dict[str, object], disagreement: str, tmp_path: Path
) -> None:
    data = stored(tmp_path / "data", forged(**changes))

    page = clicked(shown(data, decision="toy-000001"), "Verify again")

    assert not page.success
    assert page.error[0].value.startswith("The proof does not hold")
    assert disagreement in texts(page)


def test_a_figure_from_nowhere_is_struck_through_in_the_models_words(asked: Path) -> None:
    page = shown(asked, decision="toy-000001")

    told = texts(page)
    assert f"the load grew by {struck(NOWHERE, [NOWHERE])}" in told
    assert f"in no tool result it cites: {NOWHERE}" in told
    assert STROKE not in drawn(page)


def test_hostile_words_of_a_model_stay_text_wherever_they_are_shown(asked: Path) -> None:
    page = shown(asked, decision="toy-000001")

    assert HOSTILE in texts(page)
    assert not [part for part in MARKUP if part in drawn(page)]


def test_hostile_words_of_anything_else_on_record_stay_text(tmp_path: Path) -> None:
    name = HOSTILE.replace(" ", "_")
    hostile = turn(
        3,
        planner=name,
        note=HOSTILE,
        mode_reason=HOSTILE,
        outcome="failed",
        findings=(Finding(kind="slo breach", subject=name, statement=HOSTILE),),
        quarantine=(Quarantine(configuration=SMALL, until_s=99, decision=name, evidence=HOSTILE),),
        uses=(
            ToolUse(
                id=name,
                call="c1",
                tool=HOSTILE,
                arguments=HOSTILE,
                ok=False,
                result=HOSTILE,
                shows=(HOSTILE,),
            ),
        ),
    )
    data = stored(tmp_path / "data", hostile)

    page = shown(data, decision="toy-000003")

    assert HOSTILE in texts(page)
    assert HOSTILE in "\n".join(c.value for c in page.code)
    assert not [part for part in MARKUP if part in drawn(page)]


def test_the_talk_with_the_model_can_be_read_with_its_cost(asked: Path) -> None:
    page = shown(asked, decision="toy-000001")

    said = "\n".join(c.value for c in page.code)
    assert "let me think" in said
    assert '"action": "configure"' in said
    assert [e.label for e in page.expander].count("Sent: instructions, the same every time") == 1
    assert "1000 tokens in, 50 out" in drawn(page)
    assert {m.label for m in page.metric} >= {"tokens", "seconds", "cost"}
    assert "load surge" in texts(page)


def test_a_broken_constraint_stands_first_in_the_table(asked: Path) -> None:
    page = shown(asked, decision="toy-000001")

    rejected = next(t for t in tables(page) if t and "slack" in t[0])
    words = [row[""] for row in rejected]
    assert words[0] == "✗ broken"
    assert words == sorted(words, key=lambda w: w == "✓ kept")


def test_a_quiet_turn_is_short(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(3))

    page = shown(data, decision="toy-000003")

    assert "A quiet turn" in drawn(page)
    assert not [d for d in tables(page) if d and "queue" in d[0]]
    assert "**Spent**" not in drawn(page)


def test_the_neighbours_of_a_decision_are_one_click_away(ruled: Path) -> None:
    page = shown(ruled, decision="toy-000002")

    assert "toy-000003" in texts(clicked(page, "Next"))
    assert "toy-000002" in texts(clicked(page, "Previous"))
    assert page.query_params["decision"] == "toy-000002"


def test_the_first_has_none_before_and_the_last_none_after(ruled: Path) -> None:
    names = [d.id for d in decisions(ruled)]

    first, last = shown(ruled, decision=names[0]), shown(ruled, decision=names[-1])

    assert [b.disabled for b in first.button if b.label in ("Previous", "Next")] == [True, False]
    assert [b.disabled for b in last.button if b.label in ("Previous", "Next")] == [False, True]


def test_the_record_can_be_taken_away_whole(ruled: Path) -> None:
    page = shown(ruled, decision="toy-000001")

    assert [b.proto.label for b in page.get("download_button")] == ["The whole decision, JSON"]
    assert "toy-000001: applied at 10 s" in "\n".join(c.value for c in page.code)


def test_a_decision_that_there_is_not_is_said_in_one_sentence(ruled: Path) -> None:
    page = shown(ruled, decision="toy-[x](http://e)")

    assert len(page.error) == 1
    assert "there is no decision" in page.error[0].value
    assert "](http://e)" not in page.error[0].value


def test_a_damaged_flight_recorder_hides_what_was_said_and_not_the_decision(tmp_path: Path) -> None:
    data = by_model(tmp_path, proposing(action="hold"))
    for path in data.glob(f"{FLIGHT}*"):
        path.unlink()
    (data / FLIGHT).write_bytes(b"no database" * 100)

    page = shown(data, decision="toy-000001")

    assert len(page.warning) == 1
    assert "**Verdict" in drawn(page)


def test_the_list_shows_the_newest_first_with_why(ruled: Path) -> None:
    page = shown(ruled)

    rows = tables(page)[0]
    assert [row["decision"] for row in rows] == [d.id for d in reversed(decisions(ruled))]
    assert "what runs breaks" in rows[-1]["why"]
    assert rows[-1]["causes"] == "load surge"


def test_only_changes_leaves_out_what_was_held(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(1), change(2), turn(3, running=OPTIMUM))
    page = shown(data)

    page.toggle(key="only-changes").set_value(True).run()

    assert [row["decision"] for row in tables(page)[0]] == ["toy-000002"]


def test_the_list_is_filtered_by_outcome(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(1), change(2), turn(3, outcome="refused"))
    page = shown(data)

    page.button_group(key="outcomes").set_value(["refused", "held"]).run()

    assert [row["decision"] for row in tables(page)[0]] == ["toy-000003", "toy-000001"]


def test_a_filter_that_nothing_passes_says_so(tmp_path: Path) -> None:
    page = shown(stored(tmp_path / "data", turn(1)))

    page.toggle(key="only-changes").set_value(True).run()

    assert "No decision here ended so" in texts(page)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many(tmp_path_factory.mktemp("long"), turn(1), LONG, readable=2 * PAGE)


def test_fifty_thousand_decisions_are_listed_at_once(long: Path) -> None:
    shown(long)  # the first run imports

    began = time.perf_counter()
    page = shown(long)

    assert time.perf_counter() - began < MOST_LIST_S
    assert len(tables(page)[0]) == PAGE


def test_pages_follow_each_other_without_a_gap(long: Path) -> None:
    page = shown(long)

    first = [row["decision"] for row in tables(page)[0]]
    second = [row["decision"] for row in tables(clicked(page, "Older"))[0]]
    again = [row["decision"] for row in tables(clicked(page, "Newer"))[0]]

    assert first + second == [f"toy-{k:06d}" for k in range(LONG - 1, LONG - 1 - 2 * PAGE, -1)]
    assert again == first


def test_the_list_stays_while_newer_decisions_come_until_they_are_asked_for(tmp_path: Path) -> None:
    data = stored(tmp_path / "data", turn(1), turn(2))
    page = shown(data)
    stored(data, turn(3))

    page.run()
    before = [row["decision"] for row in tables(page)[0]]
    after = [row["decision"] for row in tables(clicked(page, "There are newer decisions: show them"))[0]]

    assert before == ["toy-000002", "toy-000001"]
    assert after == ["toy-000003", "toy-000002", "toy-000001"]


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    page = shown(tmp_path)

    assert [s.value for s in page.subheader] == ["No decision yet"]
    assert "trimtab demo" in page.code[0].value


def test_a_damaged_store_is_said_and_no_trace(tmp_path: Path) -> None:
    (tmp_path / DECISIONS).write_bytes(b"no database" * 100)

    page = shown(tmp_path)

    assert "not a database" in page.warning[0].value.replace("\\", "")
