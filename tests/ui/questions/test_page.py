"""The page of questions, drawn by Streamlit without a browser, over the store of a short run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agent.approvals import os_user
from agent.explain.question import MOST_QUESTION, Unknown, Well, WhatIf, WhyNot, parse
from agent.explain.reply import FROM_MODEL, FROM_RECORD
from agent.explain.steps import Asking, Saying, Step, Used
from agent.folder import FLIGHT
from agent.planners import create
from core.errors import UsageError
from tests.agent.llm.server import (
    KEY,
    Line,
    Script,
    ScriptedModel,
    calling,
    closed_port,
    failing,
    scripted,
    streaming,
)
from tests.agent.toy import pipeline_of, toy_run, turns
from tools.flight import FlightRecorder
from ui import settings
from ui.places import Place
from ui.questions.asking import EXAMPLES, about, answered
from ui.questions.conversations import FILE, Conversations
from ui.questions.page import SHOWN
from ui.settings import ConsoleSettings

NOBODY = "viewer"
HOSTILE = "why <script>alert(1)</script> ![x](http://e.example/x.png) [a](http://b) :red[r] $x$ \u202egnp?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a run of four turns."""
    folder = tmp_path_factory.mktemp("made")
    with toy_run(folder, create("rules"), trace_rps=(4.0,) * 20 + (15.0,) * 80) as run:
        run.loop.recover()
        turns(run, 4)
    return folder / "data"


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """Give a copy of that folder."""
    return shutil.copytree(made, tmp_path / "data")


def _script() -> None:
    from ui.questions import page as chat  # noqa: PLC0415 - Streamlit runs this function's text by itself

    chat.page()


def opened(
    data: Path, model: str | None = None, decision: str | None = None, *, writable: bool = True
) -> AppTest:
    """Return the page as it opens."""
    settings.use(ConsoleSettings(data=data, home=data, model=model, writable=writable))
    page = AppTest.from_function(_script, default_timeout=30)
    if decision is not None:
        page.query_params["decision"] = decision
    return page.run()


def ask(page: AppTest, question: str) -> AppTest:
    """Ask, and return the page with the answer."""
    page.chat_input[0].set_value(question).run()
    return page


def texts(page: AppTest) -> list[str]:
    """Return everything that is shown as text alone."""
    return [element.value for element in page.text]


def marked_up(page: AppTest) -> str:
    """Return everything that Streamlit takes for Markdown or HTML: values and labels."""
    elements = [*page.markdown, *page.caption, *page.title, *page.error, *page.warning, *page.success]
    labels = [e.label for e in (*page.button, *page.expander, *page.status, *page.selectbox)]
    return "\n".join([*(str(element.value) for element in elements), *labels])


@contextmanager
def endpoint(monkeypatch: pytest.MonkeyPatch, *script: Script) -> Iterator[ScriptedModel]:
    """Serve a script at the address that the environment names."""
    with scripted(*script) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.address)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield model


def finishing(text: str) -> Line:
    """Return a final answer."""
    return calling("answer", text=text, evidence=["t2"])


def test_without_a_decision_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    page = opened(tmp_path)

    assert not page.exception
    assert [block.value for block in page.code] == ["trimtab demo"]
    assert not page.chat_input


def test_every_example_is_one_that_the_record_can_answer() -> None:
    intents = [parse(text, pipeline_of()) for text in EXAMPLES]

    assert len({type(intent) for intent in intents}) == len(EXAMPLES)
    assert not any(isinstance(intent, Unknown) for intent in intents)
    assert {WhyNot, WhatIf, Well} <= {type(intent) for intent in intents}


def test_an_example_is_asked_with_one_click_and_answered_from_the_record(data: Path) -> None:
    page = opened(data)
    assert [b.label for b in page.button] == list(EXAMPLES)

    page.button(key="example:What would make it switch?").click().run()

    assert not page.exception
    assert FROM_RECORD in marked_up(page)
    assert "What would make it switch?" in texts(page)
    assert any("solve" in text and text.startswith("↳") for text in texts(page)), "the source of its figures"
    assert "toy-000004" in texts(page), "a link to the decision"
    assert [b.label for b in page.button] == ["Forget this conversation"], "no more examples"


def test_a_conversation_is_there_when_the_page_is_opened_again_until_it_is_forgotten(data: Path) -> None:
    ask(ask(opened(data), "why?"), "what changed?")

    again = opened(data)
    assert len(again.chat_message) == 4
    again.button(key="forget").click().run()

    assert len(again.chat_message) == 0
    assert Conversations(data).history(os_user(), "toy") == ()


