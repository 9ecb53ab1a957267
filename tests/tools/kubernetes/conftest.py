"""What the tests before faults share: the toy behind a proxy that does what it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kube.plane import Plane
from tests.kube.proxy import FaultProxy, fault_proxy
from tests.tools.kubernetes.clusters import Toy
from tests.tools.kubernetes.faulty import SHORT


@pytest.fixture
def proxy(plane: Plane) -> Iterator[FaultProxy]:
    with fault_proxy(plane, plane.admin_kubeconfig) as found:
        yield found


@pytest.fixture
def cluster(plane: Plane, namespace: str, proxy: FaultProxy) -> Toy:
    return Toy(plane.admin_kubeconfig, namespace, product=proxy.kubeconfig, timeouts=SHORT)
