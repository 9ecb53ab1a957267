"""The house files agree with each other, and nothing in the project is about the machine it was made on."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main

from agent.cli import whole
from tests.docs.pages import ROOT, name_of, tracked_files

OWN_FOLDERS = re.compile(r"(?<![\w.])/(?:(?:work|root)\b|tmp/)")
"""Of the machine this was made on; the folders of a container, its /tmp among them, are another matter."""
PRIVATE = re.compile(r"\.library\b")
OUTSIDE = re.compile(r"\.\./shared\b")
MAY_READ_OUTSIDE = ("tests/", "benchmarks/", "evals/ipa.py")
CONTAINER = {"Dockerfile", "Dockerfile.serving", "deploy/image/probes/sealed.py"}
HERE = Path(__file__).resolve()


def texts() -> dict[str, str]:
    """Return the text of every file of the project but this one, by its path."""
    found = {}
    for path in tracked_files():
        if path != HERE:
            found[name_of(path)] = path.read_bytes().decode("utf-8", errors="ignore")
    return found


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return texts()


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def lines_with(pattern: re.Pattern[str], files: dict[str, str]) -> list[str]:
    """Return where a pattern is found."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_folder_of_the_machine_it_was_made_on(files: dict[str, str]) -> None:
    ours = {name: text for name, text in files.items() if name not in CONTAINER}

    assert lines_with(OWN_FOLDERS, ours) == []


def test_no_file_names_what_is_private(files: dict[str, str]) -> None:
    assert lines_with(PRIVATE, files) == []


def test_only_tests_benchmarks_and_the_suite_made_of_it_read_other_peoples_data(
    files: dict[str, str],
) -> None:
    product = {name: text for name, text in files.items() if not name.startswith(MAY_READ_OUTSIDE)}

    assert lines_with(OUTSIDE, product) == []


def test_the_newest_entry_of_the_changelog_is_the_version(project: dict[str, object]) -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert next(v for v in headings if v != "Unreleased") == project["version"]


def test_the_licence_is_the_one_that_is_declared(project: dict[str, object]) -> None:
    text = " ".join((ROOT / "LICENSE").read_text().split())

    assert project["license"] == "Apache-2.0"
    assert text.startswith("Apache License Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_commit_hooks_are_the_checks_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    hooks = re.findall(r"entry: ([^,}]+)", (ROOT / ".pre-commit-config.yaml").read_text())

    assert recipe is not None
    assert hooks == [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]


def test_the_image_gets_every_package_and_nothing_else() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {pattern.rstrip("*") for pattern in setuptools["packages"]["find"]["include"]}

    assert "*" in ignore
    assert {name for name in let_in if (ROOT / name).is_dir()} == packages
    assert all((ROOT / name).exists() for name in let_in)


def test_the_image_is_checked_by_a_command_that_exists_and_runs_without_root() -> None:
    steps = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    check = re.search(r"^HEALTHCHECK .*CMD \[(.+)\]$", steps, re.MULTILINE)
    user = re.search(r"^USER (\d+)", steps, re.MULTILINE)

    assert check is not None
    program, *arguments = shlex.split(check[1].replace(",", " "))
    assert program == "trimtab"
    typer.main.get_group(whole()).commands[arguments[0]].make_context(arguments[0], arguments[1:])
    assert user is not None
    assert int(user[1]) > 0


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.in", "pyproject.toml"])
def test_what_the_image_copies_by_name_is_let_in(name: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert any(name in line.split() for line in copied)
    assert f"!{name}" in ignore
