"""Generated cards: seeded, of known text, with boxes around it at every drift."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason='needs the extra: pip install "trimtab[id-card]"')

from pipelines.id_card.cards import HEIGHT, WIDTH, Card, Quad, card, cards

SEED = 11
Greys = NDArray[np.float64]


def test_the_same_seed_gives_the_same_card_whatever_was_drawn_before() -> None:
    first = cards(3, seed=SEED, drift=0.7)

    again = card(2, seed=SEED, drift=0.7)

    assert np.array_equal(first[2].pixels, again.pixels)
    assert [li.text for li in first[2].lines] == [li.text for li in again.lines]


def test_other_seeds_and_other_cards_differ() -> None:
    texts = {_texts(card(k, seed=seed)) for seed in (1, 2) for k in range(20)}

    assert len(texts) == 40


def test_a_card_says_a_name_a_number_and_a_date() -> None:
    for shown in cards(50, seed=SEED):
        name, number, born = _texts(shown)
        assert re.fullmatch(r"[A-Za-z]+ [A-Za-z]+", name)
        assert re.fullmatch(r"[A-HJ-NPR-Z]{2}-\d{6}", number)
        assert re.fullmatch(r"\d\d\.\d\d\.(19|20)\d\d", born)


@pytest.mark.parametrize("drift", [0.0, 0.5, 1.0])
def test_boxes_stay_on_the_card_in_reading_order(drift: float) -> None:
    for shown in cards(50, seed=SEED, drift=drift):
        corners = np.array([line.box for line in shown.lines])
        assert shown.pixels.shape == (HEIGHT, WIDTH, 3)
        assert corners.min() >= 0
        assert corners[..., 0].max() <= WIDTH
        assert corners[..., 1].max() <= HEIGHT
        assert (np.diff(corners.mean(axis=1)[:, 1]) > 0).all()


def test_boxes_turn_the_same_way_as_the_ink() -> None:
    lines = [(shown, line.box) for shown in cards(20, seed=SEED, drift=1.0) for line in shown.lines]

    inside = [_brightness(shown, box).mean() for shown, box in lines]
    turned_back = [_brightness(shown, _mirrored(box)).mean() for shown, box in lines]

    assert np.mean(np.less(inside, turned_back)) > 0.9


def test_drift_keeps_the_text_and_takes_away_contrast() -> None:
    levels = [cards(20, seed=SEED, drift=drift) for drift in (0.0, 0.5, 1.0)]

    contrast = [np.mean([np.ptp(_blurred(c)) for c in level]) for level in levels]

    assert [[_texts(c) for c in level] for level in levels[1:]] == [[_texts(c) for c in levels[0]]] * 2
    assert contrast == sorted(contrast, reverse=True)


def test_more_drift_turns_a_card_further_the_same_way() -> None:
    for k in range(10):
        clean, half, full = (_slope(card(k, seed=SEED, drift=drift)) for drift in (0.0, 0.5, 1.0))
        assert clean == 0
        assert 0 < abs(half) < abs(full)
        assert half * full > 0


def test_every_card_is_harmed_in_its_own_way() -> None:
    slopes = {round(_slope(shown), 3) for shown in cards(10, seed=SEED, drift=1.0)}

    assert len(slopes) > 7


@pytest.mark.parametrize("drift", [-0.1, 1.1, float("nan")])
def test_a_drift_outside_of_zero_to_one_is_refused(drift: float) -> None:
    with pytest.raises(ValueError, match="not in"):
        card(0, seed=SEED, drift=drift)


def _slope(shown: Card) -> float:
    left, right = shown.lines[0].box[:2]
    return float((right[1] - left[1]) / (right[0] - left[0]))


def _texts(shown: Card) -> tuple[str, ...]:
    return tuple(line.text for line in shown.lines)


def _blurred(shown: Card) -> Greys:
    """Return block means, from which pixel noise is gone."""
    grey: Greys = shown.pixels.mean(axis=2)
    means: Greys = grey.reshape(HEIGHT // 16, 16, WIDTH // 16, 16).mean(axis=(1, 3))
    return means


def _mirrored(box: Quad) -> Quad:
    """Return *box* tilted the other way about its own centre."""
    upside: Quad = (box - box.mean(axis=0)) * np.array([1, -1], np.float32) + box.mean(axis=0)
    return upside[[3, 2, 1, 0]]


def _brightness(shown: Card, box: Quad) -> Greys:
    """Return brightness at points spread over *box*."""
    u, v = np.meshgrid(np.linspace(0, 1, 120), np.linspace(0, 1, 30))
    points = box[0] + u[..., None] * (box[1] - box[0]) + v[..., None] * (box[3] - box[0])
    x, y = np.clip(points.round().astype(int), 0, [WIDTH - 1, HEIGHT - 1]).transpose(2, 0, 1)
    grey: Greys = shown.pixels.mean(axis=2)
    inside: Greys = grey[y, x]
    return inside
