"""The log of a server: one logger, one line an event, no payloads."""

from __future__ import annotations

import logging

logger = logging.getLogger("trimtab.serving")


def to_stderr() -> None:
    """Write the log to stderr; the frameworks' own only where something is wrong."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.WARNING)
    logger.setLevel(logging.INFO)


def quiet() -> None:
    """Keep MLServer from saying everything twice; it sets its own logger up when its server is made."""
    theirs = logging.getLogger("mlserver")
    theirs.setLevel(logging.WARNING)
    theirs.propagate = False
