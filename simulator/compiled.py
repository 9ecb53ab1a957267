"""The one module that knows numba: functions compiled to machine code on first use.

Compiled code is cached beside the source, or in numba's user-wide cache where that is read-only.
The cache notices a change of the file that holds the function, not of files it calls into; that is
why everything compiled lives in `simulator.kernel`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return *function* compiled; it must keep to what numba understands."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
