"""The kind Pipeline on a real API server: takes what the product takes, and loses nothing in silence."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.folders import BASE, Json
from tests.deploy.kustomize import load
from tests.deploy.strictly import lost
from tests.kube.plane import Plane
from tests.kube.rest import Refused
from tests.pipelines.files import GOOD
from tools.kubernetes.api import connect
from tools.kubernetes.declared import Operation, PipelineObjects

SHIPPED = sorted((Path(__file__).parents[2] / "pipelines").glob("*/pipeline.yaml"))
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
NAMES = (f"p{k}" for k in itertools.count())


@pytest.fixture(scope="module")
def kind(plane: Plane) -> Plane:
    """Give a control plane that knows the kind."""
    plane.apply(BASE / "crd.yaml")
    return plane


def path(namespace: str) -> str:
    return f"/apis/trimtab.dev/v1/namespaces/{namespace}/pipelines"


def pipeline(spec: Mapping[str, Any], name: str | None = None) -> Json:
    return {
        "apiVersion": "trimtab.dev/v1",
        "kind": "Pipeline",
        "metadata": {"name": name or next(NAMES)},
        "spec": copy.deepcopy(dict(spec)),
    }


def create(kind: Plane, namespace: str, spec: Mapping[str, Any], **query: str) -> Json:
    return kind.rest.post(path(namespace), pipeline(spec), **query)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda p: p.parent.name)
def test_a_shipped_pipeline_is_taken_as_it_is(kind: Plane, namespace: str, file: Path) -> None:
    [document] = load(file)

    answer = create(kind, namespace, document["spec"])

    operation = answer["spec"].pop("operation")
    assert answer["spec"] == document["spec"]
    assert operation == {"mode": "observe", "workload": "deployment"}


def test_what_is_left_out_of_the_operation_is_what_the_product_takes_it_for(
    kind: Plane, namespace: str
) -> None:
    answer = create(kind, namespace, {**GOOD["spec"], "operation": {"metrics": {"load": "sum(x)"}}})

    assert Operation.model_validate(answer["spec"]["operation"]) == Operation(metrics={"load": "sum(x)"})


Spoil = Callable[[Any], object]
STAGE: Callable[[Any], Any] = lambda spec: spec["stages"][0]  # noqa: E731
VARIANT: Callable[[Any], Any] = lambda spec: spec["stages"][0]["variants"][0]  # noqa: E731


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda s: s.pop("slo"), id="no SLO"),
        pytest.param(lambda s: s["slo"].update(latency=0), id="no time at all"),
        pytest.param(lambda s: s["slo"].update(latency="2 s"), id="a text for seconds"),
        pytest.param(lambda s: s["slo"].update(quantile=1), id="all of the requests"),
        pytest.param(lambda s: s.update(accuracy="mean"), id="an unknown accuracy mode"),
        pytest.param(lambda s: s["objective"].update(beta=-1), id="a gain for cores"),
        pytest.param(lambda s: s["objective"].update(minimise="latency"), id="an unknown objective"),
        pytest.param(lambda s: s["limits"].update(maxCores=0), id="no cores"),
        pytest.param(lambda s: s.update(stages=[]), id="no stage"),
        pytest.param(lambda s: s["stages"].append(STAGE(s)), id="a stage twice"),
        pytest.param(lambda s: STAGE(s).update(name=""), id="a stage without a name"),
        pytest.param(lambda s: STAGE(s).update(variants=[]), id="a stage without variants"),
        pytest.param(lambda s: STAGE(s)["replicas"].update(min=-1), id="less than no replica"),
        pytest.param(lambda s: STAGE(s)["replicas"].update(max=1.5), id="half a replica"),
        pytest.param(lambda s: VARIANT(s).update(accuracy=1.1), id="better than right"),
        pytest.param(lambda s: VARIANT(s).update(cores=0), id="a variant without cores"),
        pytest.param(lambda s: VARIANT(s).pop("profile"), id="a variant that was not measured"),
        pytest.param(lambda s: VARIANT(s)["profile"][0].update(batch=0), id="an empty batch"),
        pytest.param(lambda s: VARIANT(s)["profile"].append({"batch": 1, "latency": 9}), id="a batch twice"),
        pytest.param(lambda s: s.update(operation={"mode": "yolo"}), id="an unknown mode"),
        pytest.param(lambda s: s.update(operation={"workload": "cron"}), id="an unknown workload"),
        pytest.param(lambda s: s.update(operation={"metrics": {"load": 3}}), id="a query that is none"),
    ],
)
def test_nonsense_is_refused_at_the_door(kind: Plane, namespace: str, spoil: Spoil) -> None:
    spec = copy.deepcopy(GOOD["spec"])
    create(kind, namespace, spec)
    spoil(spec)

    with pytest.raises(Refused) as refused:
        create(kind, namespace, spec)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        pytest.param(lambda s: s["limits"].update(maxCore=8), "spec.limits.maxCore", id="a limit"),
        pytest.param(lambda s: s.update(slos=1), "spec.slos", id="the spec"),
        pytest.param(lambda s: s["slo"].update(qantile=0.9), "spec.slo.qantile", id="the SLO"),
        pytest.param(lambda s: STAGE(s).update(maxcores=2), "maxcores", id="a stage"),
        pytest.param(lambda s: STAGE(s)["replicas"].update(most=2), "most", id="replicas"),
        pytest.param(lambda s: VARIANT(s).update(core=1), "core", id="a variant"),
        pytest.param(lambda s: VARIANT(s)["profile"][0].update(rps=1), "rps", id="a measurement"),
        pytest.param(lambda s: s["objective"].update(gamma=1), "gamma", id="the objective"),
        pytest.param(lambda s: s.update(operation={"mod": "auto"}), "mod", id="the operation"),
    ],
)
def test_a_mistyped_field_is_kept_and_reported_not_dropped(
    kind: Plane, namespace: str, spoil: Spoil, where: str
) -> None:
    spec = copy.deepcopy(GOOD["spec"])
    spoil(spec)

    create(kind, namespace, spec)

    [declared] = PipelineObjects(connect(kind.admin_kubeconfig)).list(namespace)
    assert declared.pipeline is None
    assert where in declared.problem


def test_every_field_of_a_status_survives(kind: Plane, namespace: str) -> None:
    name = create(kind, namespace, GOOD["spec"])["metadata"]["name"]

    answer = kind.rest.patch(f"{path(namespace)}/{name}/status", {"status": STATUS})

    assert not list(lost(STATUS, answer["status"]))
    assert answer["status"] == STATUS


def test_a_status_is_not_written_with_the_spec_nor_the_spec_with_a_status(
    kind: Plane, namespace: str
) -> None:
    found = create(kind, namespace, GOOD["spec"])
    where = f"{path(namespace)}/{found['metadata']['name']}"

    by_spec = kind.rest.patch(where, {"status": STATUS})
    by_status = kind.rest.patch(f"{where}/status", {"spec": {"accuracy": "sum"}, "status": STATUS})

    assert "status" not in by_spec
    assert by_status["spec"] == found["spec"]
    assert by_status["metadata"]["generation"] == found["metadata"]["generation"]


def test_kubectl_shows_what_matters_in_one_line(kind: Plane, namespace: str) -> None:
    name = create(kind, namespace, GOOD["spec"])["metadata"]["name"]
    kind.rest.patch(f"{path(namespace)}/{name}/status", {"status": STATUS})

    row = _row(kind, namespace)

    shown = {column: value for column, value in row.items() if column not in ("Name", "Age")}
    assert shown == {
        "Mode": "auto",
        "Outcome": "applied",
        "Cores": 3,
        "Accuracy": 0.9,
        "Load": 12.5,
        "Valid": "True",
        "Configuration": "detect=classic/1x1, read=v6rec-w100/1x2",
        "Recommended": "detect=classic/1x1",
    }


def test_the_short_name_is_tpl(kind: Plane) -> None:
    [found] = [r for r in kind.rest.get("/apis/trimtab.dev/v1")["resources"] if r["name"] == "pipelines"]

    assert found["shortNames"] == ["tpl"]


def test_the_schema_is_structural(kind: Plane) -> None:
    found = kind.rest.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pipelines.trimtab.dev")

    conditions = {c["type"]: c["status"] for c in found["status"]["conditions"]}
    assert conditions.get("NonStructuralSchema", "False") == "False"
    assert conditions["Established"] == "True"


STATUS: Json = {
    "observedGeneration": 1,
    "updated": "2026-11-25T09:00:00Z",
    "mode": "auto",
    "outcome": "applied",
    "configuration": "detect=classic/1x1, read=v6rec-w100/1x2",
    "recommended": "detect=classic/1x1",
    "loadRps": 12.5,
    "cores": 3,
    "accuracy": 0.9,
    "lastDecisions": [
        {
            "id": "7",
            "time": "2026-11-25T09:00:00Z",
            "outcome": "applied",
            "causes": ["load rises"],
            "rationale": "the load rises",
        }
    ],
    "conditions": [
        {
            "type": "Valid",
            "status": "True",
            "reason": "Read",
            "message": "the spec describes a pipeline",
            "lastTransitionTime": "2026-11-25T09:00:00Z",
            "observedGeneration": 1,
        }
    ],
}


def _row(kind: Plane, namespace: str) -> Json:
    """Return the one row of the table that kubectl would show; printing follows the kind by a moment."""
    for _ in range(50):
        answer = kind.rest.pool.request(
            "GET", path(namespace), headers={**kind.rest.headers, "Accept": TABLE}
        ).json()
        columns = [each["name"] for each in answer["columnDefinitions"]]
        if "Valid" in columns:
            break
        time.sleep(0.1)
    [row] = answer["rows"]
    return dict(zip(columns, row["cells"], strict=True))
