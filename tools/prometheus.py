"""Prometheus, asked for samples: the one module that knows prometheus_api_client.

Every call has a time-out and at most one retry, both inside the time the caller gives; whatever goes wrong is
one `MetricsUnavailable` with one line (`tools.promql.door`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_api_client import PrometheusConnect

from core.errors import MetricsUnavailable
from tools.promql.door import PAUSE_S, Address, Door

TIMEOUT_S = 5.0
"""Of one request: half an interval."""
DEADLINE_S = 8.0
"""Of all requests of one sweep: an interval, less what deciding takes."""
STEP_S = 1
"""Of a range query: the loop wants a sample of the load for each second."""

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
"""A metric and its labels, without the instance."""


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one series, oldest first."""

    metric: str
    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]
    """(unix time, value)."""

    def label(self, name: str) -> str:
        """Return a label's value; empty where it has none of that name."""
        return self.labels.get(name, "")

    @property
    def key(self) -> Key:
        """What its sums are kept under: everything but who was scraped."""
        kept = {k: v for k, v in self.labels.items() if k not in ("__name__", "instance", "job")}
        return self.metric, tuple(sorted(kept.items()))

    @property
    def identity(self) -> Key:
        """What tells it from every other series."""
        return self.metric, tuple(sorted(self.labels.items()))


@dataclass(frozen=True, slots=True)
class Row:
    """One series of an instant query."""

    labels: Mapping[str, str]
    value: float
    """May be NaN or infinite."""


class Prometheus:
    """A server that is asked. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        *,
        bearer_token_file: Path | None = None,
        ca_file: Path | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Ask nobody yet.

        Args:
            url: Up to, not including, /api/v1; may hold user and password.
            bearer_token_file: Read anew at every request.
            ca_file: Certificates to be trusted instead of the system's.
            headers: Sent along, as a tenant's `X-Scope-OrgID`.
            timeout_s: Of one request.
            deadline_s: Of all requests of one sweep.

        Raises:
            UsageError: the URL or a header is none.
        """
        address = Address.of(url, bearer_token_file=bearer_token_file, ca_file=ca_file, headers=headers)
        self.url = address.url
        """Without credentials."""
        self._deadline_s = deadline_s
        self._timeout_s = timeout_s
        self._door = Door(address, attempt_s=timeout_s)
        self._client = PrometheusConnect(address.url, session=self._door, method="POST")

    def __repr__(self) -> str:
        return f"Prometheus({self.url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._door.close()

    def deadline(self) -> float:
        """Return when a sweep that begins now has to end, on the monotonic clock."""
        return time.monotonic() + self._deadline_s

    def now(self, until: float | None = None) -> float:
        """Return the server's own time, as unix time.

        Raises:
            MetricsUnavailable: the server cannot be asked, or answers something else.
        """
        found = self._instant("time()", None, "its time", until)
        try:
            return float(found[1])
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise self._another_type("its time", "a number") from error

    def vector(self, query: str, *, at: float, what: str, until: float | None = None) -> list[Row]:
        """Return what an instant query gives at the unix time *at*.

        Args:
            query: In PromQL.
            at: Unix time.
            what: What the query is called in messages.
            until: When to give up, on the monotonic clock; one request's time and its retry by default.

        Raises:
            MetricsUnavailable: the server cannot be asked, refuses, or answers something else.
        """
        try:
            return [
                Row(row["metric"], float(row["value"][1])) for row in self._instant(query, at, what, until)
            ]
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise self._another_type(what, "a vector of series") from error

    def matrix(
        self, query: str, *, start: int, end: int, what: str, until: float | None = None
    ) -> list[Series]:
        """Return what a range query gives for every second from *start* to *end* (unix time).

        Raises:
            MetricsUnavailable: as `vector`.
        """
        self._door.asked_for(what)
        found = self._client.custom_query_range(
            query,
            datetime.fromtimestamp(start, UTC),
            datetime.fromtimestamp(end, UTC),
            str(STEP_S),
            timeout=self._left_s(until),
        )
        return self._series(found, what)

    def samples(self, selector: str, *, range_s: float, at: float) -> list[Series]:
        """Return all samples of the series that *selector* names, in the *range_s* seconds before *at*.

        Raises:
            MetricsUnavailable: the server cannot be asked, or answers something else.
        """
        what = "raw samples"
        return self._series(self._instant(f"{selector}[{math.ceil(range_s)}s]", at, what, None), what)

    def _instant(self, query: str, at: float | None, what: str, until: float | None) -> Any:  # noqa: ANN401 - whatever JSON holds
        self._door.asked_for(what)
        params = {} if at is None else {"time": at}
        return self._client.custom_query(query, params=params, timeout=self._left_s(until))

    def _left_s(self, until: float | None) -> float:
        return 2 * self._timeout_s + PAUSE_S if until is None else until - time.monotonic()

    def _series(self, found: Any, what: str) -> list[Series]:  # noqa: ANN401 - whatever JSON holds
        try:
            return [_series(each) for each in found]
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise self._another_type(what, "samples over time") from error

    def _another_type(self, what: str, wanted: str) -> MetricsUnavailable:
        return MetricsUnavailable(
            f"Prometheus at {self.url}, asked for {what}, gave an answer that is not {wanted}"
        )


def _series(found: Mapping[str, Any]) -> Series:
    labels = {str(k): str(v) for k, v in found["metric"].items()}
    samples = [(float(time), float(value)) for time, value in found["values"]]
    return Series(labels.get("__name__", ""), labels, tuple(s for s in samples if math.isfinite(s[1])))
