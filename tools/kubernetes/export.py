"""The present policy as plain objects, so that leaving is easy: an HPA or a KEDA ScaledObject for each stage.

    least and most replicas   the stage's bounds; at least one, as arrivals are counted by replicas
    arrivals a replica        what the profile says one replica serves, divided by the headroom
    up                        at once, as far as the bound
    down                      on the largest wish of the stabilisation window, half of the replicas at a time

What such an autoscaler cannot do is written on it (`LOST`): it sees one stage and a number. Metrics that are
missing scale nothing: an HPA holds still on an error, and KEDA is told to make one of an empty answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from core.configuration import Configuration, StageConfiguration
from core.pace import Pace
from core.pipeline import Pipeline, Stage
from core.prediction import stage_loads
from pipelines.serving.names import ITEMS_ARRIVED
from tools.kubernetes import names
from tools.kubernetes.render import checked_names, metadata

Json = dict[str, Any]
HpaVersion = Literal["v2", "v2beta2"]
"""Of HorizontalPodAutoscaler: v2 from Kubernetes 1.23 on, v2beta2 before 1.26."""

METRIC = "trimtab_items_arrived_per_second"
"""Under this name the adapter offers a stage's arrivals."""
RATE = "1m"
"""Window of the rate: four scrapes at the usual 15 s."""
DECISION_S = 15
"""An HPA looks so often; a share of the replicas may go each time."""
POLL_S = 15
LOST = f"{names.GROUP}/lost"
FROM = f"{names.GROUP}/exported"
ADAPTER = "trimtab-adapter-rules"


@dataclass(frozen=True, slots=True)
class Scaling:
    """How one stage is scaled."""

    pipeline: str
    stage: str
    namespace: str
    least: int
    most: int
    per_replica_rps: float
    """Arrivals for which one replica is wanted."""
    exported: str
    """What it was made from, in words."""
    lost: str
    """What it cannot do that Trimtab did, in words."""

    @property
    def name(self) -> str:
        """The name of the Deployment, and of what scales it."""
        return names.workload(self.pipeline, self.stage)


@dataclass(frozen=True, slots=True)
class _Given:
    headroom: float
    namespace: str


def scalings(
    pipeline: Pipeline, configuration: Configuration, load_rps: float, *, headroom: float, namespace: str
) -> tuple[Scaling, ...]:
    """Return how each stage is scaled from now on, its variant and batch size as configured.

    Args:
        pipeline: Whose bounds and profile hold.
        configuration: What runs.
        load_rps: The load it was decided for.
        headroom: Capacity carries this many times the load.
        namespace: Of the workloads.

    Raises:
        UsageError: the configuration does not fit the pipeline, or a name cannot be one of an object.
    """
    checked_names(pipeline)
    configuration = configuration.checked(pipeline)
    loads = stage_loads(pipeline, configuration, load_rps)
    given = _Given(headroom, namespace)
    return tuple(
        _scaling(pipeline, stage, configuration[stage.name], loads[stage.name], given)
        for stage in pipeline.stages
    )


def hpa(scaling: Scaling, version: HpaVersion = "v2") -> Json:
    """Return the HorizontalPodAutoscaler of a stage, on the metric that `adapter_rules` offers."""
    selector = {"matchLabels": {"pipeline": scaling.pipeline, "stage": scaling.stage}}
    milli = math.floor(scaling.per_replica_rps * 1000)
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(scaling),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": scaling.name},
            "minReplicas": scaling.least,
            "maxReplicas": scaling.most,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": METRIC, "selector": selector},
                        "target": {"type": "AverageValue", "averageValue": f"{max(1, milli)}m"},
                    },
                }
            ],
            "behavior": _behavior(scaling),
        },
    }


