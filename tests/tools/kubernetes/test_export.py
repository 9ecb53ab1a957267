"""The policy that is left behind: figures by hand, and real servers that understand it.

A small replica of the toy's `find` serves 10 requests/s on 1 core, a large one 5 on 2; one of `read` 10.
"""

from __future__ import annotations

import math
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from ruamel.yaml import YAML

from core.document import document_of, pipeline_from
from core.errors import UsageError
from core.pipeline import Pipeline
from tests.kube.plane import Plane
from tests.tools.exporter import Story, prometheus, told
from tests.tools.kubernetes.stages import configured, toy
from tests.tools.kubernetes.strict import lost
from tools.kubernetes.api import connect
from tools.kubernetes.export import METRIC, Scaling, adapter_rules, hpa, keda, query, scalings
from tools.kubernetes.hindrance import autoscalers

Json = dict[str, Any]
CRD = Path(__file__).parent / "crds" / "keda.yaml"
LIMIT_S = 20.0
SETTLED_S = 1.0
"""After which all samples up to a moment are in."""
URL = "http://prometheus.example:9090"


def scaled(
    pipeline: Pipeline | None = None, *, headroom: float = 1.25, namespace: str = "here"
) -> list[Scaling]:
    """Return how the toy is scaled from three large and two `read` replicas at 12 requests/s."""
    found = scalings(
        pipeline or toy(), configured("large", 3, 2), 12.0, headroom=headroom, namespace=namespace
    )
    return list(found)


def changed(stage: Json) -> Pipeline:
    document = document_of(toy())
    document["spec"]["stages"][0] |= stage
    return pipeline_from(document)


def test_a_replica_is_wanted_for_what_one_serves_less_the_headroom() -> None:
    find, read = scaled()

    assert (find.per_replica_rps, read.per_replica_rps) == (4.0, 8.0)
    assert (find.least, find.most) == (1, 8)


@pytest.mark.parametrize("load_rps", [1.0, 7.9, 12.0, 19.0])
def test_at_a_load_that_holds_an_hpa_asks_for_what_the_headroom_needs(load_rps: float) -> None:
    find = hpa(scaled()[0])["spec"]["metrics"][0]["external"]["target"]
    target_rps = int(find["averageValue"].removesuffix("m")) / 1000

    assert math.ceil(load_rps / target_rps) * 5.0 >= 1.25 * load_rps  # as the HPA computes it


