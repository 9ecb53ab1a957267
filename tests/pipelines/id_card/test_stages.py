"""The code of the two stages that needs no model file. Skipped where the extra is not installed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason='needs the extra: pip install "trimtab[id-card]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[id-card]"')

from pipelines import kits
from pipelines.id_card.cards import Quad, cards
from pipelines.id_card.detect import DETECTORS, LEAST_ASPECT, MOST_BOXES, Classic, Cutting
from pipelines.id_card.geometry import all_found, cut, grown_box, in_order, overlap
from pipelines.id_card.read import READERS, same_text


def _box(left: float, top: float, right: float, bottom: float) -> Quad:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float32)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(_box(0, 0, 10, 10), _box(0, 0, 10, 10)) == pytest.approx(1)
    assert overlap(_box(0, 0, 10, 10), _box(5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert overlap(_box(0, 0, 10, 10), _box(20, 0, 30, 10)) == 0


def test_every_line_must_be_found() -> None:
    true = [_box(0, 0, 10, 4), _box(0, 10, 10, 14)]

    assert all_found(true, [true[1], true[0]])
    assert not all_found(true, [true[0]])
    assert not all_found(true, [true[0], _box(0, 12, 10, 16)])


def test_a_box_grows_by_area_over_perimeter_on_every_side() -> None:
    """60 x 20: area 1200, perimeter 160, ratio 1.0: 7.5 on every side."""
    grown = grown_box(_box(100, 50, 160, 70), 1.0)

    assert grown is not None
    assert grown == pytest.approx(_box(92.5, 42.5, 167.5, 77.5), abs=0.01)


def test_a_speck_is_no_box() -> None:
    assert grown_box(_box(0, 0, 1, 1), 1.0) is None


def test_corners_are_put_in_order_from_the_top_left() -> None:
    box = _box(0, 0, 10, 4)

    assert np.array_equal(in_order(box[[2, 0, 3, 1]]), box)


def test_a_turned_line_is_cut_out_upright() -> None:
    shown = cards(1, seed=3, drift=1.0)[0]

    crop = cut(shown.pixels, shown.lines[0].box)

    side = np.linalg.norm(shown.lines[0].box[0] - shown.lines[0].box[1])
    assert crop.shape[1] == round(float(side))
    assert crop.shape[1] > 3 * crop.shape[0]


def test_the_detector_without_a_model_finds_the_lines_of_most_clean_cards() -> None:
    shown = cards(60, seed=3)

    found = Classic()([card.pixels for card in shown])

    right = [
        all_found([li.box for li in card.lines], boxes) for card, boxes in zip(shown, found, strict=True)
    ]
    assert np.mean(right) > 0.8
    assert max(map(len, found)) <= MOST_BOXES


def test_what_is_sent_on_has_the_shape_of_a_line() -> None:
    shown = cards(20, seed=3, drift=1.0)

    for sent in Cutting(Classic())([card.pixels for card in shown]):
        sizes = [crop.pixels.shape[:2] for crop in sent]
        assert all(width >= LEAST_ASPECT * height * 0.9 for height, width in sizes)


def test_no_card_fails_for_a_speck_that_the_reader_refuses() -> None:
    kit = kits.load("id_card")
    detect, read = kit.stages
    shown = [detect.decode(example.payload) for example in kit.examples(40, 3, 0.5)]

    for sent in Cutting(Classic())(shown):
        for crop in sent:
            read.decode(detect.encode(crop))


def test_texts_are_compared_without_blanks_and_full_width_forms_but_with_case() -> None:
    assert same_text("Ａda  Lopez") == same_text("AdaLopez")
    assert same_text("ADA") != same_text("Ada")


def test_four_detectors_and_four_readers_are_offered() -> None:
    assert (len(DETECTORS), len(READERS)) == (4, 4)
