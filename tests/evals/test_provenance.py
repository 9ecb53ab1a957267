"""Where figures come from: code that was changed is not taken for its commit's."""

from __future__ import annotations

import subprocess
from pathlib import Path

from evals.provenance import NO_COMMIT, commit_of


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    return subprocess.run(
        ["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def repository(root: Path) -> Path:
    (root / "core").mkdir()
    (root / "core" / "model.py").write_text("x = 1\n")
    (root / "README.md").write_text("hello\n")
    git(root, "init", "--quiet")
    git(root, "add", "core/model.py", "README.md")
    git(root, "commit", "--quiet", "-m", "begin")
    return root


def test_code_as_committed_is_its_commit_whatever_the_prose(tmp_path: Path) -> None:
    root = repository(tmp_path)

    (root / "README.md").write_text("hello again\n")

    assert commit_of(root) == git(root, "rev-parse", "HEAD")


def test_changes_of_the_code_are_told_from_the_commit_and_from_each_other(tmp_path: Path) -> None:
    root, found = repository(tmp_path), set()

    for text in ("x = 1\n", "x = 2\n", "x = 3\n"):
        (root / "core" / "model.py").write_text(text)
        found.add(commit_of(root))

    assert len(found) == 3
    assert {one[:40] for one in found} == {git(root, "rev-parse", "HEAD")}


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == NO_COMMIT
