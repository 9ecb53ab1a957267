"""The objects of a pipeline: a real API server takes every field, and Trimtab goes on from them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.configuration import Configuration, StageConfiguration
from core.document import document_of, pipeline_from
from core.errors import UsageError
from core.pipeline import Pipeline
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from core.verify import Approved, approve
from pipelines.reader import read_pipeline
from pipelines.serving.contract import ReplicaSettings, RouterSettings, settings_from
from tests.kube.plane import Plane
from tests.kube.rest import Refused
from tests.tools.kubernetes.stages import configured, toy
from tests.tools.kubernetes.strict import lost
from tools.kubernetes.actuator import KubernetesActuator
from tools.kubernetes.api import connect
from tools.kubernetes.pods import Serving
from tools.kubernetes.render import Workload, manifests
from tools.kubernetes.seen import deployment
from tools.kubernetes.view import View
from tools.kubernetes.workloads import Deployments

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
CRD = Path(__file__).parent / "crds" / "kserve.yaml"
READY = ["id_card", "video", "audio", "qa"]


def serving(namespace: str = "default", **more: Any) -> Serving:  # noqa: ANN401 - fields of Serving
    given = {"image": "trimtab-serving:test", "kit": "id_card", "memory": "512Mi", **more}
    return Serving(namespace=namespace, **given)


def optimum(pipeline: Pipeline, load_rps: float) -> Configuration:
    found = solve(Problem.of(pipeline, load_rps))
    assert isinstance(found, Optimum)
    return found.configuration


def by_name(objects: tuple[Json, ...], kind: str = "Deployment") -> dict[str, Json]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def container(workload: Json) -> Json:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def environment(workload: Json) -> dict[str, str]:
    """Return the variables as the pod gets them: those that are cores of the container as whole numbers."""
    cores = container(workload)["resources"]["limits"]["cpu"]
    whole = str(-(-int(cores.removesuffix("m")) // 1000)) if cores.endswith("m") else cores
    return {e["name"]: e.get("value", whole) for e in container(workload)["env"]}


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("workload", ["deployment", "kserve"])
def test_a_real_server_takes_every_field_of_a_ready_pipeline(
    plane: Plane, namespace: str, name: str, workload: Workload
) -> None:
    if workload == "kserve":
        plane.apply(CRD)
    pipeline = read_pipeline(ROOT / "pipelines" / name / "pipeline.yaml")
    sent = manifests(
        pipeline,
        optimum(pipeline, 3.0),
        3.0,
        serving(namespace, kit=name, routers=2, labels=True),
        workload=workload,
        budgets="v1beta1",
    )

    taken = plane.apply(sent, namespace, dry_run=True)

    assert len(sent) == 3 * (len(pipeline.stages) + 1)
    assert [found for one, other in zip(sent, taken, strict=True) for found in lost(one, other)] == []


def test_a_field_that_the_server_does_not_know_is_noticed(plane: Plane, namespace: str) -> None:
    plane.apply(CRD)
    known = manifests(toy(), configured("small", 1, 1), 5.0, serving(namespace))[0]
    ours = manifests(toy(), configured("small", 1, 1), 5.0, serving(namespace), workload="kserve")[0]
    known["spec"]["template"]["spec"]["enableServiceLink"] = False
    ours["spec"]["predictor"]["maxReplica"] = 3

    with pytest.raises(Refused, match="enableServiceLink: field not declared"):
        plane.apply(known, namespace, dry_run=True)
    (taken,) = plane.apply(ours, namespace, dry_run=True)
    assert list(lost(ours, taken)) == [".spec.predictor.maxReplica is gone"]


def test_the_deployments_say_the_configuration_they_were_made_from(plane: Plane, namespace: str) -> None:
    configuration = configured("large", 3, 2)
    made = manifests(toy(), configuration, 12.0, serving(namespace), budgets=None)

    seen = [deployment(each) for each in plane.apply(made, namespace) if each["kind"] == "Deployment"]

    found = [s.wanted for s in seen if s is not None]
    assert Configuration(stages=tuple(s for s in found if s is not None)) == configuration


def test_trimtab_takes_the_deployments_over_without_a_new_pod(plane: Plane, namespace: str) -> None:
    pipeline, configuration = toy(), configured("large", 3, 2)
    plane.apply(manifests(pipeline, configuration, 12.0, serving(namespace), budgets=None), namespace)
    approved = approve(Problem.of(pipeline, 12.0), configuration)
    assert isinstance(approved, Approved)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    before = [each["spec"] for each in plane.rest.items(path)]

    with closing(connect(plane.admin_kubeconfig)) as api:
        view = View(api, namespace, Deployments(api, namespace))
        view.refresh()
        actuator = KubernetesActuator(pipeline, view)
        actuator.dry_run(approved, 12.0)
        actuator.apply("toy-1", approved, 12.0)
        assert actuator.desired().change == "toy-1"

    assert [each["spec"] for each in plane.rest.items(path)] == before


def test_a_pod_is_told_what_the_server_of_a_stage_reads() -> None:
    pipeline = batched()
    made = by_name(manifests(pipeline, filled(), 10.0, serving(labels=True), budgets=None))

    found = settings_from(
        {k: v for k, v in environment(made["toy-find"]).items() if not k.endswith("_NUM_THREADS")}
    )

    assert isinstance(found, ReplicaSettings)
    assert (found.variant, found.batch, found.batch_wait_s) == ("large", 4, 0.3)  # (4 - 1) / 10 requests/s
    assert (found.threads, found.host, found.port) == (2, "0.0.0.0", 8080)
    assert (found.models, found.slo_s) == (Path("/opt/models/id_card"), 2.0)


def test_threads_follow_the_cores_that_trimtab_sets() -> None:
    made = by_name(manifests(toy(), configured("small", 1, 1), 5.0, serving(), budgets=None))["toy-find"]
    container(made)["resources"]["limits"]["cpu"] = "2500m"

    found = environment(made)

    assert {found[key] for key in ("TRIMTAB_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"3"}


@pytest.mark.parametrize(("workload", "suffix"), [("deployment", ""), ("kserve", "-pods")])
def test_the_router_asks_for_the_services_there_are(workload: Workload, suffix: str) -> None:
    made = manifests(toy(), configured("small", 1, 1), 5.0, serving(labels=True), workload=workload)

    router = settings_from(environment(by_name(made)["toy-router"]))

    assert isinstance(router, RouterSettings)
    assert router.labels
    template = router.endpoints.removeprefix("dns:").removesuffix(":8080")
    services = by_name(made, "Service")
    for stage in ("find", "read"):
        assert services[template.replace("{stage}", stage)]["spec"]["clusterIP"] == "None"
    assert template == "toy-{stage}" + suffix


def test_services_find_the_pods_of_their_stage_and_no_others() -> None:
    made = manifests(toy(), configured("small", 1, 1), 5.0, serving())
    pods = {name: each["spec"]["template"]["metadata"]["labels"] for name, each in by_name(made).items()}

    for name, service in by_name(made, "Service").items():
        wanted = service["spec"]["selector"].items()
        assert [pod for pod, labels in pods.items() if wanted <= labels.items()] == [name]


def test_time_to_start_is_that_of_the_slowest_variant_a_stage_may_come_to_run() -> None:
    pipeline = slow_large(40.0)
    made = by_name(manifests(pipeline, configured("small", 1, 1), 5.0, serving(), budgets=None))
    probe = container(made["toy-find"])["startupProbe"]

    assert probe["failureThreshold"] * probe["periodSeconds"] >= 120
    assert made["toy-find"]["spec"]["progressDeadlineSeconds"] > 120 + 60


def test_the_router_is_not_started_again_because_stages_are_late() -> None:
    made = by_name(manifests(toy(), configured("small", 1, 1), 5.0, serving(), budgets=None))["toy-router"]

    assert container(made)["startupProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert container(made)["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


def test_every_pod_has_time_to_drain_and_no_right_that_it_does_not_need() -> None:
    made = by_name(manifests(toy(), configured("small", 1, 1), 5.0, serving(), budgets=None))

    for each in made.values():
        pod, env = each["spec"]["template"]["spec"], environment(each)
        drains_s = float(env["TRIMTAB_DRAIN_DELAY_S"]) + float(env["TRIMTAB_DRAIN_LIMIT_S"])
        assert pod["terminationGracePeriodSeconds"] > drains_s
        assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container(each)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_new_pods_are_ready_before_the_old_ones_go() -> None:
    made = by_name(manifests(toy(), configured("small", 1, 1), 5.0, serving(), budgets=None))

    rolling = {"maxSurge": "100%", "maxUnavailable": 0}
    assert {name for name, each in made.items() if each["spec"]["strategy"]["rollingUpdate"] == rolling} == {
        "toy-find", "toy-read", "toy-router",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pipeline", "stage"), [("toy", "Find"), ("toy", "a_b"), ("9toy", "find"), ("t" * 60, "find")]
)
def test_names_that_no_object_can_have_are_refused(pipeline: str, stage: str) -> None:
    with pytest.raises(UsageError, match="lower-case letters"):
        manifests(renamed(pipeline, stage), only(stage), 5.0, serving())


def test_a_stage_may_not_be_called_as_the_router_is() -> None:
    with pytest.raises(UsageError, match="rename it"):
        manifests(renamed("toy", "router"), only("router"), 5.0, serving())


def batched() -> Pipeline:
    """Return the toy whose large variant was measured at batch 4, too."""
    document = document_of(toy())
    large = document["spec"]["stages"][0]["variants"][1]
    large["profile"].append({"batch": 4, "latency": 0.5})
    return pipeline_from(document)


def filled() -> Configuration:
    find = StageConfiguration(stage="find", variant="large", batch=4, replicas=2)
    return Configuration(stages=(find, configured("large", 2, 1)["read"]))


def slow_large(load_s: float) -> Pipeline:
    document = document_of(toy())
    document["spec"]["stages"][0]["variants"][1]["loadTime"] = load_s
    return pipeline_from(document)


def renamed(pipeline: str, stage: str) -> Pipeline:
    document = document_of(toy())
    document["metadata"]["name"] = pipeline
    document["spec"]["stages"] = [document["spec"]["stages"][0] | {"name": stage}]
    return pipeline_from(document)


def only(stage: str) -> Configuration:
    setting = StageConfiguration(stage=stage, variant="small", batch=1, replicas=1)
    return Configuration(stages=(setting,))
