"""Prometheus, asked for raw samples: the one module that knows prometheus_api_client."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from core.errors import MetricsUnavailable

TIMEOUT_S = 5.0
"""Of one query: half an interval."""

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


class Prometheus:
    """A server that is asked one kind of question."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = PrometheusConnect(url, retry=Retry(total=0), timeout=TIMEOUT_S)

    def samples(self, selector: str, *, range_s: float, at: float) -> list[Series]:
        """Return all samples of the series that *selector* names, in the *range_s* seconds before *at*.

        Raises:
            MetricsUnavailable: the server cannot be asked, or answers something else.
        """
        query = f"{selector}[{math.ceil(range_s)}s]"
        try:
            found: list[dict[str, Any]] = self._client.custom_query(query, params={"time": at})
            return [_series(each) for each in found]
        except (requests.RequestException, PrometheusApiClientException) as error:
            raise MetricsUnavailable(f"Prometheus at {self._url} cannot be asked: {_short(error)}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise MetricsUnavailable(f"Prometheus at {self._url} gave an answer that is none") from error


def _series(found: Mapping[str, Any]) -> Series:
    labels = {str(k): str(v) for k, v in found["metric"].items()}
    samples = [(float(time), float(value)) for time, value in found["values"]]
    return Series(labels["__name__"], labels, tuple(s for s in samples if math.isfinite(s[1])))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
