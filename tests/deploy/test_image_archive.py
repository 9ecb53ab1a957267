"""An image's layers are measured as they are and as a registry keeps them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from deploy.image.archive import READ_AT_MOST_BYTES, Archive
from tests.deploy.images import Planted, saved

NOISE = random.Random(1).randbytes(50_000)


@pytest.mark.parametrize("packed", [True, False])
def test_a_layer_has_two_sizes_however_it_was_saved(tmp_path: Path, *, packed: bool) -> None:
    image = saved(tmp_path, [Planted("zeros", bytes(500_000)), Planted("noise", NOISE)], packed=packed)

    with Archive(image) as archive:
        [layer] = archive.layers()

    assert 550_000 < layer.size_bytes < 570_000
    assert 50_000 < layer.packed_bytes < 53_000


def test_steps_that_made_no_layer_are_left_out_and_a_squashed_base_counts_from_the_end(
    tmp_path: Path,
) -> None:
    history: list[dict[str, Any]] = [
        {"created_by": "base one"},
        {"created_by": "base two"},
        {"created_by": "USER", "empty_layer": True},
        {"created_by": "COPY"},
    ]

    with Archive(saved(tmp_path, [], [], history=history)) as archive:
        assert [layer.made_by for layer in archive.layers()] == ["base two", "COPY"]


def test_large_files_are_listed_but_not_read(tmp_path: Path) -> None:
    image = saved(tmp_path, [Planted("large", bytes(READ_AT_MOST_BYTES + 1)), Planted("small", b"here")])

    with Archive(image) as archive:
        large, small = [entry for _, entry in archive.entries()]

    assert (large.content, large.size_bytes) == (b"", READ_AT_MOST_BYTES + 1)
    assert small.content == b"here"
