"""What has no place in an image, and why; each rule looks at one entry of one layer.

A rule that counts `everywhere` also finds what a later layer hides: a key that was removed can be dug out.
What the base brings and needs (dpkg, apt, the compiled standard library) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.image.archive import Entry

OURS = "opt/"
"""Where a Dockerfile puts what it adds to the base."""

RUNS_AS = 10001
OWNED_BY_THE_USER = ("data",)
OPEN_TO_ALL = ("tmp", "var/tmp", "run/lock", "var/lock", "dev", "proc", "sys")
SET_ID = 0o6000
WORLD_WRITABLE = 0o002

COMPILER = re.compile(
    r"^(?:\w+-linux-gnu-)?(?:gcc|g\+\+|c\+\+|cc|c[89]9|cpp|clang|clang\+\+|gfortran|ld|ld\.(?:bfd|gold|lld)|as|gold|make|cmake|ninja"
    r"|rustc|cargo|go|nvcc|tcc)(?:-[\d.]+)?$"
)
PROGRAMS = re.compile(r"(?:^|/)s?bin/[^/]+$")
DEVELOPMENT = re.compile(r"^usr/(?:local/)?include/.+|.+\.(?:a|la|pc|h|hpp|pxd|pyx)$")
DEVELOPMENT_PACKAGE = re.compile(rb"^Package: (\S+-dev)$", re.MULTILINE)
PACKAGES = "var/lib/dpkg/status"
INSTALLER = re.compile(
    r"(?:^|/)(?:s?bin/(?:pip|pip3|uv|poetry|conda|wheel)[\d.]*|(?:site|dist)-packages/(?:pip|setuptools|wheel)/.+"
    r"|ensurepip/.+|python-wheels/.+)$"
)
CACHE = re.compile(r"(?:^|/)\.cache/.+|^var/lib/apt/lists/.+_.+|^var/cache/.+\.(?:deb|bin)$|(?:^|/)\.npm/.+")
BYTECODE = re.compile(rf"^{OURS}.+\.pyc$")
TESTS = re.compile(rf"^{OURS}.+/tests/.+|^{OURS}(?:.+/)?conftest\.py$")
VERSION_CONTROL = re.compile(r"(?:^|/)\.(?:git|hg|svn)(?:/|$)|(?:^|/)\.git(?:ignore|modules)$")
PRIVATE_KEY = re.compile(
    rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n(?:[\w-]+: .*\r?\n|\r?\n)*[A-Za-z0-9+/=]{16}", re.MULTILINE
)
CREDENTIALS = re.compile(
    r"(?:^|/)(?:\.netrc|\.pypirc|\.git-credentials|\.dockercfg|\.docker/config\.json|\.aws/credentials|\.kube/config"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|\.env|\.bash_history|\.python_history)$"
)
INSTALL_SETTINGS = re.compile(r"(?:^|/)(?:pip\.conf|\.pip/.+|pip/pip\.conf|uv\.toml|\.npmrc|\.condarc)$")
APT_SETTINGS = re.compile(r"^etc/apt/(?:apt\.conf$|apt\.conf\.d/.+|auth\.conf.*)")
APT_MIRROR = re.compile(rb"^\s*Acquire::\w+::Proxy|^machine ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that has no place in an image."""

    name: str
    why: str
    breaks: Callable[[Entry], bool]
    everywhere: bool = False


def _file(pattern: re.Pattern[str]) -> Callable[[Entry], bool]:
    return lambda entry: entry.kind == "file" and pattern.search(entry.path) is not None


def _is_compiler(entry: Entry) -> bool:
    at_home = PROGRAMS.search(entry.path) is not None
    return at_home and entry.kind in ("file", "link") and COMPILER.match(entry.name) is not None


def _is_development(entry: Entry) -> bool:
    if entry.path == PACKAGES:
        return DEVELOPMENT_PACKAGE.search(entry.content) is not None
    return entry.kind == "file" and DEVELOPMENT.match(entry.path) is not None


def _has_private_key(entry: Entry) -> bool:
    return PRIVATE_KEY.search(entry.content) is not None


def _has_install_settings(entry: Entry) -> bool:
    if APT_SETTINGS.match(entry.path):
        return APT_MIRROR.search(entry.content) is not None
    # A mounted file leaves an empty one behind.
    return INSTALL_SETTINGS.search(entry.path) is not None and entry.size_bytes > 0


def _gives_rights(entry: Entry) -> bool:
    return entry.kind == "file" and (bool(entry.mode & SET_ID) or entry.has_capabilities)


def _is_open_to_all(entry: Entry) -> bool:
    return entry.kind != "link" and bool(entry.mode & WORLD_WRITABLE) and not _inside(entry.path, OPEN_TO_ALL)


def _can_be_rewritten(entry: Entry) -> bool:
    return entry.owner == RUNS_AS and not _inside(entry.path, OWNED_BY_THE_USER)


def _inside(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def no_mention_of(words: Sequence[str]) -> Rule:
    """Return the rule that no file holds one of these words, such as a mirror's address."""
    sought = [word.encode() for word in words]
    return Rule(
        "mention",
        "it names where its builder installs from",
        lambda entry: any(word in entry.content for word in sought),
        everywhere=True,
    )


RULES = (
    Rule("compiler", "nothing is built where it runs", _is_compiler),
    Rule("development file", "headers and static libraries serve compilers", _is_development),
    Rule("installer", "nothing is installed where it runs", _file(INSTALLER)),
    Rule("cache", "it is downloaded again with every pull", _file(CACHE), everywhere=True),
    Rule("bytecode", "it doubles the size of the code to save a second, once", _file(BYTECODE)),
    Rule("test", "it is not run here", _file(TESTS)),
    Rule("version control", "it is the whole history", _file(VERSION_CONTROL), everywhere=True),
    Rule("private key", "whoever has the image has the key", _has_private_key, everywhere=True),
    Rule("credentials", "whoever has the image has them", _file(CREDENTIALS), everywhere=True),
    Rule(
        "install settings",
        "they name the mirrors of whoever built it",
        _has_install_settings,
        everywhere=True,
    ),
    Rule("set-id program", "it changes user", _gives_rights),
    Rule("open to all", "any process may rewrite it", _is_open_to_all),
    Rule("own code", "what runs could rewrite what runs", _can_be_rewritten),
)
