"""What the command line accepts as loads, figures and addresses; every refusal is one line with the fix."""

from __future__ import annotations

import math
from ipaddress import ip_address
from urllib.parse import urlsplit

from core.errors import UsageError
from core.values import LEAST_STATED


def loads(text: str) -> tuple[float, ...]:
    """Return the loads of a comma-separated list, in requests per second.

    Raises:
        UsageError: one of them is not a positive, finite number.
    """
    return tuple(positive(part.strip(), "--load", "requests per second") for part in text.split(","))


def positive(text: str, option: str, unit: str) -> float:
    """Return a positive, finite number.

    Raises:
        UsageError: it is not one, or too small to divide by.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is not a number; give {unit}, such as 12.5") from error
    if not math.isfinite(value) or value < LEAST_STATED:
        raise UsageError(f"{option}: {text!r} must be a finite number above 0, in {unit}")
    return value


def address(listen: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:8090`, `[::1]:8090` or `:8090`, which is every address.

    Raises:
        UsageError: it is no such thing.
    """
    try:
        found = urlsplit(f"//{listen}")
        port = found.port
    except ValueError:
        port = None
    if port is None or found.netloc != listen or "@" in listen:
        raise UsageError(f"{listen!r} is no HOST:PORT; 127.0.0.1:8090 or 0.0.0.0:8090 is one")
    return found.hostname or "", port


def loopback(host: str) -> bool:
    """Say whether only this machine reaches that host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
