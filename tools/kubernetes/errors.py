"""What a Kubernetes API server can answer instead of what was asked for, and what is then known."""

from __future__ import annotations

from core.errors import TransientError, UsageError


class KubernetesError(TransientError):
    """A request did not work. Its text says what was asked, what the server said, and the way out."""


class NotFound(KubernetesError):
    """404: there is no such object, or no such kind."""


class Unauthorized(KubernetesError):
    """401: the token or certificate is not accepted."""


class Forbidden(KubernetesError):
    """403: the account may not do this; the verb and the resource are named."""


class Conflict(KubernetesError):
    """409: the object changed meanwhile, or other managers own the fields."""

    def __init__(self, text: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.causes = causes
        """Who owns what, as the server says it; empty where the object only changed meanwhile."""


class Rejected(KubernetesError):
    """400, 413, 415, 422: the server will never take this body."""


class Busy(KubernetesError):
    """429 or 503: later."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Expired(KubernetesError):
    """410: the version that was asked for is gone; list anew."""


class Unreachable(KubernetesError):
    """No answer: refused, reset, timed out, cut short, or not an API server's answer.

    A write that ends so may have been carried out: read back before anything else.
    """


class NoCluster(UsageError):
    """There is no usable kubeconfig, and this is no pod."""
