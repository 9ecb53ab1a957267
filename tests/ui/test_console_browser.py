"""The whole console in a real browser: its pages, plots, questions and approvals, and who may what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from agent.episode import EmbeddedRun
from agent.planners.rules import RulesPlanner
from tests.agent.toy import CHEAPER, Scripted, running, toy_run, turns
from tests.ui.approvals.waiting_run import loop_in, turn
from tests.ui.browser import chromium
from tests.ui.consoles import MAIN, Console, console, drawn, opened
from tests.ui.hostile import SCRIPT, hostile_store

PAGES = ("", "pipeline", "decision", "ask", "approvals", "evaluations")
PROBES = re.compile(r"/(pipeline|decision|ask|approvals|evaluations)/_stcore/(health|host-config)$")
"""Streamlit looks below the address that was opened first, and learns from a 404 that it is a page's."""
ERRORS = "[data-testid=stException], [data-testid=stAlertContentError]"
UPLOAD = """async url => {
    const token = (document.cookie.match(/_streamlit_xsrf=([^;]*)/) || [])[1] || "";
    const body = new FormData();
    body.append("file", new Blob(["x".repeat(1000000)]), "f");
    const answer = await fetch(url, {method: "PUT", body, headers: {"X-Xsrftoken": token}});
    return answer.status;
}"""
PIPELINE = "calm/data/toy"
OTHER = running("small", 5)
"""Another change than the one that waits at first."""


@dataclass(frozen=True, slots=True)
class World:
    """A folder with two loops: one that has ended, and one that waits for a person."""

    folder: Path
    waiting: EmbeddedRun
    planner: Scripted


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with toy_run(folder / "calm", RulesPlanner(), trace_rps=(5.0,) * 60 + (30.0,) * 240) as run:
        run.loop.recover()
        turns(run, 12)
    planner = Scripted([CHEAPER])
    with loop_in(folder / "waiting", planner) as waiting:
        turn(waiting)
        yield World(folder, waiting, planner)


