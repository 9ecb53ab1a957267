"""What the pages point at exists: links, commands and their options, make targets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main

from agent.cli import whole
from tests.docs.pages import ROOT, Example, all_examples, anchors, links, name_of, pages, spans

GROUP = typer.main.get_group(whole())
OF_OTHERS = {"--server-side"}
"""Options of kubectl."""
SEPARATORS = {"|", "||", "&&", ";", "&", ">", ">>", "<"}
PAGES = [pytest.param(page, id=name_of(page)) for page in pages()]


def calls(command: str, program: str) -> list[list[str]]:
    """Return the arguments of each call of *program* in a shell command."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = []
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in SEPARATORS:
            words.append(word)
            continue
        names = [w.rpartition("/")[2] for w in words]
        if program in names and all("=" in w for w in words[: names.index(program)]):
            found.append(words[names.index(program) + 1 :])
        words = []
    return found


CALLS = [
    pytest.param(arguments, id=f"{e.page}: {' '.join(arguments)}")
    for e in all_examples()
    for arguments in calls(e.command, "trimtab")
]


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/problem.md", "docs/architecture.md"]
)
def test_the_pages_that_readers_look_for_are_there(name: str) -> None:
    assert name in {name_of(page) for page in pages()}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere_in_the_project(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.is_relative_to(ROOT), f"{link!r} leaves the project"
        assert target.exists(), f"{link!r} leads nowhere"
        if fragment and target.suffix == ".md":
            assert fragment in anchors(target), f"{name_of(target)} has no heading for {link!r}"


@pytest.mark.parametrize("arguments", CALLS)
def test_every_command_shown_can_be_parsed(arguments: list[str]) -> None:
    name, *rest = arguments or ["--help"]
    if name == "--help":
        return

    assert name in GROUP.commands
    if "--help" not in rest:
        GROUP.commands[name].make_context(name, rest)


def test_the_pages_show_every_command_there_is() -> None:
    shown = {arguments[0] for e in all_examples() for arguments in calls(e.command, "trimtab") if arguments}

    assert set(GROUP.commands) <= shown


@pytest.mark.parametrize("page", PAGES)
def test_commands_named_in_running_text_exist(page: Path) -> None:
    named = {m[1] for span in spans(page) if (m := re.match(r"trimtab ([a-z]+)", span))}

    assert named <= set(GROUP.commands)


@pytest.mark.parametrize("page", PAGES)
def test_options_named_in_running_text_exist(page: Path) -> None:
    commands = [*GROUP.commands.values()]
    nested = [c for group in commands for c in getattr(group, "commands", {}).values()]
    known = {o for command in [*commands, *nested] for p in command.params for o in p.opts}
    named = {m[0] for span in spans(page) if (m := re.match(r"--[a-z][a-z-]*", span))}

    assert named <= known | {"--help", *OF_OTHERS}


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_named_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    shown = {target for e in all_examples() if e.page == name_of(page) for target in made(e)}
    named = {m[1] for span in spans(page) if (m := re.match(r"make ([a-z][a-z-]*)", span))}

    assert shown | named <= targets


def made(example: Example) -> list[str]:
    """Return the make targets of a command."""
    return [t for arguments in calls(example.command, "make") for t in arguments if "=" not in t]
