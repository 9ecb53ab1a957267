"""An answer that is watched as it comes, from a server on loopback that streams as it is told to."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from agent.explain.reply import Reply
from agent.explain.steps import Asking, Saying, Step, Used
from agent.explain.talk import QUESTION, Talk
from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import PlannerSettings
from core.spend import Budget
from tests.agent.explain.records import subject
from tests.agent.llm.server import (
    KEY,
    Line,
    Script,
    ScriptedModel,
    calling,
    completion,
    failing,
    scripted,
    streaming,
)

WHY_NOT = "why not the smaller model?"
TEXT = "In toy-000003 the small variant was not taken, as the objective would be 4.3."
SOLVE = calling("solve", required=[{"stage": "find", "variant": "small"}])
ESCAPED = "".join(f"\\u{ord(char):04x}" for char in KEY)
PAUSE_S = 0.02
"""Long enough for a listener to hear one piece before the next."""


def finishing(text: str = TEXT) -> Line:
    """Return a final answer."""
    return calling("answer", text=text, evidence=["t2"])


def watched(
    model: ScriptedModel,
    recorder: MemoryRecorder | None = None,
    settings: PlannerSettings = QUESTION,
    **client: Any,  # noqa: ANN401 - of `ClientSettings`
) -> tuple[Reply, list[Step]]:
    """Return the reply of a talk, and every step that was told."""
    steps: list[Step] = []
    talk = Talk(
        model.settings(**client),
        recorder or MemoryRecorder(lambda: 1e9),
        clock=lambda: 1e9,
        sleep=lambda _: None,
        settings=settings,
    )
    return talk.answer(WHY_NOT, subject(), heard=steps.append), steps


def said(steps: list[Step]) -> list[str]:
    """Return what was said, as often as it grew."""
    return [step.text for step in steps if isinstance(step, Saying)]


def refusing(status: int, then: Line) -> Script:
    """Return an endpoint that answers, but not in a stream."""
    return lambda body: failing(status, "stream is not supported") if body.get("stream") else then


def test_every_step_is_told_in_order_and_the_answer_as_it_grows() -> None:
    with scripted(streaming(SOLVE, pause_s=PAUSE_S), streaming(finishing(), pause_s=PAUSE_S)) as model:
        reply, steps = watched(model)

    kinds = [type(step) for step in steps if not isinstance(step, Saying)]
    assert kinds == [Used, Asking, Used, Asking]
    assert [step.use.tool for step in steps if isinstance(step, Used)] == ["decision_record", "solve"]
    texts = said(steps)
    assert len(texts) > 1
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert TEXT.startswith(texts[0])
    assert texts[0] != TEXT
    assert [s.text for s in reply.statements] == [TEXT]
    assert reply.note == "model scripted, 2100 tokens", "as the stream's last event counts them"


def test_plain_text_is_streamed_too() -> None:
    with scripted(streaming(completion(content="It needs 5 cores, no more."), pause_s=PAUSE_S)) as model:
        reply, steps = watched(model)

    assert len(said(steps)) > 1
    assert reply.statements[0].text == "It needs 5 cores, no more."


def test_the_answer_is_the_same_watched_or_not() -> None:
    script = (streaming(SOLVE), streaming(finishing()))
    with scripted(*script) as model:
        streamed, _ = watched(model)
    with scripted(*script) as model:
        whole = Talk(model.settings(), MemoryRecorder(lambda: 1e9), clock=lambda: 1e9).answer(
            WHY_NOT, subject()
        )

    assert streamed == whole
    assert not any(heard.body.get("stream") for heard in model.heard)


@pytest.mark.parametrize("status", [400, 422, 501])
def test_an_endpoint_that_refuses_to_stream_is_asked_without_and_not_again(status: int) -> None:
    recorder = MemoryRecorder(lambda: 1e9)
    with scripted(refusing(status, SOLVE), refusing(status, SOLVE), refusing(status, finishing())) as model:
        reply, _ = watched(model, recorder, attempts=1)

    assert reply.by == "model"
    assert [bool(heard.body.get("stream")) for heard in model.heard] == [True, False, False]
    assert [note.kind for note in recorder.noted] == [
        "prompt", "error", "prompt", "response", "prompt", "response",
    ]  # fmt: skip


def test_an_endpoint_that_streams_nothing_but_answers_is_asked_without() -> None:
    with scripted(finishing()) as model:
        reply, _ = watched(model, attempts=1)

    assert reply.by == "model"
    assert [bool(heard.body.get("stream")) for heard in model.heard] == [True, False]


def test_a_refusal_for_another_reason_is_not_taken_for_one_of_streaming() -> None:
    with scripted(failing(401)) as model:
        reply, _ = watched(model)

    assert (reply.by, len(model.heard)) == ("record", 1)
    assert "HTTP 401" in reply.note


def test_a_stream_that_is_cut_is_tried_again_and_then_the_record_answers_with_the_reason() -> None:
    recorder = MemoryRecorder(lambda: 1e9)
    with scripted(streaming(finishing(), pause_s=PAUSE_S, cut=True)) as model:
        reply, steps = watched(model, recorder)

    assert said(steps), "some of it came"
    assert reply.by == "record"
    assert "the endpoint's answer breaks off" in reply.note
    assert reply.statements[0].text.startswith("with find/small the best is find=small/1x1")
    assert len(model.heard) == 3
    assert recorder.spent(0).input_tokens > 0, "it took the prompt in, so it may charge for it"


def test_half_an_answer_is_never_taken_for_a_whole_one() -> None:
    with scripted(streaming(finishing(), pause_s=PAUSE_S, ended=False)) as model:
        reply, steps = watched(model, attempts=1)

    assert said(steps), "some of it came"
    assert [bool(heard.body.get("stream")) for heard in model.heard] == [True, False]
    assert [s.text for s in reply.statements] == [TEXT]


def test_a_stream_that_loses_the_call_it_announces_is_asked_for_whole() -> None:
    lost = streaming(completion(finish="tool_calls"))

    with scripted(lambda body: lost(body) if body.get("stream") else finishing()) as model:
        reply, _ = watched(model, attempts=1)

    assert [bool(heard.body.get("stream")) for heard in model.heard] == [True, False]
    assert [s.text for s in reply.statements] == [TEXT]


def test_what_is_said_to_a_tool_is_no_part_of_the_answer() -> None:
    with scripted(
        streaming(calling("solve", text="for the tool"), pause_s=PAUSE_S), streaming(finishing())
    ) as model:
        _, steps = watched(model)

    assert "for the tool" not in "".join(said(steps))


def test_arguments_that_were_cut_off_by_the_model_are_not_completed() -> None:
    cut_off = completion(calls=(("answer", '{"text": "It needs 5'),))
    with scripted(streaming(cut_off)) as model:
        reply, _ = watched(model)

    assert reply.by == "record"
    assert "no JSON" in reply.note


def test_the_deadline_holds_for_a_stream_that_drips() -> None:
    slow = streaming(finishing(TEXT * 20), pieces=400, pause_s=0.02)
    began = time.monotonic()
    with scripted(slow) as model:
        reply, steps = watched(model, settings=PlannerSettings(decision=Budget(seconds=0.4)))

        assert time.monotonic() - began < 2
    assert said(steps)
    assert reply.by == "record"
    assert "no answer within" in reply.note


def test_a_listener_that_leaves_ends_the_call() -> None:
    class Left(BaseException):
        """As a page ends a run that a newer one replaces."""

    def heard(step: Step) -> None:
        if isinstance(step, Saying):
            raise Left

    recorder = MemoryRecorder(lambda: 1e9)
    began = time.monotonic()
    with scripted(streaming(finishing(TEXT * 20), pieces=400, pause_s=0.02)) as model:
        talk = Talk(model.settings(), recorder, clock=lambda: 1e9)

        with pytest.raises(Left):
            talk.answer(WHY_NOT, subject(), heard=heard)

        assert time.monotonic() - began < 2
        assert model.left.wait(2), "the connection is cut, and nothing more is charged for"
    assert [note.kind for note in recorder.noted] == ["prompt"], "what it may have cost stays reserved"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(completion(content=f"The key is {KEY}, see?"), id="in plain text"),
        pytest.param(finishing(f"The key is {KEY}, see?"), id="in the answer"),
        pytest.param(completion(calls=(("answer", f'{{"text": "It is {ESCAPED}!"}}'),)), id="escaped"),
        pytest.param(calling("solve", required=[{"stage": KEY, "variant": "small"}]), id="in a tool's call"),
    ],
)
@pytest.mark.parametrize("pieces", [2, 7, 40])
def test_no_step_has_the_key_nor_its_beginning(line: Line, pieces: int) -> None:
    with scripted(streaming(line, pieces=pieces, pause_s=0.002), streaming(finishing())) as model:
        _, steps = watched(model)

    told = json.dumps([repr(step) for step in steps])
    assert KEY[:6] not in told


def test_what_is_streamed_has_nothing_in_it_that_a_terminal_would_obey() -> None:
    with scripted(
        streaming(finishing("\x1b[2J all\u202e is well\n\n\x07[red]trust me[/red]"), pause_s=PAUSE_S)
    ) as model:
        _, steps = watched(model)

    assert said(steps)
    assert all(line.isprintable() for text in said(steps) for line in text.splitlines())
