"""What `trimtab doctor --prometheus URL` does: try every query on the live server, and say what to mend."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.document import pipeline_from
from core.errors import InvalidDocument, MetricsUnavailable, UsageError
from core.pipeline import Pipeline
from pipelines.reader import parsed
from tools.prometheus import Prometheus
from tools.promql.asking import LOAD
from tools.promql.clock import Moment
from tools.promql.examining import Examination, Examined, Grade, key_values, scrape_verdict
from tools.promql.queries import PATH, Windows, default_queries

TIME_S = 60.0
"""For all queries: a person waits, not an interval."""


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    """What a person told us of the metrics."""

    url: str
    bearer_token_file: Path | None = None
    ca_file: Path | None = None
    headers: Sequence[str] = ()
    """As NAME=VALUE."""
    pipeline: Path | None = None
    namespace: str | None = None
    scrape_s: float = 5.0
    interval_s: int = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking."""

    asked: tuple[tuple[str, Grade, str], ...]
    """What was tried, how it went, and what was found."""
    examined: tuple[Examined, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether nothing failed."""
        return all(g != "failed" for g in (*(g for _, g, _ in self.asked), *(e.grade for e in self.examined)))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was told, read and checked; nobody was asked yet."""

    prometheus: Prometheus
    windows: Windows
    options: MetricsOptions
    pipeline: Pipeline | None
    overrides: Mapping[str, str]


def prepared(options: MetricsOptions) -> Prepared:
    """Read what is needed for asking.

    Raises:
        UsageError: an option or the pipeline file is wrong.
    """
    pipeline, overrides = (None, {}) if options.pipeline is None else _declared(options.pipeline)
    prometheus = Prometheus(
        options.url,
        bearer_token_file=options.bearer_token_file,
        ca_file=options.ca_file,
        headers=headers_of(options.headers),
        deadline_s=TIME_S,
    )
    windows = Windows.of(options.interval_s, options.scrape_s)
    return Prepared(prometheus, windows, options, pipeline, overrides)


def metrics_doctor(wanted: Prepared, *, as_json: bool, unix: Callable[[], float] = time.time) -> bool:
    """Print what the server says to every query; say whether nothing failed."""
    found = _found(wanted, unix)
    if as_json:
        _print_json(found)
    else:
        _print_tables(found)
    return found.is_fine


def headers_of(given: Sequence[str]) -> dict[str, str]:
    """Return headers from NAME=VALUE.

    Raises:
        UsageError: one has no name; its value, a secret perhaps, is not shown.
    """
    found = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError("--header must be NAME=VALUE, such as X-Scope-OrgID=team")
        found[name.strip()] = value.strip()
    return found


def _found(wanted: Prepared, unix: Callable[[], float]) -> Found:
    prometheus, pipeline, windows = wanted.prometheus, wanted.pipeline, wanted.windows
    until = prometheus.deadline()
    try:
        windows.check(wanted.options.scrape_s)
        moment = Moment.of(prometheus, unix, until)
    except MetricsUnavailable as error:
        return Found((("Prometheus", "failed", str(error)),))
    examination = Examination(
        prometheus=prometheus,
        queries=default_queries(),
        windows=windows,
        values=key_values(windows, wanted.options.namespace, None if pipeline is None else pipeline.name),
        overrides=wanted.overrides,
        moment=moment,
        until=until,
        stages=None if pipeline is None else frozenset(pipeline.by_name),
    )
    asked: list[tuple[str, Grade, str]] = [("Prometheus", "ok", prometheus.url)]
    asked.append(("its clock", *_clock(moment)))
    if LOAD not in wanted.overrides:
        asked.append(("scrapes", *_scrapes(examination, windows)))
    return Found(tuple(asked), tuple(examination.run()))


def _clock(moment: Moment) -> tuple[Grade, str]:
    if moment.oddity:
        return "warning", moment.oddity
    return "ok", f"{moment.skew_s:+.1f} s from ours"


def _scrapes(examination: Examination, windows: Windows) -> tuple[Grade, str]:
    try:
        return scrape_verdict(examination.scrapes(), windows)
    except MetricsUnavailable as error:
        return "failed", str(error)


def _declared(path: Path) -> tuple[Pipeline, Mapping[str, str]]:
    """Return a pipeline, and the queries it has of its own where the file is a declaration for a cluster."""
    document = parsed(path)
    try:
        if not isinstance(document, Mapping) or not isinstance(document.get("spec"), Mapping):
            return pipeline_from(document), {}
        operation = document["spec"].get("operation")
        rest = {key: value for key, value in document["spec"].items() if key != "operation"}
        pipeline = pipeline_from({**document, "spec": rest})
        return pipeline, default_queries().checked(_replacements(operation))
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}") from error


def _replacements(operation: object) -> Mapping[str, str]:
    said = operation.get("metrics") if isinstance(operation, Mapping) else None
    if said is None:
        return {}
    if not isinstance(said, Mapping) or not all(isinstance(text, str) for text in said.values()):
        raise InvalidDocument(f"{PATH}: must be a mapping from names of queries to PromQL")
    return said


def _print_json(found: Found) -> None:
    for what, grade, text in found.asked:
        print(json.dumps({"what": what, "grade": grade, "found": text}))  # noqa: T201 - the output
    for each in found.examined:
        fields = asdict(each)
        print(json.dumps({"what": fields.pop("query"), **fields}, allow_nan=False))  # noqa: T201 - the output


def _print_tables(found: Found) -> None:
    console = Console()
    table = Table("metrics", "", "found")
    for row in found.asked:
        table.add_row(*map(Text, row))
    console.print(table)
    if not found.examined:
        return
    table = Table("query", "present value", "newest", "state", "", "found")
    for each in found.examined:
        age = "" if each.age_s is None else f"{each.age_s:.0f} s"
        table.add_row(*map(Text, (each.query, each.value, age, each.state, each.grade, each.found)))
    console.print(table)
