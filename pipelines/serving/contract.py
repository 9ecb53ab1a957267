"""The contract between who starts a server and the server: environment variables, headers, metric names.

A pod and a process of the local cluster get the same variables. What may change while a server runs, batch
size and batch wait, can also stand in a file (`TRIMTAB_CONFIG`, a mounted ConfigMap); the file wins and is
read again when it changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from core.errors import UsageError
from core.values import Frozen, Name, NonNegative, Positive, PositiveCount

PREFIX = "TRIMTAB_"
ROUTER = "router"
"""The value of TRIMTAB_STAGE that starts the router."""

TIMEOUT_HEADER = "trimtab-timeout"
"""Seconds a request still has when it is sent: relative, as clocks of two machines differ."""
TRUTH = "truth"
"""Parameter of a labelled request: the right answer as JSON text."""
CASES = "cases"
"""Parameter of a labelled request: what stages alone are examined on, as JSON text (`serving.examiner`)."""

Text = Annotated[str, Field(min_length=1)]


class _Settings(Frozen):
    pipeline: Name
    """Its name in the pipeline file and in the metrics: `id-card`."""
    kit: Name
    """The ready pipeline whose code this is: `id_card`."""
    slo_s: Positive
    """The promise on latency, in seconds; the bounds of histograms are multiples of it."""
    host: Text = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    most_bytes: PositiveCount = 4_000_000
    """Largest request body."""
    drain_delay_s: NonNegative = 2.0
    """How long a server that was told to stop goes on taking requests: until no one sends it any."""
    drain_limit_s: Positive = 30.0
    """How long it then waits for the requests inside it."""


class ReplicaSettings(_Settings):
    """One replica of a stage."""

    stage: Name
    variant: Name
    models: Path
    """Folder that `Kit.prepare` filled."""
    batch: PositiveCount = 1
    """Most items served together."""
    batch_wait_s: NonNegative = 0.0
    """How long the first item of a partial batch waits for more, in seconds."""
    threads: PositiveCount = 1
    """Of one replica's model."""
    queue_limit: PositiveCount = 256
    """Most items waiting; the next one is refused with 429."""
    config: Path | None = None


class RouterSettings(_Settings):
    """The router of a pipeline."""

    stage: Literal["router"] = "router"
    endpoints: Text
    """Where the replicas are: the path of a JSON file {stage: {variant..., addresses}}, or `dns`."""
    expires_after: Positive = 1.0
    """A request that is older than this many SLOs is dropped; a client may ask for less."""
    in_flight_limit: PositiveCount = 1024
    """Most requests inside the router; the next one is refused with 429."""
    labels: bool = False
    """Whether requests may bring their right answer along, to be counted. Off: the parameters are ignored."""
    shadows: Text | None = None
    """Where replicas are that only answer cases: as `endpoints`; none by default."""


class LiveSettings(Frozen):
    """What may change while a replica runs."""

    batch: PositiveCount
    batch_wait_s: NonNegative


NUMBERS: Mapping[str, Callable[[str], object]] = {
    "slo_s": float,
    "port": int,
    "most_bytes": int,
    "drain_delay_s": float,
    "drain_limit_s": float,
    "batch": int,
    "batch_wait_s": float,
    "threads": int,
    "queue_limit": int,
    "expires_after": float,
    "in_flight_limit": int,
    "labels": lambda text: {"true": True, "false": False}[text],
}
"""How the text of a variable becomes a value, where it is not text."""


def settings_from(environment: Mapping[str, str]) -> ReplicaSettings | RouterSettings:
    """Return the settings that the variables TRIMTAB_* describe; other variables are not looked at.

    Raises:
        UsageError: one is missing, unknown, or not of its kind; the variable is named.
    """
    kind = RouterSettings if environment.get(f"{PREFIX}STAGE") == ROUTER else ReplicaSettings
    known = {f"{PREFIX}{name.upper()}": name for name in kind.model_fields}
    given = {key: value for key, value in environment.items() if key.startswith(PREFIX)}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise UsageError(f"variable {unknown[0]} is not known; known: {', '.join(sorted(known))}")
    values = {known[key]: _value(key, known[key], text) for key, text in given.items()}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"{PREFIX}{str(first['loc'][0]).upper()}"
        raise UsageError(f"variable {variable}: {first['msg']}; set it to a value of its kind") from error


def environment_of(settings: ReplicaSettings | RouterSettings) -> dict[str, str]:
    """Return the variables that describe *settings*; `settings_from` gives the same settings back."""
    plain = settings.model_dump(mode="json", exclude_none=True)
    return {f"{PREFIX}{name.upper()}": _text(value) for name, value in plain.items()}


def live_settings(text: str) -> LiveSettings:
    """Return what a configuration file says.

    Raises:
        UsageError: it is not a JSON object with `batch` and `batch_wait_s`.
    """
    try:
        return LiveSettings.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise UsageError(
            "the configuration must be a JSON object with batch (a whole number from 1) and "
            "batch_wait_s (seconds)"
        ) from error


def _value(variable: str, name: str, text: str) -> object:
    convert = NUMBERS.get(name)
    if convert is None:
        return text
    try:
        return convert(text)
    except (ValueError, KeyError) as error:
        raise UsageError(f"variable {variable} is {text!r}; it must be a value of its kind") from error


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
