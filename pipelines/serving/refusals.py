"""Why a request is not served, as HTTP says it. MLServer turns these into answers with an `error` text."""

from __future__ import annotations

from mlserver.errors import MLServerError

RETRY_AFTER_S = 1
"""What a refused client is told to wait, in seconds: about the time an interval's queue takes to drain."""


class Refusal(MLServerError):  # type: ignore[misc] # MLServer is not installed where types are checked
    """A request that is not served."""

    status = 500
    reason = "failed"
    """As the metrics count it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, self.status)


class BadRequest(Refusal):
    """The client's mistake."""

    status = 400
    reason = "bad"


class QueueFull(Refusal):
    """No room to wait."""

    status = 429
    reason = "queue_full"


class Draining(Refusal):
    """The server was told to stop."""

    status = 503
    reason = "draining"


class NoReplica(Refusal):
    """No replica of a stage took the item."""

    status = 503
    reason = "no_replica"


class Expired(Refusal):
    """The request's time is over."""

    status = 504
    reason = "expired"


class ServingFailed(Refusal):
    """The model raised an error."""
