from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from evals.frames import Trail, load
from evals.report import write_report
from evals.report.episode import MOST_POINTS, shown, told_apart
from evals.report.ink import STAND_INS, styles
from evals.report.page import render
from evals.report.pareto import front
from evals.standings import Cell, Roles, cells
from tests.evals.made_up import QUALITY, paper_like, scored, write

VOID = {"meta", "br", "link", "img", "hr", "input", "path", "use", "rect", "line", "circle", "image"}
FROM_ELSEWHERE = re.compile(r"""(?:src|href)\s*=\s*["'](?!#)|@import|url\((?!#)|<script""")


class Checked(HTMLParser):
    """Notices tags that do not match, and keeps identifiers, links inside and tables."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids += [known["id"] or ""] if "id" in known else []
        self.targets += [(known["href"] or "")[1:]] if (known.get("href") or "").startswith("#") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paper_like(tmp_path_factory.mktemp("results"), traces=["bursty"], seeds=3)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return render(load(folder))


def test_the_report_needs_nothing_from_anywhere(page: str) -> None:
    assert FROM_ELSEWHERE.findall(page) == []


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page: str) -> None:
    checked = Checked()

    checked.feed(page)

    assert checked.open == []
    assert len(checked.ids) == len(set(checked.ids))
    assert set(checked.targets) <= set(checked.ids)


def test_every_figure_is_sound_and_says_what_it_shows(page: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)

    labels = [ET.fromstring(figure).get("aria-label") or "" for figure in figures]

    assert len(figures) == 4
    assert labels[0].startswith("Effective accuracy against mean cores")
    assert labels[1].startswith("Regret against the oracle, mean over 2 pipelines: ilp ")
    assert labels[2].startswith("One episode of nlp/bursty")


def test_colours_are_left_to_the_page_for_light_and_for_dark(page: str) -> None:
    assert not [stand_in for stand_in in STAND_INS if stand_in in page]
    used = set(re.findall(r"var\((--[a-z0-9]+)\)", page))
    light, dark = page.split("prefers-color-scheme: dark", 1)
    assert all(f"{name}:" in light and f"{name}:" in dark for name in used - {"--heat"})


def test_every_policy_and_where_the_figures_come_from_stand_on_the_page(page: str) -> None:
    assert all(policy in page for policy in QUALITY)
    assert "0123456789abcdef0123456789abcdef01234567" in page
    assert "A processor of nobody&#39;s, 2 cores" in page
    assert "NumPy 2.4.6, PuLP 3.3.0, HiGHS 1.11.0" in page


def test_the_same_results_give_the_same_page(folder: Path, page: str) -> None:
    assert render(load(folder)) == page


def test_a_strangers_name_is_text_and_nothing_else(tmp_path: Path) -> None:
    scores = {"oracle": [2.0, 2.0], "ilp": [1.0, 1.0], "<script>": [1.0, 0.5]}

    text = render(load(write(tmp_path, scored("a&b/<b>", scores))))

    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_without_series_or_oracle_the_rest_is_still_shown(tmp_path: Path) -> None:
    text = render(load(write(tmp_path, scored("a/b", {"ilp": [1.0], "ipa": [0.5]}))))

    assert text.count("<svg") == 1
    assert "All policies in a/b" in text


def test_missing_episodes_are_announced(tmp_path: Path) -> None:
    text = render(load(write(tmp_path, scored("a/b", {"ilp": [1.0, 2.0], "ipa": [0.5]}))))

    assert re.search(r"Incomplete:</b> 1 episodes .*ipa in a/b with seed 1", text, re.DOTALL)


def test_the_report_is_written_where_it_is_wanted(folder: Path, tmp_path: Path) -> None:
    write_report(folder, tmp_path / "new" / "report.html")

    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_that_cannot_be_written_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="cannot write"):
        write_report(folder, tmp_path / "file" / "report.html")


def test_the_front_is_made_of_those_that_nobody_beats_in_both(tmp_path: Path) -> None:
    rows = [
        *scored("a/b", {"cheap": [1.0]}, mean_cores=1.0, effective_accuracy=0.5),
        *scored("a/b", {"wasteful": [1.0]}, mean_cores=1.5, effective_accuracy=0.5),
        *scored("a/b", {"ilp": [1.0]}, mean_cores=2.0, effective_accuracy=0.8),
        *scored("a/b", {"worse": [1.0]}, mean_cores=2.5, effective_accuracy=0.7),
        *scored("a/b", {"large": [1.0]}, mean_cores=9.0, effective_accuracy=0.9),
        *scored("a/b", {"oracle": [1.0]}, mean_cores=0.5, effective_accuracy=1.0),
    ]
    (cell,) = cells(load(write(tmp_path, rows)))

    assert [s.policy for s in front(cell.standings)] == ["cheap", "ilp", "large"]


def test_the_episode_shows_ours_on_top_of_the_oracle_and_the_best_rivals(tmp_path: Path) -> None:
    scores = {"oracle": 9.0, "ilp": 8.0, "a": 7.0, "b": 6.0, "c": 5.0, "d": 4.0}
    cell = judged(tmp_path, scores)
    none = np.zeros(1)
    trails = {("a/b", policy): Trail(*[none] * 8) for policy in scores if policy != "b"}

    assert shown(cell, trails) == ("d", "c", "a", "oracle", "ilp")


def test_no_two_lines_of_a_figure_have_one_colour() -> None:
    policies = ["ilp", "oracle", *(f"p{k}" for k in range(13))]

    lines = told_apart(["p12", "p6", "p0", "oracle", "ilp"], styles(policies, Roles(ours="ilp")))

    assert len({style.colour for style in lines.values()}) == 5


def judged(folder: Path, scores: dict[str, float]) -> Cell:
    (cell,) = cells(load(write(folder, scored("a/b", {p: [score] for p, score in scores.items()}))))
    return cell


def test_a_long_episode_is_drawn_with_few_points(tmp_path: Path) -> None:
    folder = paper_like(tmp_path, pipelines=["video"], traces=["x"], seeds=1, seconds=20 * MOST_POINTS)

    figure = re.findall(r"<svg.*?</svg>", render(load(folder)), re.DOTALL)[-1]

    paths = re.findall(r'<path d="(.*?)"', figure, re.DOTALL)
    assert MOST_POINTS / 2 < max(path.count("L") for path in paths) <= 4 * MOST_POINTS


def test_twenty_policies_can_be_told_apart() -> None:
    policies = ["ilp", "oracle", *(f"p{k}" for k in range(42))]

    drawn = styles(policies, Roles(ours="ilp"))

    assert len({(style.colour, style.marker) for style in drawn.values()}) == len(policies)
