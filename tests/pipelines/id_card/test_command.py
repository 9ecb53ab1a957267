"""`trimtab profile` from outside: wrong input is one line on stderr and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest


def _profile(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from agent.cli import main; main()", "profile", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_unknown_pipeline_is_answered_with_the_known_ones() -> None:
    done = _profile("video")

    assert done.returncode == 2
    assert done.stderr == "trimtab: there is no pipeline 'video' to profile; known: id_card\n"


@pytest.mark.skipif(find_spec("onnxruntime") is not None, reason="the extra is installed here")
def test_a_missing_extra_is_named_with_both_ways_to_install_it() -> None:
    done = _profile("id_card")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "trimtab[id-card]"' in done.stderr
    assert "make profile" in done.stderr


@pytest.mark.parametrize("option", [("--runs", "29"), ("--cards", "299")])
def test_fewer_runs_or_cards_than_a_figure_needs_are_refused(option: tuple[str, str]) -> None:
    done = _profile("id_card", *option)

    assert done.returncode == 2
    assert option[0] in done.stderr
