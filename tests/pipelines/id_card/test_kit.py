"""The ID card reader's real models on known cards: every variant, alone and together. Serving environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("cv2", reason='needs the extra: pip install "trimtab[id-card]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[id-card]"')

from pipelines.id_card.kit import KIT
from pipelines.kit import BadItem
from pipelines.pictures import jpeg, note_of, png

if TYPE_CHECKING:
    from pipelines.kit import Example, Model

ROOT = Path(__file__).parents[3]
SEED, COUNT = 11, 24
DETECT, READ = KIT.stages


@pytest.fixture(scope="module")
def folder() -> Path:
    models = ROOT / ".models" / "id_card"
    KIT.prepare(models, print)
    return models


@pytest.fixture(scope="module")
def shown() -> list[Example]:
    return KIT.examples(COUNT, SEED, 0.0)


def share_right(model: Model, stage: str, shown: list[Example]) -> float:
    """Return the share of examples on which a variant is right on all its cases."""
    kit = KIT.stage(stage)
    return float(
        np.mean(
            [
                all(kit.right(model([kit.decode(c.item)])[0], c.truth) for c in example.cases[stage])
                for example in shown
            ]
        )
    )


@pytest.mark.parametrize(
    ("variant", "least"), [("classic", 0.85), ("v3det-224", 0.9), ("v3det-320", 0.95), ("v6det-320", 0.9)]
)
def test_every_detector_finds_the_lines_of_clean_cards(
    folder: Path, shown: list[Example], variant: str, least: float
) -> None:
    assert share_right(DETECT.variants[variant](folder), "detect", shown) >= least


@pytest.mark.parametrize(
    ("variant", "least"),
    [("v3rec-w40", 0.3), ("v3rec-w55", 0.65), ("v6rec-w55", 0.8), ("v6rec-w100", 0.85)],
)
def test_every_reader_reads_true_boxes(
    folder: Path, shown: list[Example], variant: str, least: float
) -> None:
    assert share_right(READ.variants[variant](folder), "read", shown) >= least


def test_a_card_is_read_from_end_to_end(folder: Path, shown: list[Example]) -> None:
    detect, read = DETECT.variants["v3det-320"](folder), READ.variants["v6rec-w100"](folder)
    right = []
    for example in shown:
        crops = [DETECT.encode(crop) for crop in detect([DETECT.decode(example.payload)])[0]]
        texts = [READ.encode(t) for crop in crops for t in read([READ.decode(crop)])[0]]
        right.append(KIT.right(KIT.answer(texts), example.truth))

    assert np.mean(right) >= 0.85


def test_cards_of_several_sizes_in_one_batch_are_answered_as_alone(
    folder: Path, shown: list[Example]
) -> None:
    detect = DETECT.variants["v3det-224"](folder)
    cards = [DETECT.decode(e.payload) for e in shown[:3]]
    cards[1] = np.ascontiguousarray(cards[1][:, :200])

    together = detect(cards)

    for card, found in zip(cards, together, strict=True):
        alone = detect([card])[0]
        assert len(alone) == len(found)
        assert all(np.allclose(a.box, b.box, atol=1.0) for a, b in zip(alone, found, strict=True))


def test_a_crop_says_where_on_the_card_it_was(folder: Path, shown: list[Example]) -> None:
    crop = DETECT.variants["classic"](folder)([DETECT.decode(shown[0].payload)])[0][0]

    back = DETECT.read_back(DETECT.encode(crop))

    assert np.allclose(back.box, crop.box, atol=0.06)
    assert np.array_equal(back.pixels, crop.pixels)


def test_a_picture_without_a_note_has_none() -> None:
    assert note_of(png(np.zeros((9, 9, 3), np.uint8))) == ""
    with pytest.raises(BadItem, match="where on the card"):
        DETECT.read_back(png(np.zeros((9, 9, 3), np.uint8)))


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not a picture", id="no picture"),
        pytest.param(jpeg(np.zeros((4, 400, 3), np.uint8), 90), id="too low"),
        pytest.param(png(np.zeros((9, 2100, 3), np.uint8)), id="too wide"),
        pytest.param(b"GIF89a" + bytes(40), id="another format"),
    ],
)
def test_what_is_no_card_is_refused_in_one_sentence(item: bytes) -> None:
    with pytest.raises(BadItem) as refused:
        DETECT.decode(item)

    assert "\n" not in str(refused.value)


def test_drift_makes_the_same_cards_harder(folder: Path) -> None:
    read = READ.variants["v6rec-w55"](folder)

    clean, worse = (share_right(read, "read", KIT.examples(12, SEED, drift)) for drift in (0.0, 1.0))

    assert clean > worse + 0.3
