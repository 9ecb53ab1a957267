"""A process that must not outlive the one that started it, however that one ends."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2)."""


def end_with_parent() -> None:
    """Have this process killed when the one that started it dies; for `preexec_fn`. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
