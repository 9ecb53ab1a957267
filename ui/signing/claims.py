"""What the claims of a token say: somebody's name in the record, and the role.

An email address counts, as a name and for a role, only where the provider says that it is verified: elsewhere
whoever signs up may claim the address of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from core.roles import Role
from ui.signing.signin import EVERYONE, SignIn

EMAIL = "email"
MOST_NAME = 253
"""Characters of a `core.values.Name`."""


def role_of(claims: Mapping[str, Any], login: SignIn) -> Role | None:
    """Return the highest role that the claims give; None is no access."""
    roles = login.roles
    values = frozenset(_texts(claim_of(claims, roles.claim)))
    if values & set(roles.admin):
        return "admin"
    if values & set(roles.approver):
        return "approver"
    return "viewer" if roles.viewer == EVERYONE or values & set(roles.viewer) else None


def name_of(claims: Mapping[str, Any], login: SignIn) -> str | None:
    """Return what somebody is called: the claim that the settings name, else `sub`; None where neither is."""
    for claim in (login.name_claim, "sub"):
        for text in _texts(claim_of(claims, claim)):
            name = "-".join("".join(c if c.isprintable() else " " for c in text).split())
            if name:
                return name[:MOST_NAME]
    return None


def expiry_of(claims: Mapping[str, Any]) -> float | None:
    """Return the Unix time at which a sign-in is over, in seconds; None where that is not said."""
    stated = claims.get("exp")
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not isfinite(stated):
        return None
    return float(stated)


def claim_of(claims: Mapping[str, Any], path: str) -> object:
    """Return a claim by its name, or by its path inside others; None where it is not or does not count.

    A name may have dots itself (`https://example.org/groups`), so the whole comes before its parts.
    """
    if path in claims:
        return None if path == EMAIL and not _verified(claims) else claims[path]
    for k, character in enumerate(path):
        inner = claims.get(path[:k]) if character == "." else None
        found = claim_of(inner, path[k + 1 :]) if isinstance(inner, Mapping) else None
        if found is not None:
            return found
    return None


def _verified(claims: Mapping[str, Any]) -> bool:
    return claims.get("email_verified") in (True, "true")  # some providers write text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (v for v in value if isinstance(v, str))
