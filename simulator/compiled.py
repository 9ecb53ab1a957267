"""The one module that knows numba: functions compiled to machine code on first use.

Compiled code is cached beside the source, or in numba's user-wide cache where that is read-only. By
itself the cache notices a change of the file that holds the function but not of those it calls into;
`source_digest` closes that gap (see `simulator.records.clock_type`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

LOOP: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
"""The event loop allocates nothing, so numba need not count references."""

PART: dict[str, Any] = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return *function* compiled, for Python to call; it must keep to what numba understands."""
    return cast(F, njit(cache=True, nogil=True, **LOOP)(function))


def inlined(function: F) -> F:
    """Return *function* as a part of the compiled functions that call it; Python cannot call it.

    Always inlined, because a call would copy the description of the whole state.
    """
    return cast(F, njit(**PART, **LOOP)(function))


@cache
def source_digest() -> str:
    """Return a digest of the sources of this package, compiled or not."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
