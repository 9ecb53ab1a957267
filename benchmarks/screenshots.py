"""Pictures of every page of the console, light and dark: `python -m benchmarks.screenshots`.

Four loops on the embedded cluster decide on the four ready pipelines, each in its own way: one acts, one
waits for a person, one only recommends, one is paused. Then chromium opens each page of a console on them,
and the decision of a model that is scripted. The loops go on between two pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser

import pipelines
from agent.context import LoopSettings
from agent.desk import Desk, Person
from agent.episode import EmbeddedRun, embedded_run
from agent.folder import REQUESTS
from agent.planners.rules import RulesPlanner
from core.decision import Mode
from pipelines.reader import read_pipeline
from simulator.workload import bursty
from tests.agent.llm.server import calling, proposing
from tests.agent.toy import TOO_SMALL
from tests.ui.browser import chromium
from tests.ui.consoles import console, opened
from tests.ui.decisions.decided import by_model, decisions
from tools.requests import Requests
from ui.settings import DEFAULT_EVALS

WIDTH, HEIGHT = 1280, 900
SETTLED_MS = 2500
"""Charts are drawn after the page's script has ended."""
ZONE = "Europe/Berlin"
Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One loop of the pictures."""

    kit: str
    mode: Mode
    peak_rps: float
    turns: int
    paused: bool = False


LOOPS = (
    Shown("id_card", "auto", 90.0, 90),
    Shown("video", "approve", 30.0, 60),
    Shown("audio", "observe", 20.0, 60),
    Shown("qa", "auto", 20.0, 60, paused=True),
)
QUESTION = "why this configuration?"
ANN = Person("ann@example.org", "approver")
THOUGHT = (
    calling("frontier"),
    proposing(
        action="configure",
        stages=TOO_SMALL.model_dump(mode="json")["stages"],
        cause="load surge",
        evidence=["t1"],
        diagnosis="the load surged",
        rationale="one small replica saves 73.77 % of the cores",
    ),
    proposing(
        action="solve",
        cause="load surge",
        evidence=["t1"],
        diagnosis="the load surged",
        confidence=0.8,
        rationale="the optimum is feasible at this load",
    ),
)
"""What the model says: first something too small with a figure of its own making, then the optimum."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("trimtab-out/screenshots"))
    parser.add_argument("--evals", type=Path, default=DEFAULT_EVALS)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as text, ExitStack() as open_:
        folder = Path(text)
        runs = [open_.enter_context(_loop(folder / "data", one)) for one in LOOPS]
        for run, one in zip(runs, LOOPS, strict=True):
            _decide(run, one, folder / "data" / one.kit)
        (folder / "model").mkdir()
        thought = by_model(folder / "model", *THOUGHT)
        options = ("--home", text, "--evals", str(given.evals), "--writable")
        served = open_.enter_context(console(folder / "data", folder / "log", *options))
        other = open_.enter_context(console(thought, folder / "other", "--home", text))
        reasoning = {"reasoning": f"decision?decision={decisions(thought)[0].id}"}
        browser = open_.enter_context(chromium())
        for scheme in ("light", "dark"):
            _shots(browser, served.url, PICTURES, given.out, scheme, runs)
            _shots(browser, other.url, reasoning, given.out, scheme, runs)


@contextmanager
def _loop(data: Path, one: Shown) -> Iterator[EmbeddedRun]:
    pipeline = read_pipeline(Path(pipelines.__file__).parent / one.kit / "pipeline.yaml")
    settings = LoopSettings(mode=one.mode)
    trace_rps = bursty(2000, base_rps=one.peak_rps / 6, peak_rps=one.peak_rps, seed=7)
    with embedded_run(
        pipeline,
        trace_rps,
        data / one.kit,
        planner=RulesPlanner(),
        settings=settings,
        seed=7,
        real_time=True,
    ) as run:
        yield run


def _decide(run: EmbeddedRun, one: Shown, folder: Path) -> None:
    """Take the loop's turns; Ann answers in the first half, and pauses it where it is to be shown so."""
    run.loop.recover()
    for number in range(one.turns):
        if one.paused and number == one.turns - 2:
            Desk(folder, ANN).pause()
        _turn(run)
        if one.mode == "approve" and number < one.turns // 2:
            _answer(folder)


def _turn(run: EmbeddedRun) -> None:
    run.cluster.pass_time(run.loop.context.settings.interval_s)
    run.loop.tick()


def _answer(folder: Path) -> None:
    """Agree to what is asked, if anything is."""
    with closing(Requests(folder / REQUESTS)) as requests:
        asked = requests.latest(1)
    for one in asked:
        if one.answer is None and one.closed is None:
            Desk(folder, ANN).approve(one.request.decision, shown=one.request.proposal, comment="go ahead")


def _shots(
    browser: Browser,
    url: str,
    pictures: Mapping[str, str],
    out: Path,
    scheme: Scheme,
    runs: Sequence[EmbeddedRun],
) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, timezone_id=ZONE
    )
    page = context.new_page()
    for name, address in pictures.items():
        for run in runs:
            _turn(run)
        opened(page, f"{url}/{address}")
        if name == "ask":
            page.get_by_test_id("stChatInputTextArea").fill(QUESTION)
            page.keyboard.press("Enter")
        page.wait_for_timeout(SETTLED_MS)
        height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
        page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, int(height) + HEADER)})
        page.wait_for_timeout(SETTLED_MS)
        page.screenshot(path=out / f"{name}-{scheme}.png")
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    context.close()


HEADER = 60
"""Pixels of the bar with the pages."""
PICTURES = {
    "overview": "",
    "pipeline": "pipeline?pipeline=id_card/id-card",
    "recommended": "pipeline?pipeline=audio",
    "decisions": "decision?pipeline=id_card/id-card",
    "decision": "decision?pipeline=id_card/id-card&decision=id-card-000002",
    "ask": "ask?pipeline=id_card/id-card&decision=id-card-000002",
    "approvals": "approvals?pipeline=video",
    "evaluations": "evaluations",
}


if __name__ == "__main__":
    main()
