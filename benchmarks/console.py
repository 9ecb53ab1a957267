"""How long each page of the console takes, and what memory an hour of looking: on 50,000 decisions.

    python -m benchmarks.console                  the pages: load one after another in a real browser
    python -m benchmarks.console --soak 60        then keep two pages open for so many minutes

The store is made of a real episode, repeated until it has as many decisions; while the pages are open, one
more is recorded every few seconds, as a loop would. Needs Debian's chromium.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Browser, Page

import pipelines
from agent.context import LoopSettings
from agent.episode import embedded_run
from agent.folder import DECISIONS
from agent.planners.rules import RulesPlanner
from benchmarks.machine import machine
from core.decision import Decision
from pipelines.reader import read_pipeline
from simulator.workload import bursty
from tests.ui.browser import chromium
from tests.ui.consoles import Console, console, drawn, opened
from tools.store import DecisionStore

PIPELINE = Path(pipelines.__file__).parent / "id_card" / "pipeline.yaml"
DECISIONS_WANTED = 50_000
EPISODE_S = 1200
INTERVAL_S = 10
REPEATS = 5
"""Loads of each page, of which the median and the worst are told."""
RENDER_LIMIT_S = 2.0
MEMORY_LIMIT_MB = 400.0
MEGABYTE = 1e6
SAMPLE_S = 15.0
SETTLED_MS = 500
PATIENCE_MS = 10_000
RUNNING = "[data-testid=stApp][data-test-script-state=running]"
RANGES = ("24 h", "all")
PAGES = (
    "",
    "pipeline",
    "decision",
    "decision?decision={last}",
    "ask",
    "approvals",
    "evaluations",
)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--decisions", type=int, default=DECISIONS_WANTED)
    chosen = parser.parse_args()
    sys.stdout.write(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        episode = _episode(Path(folder) / "episode")
        last = _store(data, episode, chosen.decisions)
        with console(data, Path(folder) / "log", "--home", str(data)) as served, chromium() as browser:
            _pages(browser, served, last)
            if chosen.soak:
                _soak(browser, served, data, episode, chosen.decisions, chosen.soak * 60)


def _episode(folder: Path) -> tuple[Decision, ...]:
    """Return the decisions of a real episode."""
    pipeline = read_pipeline(PIPELINE)
    trace_rps = bursty(EPISODE_S, base_rps=10.0, peak_rps=90.0, seed=7)
    settings = LoopSettings(interval_s=INTERVAL_S)
    with embedded_run(pipeline, trace_rps, folder, planner=RulesPlanner(), settings=settings, seed=7) as run:
        found = tuple(d for d in run.turns() if d is not None)
        run.loop.context.store.keep_pipeline(pipeline)
    return found


def _store(folder: Path, episode: Sequence[Decision], count: int) -> str:
    """Make a store of that many decisions; return the id of the last one."""
    folder.mkdir(parents=True)
    path = folder / DECISIONS
    with closing(DecisionStore(path)) as store:
        store.keep_pipeline(read_pipeline(PIPELINE))
    began = time.perf_counter()
    with closing(sqlite3.connect(path)) as db:
        db.executemany(
            "INSERT INTO decisions (id, pipeline, time_s, outcome, body) VALUES (?, ?, ?, ?, ?)",
            (_row(episode, number) for number in range(count)),
        )
        db.commit()
    size_mb = path.stat().st_size / MEGABYTE
    sys.stdout.write(f"{count} decisions, {size_mb:.0f} MB, in {time.perf_counter() - began:.0f} s\n")
    return _name(episode, count - 1)


def _row(episode: Sequence[Decision], number: int) -> tuple[str, str, float, str, str]:
    """Return the row of decision *number*: that of the episode, at its own time and under its own name."""
    like = episode[number % len(episode)]
    time_s = float((number + 1) * INTERVAL_S)
    seen = like.observation
    made = like.model_copy(
        update={
            "id": _name(episode, number),
            "time_s": time_s,
            "observation": None if seen is None else seen.model_copy(update={"time_s": time_s}),
        }
    )
    return made.id, made.pipeline, time_s, made.outcome, made.model_dump_json()


def _name(episode: Sequence[Decision], number: int) -> str:
    return f"{episode[0].pipeline}-{number + 1:06d}"


def _pages(browser: Browser, served: Console, last: str) -> None:
    """Print how long each page takes from the address to its last element, and the server's memory."""
    sys.stdout.write(f"{'page':<34} {'median s':>9} {'worst s':>8}  limit {RENDER_LIMIT_S:g} s\n")
    page = browser.new_page()
    _loaded(page, f"{served.url}/")  # imports, once in the life of a server
    for path in PAGES:
        taken = [_loaded(page, f"{served.url}/{path.format(last=last)}") for _ in range(REPEATS)]
        sys.stdout.write(f"/{path:<33} {median(taken):>9.2f} {max(taken):>8.2f}\n")
    _loaded(page, f"{served.url}/pipeline")
    for span in RANGES:
        taken = [_ranged(page, span) for _ in range(REPEATS)]
        sys.stdout.write(f"{'/pipeline, range to ' + span:<34} {median(taken):>9.2f} {max(taken):>8.2f}\n")
    page.close()
    sys.stdout.write(f"memory of the server: {_memory_mb(served):.0f} MB, limit {MEMORY_LIMIT_MB:g} MB\n")


