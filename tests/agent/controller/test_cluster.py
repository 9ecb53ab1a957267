from __future__ import annotations

import pytest

from agent.controller.cluster import PipelineOnKubernetes
from core.errors import MetricsUnavailable
from core.observation import Observation, StageObservation
from tests.kube.plane import Plane
from tests.tools.kubernetes.clusters import Toy

SEEN = Observation(
    time_s=10,
    interval_s=10,
    loads_rps=(8.0,),
    latency_s=0.5,
    in_time=1.0,
    dropped_rps=0.0,
    accuracy=None,
    stages=(
        StageObservation(stage="find", arrivals_rps=8.0, queue=0.0, ready=1),
        StageObservation(stage="read", arrivals_rps=8.0, queue=0.0, ready=None),
    ),
)


@pytest.fixture
def cluster(plane: Plane, namespace: str) -> PipelineOnKubernetes:
    return PipelineOnKubernetes(Toy(plane.admin_kubeconfig, namespace).actuator)


def test_a_reading_is_used_once(cluster: PipelineOnKubernetes) -> None:
    cluster.reading = SEEN

    assert cluster.observe().loads_rps == (8.0,)
    with pytest.raises(MetricsUnavailable, match="nothing was read since the last turn"):
        cluster.observe()


def test_why_nothing_is_known_is_raised(cluster: PipelineOnKubernetes) -> None:
    cluster.reading = MetricsUnavailable("Prometheus is away")

    with pytest.raises(MetricsUnavailable, match="Prometheus is away"):
        cluster.observe()


def test_pods_of_before_are_not_ready_replicas_of_what_is_wanted(cluster: PipelineOnKubernetes) -> None:
    cluster.reading = SEEN

    ready = {stage.stage: stage.ready for stage in cluster.observe().stages}

    assert ready == {"find": 0, "read": None}, "nobody plays the nodes: no pod of the template is ready"
