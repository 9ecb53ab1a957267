"""What goes wrong with a call of a model: one exception, which says what to do about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.llm.streaming import Arriving, Incomplete
from core.errors import TransientError

if TYPE_CHECKING:
    import openai

REQUEST_TIMEOUT = 408
TOO_MANY = 429
SERVER_ERROR = 500
REDIRECT = 300, 400
NOT_STREAMED = 400, 405, 406, 415, 422, 501
"""HTTP statuses of servers that know no `stream`, or none of its options."""


class ModelFailed(TransientError):
    """The endpoint gave no usable answer."""

    def __init__(
        self,
        reason: str,
        *,
        passing: bool,
        retry_after_s: float | None = None,
        answered: bool = False,
        unstreamed: bool = False,
    ) -> None:
        super().__init__(reason)
        self.passing = passing
        """Whether the same call may work a moment later."""
        self.retry_after_s = retry_after_s
        self.answered = answered
        """Whether the endpoint took the prompt in, so that it may charge for it."""
        self.unstreamed = unstreamed
        """Whether it was the streaming that failed; the next call is made without."""


@contextmanager
def translating(arriving: Arriving, clean: Callable[[str], str], *, streamed: bool) -> Iterator[None]:
    """Translate whatever the library raises; nothing of the original is chained: it may hold the key.

    Args:
        arriving: What has come of the answer so far.
        clean: Takes secrets out of a text.
        streamed: Whether the answer was asked for as a stream.
    """
    import httpx2  # noqa: PLC0415 - as its library
    import openai  # noqa: PLC0415 - as its library

    from agent.llm.transport import BodyRefused  # noqa: PLC0415 - brings httpx2

    try:
        yield
    except BodyRefused as error:
        raise ModelFailed(str(error), passing=False, answered=True) from None
    except openai.APITimeoutError:
        raise ModelFailed("the endpoint took too long", passing=True, answered=True) from None
    except (openai.APIConnectionError, httpx2.HTTPError) as error:
        what = "the endpoint's answer breaks off" if arriving.begun else "the endpoint cannot be reached"
        reason = clean(f"{what}: {error.__cause__ or error}")
        raise ModelFailed(reason, passing=True, answered=arriving.begun) from None
    except openai.APIStatusError as error:
        raise _refused(error, clean, streamed=streamed) from None
    except Incomplete as error:
        raise ModelFailed(str(error), passing=True, answered=True, unstreamed=True) from None
    except (
        openai.OpenAIError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        reason = f"the endpoint's answer is not OpenAI's protocol: {type(error).__name__}: {error}"
        unstreamed = streamed and not arriving.begun
        raise ModelFailed(clean(reason), passing=True, answered=True, unstreamed=unstreamed) from None


def _refused(error: openai.APIStatusError, clean: Callable[[str], str], *, streamed: bool) -> ModelFailed:
    status = error.status_code
    if REDIRECT[0] <= status < REDIRECT[1]:
        where = f"the endpoint redirects (HTTP {status}), which is not followed; correct OPENAI_BASE_URL"
        return ModelFailed(where, passing=False)
    reason = clean(f"the endpoint answers HTTP {status}: {error.message}")
    passing = status in (REQUEST_TIMEOUT, TOO_MANY) or status >= SERVER_ERROR
    return ModelFailed(
        reason,
        passing=passing,
        retry_after_s=_seconds(error.response.headers.get("retry-after")),
        unstreamed=streamed and status in NOT_STREAMED,
    )


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None for a date, which our clock may not agree with."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
