"""Generated clips: seeded, of known truth, paired across drift, apart from what is trained on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("cv2", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("PIL", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[video]"')

from pipelines.pictures import picture
from pipelines.video.clips import CAMERAS, FRAMES_PER_CLIP, LARGEST_PX, MOST_SIGNS, frame, moment
from pipelines.video.scenery import HEIGHT, WIDTH
from pipelines.video.signs import LABELS, SIDE, drawing

SEED = 11


def _contrast(drift: float) -> float:
    frames = [picture(frame(k, seed=SEED, drift=drift).jpeg, most_side_px=WIDTH) for k in range(10)]
    return float(
        np.mean([np.ptp(f.reshape(HEIGHT // 8, 8, WIDTH // 8, 8, 3).mean((1, 3, 4))) for f in frames])
    )


def test_a_frame_depends_on_its_number_seed_and_drift_only() -> None:
    first = [frame(k, seed=SEED, drift=0.7) for k in range(6)]

    again = frame(5, seed=SEED, drift=0.7)

    assert again == first[5]
    assert frame(5, seed=SEED + 1, drift=0.7).jpeg != again.jpeg


def test_drift_changes_the_picture_and_not_the_truth() -> None:
    clean, half, full = ([frame(k, seed=SEED, drift=drift) for k in range(20)] for drift in (0.0, 0.5, 1.0))

    assert [f.signs for f in clean] == [f.signs for f in half] == [f.signs for f in full]
    assert all(a.jpeg != b.jpeg for a, b in zip(clean, full, strict=True))
    assert _contrast(0.0) > _contrast(0.5) > _contrast(1.0)


def test_one_to_four_signs_are_inside_of_the_frame_and_apart() -> None:
    shown = [frame(k, seed=SEED, drift=0.0) for k in range(120)]

    assert {len(f.signs) for f in shown} == set(range(1, MOST_SIGNS + 1))
    for f in shown:
        covered = np.zeros((HEIGHT, WIDTH), int)
        for box in (sign.box for sign in f.signs):
            assert 0 <= box.left < box.right <= WIDTH
            assert 0 <= box.top < box.bottom <= HEIGHT
            assert box.bottom - box.top <= LARGEST_PX * 1.5
            covered[box.top : box.bottom, box.left : box.right] += 1
        assert covered.max() == 1


def test_a_clip_shows_the_same_signs_growing() -> None:
    for clip in range(5):
        frames = [frame(clip + CAMERAS * step, seed=SEED, drift=0.0) for step in range(FRAMES_PER_CLIP)]
        areas = [[sign.box.area for sign in f.signs] for f in frames]

        assert len({tuple(sign.label for sign in f.signs) for f in frames}) == 1
        assert all(np.less(a, b).all() for a, b in pairwise(areas))


def test_no_frame_is_both_trained_on_and_evaluated() -> None:
    evaluated = [moment(k, 0, seed=SEED, drift=0.0, purpose="evaluation").signs for k in range(10)]
    trained_on = [moment(k, 0, seed=SEED, drift=0.0, purpose="training").signs for k in range(10)]

    assert not set(evaluated) & set(trained_on)


def test_cameras_take_turns_and_then_begin_another_clip() -> None:
    turns = [frame(k, seed=SEED, drift=0.0).signs for k in (0, 1, CAMERAS, CAMERAS * FRAMES_PER_CLIP)]
    labels = [tuple(sign.label for sign in signs) for signs in turns]

    assert labels[0] == labels[2]
    assert len({turns[0], turns[1], turns[3]}) == 3


def test_every_sign_is_shown_and_no_two_look_alike() -> None:
    seen = {sign.label for k in range(CAMERAS) for sign in frame(k, seed=3, drift=0.0).signs}

    assert seen == set(LABELS)
    assert len({drawing(label).tobytes() for label in LABELS}) == len(LABELS)
    assert all(drawing(label).shape == (SIDE, SIDE, 4) for label in LABELS)


@pytest.mark.parametrize("drift", [-0.1, 1.1, float("nan")])
def test_a_drift_outside_of_zero_to_one_is_refused(drift: float) -> None:
    with pytest.raises(ValueError, match="not in"):
        frame(0, seed=SEED, drift=drift)


def test_frames_are_small_on_the_wire() -> None:
    sizes = [len(frame(k, seed=SEED, drift=0.0).jpeg) for k in range(20)]

    assert max(sizes) < 40_000
