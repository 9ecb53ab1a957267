"""People sign in with a real browser, at a real provider, and write only what their role covers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agent.folder import REQUESTS
from tests.ui import browser, oidc
from tools.commands import Commands
from tools.local.child import free_port

PEOPLE = {
    "vera": {"sub": "1", "email": "vera@example.org", "email_verified": True, "groups": ["all", "lookers"]},
    "abe": {"sub": "2", "email": "abe@example.org", "email_verified": True, "groups": ["all", "approvers"]},
    "zoe": {"sub": "3", "email": "zoe@example.org", "email_verified": True, "groups": ["all"]},
    "mal": {"sub": "4", "email": "abe@example.org", "email_verified": False, "groups": ["approvers"]},
}
SETTINGS = """\
metadataUrl: {metadata}
clientId: {client}
clientSecret: {{file: secret.txt}}
roles: {{claim: groups, admin: [bosses], approver: [approvers], viewer: [lookers]}}
"""
PATIENCE_MS = 15_000
MOST = 100
EXPIRED_S = -5.0
"""Authlib lets in a token that expired less than two minutes ago."""


@dataclass(frozen=True, slots=True)
class Console:
    """The page, its provider, and the folder that it writes to."""

    url: str
    provider: oidc.Provider
    data: Path
    log: Path

    def commands(self) -> list[tuple[str, str, str]]:
        """Return who commanded what, and as what."""
        with closing(Commands(self.data / REQUESTS)) as commands:
            return [(c.kind, c.who, c.role) for o in commands.latest(MOST) if (c := o.command) is not None]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def console(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder, port = tmp_path_factory.mktemp("console"), free_port()
    url = f"http://127.0.0.1:{port}"
    (folder / "secret.txt").write_text(oidc.SECRET + "\n")
    with oidc.running(PEOPLE, f"{url}/oauth2callback") as provider:
        login = folder / "login.yaml"
        login.write_text(SETTINGS.format(metadata=provider.metadata_url, client=oidc.CLIENT))
        Commands(folder / REQUESTS).close()
        arguments = ["-m", "tests.ui.access_server", str(folder), str(port), str(login)]
        with browser.serving(arguments, url, folder / "log.txt"):
            yield Console(url, provider, folder, folder / "log.txt")


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context


def sign_in(page: Page, console: Console, who: str) -> None:
    page.goto(console.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=who, exact=True).click()
    page.wait_for_url(re.compile(re.escape(console.url)))


def handshake(url: str, host: str) -> int:
    """Return the status that a page under the name *host* gets when it opens the console's WebSocket."""
    headers = {
        "Host": host,
        "Origin": f"http://{host}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_MS / 1000)) as connection:
        connection.request("GET", "/_stcore/stream", headers=headers)
        return connection.getresponse().status


def test_whoever_is_not_signed_in_sees_nothing_but_the_way_in(
    console: Console, visitor: BrowserContext
) -> None:
    page = visitor.new_page()

    page.goto(f"{console.url}/?show-all=1")

    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_a_viewer_is_shown_nothing_to_write_with_and_may_not_write(
    console: Console, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    before = console.commands()

    sign_in(page, console, "vera")
    expect(page.get_by_text("vera@example.org · viewer")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    page.goto(f"{console.url}/?show-all=1")
    page.get_by_role("button", name="Pause").click()

    expect(page.get_by_text("may not pause the loop as 'viewer'")).to_be_visible(timeout=PATIENCE_MS)
    assert console.commands() == before


def test_an_approver_writes_in_the_name_that_the_provider_gave(
    console: Console, visitor: BrowserContext
) -> None:
    page = visitor.new_page()

    sign_in(page, console, "abe")
    page.get_by_role("button", name="Pause").click()

    expect(page.get_by_text("paused", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    assert console.commands()[0] == ("pause", "abe@example.org", "approver")


def test_somebody_in_no_group_hears_how_to_get_in_and_sees_no_more(
    console: Console, visitor: BrowserContext
) -> None:
    page = visitor.new_page()

    sign_in(page, console, "zoe")

    expect(page.get_by_text("You are zoe@example.org. You have no role")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_an_unverified_address_of_somebody_else_is_not_used_as_a_name(
    console: Console, visitor: BrowserContext
) -> None:
    page = visitor.new_page()

    sign_in(page, console, "mal")

    expect(page.get_by_text("4 · approver", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def test_signing_out_ends_it_in_every_tab_for_copies_of_the_cookie_and_at_the_provider(
    console: Console, visitor: BrowserContext, chromium: Browser
) -> None:
    page, other = visitor.new_page(), visitor.new_page()
    sign_in(page, console, "abe")
    other.goto(console.url)
    expect(other.get_by_role("button", name="Pause")).to_be_visible(timeout=PATIENCE_MS)
    before, ended, state = console.commands(), console.provider.ended, visitor.storage_state()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=PATIENCE_MS)
    other.get_by_role("button", name="Pause").click()
    with chromium.new_context(storage_state=state) as thief:
        stolen = thief.new_page()
        stolen.goto(console.url)

        expect(stolen.get_by_text("You signed out.")).to_be_visible(timeout=PATIENCE_MS)
    expect(other.get_by_text("You signed out.")).to_be_visible(timeout=PATIENCE_MS)
    assert console.commands() == before
    assert console.provider.ended == ended + 1


def test_a_token_that_expired_is_refused_though_streamlit_takes_it(
    console: Console, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    console.provider.life_s, life_s = EXPIRED_S, console.provider.life_s

    sign_in(page, console, "abe")
    console.provider.life_s = life_s

    expect(page.get_by_text("Your sign-in has expired.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_only_the_consoles_own_names_are_answered(console: Console) -> None:
    port = console.url.rpartition(":")[2]

    statuses = {name: handshake(console.url, f"{name}:{port}") for name in ("127.0.0.1", "evil.example")}

    assert statuses == {"127.0.0.1": 101, "evil.example": 403}


def test_no_secret_is_written_to_the_log(console: Console) -> None:
    text = console.log.read_text()

    assert oidc.SECRET not in text
    assert "Traceback" not in text