@pytest.fixture(scope="module")
def writable(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    log = tmp_path_factory.mktemp("writable") / "log"
    with console(world.folder, log, "--home", str(log.parent), "--writable") as found:
        yield found


@pytest.fixture(scope="module")
def read_only(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    log = tmp_path_factory.mktemp("read-only") / "log"
    with console(world.folder, log, "--home", str(log.parent)) as found:
        yield found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, str]]:
    """Give a console on a loop whose every word is hostile, and the id of a decision."""
    folder = tmp_path_factory.mktemp("hostile")
    name = hostile_store(folder)
    with console(folder, folder / "log", "--home", str(folder), "--writable") as found:
        yield found, name


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a page that fails the test where the browser reports an error."""
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        where = str(message.location.get("url", ""))
        if message.type == "error" and not PROBES.search(where):
            errors.append(f"{message.text} ({where})")

    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    found = context.new_page()
    found.on("console", heard)
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}"))
    yield found
    context.close()
    assert errors == []


def text_of(page: Page) -> str:
    """Return what is to be read on a page."""
    return page.locator(MAIN).inner_text()


@pytest.mark.parametrize("path", PAGES)
def test_each_page_opens_without_an_error(path: str, writable: Console, page: Page) -> None:
    opened(page, f"{writable.url}/{path}?pipeline={PIPELINE}" if path else writable.url)

    expect(page.locator(ERRORS)).to_have_count(0)
    assert len(text_of(page)) > 20


def test_a_decision_opens_from_the_overview_and_its_proof_holds(writable: Console, page: Page) -> None:
    opened(page, f"{writable.url}/decision?pipeline={PIPELINE}&decision=toy-000001")

    page.get_by_role("button", name="Verify again").click()

    expect(page.locator(MAIN)).to_contain_text("The proof holds")


def test_what_if_changes_the_plot(writable: Console, page: Page) -> None:
    opened(page, f"{writable.url}/pipeline?pipeline={PIPELINE}")
    plot = page.get_by_test_id("stVegaLiteChart").last
    plot.scroll_into_view_if_needed()
    plot.locator("canvas, svg").first.wait_for()
    before = plot.screenshot()
    slider = page.get_by_role("slider").first

    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")

    drawn(page)
    expect(page.get_by_text("what if", exact=False).first).to_be_visible()
    page.wait_for_timeout(1500)
    assert plot.screenshot() != before


def test_a_question_is_answered_with_figures_of_the_record(
    writable: Console, world: World, page: Page
) -> None:
    opened(page, f"{writable.url}/ask?pipeline={PIPELINE}&decision=toy-000001")

    box = page.get_by_test_id("stChatInputTextArea")
    box.fill("why this configuration?")
    box.press("Enter")

    expect(page.locator(MAIN)).to_contain_text("answered from the record, without a language model")
    assert "toy-000001" in text_of(page)
    assert re.search(r"\d+(\.\d+)? rps", text_of(page))


def test_a_stale_page_approves_nothing_and_a_fresh_one_what_it_shows(
    writable: Console, world: World, page: Page
) -> None:
    address = f"{writable.url}/approvals?pipeline=waiting/toy"
    opened(page, address)
    approve = page.get_by_role("button", name="Approve")
    approve.wait_for()
    before = world.waiting.cluster.desired().configuration
    world.planner.proposals = [OTHER]
    turn(world.waiting)  # the change on the page is superseded by another one

    approve.click()

    expect(page.locator(MAIN)).to_contain_text("superseded by")
    turn(world.waiting)
    assert world.waiting.cluster.desired().configuration == before

    opened(page, address)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(MAIN)).to_contain_text("the loop acts on it in its next turn")
    turn(world.waiting)
    assert world.waiting.cluster.desired().configuration == OTHER


def test_a_viewer_sees_what_waits_and_has_no_button_to_answer(
    read_only: Console, world: World, page: Page
) -> None:
    opened(page, f"{read_only.url}/approvals")

    for name in ("Approve", "Refuse", "Pause", "Announce"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.locator(MAIN)).to_contain_text("approver")


@pytest.mark.parametrize("path", PAGES[:-1])
def test_hostile_words_stay_words(path: str, hostile: tuple[Console, str], page: Page) -> None:
    served, name = hostile
    about = f"?decision={name}" if path in ("decision", "ask") else ""

    opened(page, f"{served.url}/{path}{about}")

    assert page.evaluate("window.harmed") is None
    for harmful in ("a[href*='evil.example']", "img[src*='evil.example']", "script", "img[onerror]"):
        expect(page.locator(f"{MAIN} {harmful}")).to_have_count(0)
    for markup in (".katex", "em", "del", "[data-testid=stMarkdownContainer] code"):
        expect(page.locator(f"{MAIN} {markup}")).to_have_count(0)
    expect(page.locator(f"{MAIN} strong", has_text="bold")).to_have_count(0)
    expect(page.locator(f"{MAIN} :is(h1, h2, h3, li)", has_text="two")).to_have_count(0)
    assert "\u202e" not in text_of(page)
    if path in ("", "decision", "approvals"):
        assert SCRIPT in text_of(page)


def test_nobody_can_leave_a_file_with_the_console(read_only: Console, browser: Browser) -> None:
    page = browser.new_page()  # not the fixture's: the browser reports the refusal as an error
    sessions: list[str] = []

    def heard(frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            message = ForwardMsg.FromString(frame)
            if message.HasField("new_session"):
                sessions.append(message.new_session.initialize.session_id)

    page.on("websocket", lambda socket: socket.on("framereceived", heard))
    opened(page, read_only.url)

    status = page.evaluate(UPLOAD, f"{read_only.url}/_stcore/upload_file/{sessions[0]}/f")
    page.close()

    assert status == httpx2.codes.CONTENT_TOO_LARGE
