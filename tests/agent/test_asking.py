"""What `trimtab explain` and `trimtab ask` print, about a real run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from agent.asking import WIDTH, ask, explain, subject_of
from agent.explain.talk import Talk
from agent.llm.recorder import MemoryRecorder
from agent.planners import create
from core.decision import Decision
from core.errors import StoreError, UsageError
from tests.agent.llm.server import calling, scripted
from tests.agent.toy import toy_run, turns


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with toy_run(tmp_path, create("rules"), trace_rps=(4.0,) * 20 + (15.0,) * 80) as run:
        run.loop.recover()
        turns(run, 4)
    return tmp_path / "data"


def printed(call: Callable[[], None]) -> str:
    out = StringIO()
    with redirect_stdout(out):
        call()
    return out.getvalue()


def test_every_turn_of_a_run_is_explained_within_the_width(data: Path) -> None:
    for number in range(1, 5):
        told = printed(lambda name=f"toy-{number:06d}": explain(data, name, as_json=False))  # type: ignore[misc]

        assert told.startswith(f"toy-{number:06d}: ")
        assert max(len(line) for line in told.splitlines()) <= WIDTH
        assert "the SLO of 2 s" in told, "the pipeline is known although nothing was applied"


def test_the_last_decision_is_asked_about_where_none_is_named(data: Path) -> None:
    told = printed(lambda: ask(data, "what would make it switch?"))

    assert told.startswith("toy-000004: what would make it switch?")
    assert told.rstrip().endswith("answered from the record, without a language model")
    assert "[solve" in told


def test_an_answer_as_json_has_its_sources(data: Path) -> None:
    answer = json.loads(
        printed(lambda: ask(data, "why not the smaller one?", name="toy-000002", as_json=True))
    )

    assert answer["decision"] == "toy-000002"
    assert answer["answered"] == "answered from the record, without a language model"
    assert all(statement["source"] for statement in answer["statements"])


def test_a_model_answers_where_there_is_one(data: Path) -> None:
    with scripted(calling("answer", text="Because 9999 said so.", evidence=["t1"])) as model:
        talk = Talk(model.settings(), MemoryRecorder(lambda: 1e9), clock=lambda: 1e9)
        told = printed(lambda: ask(data, "why?", talk=talk))

    assert "Because 9999 said so." in told
    assert "in no tool result: 9999" in told
    assert "answered by a language model, from read-only tools; model scripted" in told


def test_a_question_s_situation_is_the_recorded_one(data: Path) -> None:
    subject = subject_of(data, "toy-000003")

    problem = subject.problem()

    assert [d.id for d in subject.earlier] == ["toy-000001", "toy-000002"]
    assert [d.id for d in subject.later] == ["toy-000004"]
    assert problem is not None
    assert problem.load_rps == subject.decision.load_rps
    assert isinstance(subject.decision, Decision)


def test_what_is_not_there_is_one_clear_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no decision 'x'"):
        ask(data, "why?", name="x")
    with pytest.raises(UsageError, match="there is no decision store"):
        ask(tmp_path, "why?")
    (tmp_path / "decisions.sqlite").write_text("nonsense" * 500, encoding="utf-8")
    with pytest.raises(StoreError):
        explain(tmp_path, "x", as_json=False)
