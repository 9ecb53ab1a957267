"""Files that are no YAML or JSON, or more of it than a pipeline file needs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from core.errors import UsageError
from pipelines.reader import read_pipeline
from tests.pipelines.files import GOOD, refusal, written

TEXT = json.dumps(GOOD)


EMPTY = "the file is empty; it must hold one document"
NO_MAPPING = "it must be a mapping with apiVersion, kind, ..."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", EMPTY, id="empty"),
        pytest.param(" \n\n", EMPTY, id="blank"),
        pytest.param("# a comment\n", f"the document is empty; {NO_MAPPING}", id="only a comment"),
        pytest.param("null", f"the document is empty; {NO_MAPPING}", id="null"),
        pytest.param("[]", f"the document is a list; {NO_MAPPING}", id="a list"),
        pytest.param("once upon a time", f"the document is a str; {NO_MAPPING}", id="prose"),
        pytest.param("a: 1", "apiVersion: is missing; add it (and 4 more)", id="another file"),
        pytest.param("a: b: c", "line 1, column 5: mapping values are not allowed here", id="not YAML"),
        pytest.param("a: [1", "line 1, column 6: expected ',' or ']', but got '<stream end>'", id="cut off"),
        pytest.param(
            "\ta: 1", "line 1, column 1: found character '\\t' that cannot start any token", id="tabs"
        ),
        pytest.param(
            "a: 1\n---\nb: 2\n",
            "line 2, column 1: expected a single document in the stream but found another document",
            id="two documents",
        ),
        pytest.param(
            "spec: 1\nspec: 2\n",
            'line 2, column 1: found duplicate key "spec" with value "2" (original value: "1")',
            id="a key twice",
        ),
        pytest.param(
            "a: &x [1]\nb: *x\n",
            "line 1: anchors and aliases (&x) are not supported; write it out",
            id="an alias",
        ),
        pytest.param(
            "a: &x [*x]\n",
            "line 1: anchors and aliases (&x) are not supported; write it out",
            id="a value that holds itself",
        ),
        pytest.param("d: 2026-99-99", "a value cannot be read: month must be in 1..12", id="no date"),
    ],
)
def test_a_yaml_file_that_is_no_document_is_refused(text: str, message: str, tmp_path: Path) -> None:
    assert refusal(written(tmp_path, text, "p.yaml")) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", EMPTY, id="empty"),
        pytest.param(
            "{", "line 1, column 2: Expecting property name enclosed in double quotes", id="cut off"
        ),
        pytest.param("once", "line 1, column 1: Expecting value", id="prose"),
        pytest.param('{"a": 1, "a": 2}', "key 'a' appears twice in one mapping; keep one", id="a key twice"),
        pytest.param(
            f'{{"a": {"1" * 5000}}}',
            "a number cannot be read: Exceeds the limit (4300 digits) for integer string conversion",
            id="a number of 5000 digits",
        ),
    ],
)
def test_a_json_file_that_is_no_document_is_refused(text: str, message: str, tmp_path: Path) -> None:
    assert refusal(written(tmp_path, text)) == message


def test_code_in_a_yaml_file_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    text = f'a: !!python/object/apply:pathlib.Path.touch ["{marker}"]\n'

    assert "could not determine a constructor" in refusal(written(tmp_path, text, "p.yaml"))
    assert not marker.exists()


@pytest.mark.parametrize("name", ["p.json", "p.yaml"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_file_nested_without_end_is_refused_at_once(name: str, closed: bool, tmp_path: Path) -> None:
    path = written(tmp_path, "[" * 100_000 + "]" * 100_000 * closed, name)

    start = time.perf_counter()
    message = refusal(path)

    assert message == "nested too deeply; this is no pipeline file"
    assert time.perf_counter() - start < 5.0, "the YAML scanner needs minutes for this unless stopped"


def test_a_long_file_is_not_taken_for_a_deep_one(tmp_path: Path) -> None:
    document = json.loads(TEXT)
    points = [{"batch": b, "latency": 0.1 * b} for b in range(1, 200)]
    document["spec"]["stages"][0]["variants"][0]["profile"] = points

    pipeline = read_pipeline(written(tmp_path, document, "p.yaml"))

    assert len(pipeline.stages[0].variants[0].profile) == 199


def test_a_bomb_of_aliases_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    lines = ["a0: &a0 [lol, lol]"] + [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 30)]

    assert "anchors and aliases" in refusal(written(tmp_path, "\n".join(lines), "p.yaml"))


def test_yaml_is_read_as_version_1_2(tmp_path: Path) -> None:
    """`no` is a name and 1e-6 a number, which in YAML 1.1 are false and text."""
    text = TEXT.replace('"crop"', "no").replace("1e-06", "1e-6")

    pipeline = read_pipeline(written(tmp_path, text, "p.yaml"))

    assert pipeline.stages[0].name == "no"
    assert pipeline.objective.delta == 1e-6


def test_yaml_and_json_give_the_same_pipeline(tmp_path: Path) -> None:
    assert read_pipeline(written(tmp_path, TEXT, "p.yaml")) == read_pipeline(written(tmp_path, TEXT))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")

    assert refusal(tmp_path / "none.yaml") == "cannot be read: No such file or directory"
    assert refusal(tmp_path) == "cannot be read: Is a directory"
    assert refusal(tmp_path / ("x" * 300)) == "cannot be read: File name too long"
    assert refusal(tmp_path / "latin.yaml") == "not UTF-8 text at byte 6; save it as UTF-8"
    with pytest.raises(UsageError, match="is no file name: embedded null byte"):
        read_pipeline(Path("a\0b"))
