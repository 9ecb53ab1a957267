"""Read pipeline and configuration files, YAML or JSON; every refusal names file, place and fix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.complaints import complaint
from core.configuration import Configuration
from core.document import pipeline_from
from core.errors import InvalidDocument, UsageError
from core.pipeline import Pipeline

MAX_BYTES = 16 * 2**20
"""Largest file that is read; a 20 x 20 pipeline with its table takes a tenth of it."""

MAX_DEPTH = 50
"""Deepest nesting that is read; a pipeline file needs 9."""
TOO_DEEP = "nested too deeply; this is no pipeline file"


def read_pipeline(path: Path) -> Pipeline:
    """Return the pipeline described by a YAML or JSON file.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: its content is wrong.
    """
    try:
        return pipeline_from(parsed(path))
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}") from error


def read_configuration(path: Path) -> Configuration:
    """Return a configuration from JSON or YAML: `{"stages": [{stage, variant, batch, replicas}]}`.

    What `trimtab solve --json` printed is accepted as it is.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: its content is wrong.
    """
    try:
        return _configuration(parsed(path))
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}") from error


def _configuration(document: object) -> Configuration:
    if not isinstance(document, Mapping) or not isinstance(document.get("stages"), list):
        raise InvalidDocument(
            'must be a mapping with a list "stages" of {stage, variant, batch, replicas}; '
            "`trimtab solve --json` prints one where a configuration is feasible"
        )
    stages = [
        {key: value for key, value in s.items() if key != "cores"} if isinstance(s, Mapping) else s
        for s in document["stages"]
    ]
    try:
        return Configuration.model_validate({"stages": stages})
    except ValidationError as error:
        raise InvalidDocument(complaint(error, Configuration)) from error


def parsed(path: Path) -> object:
    """Return what a YAML or JSON file holds, as plain values.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: it is empty, or no document.
    """
    text = read_text(path)
    if path.suffix.lower() == ".json" and text.strip():
        return _json(text)
    return parsed_yaml(text)


def parsed_yaml(text: str) -> object:
    """Return what a YAML text holds, as plain values.

    Raises:
        InvalidDocument: it is empty, or no document.
    """
    if not text.strip():
        raise InvalidDocument("the file is empty; it must hold one document")
    return _yaml(text)


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        UsageError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; split it")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a null byte in the name
        raise UsageError(f"{str(path)!r} is no file name: {error}") from error


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_distinct)  # NaN is refused where it stands
    except json.JSONDecodeError as error:
        raise InvalidDocument(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise InvalidDocument(TOO_DEEP) from error
    except ValueError as error:  # a number of thousands of digits
        raise InvalidDocument(f"a number cannot be read: {str(error).partition(':')[0]}") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise InvalidDocument(f"key {twice!r} appears twice in one mapping; keep one")
    return found


def _yaml(text: str) -> object:
    from ruamel.yaml import YAML  # noqa: PLC0415 - JSON files do without it
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    yaml = YAML(typ="safe", pure=True)  # YAML 1.2: `no` is text, 1e-6 a number; repeated keys are refused
    try:
        _refuse_bombs(yaml, text)
        return yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        said = [error.context, error.problem] if str(error.problem).startswith("but") else [error.problem]
        problem = " ".join(" ".join(str(part) for part in said if part).split())
        raise InvalidDocument(f"{place}{problem}") from error
    except YAMLError as error:
        raise InvalidDocument(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise InvalidDocument(TOO_DEEP) from error
    except ValueError as error:  # dates such as 2026-99-99
        raise InvalidDocument(f"a value cannot be read: {str(error).partition(':')[0]}") from error


def _refuse_bombs(yaml: Any, text: str) -> None:  # noqa: ANN401 - ruamel's own class
    """Refuse what makes a small file slow: `*alias`, which can expand to gigabytes, and deep nesting."""
    from ruamel.yaml.events import (  # noqa: PLC0415 - as above
        CollectionEndEvent,
        CollectionStartEvent,
        NodeEvent,
    )

    depth = 0
    for event in yaml.parse(text):
        if isinstance(event, NodeEvent) and event.anchor:
            line = event.start_mark.line + 1
            raise InvalidDocument(
                f"line {line}: anchors and aliases (&{event.anchor}) are not supported; write it out"
            )
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InvalidDocument(TOO_DEEP)
