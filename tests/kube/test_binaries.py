"""The programs are found where envtest finds them; where they are not, one line says how to get them."""

from __future__ import annotations

import lzma
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kube import flags
from tests.kube.binaries import (
    APISERVER,
    ASSETS,
    ETCD,
    KUBERNETES,
    NEEDED,
    SCHEDULER,
    Binaries,
    Search,
    found,
    unpack,
)
from tests.kube.certificates import Pair

THREADS = 4


def test_the_named_folder_comes_first_then_the_path_the_standard_one_and_the_cache(tmp_path: Path) -> None:
    named, path, standard, cache = (
        programs(tmp_path / name, *KUBERNETES, ETCD) for name in ("named", "path", "standard", "cache")
    )
    environment = {ASSETS: str(named), "PATH": str(path)}
    empty = tmp_path / "empty"

    assert place(search(tmp_path, environment)) == (named, named)
    assert place(search(tmp_path, {"PATH": str(path)})) == (path, path)
    assert place(search(tmp_path, {"PATH": str(empty)})) == (standard, standard)
    (standard / ETCD).unlink()
    (standard / SCHEDULER).unlink()
    assert place(search(tmp_path, {"PATH": str(empty)})) == (cache, cache)


def test_etcd_may_come_from_elsewhere(tmp_path: Path) -> None:
    named = programs(tmp_path / "named", *KUBERNETES)
    path = programs(tmp_path / "path", ETCD)

    assert place(search(tmp_path, {ASSETS: str(named), "PATH": str(path)})) == (named, path)


def test_the_version_is_what_the_program_says(tmp_path: Path) -> None:
    programs(tmp_path / "cache", *KUBERNETES, ETCD)

    assert found(search(tmp_path, {"PATH": ""})).version == (1, 36)


def test_what_is_missing_skips_with_a_line_that_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception) as skipped:
        found(search(tmp_path, {"PATH": ""}))

    line = str(skipped.value)
    assert "\n" not in line
    assert "kube-apiserver, kube-controller-manager, kube-scheduler, etcd not found" in line
    assert "setup-envtest use" in line
    assert "apt-get install etcd-server" in line


def test_what_is_missing_fails_where_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="etcd not found"):
        found(search(tmp_path, {"PATH": "", NEEDED: "1"}))


def test_a_named_folder_that_lacks_programs_is_not_made_up_for_by_another(tmp_path: Path) -> None:
    programs(tmp_path / "cache", *KUBERNETES, ETCD)
    named = programs(tmp_path / "named", APISERVER)

    with pytest.raises(pytest.skip.Exception) as skipped:
        found(search(tmp_path, {"PATH": "", ASSETS: str(named)}))

    assert f"kube-controller-manager, kube-scheduler not found in {ASSETS}={named};" in str(skipped.value)


def test_archives_are_unpacked_once_by_however_many(tmp_path: Path) -> None:
    archives, cache = tmp_path / "archives", tmp_path / "new" / "cache"
    archives.mkdir()
    content = b"#!/bin/sh\necho Kubernetes v1.20.2\n" + bytes(5_000_000)
    for name in KUBERNETES:
        (archives / f"{name}.xz").write_bytes(lzma.compress(content, preset=0))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: unpack(archives, cache), range(THREADS)))
    times = [(cache / name).stat().st_mtime_ns for name in KUBERNETES]
    unpack(archives, cache)

    assert sorted(path.name for path in cache.iterdir()) == sorted(KUBERNETES)
    assert all((cache / name).read_bytes() == content for name in KUBERNETES)
    assert [(cache / name).stat().st_mtime_ns for name in KUBERNETES] == times


def test_a_broken_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / f"{APISERVER}.xz").write_bytes(lzma.compress(bytes(10_000))[:-20])

    with pytest.raises(EOFError):
        unpack(tmp_path, tmp_path / "cache")

    assert list((tmp_path / "cache").iterdir()) == []


def test_new_programs_get_no_flags_that_they_do_not_know(tmp_path: Path) -> None:
    old, new = (command_lines(tmp_path, version) for version in ((1, 20), (1, 36)))

    assert old - new == {"--port=0"}
    assert new <= old


def command_lines(folder: Path, version: tuple[int, int]) -> set[str]:
    binaries = Binaries(folder, folder / ETCD, version)
    places = flags.Places(folder, 1, 2, 3, folder, Pair(folder, folder), folder, folder)
    commands = (flags.etcd, flags.apiserver, flags.manager, flags.scheduler)
    return {flag for command in commands for flag in command(binaries, places)}


def programs(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\necho Kubernetes v1.36.1\n")
        (folder / name).chmod(0o755)
    return folder


def search(folder: Path, environment: dict[str, str]) -> Search:
    return Search(environment, folder / "standard", folder / "cache", folder / "archives")


def place(search: Search) -> tuple[Path, Path]:
    binaries = found(search)
    return binaries.folder, binaries.etcd.parent
