"""Pictures of every page of the console, light and dark: `python -m benchmarks.screenshots`.

Four loops on the embedded cluster decide on the four ready pipelines, each in its own way: one acts, one
waits for a person, one only recommends, one is paused. Then chromium opens each page of a console on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser

import pipelines
from agent.context import LoopSettings
from agent.desk import Desk, Person
from agent.episode import EmbeddedRun, embedded_run
from agent.planners.rules import RulesPlanner
from core.approval import Approval
from core.decision import Mode
from pipelines.reader import read_pipeline
from simulator.workload import bursty
from tests.ui.browser import chromium
from tests.ui.consoles import console, opened
from tools.requests import Request
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("trimtab-out/screenshots"))
    parser.add_argument("--evals", type=Path, default=DEFAULT_EVALS)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as text, ExitStack() as open_:
        folder = Path(text)
        for one in LOOPS:
            run = open_.enter_context(_loop(folder / "data", one))
            _decide(run, one, folder / "data")
        options = ("--home", text, "--evals", str(given.evals), "--writable")
        served = open_.enter_context(console(folder / "data", folder / "log", *options))
        browser = open_.enter_context(chromium())
        for scheme in ("light", "dark"):
            _shots(browser, served.url, given.out, scheme)


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
        approver=_Once(one.turns) if one.mode == "approve" else None,
    ) as run:
        yield run


@dataclass(slots=True)
class _Once:
    """Agrees to what is asked, but for the last question, which stays open."""

    turns: int
    asked: int = 0

    def __call__(self, request: Request) -> Approval | None:
        number = int(request.decision.rpartition("-")[2])
        if number > self.turns // 2:
            return None
        return Approval(proposal=request.proposal, agreed=True, approver="ann", at=request.asked_at + 4)


def _decide(run: EmbeddedRun, one: Shown, data: Path) -> None:
    """Take the loop's turns; the last one finds it paused where it is to be shown so."""
    run.loop.recover()
    for number in range(one.turns):
        if one.paused and number == one.turns - 2:
            Desk(data / one.kit, Person("bea@example.org", "approver")).pause()
        run.cluster.pass_time(run.loop.context.settings.interval_s)
        if run.loop.tick() is None:
            return


def _shots(browser: Browser, url: str, out: Path, scheme: Scheme) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, timezone_id=ZONE
    )
    page = context.new_page()
    for name, address in PICTURES.items():
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
