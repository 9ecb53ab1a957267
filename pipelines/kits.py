"""The ready pipelines by name. A kit is imported when asked for: its libraries are an extra of its own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from core.errors import UsageError
from pipelines.kit import Kit

EXTRAS = {
    "id_card": ("id-card", ("onnxruntime", "cv2", "PIL")),
    "video": ("video", ("onnxruntime", "cv2", "PIL", "sklearn", "onnx")),
    "audio": ("audio", ("onnxruntime", "pocketsphinx")),
    "qa": ("qa", ("onnxruntime",)),
}
"""By pipeline: the extra of pyproject.toml, and the modules that it installs."""


def load(name: str) -> Kit:
    """Return the kit called *name*.

    Raises:
        UsageError: there is none, or what it needs is not installed.
    """
    if name not in EXTRAS:
        raise UsageError(f"there is no ready pipeline {name!r}, only {', '.join(EXTRAS)}")
    extra, modules = EXTRAS[name]
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"pipeline {name!r} needs {', '.join(missing)}: run make serving, "
            f'or install the extra with pip install "trimtab[{extra}]"'
        )
    kit: Kit = import_module(f"pipelines.{name}.kit").KIT
    return kit
