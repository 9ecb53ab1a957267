"""Who looks at a page, and as what: worked out on every run of it, and again at every write.

Nothing of it is kept with the page: a sign-in that expired, or was ended in another tab, is over at once. The
pages use it to show only what somebody may do; the command layer checks the role itself (`core.roles`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from agent.approvals import os_user
from agent.desk import Person
from agent.options import loopback
from core.errors import UsageError
from core.roles import Role
from ui.settings import ConsoleSettings
from ui.signing.claims import expiry_of, name_of, role_of
from ui.signing.signin import SignIn
from ui.signing.signouts import SignOuts

NOBODY = "viewer"
"""The name of whoever looks on where nobody signs in."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may look, and do what the role covers."""

    name: str
    role: Role
    signed_in: bool
    how: str
    """Why this name and role, in one phrase."""


@dataclass(frozen=True, slots=True)
class SignInNeeded:
    """Nobody is signed in, or no longer."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAccess:
    """Somebody who may not even look."""

    name: str
    reason: str


Access = Viewer | SignInNeeded | NoAccess

_ended = SignOuts()


def viewer(settings: ConsoleSettings) -> Access:
    """Return who looks at the page that is running.

    Raises:
        UsageError: everybody on the network would act as the user whose process this is.
    """
    if settings.login is not None:
        return access_of(st.user.to_dict(), settings.login, _ended, time.time())
    return without_login(st.context.headers, host=settings.host, writable=settings.writable)


def access_of(claims: Mapping[str, Any], login: SignIn, ended: SignOuts, now_s: float) -> Access:
    """Return what the claims of a sign-in come to at a Unix time; Streamlit looks at no expiry itself."""
    if claims.get("is_logged_in") is not True:
        return SignInNeeded("Sign in to see the pipelines.")
    expires_s = expiry_of(claims)
    if expires_s is None or expires_s <= now_s:
        return SignInNeeded("Your sign-in has expired. Sign in again.")
    if ended.has(claims, now_s):
        return SignInNeeded("You signed out. Sign in again to go on.")
    name, role = name_of(claims, login), role_of(claims, login)
    if name is None:
        return NoAccess(
            "somebody without a name", "The provider does not say who you are: there is no claim 'sub'."
        )
    if role is None:
        return NoAccess(name, _how_to_get_in(login))
    return Viewer(
        name, role, signed_in=True, how=f"signed in; the claim {login.roles.claim!r} makes you {role}"
    )


def without_login(headers: Mapping[str, str], *, host: str, writable: bool) -> Access:
    """Return who looks where nobody signs in: the user of this machine if the console was started so.

    Raises:
        UsageError: everybody on the network would act as the user whose process this is.
    """
    if writable and not loopback(host):
        raise UsageError(f"--writable is for this machine alone, not for {host}")
    if not _own_page(headers):
        return NoAccess(
            NOBODY, "This page came from another address than the console. Open the console itself."
        )
    if writable:
        return Viewer(os_user(), "admin", signed_in=False, how="the console was started with --writable")
    return Viewer(NOBODY, "viewer", signed_in=False, how="nobody signs in here, so nothing can be changed")


def gate(settings: ConsoleSettings) -> Viewer:
    """Return who looks, or show how to get in and end the run of the page."""
    found = viewer(settings)
    if not isinstance(found, Viewer):
        _turn_away(found, login=settings.login is not None)
        st.stop()
    return found


def gate_again(settings: ConsoleSettings) -> Viewer:
    """Return who looks; for fragments, which run without their page: it runs whole where that is nobody."""
    found = viewer(settings)
    if not isinstance(found, Viewer):
        st.rerun()
    return found


def person(settings: ConsoleSettings) -> Person:
    """Return in whose name the page writes, now.

    Raises:
        UsageError: the sign-in is over, or gives no role.
    """
    found = viewer(settings)
    if isinstance(found, Viewer):
        return Person(found.name, found.role)
    raise UsageError(f"nothing was written. {found.reason}")


def whoami(found: Viewer) -> None:
    """Show who looks, as what, and how to leave."""
    st.text("looking only" if found.name == NOBODY else f"{found.name} · {found.role}")
    if found.signed_in:
        _sign_out_button()


def sign_out() -> None:
    """End the sign-in: in every tab, and for whoever has a copy of its cookie."""
    _ended.add(st.user.to_dict(), time.time())
    st.logout()


def _turn_away(found: SignInNeeded | NoAccess, *, login: bool) -> None:
    match found:
        case SignInNeeded(reason):
            st.title("Trimtab")
            st.text(reason)
            st.button("Sign in", key="sign-in", type="primary", icon=":material/login:", on_click=st.login)
        case NoAccess(name, reason):
            st.title("No access")
            st.text(f"You are {name}. {reason}" if login else reason)
            if login:
                _sign_out_button()


def _sign_out_button() -> None:
    st.button("Sign out", key="sign-out", icon=":material/logout:", on_click=sign_out)


def _how_to_get_in(login: SignIn) -> str:
    return (
        f"You have no role: roles come from the claim {login.roles.claim!r}. Ask whoever runs the console "
        "to give one of your groups a role, or whoever runs the provider to put you in one that has a role; "
        "then sign out and in again."
    )


def _own_page(headers: Mapping[str, str]) -> bool:
    """Say whether the console itself is open: Streamlit lets in the pages of every port of this machine."""
    origin, host = headers.get("Origin"), headers.get("Host")
    return origin is None or origin.partition("://")[2] == host
