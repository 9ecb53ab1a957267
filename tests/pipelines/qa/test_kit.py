"""The contract: what is taken, what is refused, what an answer is, and that questions are what they claim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[qa]"')

from pipelines.kit import BadItem
from pipelines.kits import load
from pipelines.qa.kit import KIT
from pipelines.qa.prepare import prepare
from pipelines.qa.read import Answer
from pipelines.qa.retrieve import Reading
from pipelines.weights import ModelUnavailable
from tests.pipelines.qa.prepared import folder

RETRIEVE, READ = KIT.stages


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        pytest.param(b"\xff\xfe who?", "must be UTF-8; byte 0", id="not UTF-8"),
        pytest.param(b"", "1 to 2000 letters", id="empty"),
        pytest.param(b" \n ", "1 to 2000 letters", id="blank"),
        pytest.param(b"who\x00?", "without control characters", id="NUL"),
        pytest.param("who\u0085?".encode(), "without control characters", id="C1 control"),
        pytest.param(b"w" * 2001, "at most 2000 letters; this one has 2001", id="too long"),
        pytest.param(b"w" * 100_000, "this one has 100000 bytes", id="far too long"),
    ],
)
def test_a_bad_question_is_refused_in_a_sentence(payload: bytes, said: str) -> None:
    with pytest.raises(BadItem, match=said):
        RETRIEVE.decode(payload)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(b"who?", id="no JSON"),
        pytest.param(b"[1, 2]", id="a list"),
        pytest.param(b"[" * 20_000, id="deeply nested"),
        pytest.param(b'{"question": "who?"}', id="no passage"),
        pytest.param(b'{"question": "who?", "passage": 7}', id="a number"),
        pytest.param(b'{"question": "who?", "passage": " "}', id="a blank passage"),
        pytest.param(b'{"question": "who?", "passage": "a\\u0000"}', id="a control character"),
        pytest.param(b'{"question": "who?", "passage": "\\ud800"}', id="half a letter"),
        pytest.param(b'{"question": "who?", "passage": "a", "more": "b"}', id="more"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b'{"question": "who?", "passage": "%s"}' % (b"a" * 2001), id="too long"),
        pytest.param(b" " * 100_000, id="far too long"),
    ],
)
def test_a_bad_reading_is_refused(item: bytes) -> None:
    with pytest.raises(BadItem):
        READ.decode(item)


@pytest.mark.parametrize("text", ["who\tfounded it?", "who\u00a0founded it?", "👩\u200d🔬?", "谁?"])
def test_what_people_paste_is_taken(text: str) -> None:
    assert RETRIEVE.decode(text.encode()) == text


def test_the_longest_text_is_taken() -> None:
    assert RETRIEVE.decode(("ä" * 2000).encode()) == "ä" * 2000

    longest = Reading("😀" * 2000, "😀" * 2000)
    assert READ.decode(RETRIEVE.encode(longest)) == longest


def test_what_retrieval_sends_reading_takes() -> None:
    reading = Reading('Wer gründete "Amber Hall"?', "Amber Hall is a mill in Kraków.\nIt opened in 1931.")

    assert READ.decode(RETRIEVE.encode(reading)) == reading
    assert RETRIEVE.read_back(RETRIEVE.encode(reading)) == reading


def test_an_answer_is_read_back_as_it_was() -> None:
    answer = Answer("Rosa Keller", 0.25)

    assert READ.read_back(READ.encode(answer)) == answer


@pytest.mark.parametrize(
    "item", [b"1931", b"[]", b'{"answer": "1931"}', b'{"answer": 1, "score": 0.5}', b"\xff"]
)
def test_what_is_no_answer_is_refused(item: bytes) -> None:
    with pytest.raises(BadItem):
        READ.read_back(item)


def test_the_samples_are_taken() -> None:
    for stage in KIT.stages:
        stage.decode(stage.sample())


def test_the_surest_answer_wins() -> None:
    outputs = [READ.encode(Answer(text, score)) for text, score in [("1900", 0.2), ("1931", 0.9), ("2", 0.5)]]

    assert KIT.answer(outputs) == "1931"
    assert KIT.answer([]) is None


def test_answers_are_compared_without_case_and_punctuation() -> None:
    assert KIT.right("78,530", "78530")
    assert KIT.right("rosa keller", "Rosa Keller")
    assert not KIT.right("7853", "78,530")
    assert not KIT.right(None, "1931")


def test_a_retrieval_is_right_if_the_passage_is_among_those_sent_on() -> None:
    sent = [Reading("q", "one"), Reading("q", "two")]

    assert RETRIEVE.right(sent, "two")
    assert not RETRIEVE.right(sent, "three")


def test_a_reading_is_right_by_its_answer() -> None:
    assert READ.right([Answer("1931", 0.1)], "1931")
    assert not READ.right([Answer("1932", 0.9)], "1931")
    assert not READ.right([], "1931")


def test_the_stages_are_a_chain() -> None:
    assert (RETRIEVE.after, READ.after, KIT.sinks) == ((), ("retrieve",), ("read",))
    assert load("qa") is KIT


def test_examples_are_what_they_claim_and_depend_on_seed_and_place_only() -> None:
    few, more = KIT.examples(5, 1, 0.5), KIT.examples(9, 1, 0.5)

    assert few == more[:5]
    assert few != KIT.examples(5, 2, 0.5)
    for example in more:
        json.dumps(example.truth)
        assert len(example.payload) < 1000
        reading = READ.decode(example.cases["read"][0].item)
        assert example.cases["retrieve"][0].item == example.payload
        assert reading.passage == example.cases["retrieve"][0].truth
        assert example.truth in reading.passage


def test_drift_changes_the_question_and_nothing_else() -> None:
    clean, severe = KIT.examples(30, 1, 0.0), KIT.examples(30, 1, 1.0)

    assert [e.truth for e in clean] == [e.truth for e in severe]
    assert sum(a.payload != b.payload for a, b in zip(clean, severe, strict=True)) >= 28


@pytest.mark.parametrize("drift", [-0.1, 1.1, float("nan")])
def test_a_drift_that_is_none_is_refused(drift: float) -> None:
    with pytest.raises(ValueError, match="drift"):
        KIT.examples(1, 1, drift)


def test_a_server_fetches_nothing(tmp_path: Path) -> None:
    for stage in KIT.stages:
        for variant in stage.variants.values():
            with pytest.raises(ModelUnavailable, match="prepare the pipeline's weights first"):
                variant(tmp_path)


def test_preparing_twice_makes_nothing_twice() -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder().iterdir()}
    said: list[str] = []

    prepare(folder(), said.append)

    assert {path.name: path.stat().st_mtime_ns for path in folder().iterdir()} == before
    assert said[-1] == "corpus, index and readers are there"
