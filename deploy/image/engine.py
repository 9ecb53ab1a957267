"""What builds and runs containers: Docker where its daemon answers, else Debian's buildah and podman.

Both take the same words, so the difference is a handful of options. Buildah builds in a chroot, as this
machine's root and without namespaces; podman runs what was built in namespaces, with seccomp and cgroups, as
Docker does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError
from deploy.image.processes import ProgramFailed, ask, must_have, show

BUILD_IN_A_CHROOT = (
    *("buildah", "build", "--isolation=chroot", "--network=host", "--pull=never", "--layers"),
    "--format=docker",  # OCI's own format has no HEALTHCHECK
)
WITHOUT_SYSTEMD = ("--cgroup-manager=cgroupfs",)
SYSTEMD = Path("/run/systemd/system")
PURE_CGROUPS = Path("/sys/fs/cgroup/cgroup.controllers")
"""Is there where cgroups are of version 2 alone. podman's usual runtime, crun, refuses a mixture."""

MODEST_LIMITS = ("--ulimit=nofile=1024:4096", "--ulimit=nproc=4096:4096")
"""podman's own are more than a root without CAP_SYS_RESOURCE may give."""

SEALED = (
    *("--rm", "--read-only", "--tmpfs=/tmp", "--network=none"),
    *("--cap-drop=all", "--security-opt=no-new-privileges"),
)
"""How a container is started here: it writes to /tmp and what is mounted, without a network or rights."""

PROBE_S = 60.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A builder and a runner with Docker's words."""

    name: str
    builder: tuple[str, ...]
    runner: tuple[str, ...]
    run_options: tuple[str, ...] = ()
    makes_base: bool = False
    """Whether the base must be there before: nothing is fetched."""

    def build(self, *, file: Path, tag: str, context: Path, options: Sequence[str]) -> None:
        """Build an image, its output on the terminal."""
        show([*self.builder, "--file", str(file), "--tag", tag, *options, str(context)])

    def has(self, tag: str) -> bool:
        """Say whether there is an image of that name."""
        try:
            self.ask("image", "inspect", tag)
        except ProgramFailed:
            return False
        return True

    def save(self, tag: str, file: Path) -> None:
        """Write the image to a file, all its layers."""
        self.ask("save", "--output", str(file), tag)

    def run(self, tag: str, *arguments: str, options: Sequence[str], given: str, timeout_s: float) -> str:
        """Run a sealed container to its end and return what it prints."""
        command = ["run", "--interactive", *SEALED, *self.run_options, *options, tag, *arguments]
        return self.ask(*command, given=given, timeout_s=timeout_s)

    def start(self, tag: str, *arguments: str, name: str, options: Sequence[str]) -> None:
        """Start a sealed container of that name in the background."""
        sealed = [option for option in SEALED if option != "--rm"]
        self.ask("run", "--detach", "--name", name, *sealed, *self.run_options, *options, tag, *arguments)

    def ask(self, *arguments: str, given: str = "", timeout_s: float = 600.0) -> str:
        """Give the runner a command and return what it prints."""
        return ask([*self.runner, *arguments], given=given, timeout_s=timeout_s)


def found(name: str) -> Engine:
    """Return the engine of that name, or with `auto` the first that works.

    Raises:
        UsageError: there is none, or what it needs is not installed.
    """
    if name == "docker" or (name == "auto" and _docker_answers()):
        return Engine(name=_version("docker"), builder=("docker", "build"), runner=("docker",))
    return _buildah()


def _docker_answers() -> bool:
    try:
        ask(["docker", "info"], timeout_s=PROBE_S)
    except (ProgramFailed, OSError):
        return False
    return True


def _buildah() -> Engine:
    if os.geteuid() != 0:
        raise UsageError("buildah builds in a chroot, which only root may: run make as root, or run Docker")
    runtime = () if PURE_CGROUPS.exists() else ("runc",)
    must_have(("buildah", "podman", "debootstrap", *runtime))
    manager = () if SYSTEMD.exists() else WITHOUT_SYSTEMD
    return Engine(
        name=f"{_version('buildah')} in a chroot, {_version('podman')} {' '.join(runtime)}".strip(),
        builder=BUILD_IN_A_CHROOT,
        runner=("podman", *(f"--runtime={name}" for name in runtime), *manager),
        # Health checks of podman are timers of systemd; ours is run by hand.
        run_options=("--no-healthcheck", *MODEST_LIMITS),
        makes_base=True,
    )


def _version(program: str) -> str:
    """Return the name and version of a program, such as `podman 4.3.1`."""
    words = ask([program, "--version"], timeout_s=PROBE_S).replace(",", "").split()
    return f"{program} {words[words.index('version') + 1]}"
