"""How a controller is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.context import LoopSettings
from core.decision import Mode
from tools.kubernetes.declared import Source

WORKERS = 4
"""Turns at once: they wait for the API server and the disk as long as they compute."""


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """What is looked after, and how."""

    namespaces: tuple[str, ...]
    data: Path
    """Folder with a folder for each pipeline: DATA/NAMESPACE/NAME."""
    mode: Mode = "observe"
    """The most that any pipeline may have done by itself; `spec.operation.mode` may be less."""
    declared: Source = "crd"
    loop: LoopSettings = field(default_factory=LoopSettings)
    workers: int = WORKERS

    def folder(self, namespace: str, name: str) -> Path:
        """Return the data folder of a pipeline."""
        return self.data / namespace / name
