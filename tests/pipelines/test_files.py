"""A file is replaced whole or not at all, whoever is killed, refused or in the way meanwhile."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from pipelines.files import Sync, left_behind, replaced, replacing
from tests.pipelines.dying import LAST, NEW, OLD
from tests.pipelines.left import LEFT

ROOT = Path(__file__).parents[2]
LARGE = 100_000
"""More than is written at once."""


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"

    replaced(path, "größer", sync="none")
    assert path.read_bytes() == "größer".encode()

    replaced(path, b"\x00\xff\n", sync="folder")
    assert path.read_bytes() == b"\x00\xff\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("sync", "calls"),
    [("none", ["replace"]), ("file", ["fsync", "replace"]), ("folder", ["fsync", "replace", "fsync"])],
)
def test_the_content_is_on_disk_before_the_rename_and_the_rename_before_it_returns(
    tmp_path: Path, sync: Sync, calls: list[str]
) -> None:
    with system_calls(tmp_path) as made:
        replaced(tmp_path / "file", "new", sync=sync)

    assert [name for name, _ in made] == calls
    assert {content for _, content in made} == {"new"}, "nothing waits in a buffer when it is synced"


@pytest.mark.parametrize("sync", ["none", "file", "folder"])
def test_a_process_killed_at_any_line_leaves_the_old_content_or_the_new(tmp_path: Path, sync: Sync) -> None:
    command = [sys.executable, "-m", "tests.pipelines.dying", str(tmp_path), sync]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    found = [(line, text, others) for line, text, others in json.loads(done.stdout)]

    texts = [text for _, text, _ in found]
    renamed = texts.index(NEW)
    assert texts == [OLD] * renamed + [NEW] * (len(texts) - renamed)
    assert renamed > 5, "it was killed before the rename, too"
    assert found[-1] == (LAST, NEW, [])
    left = [Path(name) for _, _, others in found for name in others]
    assert left and all(left_behind(name) for name in left)
    assert {len(str(name)) for name in left} == {len(LEFT)}, "what other tests take for such a file"
    assert not any(others for _, text, others in found if text == NEW)


def test_writers_at_the_same_time_leave_the_whole_of_one_and_are_never_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([k]) * LARGE * (k + 1) for k in range(4)]
    replaced(path, contents[0], sync="none")

    def write(content: bytes) -> set[bytes]:
        seen = set()
        for _ in range(40):
            replaced(path, content, sync="none")
            seen.add(path.read_bytes())
        return seen

    with ThreadPoolExecutor(len(contents)) as pool:
        seen = set().union(*pool.map(write, contents))

    assert seen <= set(contents)
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_a_killed_process_left_is_taken_for_it() -> None:
    assert left_behind(Path("folder") / LEFT)
    assert not any(left_behind(Path(name)) for name in ("weights.part", ".hidden", "weights.onnx", ".part"))


def test_a_file_has_the_rights_of_a_new_one(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    before = os.umask(0o026)
    try:
        replaced(path, "old", sync="none")
        path.chmod(0o777)
        replaced(path, "new", sync="none")
        other.write_text("by hand")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode) == 0o640


@pytest.mark.parametrize("sync", ["none", "file", "folder"])
def test_content_that_finds_no_room_leaves_the_old_and_nothing_else(tmp_path: Path, sync: Sync) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with no_room(), pytest.raises(OSError, match="File too large"):
        replaced(path, "n" * LARGE, sync=sync)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_its_place_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()

    with pytest.raises(IsADirectoryError):
        replaced(path, "new", sync="folder")

    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "..", "/", "nowhere/file"])
def test_what_cannot_be_a_file_is_an_error_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(OSError, match=r"(?i)directory|busy"):
        replaced(Path(name), "new", sync="none")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt])
def test_a_writer_who_gives_up_leaves_the_old_and_nothing_else(
    tmp_path: Path, reason: type[BaseException]
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with pytest.raises(reason), replacing(path, sync="none") as file:
        file.write(b"half")
        raise reason

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_may_be_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))

    replaced(path, "new", sync="none")

    assert path.read_text() == "new"


@contextmanager
def system_calls(folder: Path) -> Iterator[list[tuple[str, str]]]:
    """Yield the syncs and renames of this thread, each with what the one file of *folder* held before it."""
    made: list[tuple[str, str]] = []

    def seen(_: FrameType, event: str, called: object) -> None:
        name = getattr(called, "__name__", "")
        if event == "c_call" and name in ("fsync", "fdatasync", "replace", "rename"):
            (file,) = folder.iterdir()
            made.append((name, file.read_text()))

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield made
    finally:
        sys.setprofile(before)


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow past a tenth of what is to be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGE // 10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
