"""What a model fills in to propose."""

from __future__ import annotations

import json

from agent.llm.contract import proposal_of, propose_schema
from core.proposal import CAUSES, Ask, Proposal


def test_holding_is_neither_a_configuration_nor_an_ask() -> None:
    proposal = proposal_of({"action": "hold", "cause": "none", "rationale": "fine"})

    assert proposal == Proposal(rationale="fine")


def test_solving_without_an_ask_is_the_optimum_itself() -> None:
    proposal = proposal_of({"action": "solve", "cause": "none", "rationale": "r", "evidence": ["t1"]})

    assert proposal == Proposal(ask=Ask(), rationale="r", evidence=("t1",))


def test_a_text_that_is_too_long_is_cut_not_refused() -> None:
    proposal = proposal_of({"action": "hold", "cause": "none", "rationale": "x" * 5000})

    assert isinstance(proposal, Proposal)
    assert proposal.rationale == "x" * 2000


def test_what_is_wrong_is_said_without_repeating_it() -> None:
    fault = proposal_of({"action": "hold", "cause": "evil words", "rationale": 7})

    assert isinstance(fault, str)
    assert "cause" in fault
    assert "rationale" in fault
    assert "evil words" not in fault


def test_a_stage_that_is_given_twice_is_refused() -> None:
    stage = {"stage": "find", "variant": "small", "batch": 1, "replicas": 1}
    fault = proposal_of({"action": "configure", "cause": "none", "rationale": "r", "stages": [stage, stage]})

    assert isinstance(fault, str)
    assert "twice" in fault


def test_the_schema_is_plain_short_and_has_every_cause() -> None:
    schema = propose_schema()
    text = json.dumps(schema)

    assert schema["function"]["parameters"]["properties"]["cause"]["enum"] == list(CAUSES)
    for word in ("$ref", "$defs", "anyOf", "null", "title"):
        assert f'"{word}"' not in text
    assert len(text) < 3500
