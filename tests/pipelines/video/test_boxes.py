"""Boxes, and crops on the wire: nothing is lost, and what is no crop is refused in a sentence."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest

pytest.importorskip("cv2", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("PIL", reason='needs the extra: pip install "trimtab[video]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[video]"')

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.kit import BadItem
from pipelines.pictures import Pixels
from pipelines.video.boxes import Box, all_found, cut, from_png, overlap, to_png

TEN = Box(0, 0, 10, 10)


def _noise(width: int, height: int) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def _said(place: str) -> bytes:
    text = PngInfo()
    text.add_text("box", place)
    file = BytesIO()
    Image.new("RGB", (20, 10)).save(file, "PNG", pnginfo=text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(TEN, 1.0, id="itself"),
        pytest.param(Box(5, 0, 15, 10), 50 / 150, id="half of it"),
        pytest.param(Box(20, 0, 30, 10), 0.0, id="beside it"),
        pytest.param(Box(20, 20, 30, 30), 0.0, id="away on both axes"),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, expected: float) -> None:
    assert overlap(TEN, other) == pytest.approx(expected)


def test_every_sign_must_be_found() -> None:
    other = Box(40, 40, 60, 60)

    assert all_found([TEN, other], [other, TEN])
    assert not all_found([TEN, other], [TEN])
    assert not all_found([TEN, other], [TEN, Box(52, 40, 72, 60)])


def test_a_crop_is_cut_at_the_frames_own_resolution_and_ends_at_its_edge() -> None:
    pixels = _noise(40, 30)

    crop = cut(pixels, Box(-5, 4, 20, 50))

    assert crop is not None
    assert crop.box == Box(0, 4, 20, 30)
    assert np.array_equal(crop.pixels, pixels[4:30, 0:20])


@pytest.mark.parametrize("box", [Box(38, 0, 60, 20), Box(50, 50, 70, 70)])
def test_what_is_hardly_on_the_frame_is_no_crop(box: Box) -> None:
    assert cut(_noise(40, 30), box) is None


def test_a_crop_comes_back_from_the_wire_with_its_place() -> None:
    crop = cut(_noise(60, 40), Box(7, 9, 31, 28))
    assert crop is not None

    back = from_png(to_png(crop))

    assert back.box == crop.box
    assert np.array_equal(back.pixels, crop.pixels)


def test_a_picture_without_a_place_is_a_frame_of_its_own() -> None:
    file = BytesIO()
    Image.new("RGB", (20, 10)).save(file, "PNG")

    assert from_png(file.getvalue()).box == Box(0, 0, 20, 10)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        pytest.param(b"", "not a JPEG or PNG", id="empty"),
        pytest.param(b"\x00" * 100, "not a JPEG or PNG", id="no picture"),
        pytest.param(_said("0,0,20"), "left,top,right,bottom", id="three numbers"),
        pytest.param(_said("a,b,c,d"), "left,top,right,bottom", id="no numbers"),
        pytest.param(_said("0,0,30,10"), "20 x 10 pixels", id="another size"),
    ],
)
def test_what_is_no_crop_is_refused(payload: bytes, said: str) -> None:
    with pytest.raises(BadItem, match=said):
        from_png(payload)
