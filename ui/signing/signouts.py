"""The sign-ins that were ended here: Streamlit's cookie alone would be good until it expires."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from ui.signing.claims import expiry_of

OWN = ("iss", "sub", "iat", "nonce", "jti")
"""The claims that tell one sign-in from another of the same person."""


class SignOuts:
    """Remembers what ended until it would have expired anyway. Many threads may use it."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, ...], float] = {}
        self._lock = Lock()

    def add(self, claims: Mapping[str, Any], now_s: float) -> None:
        """Remember that a sign-in ended."""
        expires_s = expiry_of(claims)
        if expires_s is None:
            return  # such a one is never let in
        with self._lock:
            self._until = {key: until for key, until in self._until.items() if until > now_s}
            self._until[_key(claims)] = expires_s

    def has(self, claims: Mapping[str, Any], now_s: float) -> bool:
        """Say whether a sign-in ended before its time."""
        with self._lock:
            return self._until.get(_key(claims), now_s) > now_s

    def __len__(self) -> int:
        return len(self._until)


def _key(claims: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(claims.get(name)) for name in OWN)
