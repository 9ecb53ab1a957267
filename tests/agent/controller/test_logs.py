"""Logs: one record is one line, whatever it holds, and secrets are not in it."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.controller.logs import LONGEST_TEXT, STANDARD, Format, handler_of
from tools.redaction import Redactor

SECRET = "s3cret-of-mine-42"


def logged(format: Format, say: Callable[[logging.Logger], object]) -> str:
    stream = io.StringIO()
    logger = logging.Logger("agent.controller.fleet")
    logger.addHandler(handler_of(format, stream, Redactor.of([SECRET])))
    say(logger)
    return stream.getvalue()


def found(say: Callable[[logging.Logger], object]) -> dict[str, Any]:
    text = logged("json", say)
    assert text.count("\n") == 1
    value: dict[str, Any] = json.loads(text)
    return value


def test_a_record_is_an_object_with_its_extra_fields() -> None:
    where = {"namespace": "shop", "pipeline": "video", "decision": "video-1", "seconds": 0.25}

    record = found(lambda log: log.info("applied: %s", "a surge", extra=where))

    assert datetime.fromisoformat(record.pop("time")).utcoffset() is not None
    assert (
        record == {"level": "info", "logger": "agent.controller.fleet", "message": "applied: a surge"} | where
    )


def test_an_extra_field_never_takes_the_place_of_a_standard_one() -> None:
    record = found(lambda log: log.info("true", extra={"level": "debug", "time": "never", "logger": "x"}))

    assert (record["level"], record["logger"], record["message"]) == (
        "info",
        "agent.controller.fleet",
        "true",
    )
    assert record["time"] != "never"


def test_values_that_json_has_not_become_text() -> None:
    extra = {"share": float("nan"), "error": ValueError("bad"), "some": {"a": (1, None)}}

    record = found(lambda log: log.info("so", extra=extra))

    assert (record["share"], record["error"], record["some"]) == ("nan", "bad", {"a": [1, None]})


def test_an_error_is_one_record_with_its_traceback() -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError(f"the key is {SECRET}")
        except ValueError:
            log.exception("it failed")

    record = found(fail)

    assert record["error"].startswith("Traceback (most recent call last):\n")
    assert SECRET not in record["error"]


@pytest.mark.parametrize("format", ["json", "text"])
def test_secrets_are_not_in_the_log(format: Format) -> None:
    extra = {"header": f"Bearer {SECRET}", "api_key": "whatever-it-is"}

    text = logged(format, lambda log: log.info("with %s and sk-ABCDEFGH12345678", SECRET, extra=extra))

    assert SECRET not in text
    assert "whatever-it-is" not in text
    assert "sk-ABCDEFGH12345678" not in text


@given(
    text=st.text(),
    key=st.text(min_size=1).filter(lambda k: k not in STANDARD),
    value=st.text(),
    format=st.sampled_from(["json", "text"]),
)
def test_no_text_from_the_cluster_makes_a_second_line(
    text: str, key: str, value: str, format: Format
) -> None:
    written = logged(format, lambda log: log.warning("%s", text, extra={key: value}))

    assert written.isprintable() or written[:-1].isprintable()
    assert len(written.splitlines()) == 1


def test_what_is_long_is_cut() -> None:
    assert len(found(lambda log: log.info("x" * 100_000))["message"]) == LONGEST_TEXT


def test_a_line_for_a_person_has_the_fields_behind_the_message() -> None:
    text = logged("text", lambda log: log.warning("lost\n{}", extra={"pipeline": "video", "seconds": 1.5}))

    assert text.split(" ", 1)[1] == "warning lost\\n{}  pipeline=video seconds=1.5\n"


PROGRAM = """
import logging, warnings
from agent.controller.logs import log_to_stderr
logging.basicConfig()
log_to_stderr("json")
log_to_stderr("json")
logging.getLogger("agent.controller.fleet").info("ours")
logging.getLogger("agent.controller.fleet").debug("too much")
logging.getLogger("httpx").info("a library's")
logging.getLogger("urllib3").warning("a library's warning, token=%s", "0123456789abcdef")
warnings.warn("old")
"""


def test_a_process_logs_ours_from_info_and_libraries_from_warning_on_stderr() -> None:
    environment = {**os.environ, "MY_API_KEY": SECRET}

    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )

    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert messages[:2] == ["ours", "a library's warning, token=[redacted]"]
    assert "old" in messages[2]
    assert len(messages) == 3
    assert done.stdout == ""
