"""Streamlit puts `ui/` first on the path: a file there with a package's name would be imported instead."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import ui


def test_nothing_in_ui_bears_the_name_of_a_package() -> None:
    names = {path.stem for path in Path(ui.__file__).parent.iterdir() if path.suffix in ("", ".py")}

    packages = {name.lower() for name in packages_distributions()} | set(sys.stdlib_module_names)
    assert not (names - {"__init__", "__pycache__"}) & packages
