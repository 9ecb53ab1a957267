"""Which Python serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import UsageError
from tools.serving_python import BESIDE, project, serving_python


def test_the_one_that_is_named_is_taken_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "python").symlink_to(tmp_path / "real")

    assert serving_python(tmp_path / "python") == tmp_path / "python"


def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such Python; run make serving"):
        serving_python(tmp_path / "python")


def test_without_a_name_it_is_the_one_beside_the_project() -> None:
    if not (project() / BESIDE).is_file():
        pytest.skip("make serving was not run")

    assert serving_python(None) == project() / BESIDE
