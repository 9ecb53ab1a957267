"""The files that the supervisor and those who use the local cluster share: each replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from core.errors import UsageError
from core.pipeline import Pipeline
from core.values import Count, Frozen, Name, NonNegative, Positive
from tools.ports import Desired

Value = TypeVar("Value", bound=Frozen)
ReplicaPhase = Literal["starting", "ready", "draining"]


class ClusterSpec(Frozen):
    """What a local cluster is to serve, and with what."""

    pipeline: Pipeline
    kit: Name
    models: Path
    """Folder of the weights."""
    serving_python: Path
    """The interpreter that has MLServer and the models' libraries."""
    prometheus: Path
    """The Prometheus program."""
    labels: bool = False
    """Whether requests may bring their right answers along."""
    expires_after: Positive = 1.0
    """A request older than this many SLOs is dropped."""


class ReplicaState(Frozen):
    """One process of a stage."""

    stage: Name
    variant: Name
    address: str
    pid: Count
    phase: ReplicaPhase
    shadow: bool = False
    """Whether it only answers cases (`pipelines.serving.examiner`)."""


class Shadows(Frozen):
    """The variants that are to be examined though they do not serve."""

    variants: Mapping[Name, Name] = Field(default_factory=dict)
    """By stage, at most one each."""


class ClusterState(Frozen):
    """What the supervisor says of itself and of all processes."""

    pid: Count
    began_at: NonNegative
    """Unix time: the zero of the cluster's clock."""
    seen_at: NonNegative
    """Unix time of the last look."""
    router: str
    """host:port of the door."""
    router_ready: bool
    prometheus_url: str
    change: str
    """Id of the change that is being carried out or was last."""
    replicas: tuple[ReplicaState, ...]
    restarts: Count
    """Processes that ended without being told to."""
    problem: str = ""
    """The last thing that went wrong; empty where nothing did."""
    pids: tuple[Count, ...] = ()
    """Of all processes: whoever starts after a crash ends them first."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the files are."""

    folder: Path

    @property
    def spec(self) -> Path:
        """What is served."""
        return self.folder / "spec.json"

    @property
    def desired(self) -> Path:
        """What should run; the controller writes it."""
        return self.folder / "desired.json"

    @property
    def state(self) -> Path:
        """What runs; the supervisor writes it."""
        return self.folder / "state.json"

    @property
    def endpoints(self) -> Path:
        """For the router."""
        return self.folder / "endpoints.json"

    @property
    def shadows_wanted(self) -> Path:
        """Which variants are to be examined; the controller writes it."""
        return self.folder / "shadows-wanted.json"

    @property
    def shadows(self) -> Path:
        """For the router: replicas that only answer cases."""
        return self.folder / "shadows.json"

    @property
    def targets(self) -> Path:
        """For Prometheus."""
        return self.folder / "targets.json"

    @property
    def prometheus(self) -> Path:
        """The configuration of Prometheus."""
        return self.folder / "prometheus.yml"

    def config(self, stage: str, variant: str) -> Path:
        """Return the file of batch size and wait of a variant's replicas."""
        return self.folder / "config" / f"{stage}.{variant}.json"

    def log(self, name: str) -> Path:
        """Return the log of a process."""
        return self.folder / "logs" / f"{name}.log"

    def create(self) -> None:
        """Make the folders.

        Raises:
            UsageError: they cannot be made.
        """
        try:
            for folder in (self.folder, self.folder / "config", self.folder / "logs"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.folder}: cannot be written: {error.strerror}") from error

    def read_spec(self) -> ClusterSpec:
        """Return what is served."""
        return _read(self.spec, ClusterSpec)

    def read_desired(self) -> Desired:
        """Return what should run."""
        return _read(self.desired, Desired)

    def read_shadows(self) -> Shadows:
        """Return what is to be examined: nothing, where nobody said."""
        return _read(self.shadows_wanted, Shadows) if self.shadows_wanted.exists() else Shadows()

    def read_state(self) -> ClusterState | None:
        """Return what runs; None before the supervisor has said so."""
        return _read(self.state, ClusterState) if self.state.exists() else None


def _read(path: Path, kind: type[Value]) -> Value:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{path}: cannot be read as the local cluster's; use another folder") from error
