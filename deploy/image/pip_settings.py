"""The user's own settings of pip, mirrors and certificates: a build may use them, and no layer keeps them."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.image.processes import ask

PASSED_ON = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
"""What says where packages come from and how. A folder of this machine does not exist in the build."""

NAMES_A_PLACE = ("index-url", "extra-index-url", "trusted-host", "proxy")
SECTIONS = ("global", "install", ":env:")
"""Of `pip config list`, the weightiest last."""

CERTIFICATES = "cert"
MOUNTED_CERTIFICATES = "/run/ca.pem"
"""Where the Dockerfiles mount the certificates."""


@dataclass(frozen=True, slots=True)
class PipSettings:
    """What a build needs to install from where the user installs from."""

    lines: tuple[str, ...]
    """Of the section `global` of a pip.conf."""

    certificates: Path | None
    places: tuple[str, ...]
    """Addresses that no image may hold."""

    def secrets(self, folder: Path) -> list[str]:
        """Write what there is to the folder; return the options of a build that mount it."""
        options = []
        if self.lines:
            written = folder / "pip.conf"
            written.write_text("\n".join(("[global]", *self.lines, "")), encoding="utf-8")
            options += ["--secret", f"id=pip.conf,src={written}"]
        if self.certificates is not None:
            options += ["--secret", f"id=ca.pem,src={self.certificates}"]
        return options


def of_this_user() -> PipSettings:
    """Ask pip for its settings, from files and environment alike."""
    return parsed(ask([sys.executable, "-m", "pip", "config", "list"]))


def parsed(listing: str) -> PipSettings:
    """Read what `pip config list` prints, which names the section of every value."""
    settings: dict[str, str] = {}
    for section in SECTIONS:
        for line in listing.splitlines():
            if line.startswith(f"{section}."):
                key, _, value = line.removeprefix(f"{section}.").partition("=")
                settings[key] = str(ast.literal_eval(value))
    kept = {name: values for name in PASSED_ON if (values := _remote(settings.get(name, "")))}
    lines = [f"{name} = {' '.join(values)}" for name, values in kept.items()]
    certificates = settings.get(CERTIFICATES)
    return PipSettings(
        lines=(*lines, f"{CERTIFICATES} = {MOUNTED_CERTIFICATES}") if certificates else tuple(lines),
        certificates=Path(certificates) if certificates else None,
        places=tuple(place for name in NAMES_A_PLACE for place in kept.get(name, ())),
    )


def _remote(value: str) -> tuple[str, ...]:
    return tuple(part for part in value.split() if not part.startswith("file:"))
