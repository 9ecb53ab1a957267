"""The DAG shows what runs where, and no name is anything but text.

DOT is read here by a small parser that follows Graphviz's grammar: its lexer for quoted strings (scan.l)
and its rules for labels (escString, entities). It shares no code with what is tested.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Edge, Measurement, Pipeline, Slo, Stage, Variant
from tests.agent.toy import CHEAPER, ENOUGH, pipeline_of
from ui.pipeline.dag import DARK, LIGHT, MOST_NAME, dot

TOKEN = re.compile(r'\s*(?:(?P<quoted>"(?:\\.|[^"\\])*")|(?P<id>[A-Za-z_]\w*)|(?P<sign>->|[\[\]{}=,;]))')
HOSTILE = (
    'a"];evil[label="b',
    "tail\\",
    "\\N\\G\\n\\l",
    "<b>bold</b>",
    "&lt;script&gt;&amp;&#60;",
    "{a|b}->c;",
    "**bold**[x](http://y)",
    "\u202ekcab\u2066",
    "n" * 200,
)


@dataclass
class Drawn:
    """What Graphviz would see."""

    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def label(self, node: str) -> list[str]:
        """Return the lines of a node's label as they are shown."""
        return shown(self.nodes[node]["label"])


def parsed(text: str) -> Drawn:
    """Parse DOT; whatever is not of the grammar fails."""
    tokens = tokens_of(text)
    assert tokens[:2] == ["digraph", "{"] and tokens[-1] == "}"
    drawn, at = Drawn(), 2
    while at < len(tokens) - 1:
        if tokens[at] == "{":  # a subgraph of places alone
            at = tokens.index("}", at) + 1
            continue
        name, at = tokens[at], at + 1
        head = None
        if tokens[at] == "->":
            head, at = tokens[at + 1], at + 2
        attributes: dict[str, str] = {}
        if tokens[at] == "[":
            end = tokens.index("]", at)
            attributes, at = attributes_of(tokens[at + 1 : end]), end + 1
        if head is not None:
            drawn.edges.append((name, head, attributes))
        elif name not in ("graph", "node", "edge"):
            assert name not in drawn.nodes
            drawn.nodes[name] = attributes
    return drawn


def tokens_of(text: str) -> list[str]:
    """Return the tokens: signs and names as they are, strings with their quotes."""
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        assert found is not None, f"not DOT: {text[at : at + 30]!r}"
        tokens.append(found.group().strip())
        at = found.end()
    return tokens


def attributes_of(tokens: list[str]) -> dict[str, str]:
    """Return `key=value` pairs; a quoted value without its quotes, `\\"` undone."""
    found, at = {}, 0
    while at < len(tokens):
        key, sign, value = tokens[at : at + 3]
        assert sign == "="
        if value.startswith('"'):
            value = value[1:-1].replace('\\"', '"')
        found[key] = value
        at += 3
        if at < len(tokens):
            assert tokens[at] == ","
            at += 1
    return found


def shown(label: str) -> list[str]:
    """Return the lines of an escString: `\\n` ends one, `\\N` and the like name the node, entities decode."""
    lines, at = [""], 0
    while at < len(label):
        char = label[at]
        if char == "\\" and at + 1 < len(label):
            at += 1
            char = label[at]
            assert char not in "NGETHLlr", "an escape with a meaning"
            if char == "n":
                lines.append("")
                at += 1
                continue
        lines[-1] += char
        at += 1
    return [html.unescape(line) for line in lines]


def one_stage(stage: str, variant: str) -> tuple[Pipeline, Configuration]:
    profile = (Measurement(batch=1, latency_s=0.1),)
    made = Pipeline(
        name="p",
        slo=Slo(latency_s=1.0),
        stages=(
            Stage(name="first", variants=(Variant(name="v", accuracy=0.5, cores=1, profile=profile),)),
            Stage(
                name=stage,
                after=(Edge(stage="first"),),
                variants=(Variant(name=variant, accuracy=0.5, cores=2.5, profile=profile),),
            ),
        ),
    )
    runs = Configuration(
        stages=(
            StageConfiguration(stage="first", variant="v", batch=1, replicas=1),
            StageConfiguration(stage=stage, variant=variant, batch=1, replicas=2),
        )
    )
    return made, runs


def test_each_stage_says_what_runs_there() -> None:
    drawn = parsed(dot(pipeline_of(), CHEAPER, {"find": 3, "read": 4}))

    assert drawn.label("s0") == ["find", "small", "batch 1", "3 of 4 replicas ready", "4 cores"]
    assert drawn.label("s1") == ["read", "only", "batch 1", "4 of 4 replicas ready", "4 cores"]
    assert [edge[:2] for edge in drawn.edges] == [("s0", "s1")]


def test_edges_go_from_a_stage_to_those_that_wait_for_it() -> None:
    made, runs = one_stage("second", "w")

    drawn = parsed(dot(made, runs, {}))

    assert [edge[:2] for edge in drawn.edges] == [("s0", "s1")]


def test_a_stage_that_waits_for_replicas_stands_out_in_words_and_colour() -> None:
    drawn = parsed(dot(pipeline_of(), CHEAPER, {"find": 3, "read": 4}))

    assert drawn.nodes["s0"]["color"] == LIGHT.waits
    assert "color" not in drawn.nodes["s1"]


def test_what_is_not_known_is_said_and_never_taken_for_nothing() -> None:
    unknown = parsed(dot(pipeline_of(), None, {}))
    leaving = parsed(dot(pipeline_of(), CHEAPER, {"find": 6}))
    assert leaving.label("s0")[3] == "4 replicas ready, 2 leaving"
    unready = parsed(dot(pipeline_of(), CHEAPER, {"find": None}))

    assert unknown.label("s0") == ["find", "what runs is not known"]
    assert unready.label("s0")[3] == "4 replicas, ready unknown"
    assert "color" not in unready.nodes["s0"]


def test_a_recommendation_stands_beside_the_stages_it_changes_alone() -> None:
    drawn = parsed(dot(pipeline_of(), CHEAPER, {}, ENOUGH, ink=DARK))

    assert set(drawn.nodes) == {"s0", "s1", "r0"}
    assert drawn.label("r0") == ["recommended", "large", "batch 1", "8 replicas", "16 cores"]
    assert drawn.nodes["r0"]["color"] == DARK.wanted
    assert any(edge[:2] == ("s0", "r0") for edge in drawn.edges)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_it_is(name: str) -> None:
    made, runs = one_stage(name, name)

    drawn = parsed(dot(made, runs, {name: 2}))

    visible = "".join(c for c in name if c not in "\u202e\u2066")
    expected = visible if len(visible) <= MOST_NAME else f"{visible[: MOST_NAME - 1]}…"
    assert set(drawn.nodes) == {"s0", "s1"}
    assert drawn.label("s1")[:2] == [expected, expected]


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=MOST_NAME)


@given(stage=names.filter(lambda name: name != "first"), variant=names)
def test_whatever_the_names_the_drawing_has_two_boxes_and_one_arrow(stage: str, variant: str) -> None:
    made, runs = one_stage(stage, variant)

    drawn = parsed(dot(made, runs, {stage: 2}))

    assert set(drawn.nodes) == {"s0", "s1"}
    assert drawn.label("s1") == [stage, variant, "batch 1", "2 of 2 replicas ready", "5 cores"]
    assert [edge[:2] for edge in drawn.edges] == [("s0", "s1")]
