"""What the product reads at run time gets into the image."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deploy.image.products import CONTROLLER, PROJECT, serving, sources
from deploy.image.start import Check, Ending


def test_every_file_beside_our_code_is_one_that_the_wheel_takes_along() -> None:
    tool = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    patterns = ["*.py", "py.typed", *tool["setuptools"]["package-data"]["*"]]

    left_out = [
        path
        for path in sources(CONTROLLER.packages)
        if not any(fnmatch(Path(path).name, pattern) for pattern in patterns)
    ]

    assert left_out == []


def test_every_package_of_the_wheel_is_looked_for_in_the_image() -> None:
    tool = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]

    packed = {pattern.rstrip("*") for pattern in tool["setuptools"]["packages"]["find"]["include"]}

    assert packed == set(CONTROLLER.packages)


def test_the_builder_is_given_every_package_and_every_file_that_a_dockerfile_copies() -> None:
    given = set(re.findall(r"^!(\S+)$", (PROJECT / ".dockerignore").read_text(), re.MULTILINE))
    texts = [(PROJECT / name).read_text() for name in ("Dockerfile", "Dockerfile.serving")]
    copied = {
        source.partition("/")[0]
        for text in texts
        for sources_ in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        for source in sources_.split()
        if source != "."
    }

    assert set(CONTROLLER.packages) | copied <= given


def test_the_builder_is_given_no_environment_no_weights_and_no_history() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()

    assert lines[1] == "*"
    assert not [line for line in lines if line.startswith("!.")]


@pytest.mark.parametrize(
    "probe", sorted({check.probe for check in CONTROLLER.checks if isinstance(check, Check)})
)
def test_every_probe_of_a_check_is_there(probe: str) -> None:
    assert (PROJECT / "deploy" / "image" / "probes" / probe).exists()


def test_an_image_that_serves_is_tried_on_every_stage_of_its_pipeline() -> None:
    checks = [check for check in serving("id-card").checks if not isinstance(check, Ending)]

    stages = [word for check in checks for word in check.environment if word.startswith("TRIMTAB_STAGE=")]
    assert stages == ["TRIMTAB_STAGE=detect", "TRIMTAB_STAGE=read"]