def _loaded(page: Page, url: str) -> float:
    """Return the seconds that a page takes to be drawn whole."""
    began = time.perf_counter()
    opened(page, url)
    return time.perf_counter() - began


def _ranged(page: Page, span: str) -> float:
    """Return the seconds from the choice of another range until it is drawn."""
    choice = page.get_by_role("radio", name=span, exact=True)
    page.get_by_role("radio", name="15 min", exact=True).click()
    page.wait_for_timeout(SETTLED_MS)
    drawn(page)
    began = time.perf_counter()
    choice.click()
    page.wait_for_selector(RUNNING, timeout=PATIENCE_MS)
    drawn(page)
    return time.perf_counter() - began


def _soak(
    browser: Browser, served: Console, data: Path, episode: Sequence[Decision], count: int, seconds: float
) -> None:
    """Keep the overview and a pipeline's page open while the store grows; print the memory over time."""
    pages = [browser.new_page() for _ in range(2)]
    for page, path in zip(pages, ("", "pipeline"), strict=True):
        _loaded(page, f"{served.url}/{path}")
    began, highest_mb, told_s = time.monotonic(), 0.0, 0.0
    with closing(DecisionStore(data / DECISIONS)) as store:
        while (passed_s := time.monotonic() - began) < seconds:
            store.record(Decision.model_validate_json(_row(episode, count)[-1]))
            count += 1
            highest_mb = max(highest_mb, _memory_mb(served))
            if passed_s >= told_s:
                sys.stdout.write(f"after {passed_s / 60:5.1f} min: {_memory_mb(served):.0f} MB\n")
                sys.stdout.flush()
                told_s += seconds / 12
            for page in pages:
                page.wait_for_timeout(SAMPLE_S * 1000 / len(pages))
    shown = pages[1].get_by_text("last decision,").inner_text()
    errors = sum(
        page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() for page in pages
    )
    sys.stdout.write(
        f"{seconds / 60:g} minutes of live refresh, two pages: at most {highest_mb:.0f} MB, "
        f"{errors} error boxes, limit {MEMORY_LIMIT_MB:g} MB\n"
        f"the page shows: {shown}; the store's last is at {count * INTERVAL_S} s\n"
    )


def _memory_mb(served: Console) -> float:
    return float(psutil.Process(served.process).memory_info().rss) / MEGABYTE


if __name__ == "__main__":
    main()
