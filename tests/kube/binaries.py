"""Where the programs of a control plane are found, as controller-runtime's envtest finds them.

In this order: the folder `KUBEBUILDER_ASSETS`, the `PATH`, /usr/local/kubebuilder/bin, and our own cache,
which is filled from `kube-*.xz` beside the project where they are there. The three of Kubernetes come from
one folder, as their versions must agree; etcd may come from another.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

APISERVER, MANAGER, SCHEDULER = KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
ETCD = "etcd"
ASSETS = "KUBEBUILDER_ASSETS"
NEEDED = "TESTS_NEED_KUBERNETES"
"""Set by CI: what is missing is then a failure and not a reason to skip."""
HELP = (
    "`setup-envtest use` brings kube-apiserver and etcd (or: apt-get install etcd-server), https://dl.k8s.io "
    f"the other two of the same version; name their folder in {ASSETS}"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs, and the version of Kubernetes they are."""

    folder: Path
    etcd: Path
    version: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look."""

    environment: Mapping[str, str]
    standard: Path
    cache: Path
    archives: Path

    @classmethod
    def here(cls) -> Search:
        """Return the places on this machine."""
        return cls(
            os.environ,
            Path("/usr/local/kubebuilder/bin"),
            Path("~/.cache/trimtab/kubebuilder").expanduser(),
            Path(__file__).parents[3] / "shared" / "kubernetes",
        )

    def folders(self) -> Iterator[Path]:
        """Give the folders, the first first."""
        if self.environment.get(ASSETS):
            yield Path(self.environment[ASSETS])
        yield from (Path(name) for name in os.get_exec_path(self.environment))
        yield from (self.standard, self.cache)

    def kubernetes(self) -> Path | None:
        """Return the folder of the three; who names one wants that and no other."""
        named = self.environment.get(ASSETS)
        folders = [Path(named)] if named else self.folders()
        return next((f for f in folders if not lacking(f, KUBERNETES)), None)

    def etcd(self) -> Path | None:
        """Return the program etcd."""
        return next((f / ETCD for f in self.folders() if not lacking(f, (ETCD,))), None)


def found(search: Search) -> Binaries:
    """Return the programs; without them skip the test, or fail it where CI should have them."""
    if not search.environment.get(ASSETS):
        unpack(search.archives, search.cache)
    folder, etcd = search.kubernetes(), search.etcd()
    if folder is None or etcd is None:
        _lack(search, [*(() if folder else KUBERNETES), *(() if etcd else (ETCD,))])
    return Binaries(folder, etcd, version(folder / APISERVER))


def lacking(folder: Path, names: tuple[str, ...]) -> list[str]:
    """Return which programs are not in a folder."""
    return [n for n in names if not ((folder / n).is_file() and os.access(folder / n, os.X_OK))]


def version(program: Path) -> tuple[int, int]:
    """Return the major and minor version that a program of Kubernetes says it is."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    match = re.search(r"v(\d+)\.(\d+)", said.stdout)
    assert match, f"{program} --version says {said.stdout!r}"
    return int(match[1]), int(match[2])


def unpack(archives: Path, cache: Path) -> None:
    """Fill the cache from the archives; another process may be doing the same at this moment."""
    for name in KUBERNETES:
        archive, target = archives / f"{name}.xz", cache / name
        if archive.is_file() and not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            _unpack(archive, target)


def _unpack(archive: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as partial:
        path = Path(partial.name)
        try:
            with lzma.open(archive) as packed:
                shutil.copyfileobj(packed, partial)
        except BaseException:
            path.unlink()
            raise
    path.chmod(0o755)
    # The whole file appears at once; should another process be first, it was the same file.
    path.replace(target)


def _lack(search: Search, missing: list[str]) -> NoReturn:
    named = search.environment.get(ASSETS)
    if named:
        missing = lacking(Path(named), tuple(missing))
    where = f" in {ASSETS}={named}" if named else ""
    message = f"no Kubernetes for tests: {', '.join(missing)} not found{where}; {HELP}"
    if search.environment.get(NEEDED):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
