"""Logs on stderr, an object or a line for each event, that nothing from the cluster or a model can forge.

    log_to_stderr("json")
    logger.info("applied: %s", reason, extra={"namespace": "shop", "pipeline": "video"})

Everything in `extra` becomes a field. Secrets are taken out (`tools.redaction`), control characters and line
breaks are written as escapes, and what is long is cut.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from tools.redaction import Redactor, secrets_among

Format = Literal["json", "text"]
LONGEST_TEXT = 8000
"""Characters of one field: a traceback fits, a web page does not."""
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest is `extra`."""
OURS = ("agent", "core", "tools", "simulator", "baselines", "pipelines", "prompts")
"""Logged from level info on; libraries from warning on."""


def log_to_stderr(format: Format, *, level: int = logging.INFO) -> None:
    """Log everything to stderr, and nothing anywhere else; warnings of Python too."""
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler_of(format, sys.stderr, Redactor.of(secrets_among(os.environ))))
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=True)


def handler_of(format: Format, stream: TextIO, redactor: Redactor) -> logging.Handler:
    """Return a handler that writes to *stream*."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter((JsonLines if format == "json" else TextLines)(redactor))
    return handler


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII: time (RFC 3339), level, logger, message, and what `extra` holds."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        found = self._redactor.redacted(self.fields(record))
        return json.dumps({key: _cut(value) for key, value in found.items()})

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what is logged; an extra field never takes the place of one of these."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = {**_extra(record), **found}
        if record.exc_info:
            found["error"] = self.formatException(record.exc_info)
        return found


class TextLines(JsonLines):
    """The same for a person: time, level, message, and the extra fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        found = {key: _cut(value) for key, value in self._redactor.redacted(self.fields(record)).items()}
        began = " ".join(_plain(found.pop(key)) for key in ("time", "level", "message"))
        rest = " ".join(f"{_plain(key)}={_plain(value)}" for key, value in found.items() if key != "logger")
        return f"{began}  {rest}".rstrip()


def _extra(record: logging.LogRecord) -> Mapping[str, Any]:
    return {key: _json(value) for key, value in vars(record).items() if key not in STANDARD}


def _json(value: object) -> object:
    """Return a value that JSON has; text for all else."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case list() | tuple() | set() | frozenset():
            return [_json(each) for each in value]
        case Mapping():
            return {str(key): _json(each) for key, each in value.items()}
    return str(value)


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[: LONGEST_TEXT - 1]}…"
    return value


def _plain(value: object) -> str:
    """Return text without anything that breaks or colours a line."""
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