def test_an_answer_has_the_figures_of_the_store(data: Path) -> None:
    page = ask(opened(data, decision="toy-000002"), "why not the smaller model?")

    assert any("find/small" in text for text in texts(page))
    assert Conversations(data).history(os_user(), "toy")[0].answered.reply.decision == "toy-000002"


def test_a_question_about_a_decision_that_is_not_there_is_one_clear_sentence(data: Path) -> None:
    page = ask(opened(data, decision="toy-<b>9"), "why?")

    assert not page.exception
    assert len(page.error) == 1
    assert "there is no decision" in page.error[0].value
    assert "<b>" not in page.error[0].value
    assert page.status[0].label == "There is no answer"


def test_a_model_s_tools_are_shown_and_its_invented_figures_marked(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (streaming(calling("solve", headroom=1.2)), streaming(finishing("It would cost 1234 cores.")))
    with endpoint(monkeypatch, *script) as model:
        page = ask(opened(data, model="scripted"), "why not the smaller model?")

    assert not page.exception
    assert FROM_MODEL in marked_up(page)
    assert all(heard.body["stream"] for heard in model.heard)
    assert any("1\u03362\u03363\u03364\u0336" in text for text in texts(page)), "struck through"
    assert "1234 cores" in texts(page), "and named"
    assert [e.label for e in page.expander] == ["Tools used: 2"]
    shown = [block.value for block in page.expander[0].code]
    assert '{"headroom": 1.2}' in shown
    assert any('"objective"' in text for text in shown)
    assert any("model scripted" in text for text in texts(page))


def test_whoever_passes_by_is_answered_from_the_record_and_costs_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(monkeypatch) as model:
        page = ask(opened(data, model="scripted", writable=False), "why?")

    assert FROM_RECORD in marked_up(page)
    assert model.heard == []


def test_what_was_said_before_comes_with_the_next_question(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(monkeypatch, finishing("Because of the load.")) as model:
        page = opened(data, model="scripted")
        ask(ask(page, "why first?"), "why second?")

    prompt = json.dumps(model.heard[-1].body["messages"])
    assert "why first?" in prompt
    assert "Because of the load." in prompt


@pytest.mark.parametrize(
    ("script", "because"),
    [
        pytest.param((failing(401),), "HTTP 401", id="wrong key"),
        pytest.param((streaming(finishing("x" * 90), cut=True),), "breaks off", id="cut stream"),
        pytest.param((Line(body=b"<html>"),), "not OpenAI's protocol", id="no protocol"),
    ],
)
def test_where_the_model_fails_the_record_answers_and_says_why(
    data: Path, monkeypatch: pytest.MonkeyPatch, script: tuple[Script, ...], because: str
) -> None:
    with endpoint(monkeypatch, *script):
        page = ask(opened(data, model="scripted"), "why?")

    assert not page.exception
    assert FROM_RECORD in marked_up(page)
    assert any(
        text.startswith("the language model gave no answer: ") and because in text for text in texts(page)
    )
    assert KEY not in "".join(texts(page)) + marked_up(page)


def test_an_endpoint_that_nobody_runs_is_answered_for(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{closed_port()}/v1")

    page = ask(opened(data, model="scripted"), "why?")

    assert any("cannot be reached" in text for text in texts(page))
    assert FROM_RECORD in marked_up(page)


def test_a_model_without_an_endpoint_is_answered_for(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    page = ask(opened(data, model="scripted"), "why?")

    assert any("could not be asked" in text and "no endpoint is set" in text for text in texts(page))
    assert FROM_RECORD in marked_up(page)


def test_what_a_model_is_asked_is_on_the_flight_recorder_of_the_loop(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(monkeypatch, streaming(finishing("Because."))):
        ask(opened(data, model="scripted"), "why?")

    recorder = FlightRecorder(data / FLIGHT, lambda: 0.0)
    try:
        entries = recorder.entries("ask-toy-000004")
    finally:
        recorder.close()
    assert [entry.kind for entry in entries] == ["prompt", "response"]


def test_hostile_text_stays_text_in_question_answer_and_tool(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "All is well <img src=x onerror=alert(1)> ![y](http://e.example/y.png) **bold** \u202etxet"
    script = (streaming(calling("solve", note="<b>![z](http://z)</b>")), streaming(finishing(answer)))
    with endpoint(monkeypatch, *script):
        page = ask(opened(data, model="scripted"), HOSTILE)

    assert not page.exception
    shown, taken_for_markup = "\n".join(texts(page)), marked_up(page)
    assert "<script>alert(1)</script> ![x](http://e.example/x.png)" in shown
    assert "<img src=x onerror=alert(1)> ![y](http://e.example/y.png) **bold**" in shown
    assert "\u202e" not in shown, "nothing turns the line around"
    for trap in ("script>", "![", "](http", ":red[", "<img", "<b>", "**bold"):
        assert trap not in taken_for_markup


def test_a_question_that_is_too_long_cannot_be_typed(data: Path) -> None:
    assert opened(data).chat_input[0].proto.max_chars == MOST_QUESTION


def test_a_question_of_nothing_is_refused_in_a_sentence(data: Path) -> None:
    page = ask(opened(data), "\u200b\u202e")

    assert not page.exception
    assert "there is no question" in page.error[0].value


def test_a_conversation_that_cannot_be_kept_loses_no_answer(data: Path) -> None:
    (data / FILE).write_bytes(b"not a database at all" * 100)

    page = ask(opened(data), "why?")

    assert not page.exception
    assert FROM_RECORD in marked_up(page)
    assert any("not a database" in warning.value for warning in page.warning)


def test_a_store_that_is_damaged_is_one_banner(data: Path) -> None:
    page = opened(data)
    (data / "decisions.sqlite").write_bytes(b"not a database at all" * 100)
    for name in ("decisions.sqlite-wal", "decisions.sqlite-shm"):
        (data / name).unlink(missing_ok=True)

    ask(page, "why?")

    assert not page.exception
    assert any("cannot be used" in warning.value for warning in page.warning)


def test_older_answers_are_shown_on_demand(data: Path) -> None:
    page = opened(data)
    ask(page, "why?")
    kept = Conversations(data)
    for _ in range(SHOWN + 1):
        kept.keep(os_user(), "toy", kept.history(os_user(), "toy")[0].answered)

    page.run()
    assert len(page.chat_message) == 2 * SHOWN
    next(b for b in page.button if b.label == "Show 2 older").click().run()

    assert len(page.chat_message) == 2 * (SHOWN + 2)


def test_the_steps_are_told_as_they_come_and_kept_with_the_answer(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Step] = []
    place = Place(data, "toy", "toy")
    words = "It was the best for the load that was expected."
    script = (streaming(calling("solve")), streaming(finishing(words), pause_s=0.02))
    with endpoint(monkeypatch, *script) as model:
        found = answered(
            "why?",
            about(place, None),
            place,
            ConsoleSettings(data=data, home=data, model="scripted"),
            {"OPENAI_BASE_URL": model.address},
            conversation=Conversations(data).conversation(NOBODY, "toy"),
            heard=steps.append,
        )

    assert [type(step) for step in steps if not isinstance(step, Saying)] == [Used, Asking, Used, Asking]
    assert len([step for step in steps if isinstance(step, Saying)]) > 1
    assert [use.tool for use in found.uses] == ["decision_record", "solve"]
    assert found.named == ("toy-000004",)


def test_an_answer_names_the_decisions_it_speaks_of(data: Path) -> None:
    place = Place(data, "toy", "toy")
    text = "It is as in toy-000002 and (toy-000001), not toy-0000011, x-toy-000004 nor toy-000099."
    with scripted(finishing(text)) as model:
        found = answered(
            "why?",
            about(place, "toy-000003"),
            place,
            ConsoleSettings(data=data, home=data, model="scripted"),
            {"OPENAI_BASE_URL": model.address},
            conversation=Conversations(data).conversation(NOBODY, "toy"),
            heard=lambda _: None,
        )

    assert found.named == ("toy-000003", "toy-000002", "toy-000001")


def test_a_decision_of_another_pipeline_is_not_asked_about(data: Path) -> None:
    raises: Callable[[], object] = lambda: about(Place(data, "other", "other"), "toy-000001")  # noqa: E731

    with pytest.raises(UsageError, match="another pipeline than 'other'"):
        raises()
    with pytest.raises(UsageError, match="no decision of 'other' yet"):
        about(Place(data, "other", "other"), None)


def test_what_somebody_asked_cannot_be_forgotten_once_they_are_nobody(data: Path) -> None:
    page = ask(opened(data), "why?")
    settings.use(ConsoleSettings(data=data, home=data, writable=False))

    next(b for b in page.button if b.key == "forget").click().run()

    assert "nothing was forgotten" in page.error[0].value
    assert len(Conversations(data).history(os_user(), "toy")) == 1
