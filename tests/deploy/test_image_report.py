"""The page that `make image` prints."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from deploy.image.archive import Archive
from deploy.image.report import Report, printed
from deploy.image.scan import Finding, search
from deploy.image.start import Tried
from tests.deploy.images import Planted, saved

GOOD = Tried("doctor", passed=True, took_s=1.25, said="all well")
BAD = Tried("demo", passed=False, took_s=2.0, said="no picture")
FOUND = [
    Finding("test", f"/opt/trimtab/lib/python3.11/site-packages/numpy/tests/{n}.py", "why") for n in "abc"
]


def test_layers_add_up_and_say_what_they_hold(tmp_path: Path) -> None:
    page = _page(_report(tmp_path))

    assert "opt/a/b" in page
    assert "2.0" in page
    assert "what should not be there: nothing" in page


def test_findings_of_one_rule_in_one_folder_are_one_line(tmp_path: Path) -> None:
    page = _page(_report(tmp_path, findings=FOUND))

    assert "numpy/tests/a.py and 2 more beside it: why" in page
    assert "what should not be there: 3 x test" in page


def test_an_image_passes_when_all_was_well_and_nothing_found(tmp_path: Path) -> None:
    assert _report(tmp_path).passed
    assert not _report(tmp_path, findings=FOUND).passed
    assert not _report(tmp_path, tried=[GOOD, BAD]).passed


def _report(
    folder: Path, *, tried: list[Tried] | None = None, findings: list[Finding] | None = None
) -> Report:
    with Archive(saved(folder, [Planted("opt/a/b/c", bytes(1_990_000))])) as archive:
        return Report(
            tag="trimtab",
            engine="scripted",
            base="none",
            layers=archive.layers(),
            view=search(archive.entries()).view,
            tried=[GOOD] if tried is None else tried,
            findings=findings or [],
        )


def _page(report: Report) -> str:
    stream = io.StringIO()
    printed(report, Console(file=stream, width=110))
    return stream.getvalue()
