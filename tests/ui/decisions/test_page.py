"""The page of decisions, drawn by Streamlit without a browser, over stores of real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.folder import DECISIONS, FLIGHT
from core.approval import Approval
from core.assessment import Finding
from core.decision import Certificate, Decision
from core.tooluse import ToolUse
from core.trial import Quarantine
from tests.agent.explain.records import LAUNCH, SMALL, change, turn
from tests.agent.llm.server import proposing
from tests.agent.toy import running
from tests.ui.decisions.decided import ELSEWHERE, HOSTILE, NOWHERE, by_model, by_rules, decisions, stored
from tests.ui.decisions.decision_pages import clicked, drawn, shown, tables, texts
from ui.struck import STROKE, struck

MARKUP = ("<img", "**bold**", "](https", ":red[", ":material/home:", "$x^2$")
"""Parts of `HOSTILE`, as markup would need them."""


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
    assert ELSEWHERE not in told.replace(f"cites: {ELSEWHERE}", ""), "nor in the head is it left standing"
    assert ELSEWHERE not in str(tables(shown(asked)))


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
        events=(LAUNCH.model_copy(update={"note": HOSTILE, "author": name}),),
        approval=Approval(proposal="0" * 64, agreed=False, approver=name, at=1.0, comment=HOSTILE),
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


def test_an_approval_is_told_with_who_and_when_and_the_comment(tmp_path: Path) -> None:
    word = Approval(proposal="ab" * 32, agreed=True, approver="ann", at=86_400.0, comment="go\nahead")
    data = stored(tmp_path / "data", turn(3, approval=word))

    page = shown(data, decision="toy-000003")

    assert "by ann, shown as abababababab" in texts(page)
    assert "go\nahead" in texts(page)
    assert "02 Jan 1970" in drawn(page)


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


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    page = shown(tmp_path)

    assert [s.value for s in page.subheader] == ["No decision yet"]
    assert "trimtab demo" in page.code[0].value


def test_a_damaged_store_is_said_and_no_trace(tmp_path: Path) -> None:
    (tmp_path / DECISIONS).write_bytes(b"no database" * 100)

    page = shown(tmp_path)

    assert "not a database" in page.warning[0].value.replace("\\", "")
