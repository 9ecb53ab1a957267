"""A disk that cannot be written, is full, or holds damaged files: one line, status 1, nothing lost."""

from __future__ import annotations

import gc
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.folder import CHECKPOINTS, CLUSTER, DECISIONS
from tests.agent.command import Ended, trimtab, trimtab_cold
from tests.agent.toy import written

SECONDS = 150
"""Long enough for the load to change twice."""


class Disk:
    """A file system of its own in memory; needs root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, size: str) -> None:
        """Mount it, or skip the test where that is not allowed."""
        done = self._called("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.folder))
        if done.returncode:
            pytest.skip(f"NOT TESTED: cannot mount a small disk here: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        """Change its size, or whether it can be written."""
        assert self._called("mount", "-o", f"remount,{options}", str(self.folder)).returncode == 0

    def fill(self) -> None:
        """Leave no room."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    return

    def unmount(self) -> None:
        """Take it away, also where it never came. No file of it may still be open."""
        if os.path.ismount(self.folder):
            gc.collect()  # a cursor in the traceback of a failed write keeps its file until then
            done = self._called("umount", str(self.folder))
            self._called("umount", "--lazy", str(self.folder))
            assert done.returncode == 0, done.stderr

    def _called(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Yield a disk, mounted by the test at the size it needs; not where pytest of another run clears up."""
    if shutil.which("mount") is None or os.geteuid():
        pytest.skip("NOT TESTED: only root can mount a small disk")
    with TemporaryDirectory(prefix="trimtab-disk-") as folder:
        found = Disk(Path(folder))
        yield found
        found.unmount()


def run(files: Path, data: Path) -> Ended:
    """Run the loop on a load that changes."""
    trace = "rps\n" + "".join(f"{8 if s // 50 % 2 else 25}\n" for s in range(SECONDS))
    file, trace_file = written(files), written(files, trace, "trace.csv")
    return trimtab("run", file, "--trace", trace_file, "--data", data, "--json")


def decided(data: Path) -> dict[str, str]:
    """Return the outcome of each decision on record."""
    ended = trimtab("decisions", "--data", data, "--limit", 1000, "--json")
    return {d["id"]: d["outcome"] for d in ended.objects}


def test_a_read_only_folder_is_refused_and_can_still_be_read(disk: Disk, tmp_path: Path) -> None:
    disk.mount("20m")
    data = disk.folder / "data"
    assert run(tmp_path, data).status == 0
    before = decided(data)
    disk.remount("ro")

    assert "Read-only file system; give another --data" in run(tmp_path, data).complaint(1)
    assert "Read-only file system; give another --data" in run(tmp_path, data / "new").complaint(1)
    assert decided(data) == before
    assert trimtab("doctor", "--data", data).status == 1


@pytest.mark.parametrize("size", ["64k", "300k", "500k", "900k"])
def test_a_disk_that_fills_up_stops_the_loop_and_loses_no_decision(
    disk: Disk, tmp_path: Path, size: str
) -> None:
    disk.mount(size)
    data = disk.folder / "data"

    ended = run(tmp_path, data)

    assert "disk is full" in ended.complaint(1) or "No space left on device" in ended.complaint(1)
    shown = {d["id"]: d["outcome"] for d in ended.objects}
    disk.remount("size=20m")
    again = run(tmp_path, data)
    assert (again.status, again.err) == (0, "")
    assert shown.items() <= decided(data).items()
    for name, outcome in decided(data).items():
        if outcome == "applied":
            assert trimtab("decisions", "--data", data, "--verify", name).status == 0


def test_a_plot_on_a_full_disk_is_refused_and_leaves_the_old_one(disk: Disk, tmp_path: Path) -> None:
    disk.mount("300k")
    command = ("frontier", written(tmp_path), "--load", 5, "--plot")
    assert trimtab(*command, disk.folder / "plot.png").status == 0
    old = (disk.folder / "plot.png").read_bytes()
    disk.fill()

    for name in ("plot.png", "new.png"):
        assert "cannot write" in trimtab(*command, disk.folder / name).complaint()

    assert (disk.folder / "plot.png").read_bytes() == old
    assert {f.name for f in disk.folder.iterdir()} == {"plot.png", "filler"}


@pytest.mark.parametrize("command", ["help", "solve", "solve --json", "decisions", "run"])
def test_output_that_finds_no_room_ends_in_one_line(good: Path, tmp_path: Path, command: str) -> None:
    file, trace = written(tmp_path), written(tmp_path, "rps\n" + "9\n" * 30, "trace.csv")
    arguments: dict[str, tuple[object, ...]] = {
        "help": ("--help",),
        "solve": ("solve", file, "--load", 5),
        "solve --json": ("solve", file, "--load", 5, "--json"),
        "decisions": ("decisions", "--data", good, "--limit", 1),
        "run": ("run", file, "--trace", trace, "--data", tmp_path / "data"),
    }

    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = trimtab_cold(*arguments[command], out=full)

    assert "output cannot be written: No space left on device" in ended.complaint(1)
    if command == "run":
        assert set(decided(tmp_path / "data")) == {"toy-000001"}, "decided, and on record"


def garbage(content: bytes) -> bytes:
    """Return as many bytes without meaning."""
    return random.Random(1).randbytes(max(5000, len(content)))


def cut(content: bytes) -> bytes:
    """Return what is left after the end was lost."""
    return content[: len(content) * 2 // 3]


Damage = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that ended well."""
    folder = tmp_path_factory.mktemp("good")
    assert run(folder, folder / "data").status == 0
    return folder / "data"


def damaged(good: Path, target: Path, name: str, damage: Damage) -> Path:
    """Return a copy with one file damaged."""
    shutil.copytree(good, target)
    (target / name).write_bytes(damage((target / name).read_bytes()))
    return target


@pytest.mark.parametrize("damage", [garbage, cut])
def test_a_damaged_decision_store_is_reported_by_everything_that_reads_it(
    good: Path, tmp_path: Path, damage: Damage
) -> None:
    data = damaged(good, tmp_path / "data", DECISIONS, damage)
    content = (data / DECISIONS).read_bytes()

    for ended in (
        trimtab("decisions", "--data", data),
        trimtab("decisions", "--data", data, "--verify", "toy-000001"),
        run(tmp_path, data),
    ):
        said = ended.complaint(1)
        assert str(data / DECISIONS) in said
        assert "away to start anew" in said
    checked = trimtab("doctor", "--data", data, "--json")
    assert checked.status == 1
    assert [c["what"] for c in checked.objects if c["grade"] == "failed"] == ["decision store"]
    assert (data / DECISIONS).read_bytes() == content, "a damaged file is left for its owner to rescue"


def test_the_doctor_finds_damage_in_the_middle_of_the_store(good: Path, tmp_path: Path) -> None:
    def scratch(content: bytes) -> bytes:
        half = len(content) // 2
        return content[:half] + b"\xff" * 3000 + content[half + 3000 :]

    data = damaged(good, tmp_path / "data", DECISIONS, scratch)

    assert trimtab("doctor", "--data", data, "--json").status == 1


@pytest.mark.parametrize("damage", [garbage, cut])
def test_damaged_checkpoints_stop_the_loop(good: Path, tmp_path: Path, damage: Damage) -> None:
    data = damaged(good, tmp_path / "data", CHECKPOINTS, damage)

    said = run(tmp_path, data).complaint(1)

    assert str(data / CHECKPOINTS) in said
    assert "away to start anew" in said


@pytest.mark.parametrize("damage", [garbage, cut])
def test_a_damaged_cluster_memory_stops_the_loop(good: Path, tmp_path: Path, damage: Damage) -> None:
    data = damaged(good, tmp_path / "data", CLUSTER, damage)

    assert "not the state of pipeline 'toy'; use another --data" in run(tmp_path, data).complaint()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "", "data")

    assert "give another --data" in run(tmp_path, file).complaint(1)
    assert "there is no decision store" in trimtab("decisions", "--data", file).complaint()
    assert trimtab("doctor", "--data", file).status == 1
