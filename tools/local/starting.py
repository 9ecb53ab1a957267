"""How a server of `pipelines.serving` is started as a process: with what a pod would get, and no more."""

from __future__ import annotations

import os
from pathlib import Path

import pipelines
from pipelines.serving.contract import ReplicaSettings, RouterSettings, environment_of
from tools.local.child import Child
from tools.local.layout import ClusterSpec, Layout

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""Of our own environment; everything else, keys above all, stays here."""
READY_PATH = "/v2/health/ready"


def start_server(
    spec: ClusterSpec, settings: ReplicaSettings | RouterSettings, layout: Layout, name: str
) -> Child:
    """Start a replica or the router.

    Raises:
        OSError: the interpreter cannot be started.
    """
    environment = own_environment(settings.threads if isinstance(settings, ReplicaSettings) else 1)
    environment |= environment_of(settings)
    return Child.start(
        name,
        [str(spec.serving_python), "-m", "pipelines.serving"],
        environment,
        address=f"{settings.host}:{settings.port}",
        ready_path=READY_PATH,
        log=layout.log(name),
    )


def own_environment(threads: int) -> dict[str, str]:
    """Return the environment of a process that runs our code: the project on its path, so many threads."""
    passed = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    return {
        **passed,
        "PYTHONPATH": str(Path(pipelines.__file__).resolve().parent.parent),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }
