"""Every variant, with its real weights, on questions whose answers are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[qa]"')

from pipelines.qa import files
from pipelines.qa.kit import KIT
from pipelines.qa.read import Reader
from pipelines.qa.retrieve import SENT_ON, Reading
from tests.pipelines.qa.prepared import DRIFTS, accuracy, answer, examples, folder, model, served

PASSAGE = (
    "Amber Hall is a museum of clocks and watches in Porto. It was founded by Rosa Keller. "
    "Today Hugo Dahl directs it. It opened in 1931. It was renovated in 2004. "
    "Entry costs 12 euros. It employs 48 people."
)
FLOORS = {
    "retrieve": {"bm25": 0.70, "ngrams": 0.70, "minilm-l3": 0.80, "hybrid": 0.88},
    "read": {"stems": 0.65, "ngrams": 0.68, "minilm-l3": 0.82, "minilm-l6": 0.88},
}
"""Least share of clean examples that a stage alone must get right: a few points below what was measured."""
HARDLY_SUFFERS = ("read", "ngrams")
"""Given the right passage, part of the n-grams of a question is enough for it."""
CHANCE = 0.03
"""How far one hundred examples may mislead."""
VARIANTS = [(stage, variant) for stage, floors in FLOORS.items() for variant in floors]


@pytest.mark.parametrize("reader", FLOORS["read"])
def test_every_reader_tells_who_began_from_when_it_began(reader: str) -> None:
    who = Reading("Who founded Amber Hall in Porto?", PASSAGE)
    when = Reading("When did Amber Hall in Porto open its doors?", PASSAGE)

    answers = [outputs[0].text for outputs in model("read", reader)([who, when])]

    assert answers == ["Rosa Keller", "1931"]


@pytest.mark.parametrize("retriever", FLOORS["retrieve"])
def test_every_retriever_finds_a_place_that_is_named(retriever: str) -> None:
    passage = files.passages(folder())[100]
    name, _, city = (
        passage.split(". ")[0].partition(" is ")[0],
        None,
        passage.split(". ")[0].split(" in ")[-1],
    )

    sent = model("retrieve", retriever)([f"Who runs {name} in {city}?"])[0]

    assert len(sent) == SENT_ON
    assert passage in [reading.passage for reading in sent]


def test_only_meaning_finds_a_place_in_other_words() -> None:
    """Bike and pedal for cyclists: no word in common but the city."""
    passage = next(p for p in files.passages(folder()) if "bridge for cyclists" in p)
    question = f"Who runs the overpass where people pedal in {passage.split('. ')[0].split(' in ')[-1]}?"

    found = {
        name: passage in [reading.passage for reading in model("retrieve", name)([question])[0]]
        for name in FLOORS["retrieve"]
    }

    assert found["hybrid"]
    assert not found["bm25"]


@pytest.mark.parametrize(("stage", "variant"), VARIANTS)
def test_every_variant_reaches_its_floor_on_clean_questions(stage: str, variant: str) -> None:
    assert accuracy(stage, variant, 0.0) >= FLOORS[stage][variant]


@pytest.mark.parametrize("stage", FLOORS)
def test_the_dearest_variant_beats_the_cheapest_at_every_drift(stage: str) -> None:
    cheapest, *_, dearest = KIT.stage(stage).variants

    for drift in DRIFTS:
        assert accuracy(stage, dearest, drift) > accuracy(stage, cheapest, drift) + 0.05


@pytest.mark.parametrize(("stage", "variant"), [v for v in VARIANTS if v != HARDLY_SUFFERS])
def test_drift_lowers_accuracy(stage: str, variant: str) -> None:
    clean, worse, worst = (accuracy(stage, variant, drift) for drift in DRIFTS)

    assert clean > worst
    assert clean + CHANCE >= worse >= worst - CHANCE


def test_drift_turns_the_order_of_retrievers_around() -> None:
    """Meaning beats spelling on clean questions and loses to it on mistyped ones."""
    assert accuracy("retrieve", "minilm-l3", 0.0) > accuracy("retrieve", "ngrams", 0.0) + 0.05
    assert accuracy("retrieve", "minilm-l3", 1.0) < accuracy("retrieve", "ngrams", 1.0) - 0.05


def test_the_pipeline_answers_as_well_as_its_variants_promise() -> None:
    cheap, dear = served("bm25", "stems", 0.0), served("hybrid", "minilm-l6", 0.0)

    assert cheap > 0.4
    assert dear > 0.75
    assert served("hybrid", "minilm-l6", 1.0) < dear - 0.15


def test_a_question_is_answered_end_to_end() -> None:
    example = examples(0.0)[0]

    assert KIT.right(answer("hybrid", "minilm-l6", example.payload), example.truth)


@pytest.mark.parametrize(("stage", "variant"), VARIANTS)
def test_a_batch_answers_as_its_items_alone(stage: str, variant: str) -> None:
    kit = KIT.stage(stage)
    items = [kit.decode(example.cases[stage][0].item) for example in examples(0.5)[:12]]

    together = model(stage, variant)(items)
    alone = [model(stage, variant)([item])[0] for item in items]

    if stage == "retrieve":
        assert list(together) == alone
        return
    assert [[a.text for a in outputs] for outputs in together] == [[a.text for a in o] for o in alone]
    assert [a.score for o in together for a in o] == pytest.approx(
        [a.score for o in alone for a in o], abs=1e-3
    )


@pytest.mark.parametrize("name", files.ENCODERS)
def test_vectors_have_length_one_whatever_their_company(name: str) -> None:
    texts = ["one that is a good deal longer than the other, so that that is padded", "a short one"]
    encoder = files.encoder(name, folder())

    together = encoder(texts)

    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert together == pytest.approx(np.concatenate([encoder([text]) for text in texts]), abs=1e-4)


def test_many_texts_come_back_in_their_order() -> None:
    """More than one group, of falling length."""
    texts = [f"text {'x ' * (50 - k)}number {k}" for k in range(50)]
    encoder = files.encoder("minilm-l3", folder())

    rows = encoder(texts)

    assert rows[0] == pytest.approx(encoder(texts[:1])[0], abs=1e-4)
    assert rows[49] == pytest.approx(encoder(texts[49:])[0], abs=1e-4)


def test_a_passage_with_nothing_to_answer_is_not_answered() -> None:
    readings = [Reading("Who?", "nothing here."), Reading("Who founded it?", PASSAGE)]

    answers = model("read", "stems")(readings)

    assert [len(outputs) for outputs in answers] == [0, 1]
    assert model("read", "stems")(readings[:1]) == [[]]


def test_a_question_of_unknown_words_is_still_given_passages() -> None:
    for variant in FLOORS["retrieve"]:
        assert len(model("retrieve", variant)(["??? xyzzyq"])[0]) == SENT_ON


def test_the_right_passage_is_surer_than_others() -> None:
    passages = files.passages(folder())[:3]
    readings = [Reading("Who founded the museum of clocks in Porto?", p) for p in (PASSAGE, *passages)]
    reader = model("read", "minilm-l6")

    scores = [outputs[0].score for outputs in reader(readings)]

    assert isinstance(reader, Reader)
    assert scores[0] == max(scores)


def test_variants_are_listed_from_cheap_to_dear() -> None:
    for stage, floors in FLOORS.items():
        assert list(KIT.stage(stage).variants) == list(floors)
        assert all(a <= b for a, b in pairwise(floors.values()))
