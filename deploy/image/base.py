"""Makes the base image here, under the name that FROM uses, where nothing can be fetched from a registry."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from deploy.image.dockerfile import Base, qualified
from deploy.image.engine import Engine
from deploy.image.processes import show

RECIPE = Path(__file__).with_name("base.Dockerfile")
MIRROR = "http://deb.debian.org/debian"
MIRROR_VARIABLE = "DEBIAN_MIRROR"


def make(base: Base, engine: Engine) -> None:
    """Install a smallest Debian into a folder, add Python, and tag the result with the base's name.

    Raises:
        ProgramFailed: debootstrap, tar or the build ended with an error.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, MIRROR)
    with tempfile.TemporaryDirectory(prefix="trimtab-base-") as folder:
        root, packed = Path(folder) / "root", Path(folder) / "context" / "rootfs.tar"
        packed.parent.mkdir()
        show(["debootstrap", "--variant=minbase", base.suite, str(root), mirror])
        # A tar keeps owners and modes; copying a folder into an image does not. Devices are the engine's.
        show(["tar", "--create", "--file", str(packed), "--directory", str(root), "--exclude=./dev/*", "."])
        given = {"SUITE": base.suite, "PYTHON": base.python, "MIRROR": mirror}
        arguments = [part for name, value in given.items() for part in ("--build-arg", f"{name}={value}")]
        engine.build(
            file=RECIPE, tag=qualified(base.name), context=packed.parent, options=["--squash", *arguments]
        )
