"""What a measurement depends on: what was asked for, code, packages, kind of machine."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from pipelines import profiling
from pipelines.kit import Kit, loader
from pipelines.profiling.machine import machine
from pipelines.profiling.measured import Settings

PACKAGES = ("onnxruntime", "opencv-python-headless", "pillow", "numpy", "scipy", "mlserver", "uvicorn")
"""Those that figures depend on, where they are installed."""
MEASURING = ("answers", "walk", "timing", "replica", "watch")
SHARED_CODE = (
    "kit.py",
    "pictures.py",
    "runtime.py",
    "serving",
    *(f"profiling/{name}.py" for name in MEASURING),
)


def variants_of(kit: Kit, only: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the variants to be measured, by stage.

    Raises:
        UsageError: there is no such stage or variant.
    """
    for stage, names in only.items():
        for name in names:
            loader(kit.stage(stage), name)
    return {stage.name: only.get(stage.name) or tuple(stage.variants) for stage in kit.stages}


def key_of(kit: Kit, settings: Settings) -> dict[str, object]:
    """Return everything that must be the same for steps to belong together."""
    return {
        "pipeline": kit.name,
        **settings.model_dump(mode="json"),
        "machine": machine(),
        "packages": packages(),
        "code": code_digest(kit.name),
    }


def packages() -> dict[str, str]:
    """Return the versions of the packages that figures depend on."""
    found = {d.name.lower(): d.version for d in distributions() if d.name}
    return {name: found[name] for name in PACKAGES if name in found} | {"python": platform.python_version()}


def code_digest(kit: str) -> str:
    """Return the SHA-256 over the code that is measured and that measures."""
    root = Path(profiling.__file__).parents[1]
    digest = hashlib.sha256()
    for part in (*SHARED_CODE, kit):
        place = root / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
