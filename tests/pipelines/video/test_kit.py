"""The kit on its real weights: right on known frames, as right as promised, cheaper is worse."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("PIL", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("sklearn", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("onnx", reason='needs the extra: pip install "trimtab[video]"')

from PIL import Image

from pipelines.kit import BadItem, Example, Kit, Model, StageKit
from pipelines.video.boxes import Box
from pipelines.video.kit import KIT, MOST_FALSE
from pipelines.video.learn import whole
from pipelines.video.signs import LABELS
from pipelines.weights import ModelUnavailable

SEED, COUNT = 5, 100
LOCATE, CLASSIFY = KIT.stages
FLOORS = {
    ("locate", "colour"): 0.30,
    ("locate", "grid-coarse"): 0.48,
    ("locate", "grid-fine"): 0.68,
    ("locate", "grid-large"): 0.74,
    ("classify", "linear"): 0.68,
    ("classify", "small"): 0.85,
    ("classify", "large"): 0.93,
}
"""Least share of the COUNT clean frames on which a stage alone is right."""


@pytest.fixture(scope="module")
def clean() -> list[Example]:
    return KIT.examples(COUNT, SEED, 0.0)


@pytest.fixture(scope="module")
def severe() -> list[Example]:
    return KIT.examples(COUNT, SEED, 1.0)


def test_what_a_stage_sends_is_read_back_as_it_judges_it(weights: Path, clean: list[Example]) -> None:
    for example in clean[:10]:
        case = example.cases["locate"][0]
        outputs = LOCATE.variants["colour"](weights)([LOCATE.decode(case.item)])[0]
        back = [LOCATE.read_back(LOCATE.encode(crop)) for crop in outputs]

        assert [crop.box for crop in back] == [crop.box for crop in outputs]
        assert LOCATE.right(back, case.truth) == LOCATE.right(outputs, case.truth)
    assert [CLASSIFY.read_back(CLASSIFY.encode(label)) for label in LABELS] == list(LABELS)


def _share_right(stage: StageKit, model: Model, examples: Sequence[Example]) -> float:
    return float(np.mean([_right(stage, model, example) for example in examples]))


def _right(stage: StageKit, model: Model, example: Example) -> bool:
    cases = example.cases[stage.name]
    outputs = model([stage.decode(case.item) for case in cases])
    return all(stage.right(out, case.truth) for out, case in zip(outputs, cases, strict=True))


def _answer(locate: Model, classify: Model, payload: bytes) -> list[str]:
    crops = [LOCATE.encode(crop) for crop in locate([LOCATE.decode(payload)])[0]]
    labels = classify([CLASSIFY.decode(crop) for crop in crops]) if crops else []
    said: list[str] = KIT.answer([CLASSIFY.encode(label) for found in labels for label in found])
    return said


@pytest.mark.parametrize(("stage", "variant"), FLOORS)
def test_a_variant_is_as_right_as_promised_and_suffers_from_drift(
    stage: str, variant: str, weights: Path, clean: list[Example], severe: list[Example]
) -> None:
    model = KIT.stage(stage).variants[variant](weights)

    share = _share_right(KIT.stage(stage), model, clean)

    assert share >= FLOORS[stage, variant]
    assert _share_right(KIT.stage(stage), model, severe) < share - 0.02


@pytest.mark.parametrize("stage", KIT.stages, ids=lambda stage: stage.name)
def test_every_variant_has_a_floor_and_the_dearest_beats_the_cheapest(
    stage: StageKit, weights: Path, clean: list[Example], severe: list[Example]
) -> None:
    cheapest, *_, dearest = (load(weights) for load in stage.variants.values())

    assert [(stage.name, variant) for variant in stage.variants] == [k for k in FLOORS if k[0] == stage.name]
    assert _share_right(stage, dearest, clean) > _share_right(stage, cheapest, clean) + 0.1
    assert _share_right(stage, dearest, severe) > _share_right(stage, cheapest, severe) + 0.1


def test_the_dearest_pair_answers_most_frames_and_the_cheapest_few(
    weights: Path, clean: list[Example]
) -> None:
    shares = [
        np.mean([KIT.right(_answer(*pair, e.payload), e.truth) for e in clean])
        for pair in (
            (LOCATE.variants["colour"](weights), CLASSIFY.variants["linear"](weights)),
            (LOCATE.variants["grid-large"](weights), CLASSIFY.variants["large"](weights)),
        )
    ]

    assert shares[0] < 0.5
    assert shares[1] > 0.7


@pytest.mark.parametrize("variant", LOCATE.variants)
def test_frames_of_one_batch_are_located_as_they_are_alone(
    variant: str, weights: Path, clean: list[Example]
) -> None:
    model = LOCATE.variants[variant](weights)
    frames = [LOCATE.decode(example.payload) for example in clean[:5]]
    frames[2] = np.ascontiguousarray(frames[2][:150, :260])

    together, alone = model(frames), [model([frame])[0] for frame in frames]

    assert [[c.box for c in crops] for crops in together] == [[c.box for c in crops] for crops in alone]


@pytest.mark.parametrize("variant", CLASSIFY.variants)
def test_crops_of_one_batch_are_named_as_they_are_alone(
    variant: str, weights: Path, clean: list[Example]
) -> None:
    model = CLASSIFY.variants[variant](weights)
    crops = [CLASSIFY.decode(case.item) for example in clean[:16] for case in example.cases["classify"]]

    assert model(crops) == [model([crop])[0] for crop in crops]
    assert len({crop.pixels.shape for crop in crops}) > 5


@pytest.mark.parametrize("variant", ["grid-fine", "grid-large"])
def test_a_frame_twice_as_large_has_its_signs_at_twice_the_place(
    variant: str, weights: Path, clean: list[Example]
) -> None:
    model = LOCATE.variants[variant](weights)
    frame = LOCATE.decode(clean[0].payload)

    small, large = model([frame, np.repeat(np.repeat(frame, 2, axis=0), 2, axis=1)])

    assert len(small) == len(large) > 0
    for one, two in zip(small, large, strict=True):
        assert np.abs(np.subtract(_corners(two.box), 2 * _corners(one.box))).max() <= 4


def _corners(box: Box) -> NDArray[np.int64]:
    return np.array([box.left, box.top, box.right, box.bottom])


def test_what_is_found_may_be_none(weights: Path) -> None:
    grey = np.full((240, 320, 3), 128, np.uint8)

    assert [load(weights)([grey]) for load in LOCATE.variants.values()] == [[[]]] * len(LOCATE.variants)


@pytest.mark.parametrize("stage", KIT.stages, ids=lambda stage: stage.name)
def test_a_sample_warms_every_variant(stage: StageKit, weights: Path) -> None:
    item = stage.decode(stage.sample())

    for load in stage.variants.values():
        assert len(load(weights)([item] * max(stage.batches))) == max(stage.batches)


def test_examples_are_reproducible_paired_and_of_known_truth(
    clean: list[Example], severe: list[Example]
) -> None:
    again = KIT.examples(3, SEED, 1.0)

    assert again == severe[:3]
    assert [e.truth for e in clean] == [e.truth for e in severe]
    for example in clean:
        assert example.truth == sorted(case.truth for case in example.cases["classify"])
        assert len(example.cases["locate"][0].truth) == len(example.truth)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        pytest.param(b"", "not a JPEG or PNG", id="empty"),
        pytest.param(b"\xff\xd8 no picture", "not a JPEG or PNG", id="no picture"),
        pytest.param((4, 200), "4 x 200", id="too narrow"),
        pytest.param((4000, 20), "4000 x 20", id="too wide"),
    ],
)
def test_what_is_no_frame_is_refused(payload: bytes | tuple[int, int], said: str) -> None:
    if isinstance(payload, tuple):
        file = BytesIO()
        Image.new("RGB", payload).save(file, "PNG")
        payload = file.getvalue()

    with pytest.raises(BadItem, match=said):
        LOCATE.decode(payload)


def test_a_frame_that_breaks_off_is_refused_or_seen_but_never_crashes(clean: list[Example]) -> None:
    with pytest.raises(BadItem, match=r"damaged|not a JPEG"):
        LOCATE.decode(clean[0].payload[:200])


def test_location_fails_on_a_missed_sign_and_on_too_many_boxes(weights: Path, clean: list[Example]) -> None:
    case = clean[0].cases["locate"][0]
    true = [CLASSIFY.decode(case.item) for case in clean[0].cases["classify"]]

    assert LOCATE.right(true, case.truth)
    assert not LOCATE.right(true[1:], case.truth)
    assert LOCATE.right(true + true[:1] * MOST_FALSE, case.truth)
    assert not LOCATE.right(true + true[:1] * (MOST_FALSE + 1), case.truth)


def test_an_answer_is_the_sorted_labels_each_as_often_as_it_is_seen() -> None:
    said = KIT.answer([b"stop", b"left", b"stop"])

    assert said == ["left", "stop", "stop"]
    assert KIT.right(said, ["stop", "left", "stop"])
    assert not KIT.right(said, ["left", "stop"])
    assert KIT.answer([]) == []


def test_an_answer_out_of_anything_but_labels_is_refused() -> None:
    with pytest.raises(BadItem, match="is no label"):
        KIT.answer([b"\xff\xfe"])


def test_weights_that_are_there_are_kept_and_missing_ones_are_named(weights: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in weights.iterdir()}

    KIT.prepare(weights, print)

    assert {path: path.stat().st_mtime_ns for path in weights.iterdir()} == before
    with pytest.raises(ModelUnavailable, match=r"classify-large\.onnx is missing"):
        CLASSIFY.variants["large"](tmp_path)


def test_damaged_weights_are_not_taken_for_whole(weights: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes((weights / "classify-small.onnx").read_bytes()[:-1000])

    assert not whole(damaged)
    assert whole(weights / "classify-small.onnx")


def test_the_kit_names_its_stages_licences_and_last_stage() -> None:
    kit: Kit = KIT

    assert kit.sinks == ("classify",)
    assert all(len(stage.variants) >= 3 for stage in kit.stages)
    assert kit.license_notes
