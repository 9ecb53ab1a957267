"""The commands on the pages run, and print what the pages say they print."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.reader import read_pipeline
from tests.docs.pages import FENCE, ROOT, Example, examples, name_of, pages
from tests.docs.session import agree, cheap, played

RENEW = "if this is right, renew the page with: .venv/bin/python -m tests.docs.session PAGE"
SHOWN = [pytest.param(page, id=name_of(page)) for page in pages() if list(examples(page))]


@pytest.mark.parametrize("page", SHOWN)
def test_cheap_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    different = [
        f"$ {example.command}\n{printed}"
        for example, printed in played(page, tmp_path, cheap)
        if not agree(example, printed)
    ]

    assert not different, "\n".join([RENEW, *different])


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWN)
def test_all_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    different = [
        f"$ {example.command}\n{printed}"
        for example, printed in played(page, tmp_path, lambda _: True)
        if not agree(example, printed)
    ]

    assert not different, "\n".join([RENEW, *different])


def test_a_wrong_figure_on_a_page_is_noticed() -> None:
    example = Example("page", "trimtab solve", "12 rps: 3 cores (HiGHS, 4.1 ms)\n")

    assert agree(example, "12 rps: 3 cores (HiGHS, 9.9 ms)\n")
    assert not agree(example, "12 rps: 4 cores (HiGHS, 4.1 ms)\n")


def test_what_is_cut_from_an_output_may_be_anything_but_the_rest_may_not() -> None:
    example = Example("page", "trimtab run", "first\n...\nlast\n")

    assert agree(example, "first\nsecond\nlast\n")
    assert not agree(example, "first\nsecond\n")


def test_the_readme_shows_cheap_commands_with_their_output() -> None:
    shown = [e for e in examples(ROOT / "README.md") if cheap(e) and e.output.strip()]

    assert len(shown) >= 3


def test_the_pipeline_file_in_the_readme_is_one(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    files = [body for _, language, body in FENCE.findall(text) if language == "yaml"]

    for body in files:
        (tmp_path / "mine.yaml").write_text(body, encoding="utf-8")
        assert [s.name for s in read_pipeline(tmp_path / "mine.yaml").stages] == ["find", "read"]
    assert len(files) == 1
