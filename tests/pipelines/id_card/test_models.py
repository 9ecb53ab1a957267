"""Fetching the model files: checked by content, refused in one line. pip runs without an index here."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import UsageError
from pipelines.id_card.models import MODELS
from pipelines.weights import ModelUnavailable, fetch


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def test_a_model_that_cannot_be_downloaded_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"cannot download rapidocr==3\.10\.0"):
        fetch(MODELS["v6rec"], tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_file_with_other_content_is_not_taken_for_the_model(tmp_path: Path) -> None:
    (tmp_path / MODELS["v3det"].name).write_bytes(b"something else")

    with pytest.raises(ModelUnavailable):
        fetch(MODELS["v3det"], tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")

    with pytest.raises(UsageError, match="name another folder"):
        fetch(MODELS["v3det"], tmp_path / "models")


def test_every_model_is_pinned_by_version_and_content() -> None:
    for model in MODELS.values():
        assert model.requirement.count("==") == 1
        assert len(model.sha256) == 64
        assert model.member.endswith(".onnx")
