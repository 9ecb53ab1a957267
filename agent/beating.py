"""The loop says that it lives: a word in its data folder at the start, after each turn, and at the end.

It is for people who look; so one that cannot be written is logged and stops nothing.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.context import Context
from core.errors import StoreError, TrimtabError
from tools.presence import Presence, write_presence

MOST_PROBLEM = 500
"""Characters of a problem that are kept: the log has all of it."""

DECLARED = "an annotation in Kubernetes"
"""Who paused a loop that nobody commanded to pause."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Beating:
    """Writes the words of one loop."""

    context: Context
    folder: Path
    real_time: bool
    """Whether the loop's clock runs with the wall's."""
    started: float = field(init=False)
    _problem: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.started = self.context.unix()

    def beat(self, problem: str = "") -> None:
        """Say how the loop stands after a turn; *problem* is why it failed."""
        self._problem = " ".join(problem.split())[:MOST_PROBLEM]
        self._say(ended=False)

    @contextmanager
    def after(self) -> Iterator[None]:
        """Say how the loop stands after what is done within, and why that failed if it did."""
        try:
            yield
        except TrimtabError as error:
            self.beat(str(error))
            raise
        except Exception as error:  # a bug: it is raised again, once people can see that there is one
            self.beat(f"an error of Trimtab's own, {type(error).__name__}; see the log")
            raise
        self.beat()

    def end(self) -> None:
        """Say that the loop is taken down; what its last turn failed of stays."""
        self._say(ended=True)

    def _say(self, *, ended: bool) -> None:
        try:
            write_presence(self.folder, self._presence(ended=ended))
        except StoreError as error:
            logger.warning("nobody can see that the loop lives: %s", str(error))

    def _presence(self, *, ended: bool) -> Presence:
        context, now = self.context, self.context.unix()
        moved, paused = context.mode(), context.heeding.orders.paused
        return Presence(
            pipeline=context.pipeline.name,
            process=os.getpid(),
            host=socket.gethostname(),
            started=self.started,
            beat=now,
            clock_s=context.clock(),
            real_time=self.real_time,
            interval_s=context.settings.interval_s,
            limit=context.settings.mode,
            mode=moved.mode,
            mode_reason=moved.reason,
            paused_by=paused.who if paused is not None else DECLARED if context.settings.paused else "",
            planner=context.planner.name,
            ended=now if ended else None,
            problem=self._problem,
        )
