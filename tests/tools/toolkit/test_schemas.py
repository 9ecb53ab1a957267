"""The tools as a model sees them: few tokens, always the same text, and what they accept is what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.llm.contract import propose_schema
from tests.tools.toolkit.moments import asked, decided, moment
from tools.toolkit import names, schemas
from tools.toolkit._registry import tool

MOST_TOKENS = 1500
CHARS_PER_TOKEN = 4
EXAMPLES: dict[str, Any] = {
    "load": "upper",
    "load_rps": 7,
    "load_factor": 2,
    "headroom": 1.2,
    "excluded": [{"stage": "find", "variant": "small"}],
    "required": [{"stage": "find", "variant": "large"}],
    "accuracy_weight": 2,
    "cores_weight": 2,
    "min_accuracy": 0.3,
    "max_cores": 30,
    "slo_s": 2,
    "stages": [{"stage": "find", "variant": "large", "batch": 1, "replicas": 4}],
    "most": 3,
    "last": 2,
    "stage": "find",
}
"""A sensible value of every field that any tool has."""


def functions() -> dict[str, dict[str, Any]]:
    return {entry["function"]["name"]: entry["function"] for entry in schemas()}


def test_all_schemas_together_take_few_tokens() -> None:
    text = json.dumps([*schemas(), propose_schema()], separators=(",", ":"))

    assert len(text) <= MOST_TOKENS * CHARS_PER_TOKEN


def test_every_tool_of_the_issue_is_there_and_none_that_proposes_or_writes() -> None:
    assert set(names()) == {
        "read_metrics",
        "forecast_load",
        "solve",
        "verify_configuration",
        "frontier",
        "decision_history",
        "cluster_status",
        "upcoming_events",
    }
    assert [entry["function"]["name"] for entry in schemas()] == list(names())


def test_the_text_is_the_same_every_time() -> None:
    assert json.dumps(schemas()) == json.dumps(schemas())
    assert names() == tuple(sorted(names())), "the order is that of the names, whatever is imported first"


@pytest.mark.parametrize("name", names())
def test_a_tool_says_what_it_is_for_and_no_word_that_only_pydantic_reads(name: str) -> None:
    function = functions()[name]

    assert function["description"].endswith(".")
    assert 40 < len(function["description"]) < 130
    words = set(keys(function["parameters"]))
    known = {"type", "properties", "items", "required", "enum", "description", "additionalProperties"}
    assert words <= known | {"minimum", "exclusiveMinimum"}
    assert function["parameters"]["additionalProperties"] is False


def keys(schema: Any) -> list[str]:  # noqa: ANN401 - JSON schema
    """Return the words of a schema, without the names of its properties."""
    if isinstance(schema, list):
        return [key for item in schema for key in keys(item)]
    if not isinstance(schema, dict):
        return []
    found = list(schema)
    for key, value in schema.items():
        inner = list(value.values()) if key == "properties" else value
        found += keys(inner)
    return found


@pytest.mark.parametrize("name", names())
def test_the_schema_names_exactly_the_fields_that_are_accepted(name: str) -> None:
    found = tool(name)
    assert found is not None

    assert set(functions()[name]["parameters"]["properties"]) == set(found.arguments.model_fields)
    assert set(found.arguments.model_fields) <= set(EXAMPLES)


FIELDS = [(name, field) for name, f in functions().items() for field in f["parameters"]["properties"]]


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_every_field_can_be_used(name: str, field: str) -> None:
    done = asked(name, moment(), **{field: EXAMPLES[field]})

    assert done.ok, done.result


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_every_field_matters(name: str, field: str) -> None:
    situation = moment(20.0, history=tuple(decided(k) for k in range(1, 5)))
    values = {
        "required": [{"stage": "find", "variant": "small"}],
        "excluded": [{"stage": "find", "variant": "large"}],
        "accuracy_weight": 0,
        "cores_weight": 900,
        "min_accuracy": 0.9,
        "max_cores": 4,
        "slo_s": 0.05,
        "most": 1,
        "stages": [{"stage": "find", "variant": "small", "batch": 1, "replicas": 4}],
    }

    plain = asked(name, situation).result
    changed = asked(name, situation, **{field: values.get(field, EXAMPLES[field])}).result

    assert plain != changed
