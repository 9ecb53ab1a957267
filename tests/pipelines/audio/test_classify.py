"""The classifiers, with the trained weights. Skipped where the extra is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason='needs the extra: pip install "trimtab[audio]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[audio]"')

from pipelines.audio.classify import KEYWORDS, VARIANTS
from pipelines.audio.features import fitted, letters, words
from pipelines.audio.kit import KIT
from pipelines.audio.learn import kept, readable, trained
from pipelines.audio.phrases import INTENTS, evaluation_text
from pipelines.minilm import L3, VOCABULARY, MiniLM

SAID = [evaluation_text(np.random.default_rng([3, k])) for k in range(300)]
FLOORS = {"keywords": 0.5, "words": 0.7, "letters": 0.78, "sentence": 0.88}
"""Share of the true texts whose intent is found, at least."""


def _share(variant: str, folder: Path) -> float:
    found = VARIANTS[variant](folder)([one.text for one in SAID])
    return float(np.mean([[one.intent] == intent for one, intent in zip(SAID, found, strict=True)]))


@pytest.mark.parametrize("variant", FLOORS)
def test_a_variant_finds_its_share_of_intents(variant: str, folder: Path) -> None:
    assert _share(variant, folder) >= FLOORS[variant]


def test_dearer_variants_find_more(folder: Path) -> None:
    shares = [_share(variant, folder) for variant in VARIANTS]

    assert shares == sorted(shares)
    assert shares[-1] > shares[0] + 0.15


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("set an alarm for seven", "alarm"),
        ("turn on the lights in the kitchen", "lights"),
        ("play some jazz music", "music"),
        ("add milk to the shopping list", "shopping"),
        ("will it rain tomorrow", "weather"),
    ],
)
def test_plain_requests_are_known_to_all(variant: str, text: str, intent: str, folder: Path) -> None:
    assert VARIANTS[variant](folder)([text]) == [[intent]]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_gives_the_intents_of_single_calls(variant: str, folder: Path) -> None:
    model = VARIANTS[variant](folder)
    texts = [one.text for one in SAID[:40]] + ["zzz"]

    assert model(texts) == [model([text])[0] for text in texts]


def test_padding_moves_a_vector_by_rounding_only(folder: Path) -> None:
    meaning = MiniLM(folder / L3.name, folder / VOCABULARY.name)

    together = meaning(["play jazz", "how long does it take to drive to the museum in london"])

    assert together[0] == pytest.approx(meaning(["play jazz"])[0], abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_the_sample_is_taken_by_all(folder: Path) -> None:
    stage = KIT.stage("classify")

    for load in stage.variants.values():
        assert load(folder)([stage.decode(stage.sample())])[0][0] in INTENTS


def test_tf_idf_is_as_worked_out_by_hand() -> None:
    """n = 2; df(a) = 2: weight 1; df(b) = 1: log(3/2) + 1 = 1.405; "a b b c": (1, 2.811) / 2.983."""
    terms = fitted(["a b", "a"], words)

    assert terms(["a b b c", "c"]) == pytest.approx(np.array([[0.33517, 0.94216], [0, 0]]), abs=1e-4)


def test_letters_are_runs_of_two_to_four_within_words() -> None:
    assert list(letters("ab")) == [" a", "ab", "b ", " ab", "ab ", " ab "]


def test_a_regression_learns_what_can_be_told_apart() -> None:
    rows = np.repeat(np.eye(len(INTENTS), dtype=np.float32), 3, axis=0)
    classes = np.repeat(np.arange(len(INTENTS)), 3)

    assert trained(rows, classes)(rows) == [INTENTS[k] for k in classes]


def test_weights_are_made_once_and_again_if_damaged(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    made: list[int] = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"weights": np.ones(3)}

    for _ in range(2):
        kept(path, make)
    path.write_bytes(path.read_bytes()[:-30])

    assert not readable(path)
    kept(path, make)
    assert readable(path)
    assert len(made) == 2


def test_training_again_gives_the_same_weights(folder: Path, tmp_path: Path) -> None:
    from pipelines.audio.learn import corpus  # noqa: PLC0415 - only here

    texts, classes = corpus()
    linear = trained(fitted(texts, words)(texts), classes)

    with np.load(folder / "classify-words.npz") as arrays:
        assert linear.weights == pytest.approx(arrays["weights"], abs=1e-3)


def test_no_keyword_stands_for_two_intents() -> None:
    known = [word for keywords in KEYWORDS.values() for word in keywords]

    assert len(known) == len(set(known))
    assert set(KEYWORDS) == set(INTENTS)
