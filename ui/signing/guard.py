"""Who may reach the console's server: which names are answered, and which other pages."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def guard_of(host: str, public: str | None) -> dict[str, Any]:
    """Return the options of Streamlit that keep other web pages out.

    *host* is the address to listen on, *public* the console's own as browsers see it, where it has one.
    A page of somebody else may have its own name point at this machine (DNS rebinding); to the browser it is
    then the console. So only the names by which the console is meant to be reached are answered.
    """
    return {
        "server.allowedHosts": _names(host, public),
        "server.corsAllowedOrigins": [] if public is None else [origin_of(public)],
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.trustedUserHeaders": {},  # a header would override who is signed in
        "server.enableAgentApi": False,
        "secrets.files": [],  # of the user's other pages, which Streamlit would put into our environment
    }


def origin_of(address: str) -> str:
    """Return scheme and host of an address, with the port where it names one."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _names(host: str, public: str | None) -> list[str]:
    if _is_any(host) and public is None:
        return ["*"]  # whoever is on the network may look, and nothing says by which name
    listening = () if _is_any(host) else (host,)
    named = () if public is None else (urlsplit(public).hostname or "",)
    return list(dict.fromkeys((*listening, *named, *LOOPBACK_NAMES)))


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
