"""The toy pipeline behind an API server that fails, and what to say of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from core.configuration import Configuration
from tests.kube.faults import Fault, Request
from tests.kube.proxy import FaultProxy
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.stages import configured
from tools.kubernetes.api import Timeouts

SHORT = Timeouts(connect_s=1.0, read_s=1.0)
BEFORE, AFTER = configured("small", 1, 1), configured("large", 3, 2)
BEFORE_AS_APPLIED = configured("small", 2, 2)
LOAD_RPS = 12.0
PATIENCE_S = 60.0
"""Until the controllers of a restarted server have caught up, on a busy machine."""
FIND, READ = r"/deployments/toy-find$", r"/deployments/toy-read$"
STAGES = ("find", "read")


def apply(cluster: Toy, change: str = "toy-1", configuration: Configuration = AFTER) -> None:
    cluster.actuator.apply(change, cluster.approved(configuration, LOAD_RPS), LOAD_RPS)


def says(cluster: Toy) -> tuple[tuple[str, int], ...]:
    return tuple(cluster.says(stage) for stage in STAGES)


def told(configuration: Configuration) -> tuple[tuple[str, int], ...]:
    return tuple((s.variant, s.replicas) for s in configuration.stages)


def taken(proxy: FaultProxy, path: str) -> int:
    """Return how many writes the API server took."""
    return sum(s.upstream == 200 for s in proxy.asked("PATCH", path) if "dryRun" not in s.request.query)


def assert_applied_once(cluster: Toy, proxy: FaultProxy) -> None:
    assert says(cluster) == told(AFTER)
    assert (taken(proxy, FIND), taken(proxy, READ)) == (1, 1)
    assert cluster.actuator.desired().change == "toy-1"


def meanwhile(proxy: FaultProxy, path: str, happens: Callable[[], object]) -> None:
    """Have something happen between the product's last look and its first write to a path."""
    once = count()

    def script(request: Request) -> Fault | None:
        if request.method == "PATCH" and request.path.endswith(path) and next(once) == 0:
            happens()
        return None

    proxy.script = script