def adapter_rules(namespace: str) -> Json:
    """Return a ConfigMap with the rule for prometheus-adapter, to be put into its own configuration."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(ADAPTER, namespace, {"app.kubernetes.io/part-of": "trimtab"}),
        "data": {"config.yaml": ADAPTER_RULES},
    }


ADAPTER_RULES = f"""\
externalRules:
- seriesQuery: '{{__name__="{ITEMS_ARRIVED}",namespace!="",pipeline!="",stage!=""}}'
  resources:
    overrides:
      namespace: {{resource: namespace}}
  name:
    matches: ^{ITEMS_ARRIVED}$
    as: {METRIC}
  metricsQuery: sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[{RATE}]))
"""


def keda(scaling: Scaling, prometheus: str) -> Json:
    """Return the ScaledObject of a stage.

    Args:
        scaling: How it is scaled.
        prometheus: URL of the Prometheus that KEDA asks.
    """
    per_replica = math.floor(scaling.per_replica_rps * 1000) / 1000
    trigger = {
        "serverAddress": prometheus,
        "query": query(scaling),
        "threshold": f"{max(0.001, per_replica):g}",
        "ignoreNullValues": "false",
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": _metadata(scaling),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": scaling.name},
            "pollingInterval": POLL_S,
            "minReplicaCount": scaling.least,
            "maxReplicaCount": scaling.most,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(scaling)}},
            "triggers": [{"type": "prometheus", "metricType": "AverageValue", "metadata": trigger}],
        },
    }


def query(scaling: Scaling) -> str:
    """Return the PromQL of a stage's arrivals per second."""
    labels = {"namespace": scaling.namespace, "pipeline": scaling.pipeline, "stage": scaling.stage}
    matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"sum(rate({ITEMS_ARRIVED}{{{matchers}}}[{RATE}]))"


def _scaling(
    pipeline: Pipeline, stage: Stage, setting: StageConfiguration, stage_rps: float, given: _Given
) -> Scaling:
    variant = stage.variant(setting.variant)
    replica_rps = variant.at(setting.batch).throughput_rps
    per_replica_rps = replica_rps / given.headroom
    least = max(1, stage.replicas.min)
    most = _most(stage, variant.cores, least)
    wanted = min(most, max(least, math.ceil(stage_rps / per_replica_rps)))
    return Scaling(
        pipeline=pipeline.name,
        stage=stage.name,
        namespace=given.namespace,
        least=least,
        most=most,
        per_replica_rps=per_replica_rps,
        exported=(
            f"A replica of {variant.name} at batch {setting.batch} serves {replica_rps:.4g}/s; headroom "
            f"{given.headroom:g}. At {stage_rps:.4g}/s that asks for {wanted}; the configuration has "
            f"{setting.replicas}."
        ),
        lost=_lost(pipeline),
    )


def _most(stage: Stage, cores: float, least: int) -> int:
    """Return the most replicas that the stage's own limits let be."""
    if stage.max_cores is None:
        return stage.replicas.max
    return max(least, min(stage.replicas.max, math.floor(stage.max_cores / cores)))


def _lost(pipeline: Pipeline) -> str:
    budget = pipeline.limits.max_cores
    shared = "" if budget is None else f" The budget of {budget:g} cores is not shared between stages."
    return (
        "Variant and batch size stay as they are: no better model on a quiet day, no smaller one in a rush. "
        f"Nobody looks at the latency SLO of {pipeline.slo.latency_s:g} s, accuracy, drift or a forecast, "
        f"and nothing that fails is put back.{shared}"
    )


def _metadata(scaling: Scaling) -> Json:
    labels = {names.PIPELINE: scaling.pipeline, names.STAGE: scaling.stage}
    notes = {FROM: scaling.exported, LOST: scaling.lost}
    return metadata(scaling.name, scaling.namespace, labels, annotations=notes)


def _behavior(scaling: Scaling) -> Json:
    """Return how fast: growth is never limited, shrinking as `core.pace` has it."""
    pace = Pace()
    share = round(100 * (1 - pace.least_left))
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": scaling.most, "periodSeconds": DECISION_S}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": round(pace.stabilisation_s),
            "policies": [{"type": "Percent", "value": share, "periodSeconds": DECISION_S}],
        },
    }