def test_both_kinds_have_the_same_target_and_the_same_bounds() -> None:
    find = scaled(headroom=1.1)[0]
    one, other = hpa(find)["spec"], keda(find, URL)["spec"]

    assert one["metrics"][0]["external"]["target"] == {"type": "AverageValue", "averageValue": "4545m"}
    assert other["triggers"][0]["metadata"]["threshold"] == "4.545"
    assert (one["minReplicas"], one["maxReplicas"]) == (1, 8)
    assert (other["minReplicaCount"], other["maxReplicaCount"]) == (1, 8)
    assert one["behavior"] == other["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


def test_it_shrinks_as_the_loop_does_and_grows_at_once() -> None:
    behavior = hpa(scaled()[0])["spec"]["behavior"]

    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 60
    assert behavior["scaleDown"]["policies"] == [{"type": "Percent", "value": 50, "periodSeconds": 15}]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleUp"]["policies"][0]["value"] >= 8


def test_a_stage_keeps_a_replica_as_nothing_else_counts_its_arrivals() -> None:
    none = scaled(changed({"replicas": {"min": 0, "max": 5}}))[0]

    assert none.least == 1


@pytest.mark.parametrize(("max_cores", "most"), [(7.0, 3), (100.0, 8), (1.0, 1)])
def test_the_cores_of_a_stage_bound_its_replicas(max_cores: float, most: int) -> None:
    assert scaled(changed({"maxCores": max_cores}))[0].most == most


def test_what_is_lost_is_written_on_it() -> None:
    notes = hpa(scaled()[0])["metadata"]["annotations"]

    assert "batch size stay as they are" in notes["trimtab.dev/lost"]
    assert "12 cores is not shared" in notes["trimtab.dev/lost"]
    assert "large at batch 1 serves 5/s; headroom 1.25" in notes["trimtab.dev/exported"]
    assert "At 12/s that asks for 3; the configuration has 3" in notes["trimtab.dev/exported"]


def test_a_configuration_of_another_pipeline_is_refused() -> None:
    with pytest.raises(UsageError, match="no variant 'huge'"):
        scalings(toy(), configured("huge", 1, 1), 5.0, headroom=1.1, namespace="here")


def test_a_real_server_takes_every_field_of_an_hpa(plane: Plane, namespace: str) -> None:
    sent = [adapter_rules(namespace), *(hpa(s, "v2beta2") for s in scaled(namespace=namespace))]

    taken = plane.apply(sent, namespace, dry_run=True)

    assert [found for one, other in zip(sent, taken, strict=True) for found in lost(one, other)] == []


def test_a_real_server_takes_every_field_of_a_scaled_object(plane: Plane, namespace: str) -> None:
    plane.apply(CRD)
    sent = [keda(s, URL) for s in scaled(namespace=namespace)]

    taken = plane.apply(sent, namespace, dry_run=True)

    assert [found for one, other in zip(sent, taken, strict=True) for found in lost(one, other)] == []


def test_trimtab_leaves_alone_what_was_handed_over(plane: Plane, namespace: str) -> None:
    plane.apply(CRD)
    find, read = scaled(namespace=namespace)
    plane.apply([hpa(find, "v2beta2"), keda(read, URL)], namespace)

    with closing(connect(plane.admin_kubeconfig)) as api:
        owned = autoscalers(api, namespace).owners

    assert owned == {
        ("Deployment", "toy-find"): "HorizontalPodAutoscaler 'toy-find'",
        ("Deployment", "toy-read"): "ScaledObject 'toy-read'",
    }


def test_the_versions_of_an_hpa_differ_in_nothing_else() -> None:
    new, old = (hpa(scaled()[0], version) for version in ("v2", "v2beta2"))

    assert new.pop("apiVersion") == "autoscaling/v2"
    assert old.pop("apiVersion") == "autoscaling/v2beta2"
    assert new == old


def test_a_real_prometheus_answers_with_the_arrivals_of_that_stage_alone(tmp_path: Path) -> None:
    find, read = scaled()
    elsewhere = scaled(namespace="there")[0]
    growth = {("here", "find"): 2, ("here", "read"): 4, ("there", "find"): 10}
    story = Story(
        [
            {f'trimtab_items_arrived_total{{namespace="{ns}",pipeline="toy",stage="{stage}"}}': by * page
             for (ns, stage), by in growth.items()}
            for page in range(8)
        ]
    )  # fmt: skip

    with told(story) as addresses, prometheus(addresses, tmp_path) as url:
        assert story.over.wait(LIMIT_S)
        at = time.time()
        time.sleep(SETTLED_S)
        rates = [asked(url, query(each), at) for each in (find, read, elsewhere)]
        adapted = asked(url, as_adapted(find), at)

    assert rates[0] > 0
    assert rates[1:] == pytest.approx([2 * rates[0], 5 * rates[0]], rel=0.01)
    assert adapted == rates[0]


def test_the_rule_of_the_adapter_names_what_the_hpa_asks_for() -> None:
    assert adapter_rule()["name"] == {"matches": "^trimtab_items_arrived_total$", "as": METRIC}
    assert hpa(scaled()[0])["spec"]["metrics"][0]["external"]["metric"]["name"] == METRIC


def adapter_rule() -> Json:
    (rule,) = YAML(typ="safe").load(adapter_rules("here")["data"]["config.yaml"])["externalRules"]
    return dict(rule)


def as_adapted(scaling: Scaling) -> str:
    """Return the query that prometheus-adapter makes of its rule for the HPA of a stage."""
    metric = hpa(scaling)["spec"]["metrics"][0]["external"]["metric"]
    labels = {"namespace": scaling.namespace, **metric["selector"]["matchLabels"]}
    matchers = ",".join(f'{key}="{value}"' for key, value in labels.items())
    text = str(adapter_rule()["metricsQuery"])
    return text.replace("<<.Series>>", "trimtab_items_arrived_total").replace("<<.LabelMatchers>>", matchers)


def asked(url: str, promql: str, at: float) -> float:
    """Return the one value of an instant query."""
    answer = requests.get(f"{url}/api/v1/query", {"query": promql, "time": str(at)}, timeout=LIMIT_S).json()
    (row,) = answer["data"]["result"]
    assert row["metric"] == {}
    return float(row["value"][1])
