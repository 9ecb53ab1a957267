"""The corpus, the questions, the noise and the small algorithms, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[qa]"')

from pipelines.qa.noise import harmed
from pipelines.qa.questions import questions
from pipelines.qa.read import sentences, spans
from pipelines.qa.relations import STEMS, trained
from pipelines.qa.retrieve import Bm25, bm25_table
from pipelines.qa.vectors import Grams, rarity
from pipelines.qa.world import FACTS, PLACES, for_examination, for_training, places, vocabulary
from pipelines.wordpiece import WordPiece, words


def test_no_two_places_can_be_confused() -> None:
    found = places()

    assert len(found) == PLACES
    assert len({(place.topic.told, place.city) for place in found}) == PLACES
    assert len({(place.name, place.city) for place in found}) == PLACES
    assert len({place.passage for place in found}) == PLACES


def test_every_fact_of_a_place_stands_in_its_passage_once() -> None:
    for place in places()[:300]:
        assert len(place.facts) == FACTS
        assert len(sentences(place.passage)) == FACTS + 1
        told = sentences(place.passage)[1:]
        for answer, sentence in zip(place.facts.values(), told, strict=True):
            assert answer in [text for _, text in spans(sentence)]


def test_training_and_examination_share_no_place_and_no_wording() -> None:
    assert not {p.passage for p in for_training()} & {p.passage for p in for_examination()}
    for relation in vocabulary().relations:
        sorts = (relation.training, relation.tuning, relation.asked)
        assert len({wording for sort in sorts for wording in sort}) == sum(map(len, sorts))
    for topic in vocabulary().topics:
        assert not set(topic.training) & set(topic.asked)
    asked = {q.text for q in questions(300, sort="asked", seed=1)}
    assert not asked & {q.text for q in questions(300, sort="training", seed=1)}


def test_every_relation_has_its_stems() -> None:
    assert list(STEMS) == [relation.name for relation in vocabulary().relations]


def test_without_drift_a_question_is_untouched() -> None:
    assert harmed("Who founded it?", 0.0, np.random.default_rng(1)) == "Who founded it?"


def test_noise_grows_with_drift() -> None:
    text = "Who started the bakery known for rye bread in Ghent, and why? " * 20

    kept = [
        sum(
            word in text.lower().split() for word in harmed(text, d, np.random.default_rng(4)).lower().split()
        )
        for d in (0.0, 0.3, 0.6, 1.0)
    ]

    assert kept == sorted(kept, reverse=True)
    assert kept[3] < 0.85 * kept[0]


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        pytest.param("It was founded by Rosa Keller.", [("person", "Rosa Keller")], id="person"),
        pytest.param(
            "Today Rosa Keller directs it.", [("person", "Rosa Keller")], id="begins with a capital"
        ),
        pytest.param("It opened in 1931.", [("year", "1931")], id="year"),
        pytest.param("It welcomes 78,530 guests a year.", [("number", "78,530")], id="number"),
        pytest.param("Entry costs 12 euros.", [("money", "12")], id="money"),
        pytest.param("It is closed.", [], id="nothing"),
    ],
)
def test_spans_are_told_by_their_shape(sentence: str, found: list[tuple[str, str]]) -> None:
    assert spans(sentence) == found


def test_bm25_is_worth_what_the_formula_says() -> None:
    """Two texts of two and one words: `b` is in one, idf ln(1 + 1.5 / 1.5), length factor 2 / 1.5."""
    terms, worth = bm25_table(["a b", "a"])

    expected = np.log(2) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 1.5))
    assert terms == ["a", "b"]
    assert worth[1].tolist() == pytest.approx([expected, 0])
    assert Bm25(terms, worth)(["b b c"])[0].tolist() == pytest.approx([expected, 0])


def test_a_typing_error_costs_n_grams_only_a_part() -> None:
    grams = Grams(np.ones_like(rarity(["a"])))

    bakery, bakety, museum = grams(["bakery", "bakety", "museum"])

    assert bakery @ museum == pytest.approx(0, abs=0.05)
    assert 0.2 < bakery @ bakety < 0.9


def test_rare_n_grams_weigh_more() -> None:
    weights = rarity(["mill", "mill", "mill pond"])

    mill, pond = (Grams(np.ones_like(weights))([word])[0] > 0 for word in ("mill", "pond"))
    assert weights[mill].max() == 0
    assert weights[pond].min() == pytest.approx(np.log(4 / 2))


def test_the_classifier_learns_what_can_be_told_apart() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)

    classifier = trained(vectors, [0, 1, 0, 1], 2)

    assert classifier([], vectors).argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert classifier([], vectors).sum(axis=1) == pytest.approx([1, 1, 1, 1])
    assert np.array_equal(classifier.weights, trained(vectors, [0, 1, 0, 1], 2).weights)


@pytest.fixture
def pieces(tmp_path: Path) -> WordPiece:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "##er", "?"]), "utf-8")
    return WordPiece(path)


def test_a_word_becomes_its_longest_pieces(pieces: WordPiece) -> None:
    assert pieces("Playing, player?") == [4, 5, 1, 4, 6, 7]
    assert pieces("playful " + "x" * 101) == [1, 1]


def test_texts_are_marked_cut_and_padded(pieces: WordPiece) -> None:
    ids, mask = pieces.padded(["playing?", "play play play play play", "?"], 5)

    assert ids.tolist() == [[2, 4, 5, 7, 3], [2, 4, 4, 4, 3], [2, 7, 3, 0, 0]]
    assert mask.sum(axis=1).tolist() == [5, 5, 3]


def test_words_are_lowered_without_accents_and_split_at_marks() -> None:
    assert list(words("Où est l'Été?")) == ["ou", "est", "l", "'", "ete", "?"]
