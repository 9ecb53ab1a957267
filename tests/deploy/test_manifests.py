"""What deploy/ asks for is what an API server knows, and nothing in it may more than it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from agent.cli import whole
from tests.deploy.folders import ACCESS, BASE, COMPONENTS, DEPLOY, OVERLAYS, Json, one, overlay, write
from tests.deploy.kustomize import built, load
from tests.deploy.strictly import dropped
from tests.kube.plane import Plane
from tests.kube.rest import Refused

CRDS = Path(__file__).parent / "crds"
THIRD_PARTY = sorted(CRDS.glob("*.yaml"))
EVERYTHING = [pytest.param(path, id=str(path.relative_to(DEPLOY))) for path in sorted(DEPLOY.rglob("*.yaml"))]
NAMESPACE_ANNOUNCED = "kubernetes.io/metadata.name"


@pytest.fixture(scope="module")
def cluster(plane: Plane) -> Iterator[Plane]:
    """Give a control plane with the kinds that are used."""
    for path in (BASE / "crd.yaml", *THIRD_PARTY):
        plane.apply(path)
    yield plane
    for path in THIRD_PARTY:
        for each in load(path):
            plane.rest.delete(
                f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{each['metadata']['name']}"
            )


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_field_of_an_overlay_is_known_to_a_real_api_server(
    cluster: Plane, namespace: str, name: str
) -> None:
    unknown = {_line(o): found for o in overlay(name) if (found := dropped(cluster, o, namespace))}

    assert not unknown


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_field_of_a_component_is_known_to_a_real_api_server(
    cluster: Plane, namespace: str, name: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, DEPLOY / "overlays" / "observe", name)

    unknown = {_line(o): found for o in built(folder) if (found := dropped(cluster, o, namespace))}

    assert not unknown


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.example.yaml")), ids=lambda p: p.name)
def test_the_examples_are_taken_too(cluster: Plane, namespace: str, path: Path) -> None:
    assert [dropped(cluster, each, namespace) for each in load(path)] == [[]]


def test_a_field_that_does_not_exist_is_found(cluster: Plane, namespace: str) -> None:
    deployment = one(overlay("observe"), "Deployment", "trimtab")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {"periodSeconds": 3}

    with_typo = _refused_or_dropped(cluster, deployment, namespace)

    assert "livenesProbe" in with_typo


def test_a_value_of_the_wrong_kind_is_refused(cluster: Plane, namespace: str) -> None:
    budget = one(overlay("observe"), "PodDisruptionBudget", "trimtab")

    with pytest.raises(Refused):
        dropped(cluster, {**budget, "spec": {**budget["spec"], "maxUnavailable": {"one": 1}}}, namespace)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_pod_is_without_privilege(name: str) -> None:
    for owner, pod in pods(overlay(name)):
        assert pod["securityContext"]["runAsNonRoot"] is True, owner
        assert pod["securityContext"]["runAsUser"] > 0, owner
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, owner
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}, owner
        assert all("hostPath" not in volume for volume in pod.get("volumes", ())), owner
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, owner
            assert context["readOnlyRootFilesystem"] is True, owner
            assert context["capabilities"] == {"drop": ["ALL"]}, owner
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, owner
            assert "memory" in container["resources"]["limits"], owner
            assert "readinessProbe" in container or "ports" not in container, owner


def test_the_console_may_no_more_than_look_at_the_volume(tmp_path: Path) -> None:
    objects = built(write(tmp_path, DEPLOY / "overlays" / "auto", "console"))

    _, pod = next((owner, pod) for owner, pod in pods(objects) if owner == "trimtab")
    controller, console = pod["containers"]
    assert console["securityContext"] == controller["securityContext"]
    assert "--listen=127.0.0.1:8501" in console["args"]
    assert not {"--writable", "--login"} & set(console["args"])
    mounts = {mount["mountPath"]: mount["name"] for mount in console["volumeMounts"]}
    assert mounts["/var/run/secrets/kubernetes.io/serviceaccount"] == "no-token"
    assert {"name": "no-token", "emptyDir": {"sizeLimit": "1Mi"}} in pod["volumes"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_only_what_speaks_to_the_api_server_has_a_token(name: str) -> None:
    holders = {owner for owner, pod in pods(overlay(name)) if pod.get("automountServiceAccountToken", True)}

    assert holders <= {"trimtab", "prometheus"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_services_of_a_namespace_set_no_variables_in_pods(name: str) -> None:
    """Of a Service called trimtab they would be TRIMTAB_..., which a server takes for its own and refuses."""
    assert all(pod.get("enableServiceLinks") is False for _, pod in pods(overlay(name)))


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_overlay_holds_a_secret_or_a_right_on_the_whole_cluster(name: str) -> None:
    kinds = {o["kind"] for o in overlay(name)}

    assert not kinds & {"Secret", "ClusterRole", "ClusterRoleBinding"}


def test_nothing_can_be_changed_in_observe() -> None:
    [role] = [o for o in overlay("observe") if o["kind"] == "Role" and o["metadata"]["name"] == "trimtab"]
    writing = [r["resources"] for r in role["rules"] if set(r["verbs"]) - {"get", "list", "watch"}]

    assert writing == [["pipelines/status"], ["events"]]


def test_the_overlays_differ_in_the_right_and_the_mode_alone() -> None:
    modes = {name: environment(overlay(name))["MODE"] for name in ("observe", "approve", "auto")}
    rights = {name: one(overlay(name), "Role", "trimtab")["rules"] for name in modes}

    assert modes == {"observe": "observe", "approve": "approve", "auto": "auto"}
    assert rights["approve"] == rights["auto"]
    assert rights["auto"][:-1] == rights["observe"]
    assert rights["auto"][-1] == {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}


def test_configmaps_take_the_place_of_the_kind(tmp_path: Path) -> None:
    found = built(write(tmp_path, DEPLOY / "overlays" / "observe", "configmaps"))

    [rules] = [o["rules"] for o in found if o["kind"] == "Role" and o["metadata"]["name"] == "trimtab"]
    assert "CustomResourceDefinition" not in {o["kind"] for o in found}
    assert environment(found)["DECLARED"] == "configmap"
    assert rules[0] == {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "patch"]}
    assert "trimtab.dev" not in {group for rule in rules for group in rule["apiGroups"]}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_command_of_the_controller_can_be_parsed(name: str) -> None:
    container = one(overlay(name), "Deployment", "trimtab")["spec"]["template"]["spec"]["containers"][0]
    values = environment(overlay(name))
    command, *arguments = [_expanded(argument, values) for argument in container["args"]]

    context = typer.main.get_group(whole()).commands[command].make_context(command, arguments)

    assert context.params["cluster"] == "kubernetes"
    assert context.params["mode"] == values["MODE"]


def test_only_monitoring_may_come_in_and_only_three_ways_lead_out() -> None:
    policy = one(overlay("auto"), "NetworkPolicy", "trimtab")["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    [entrance] = policy["ingress"]
    monitoring = {"namespaceSelector": {"matchLabels": {NAMESPACE_ANNOUNCED: "monitoring"}}}
    assert entrance["from"] == [monitoring]
    assert [{p["port"] for p in way["ports"]} for way in policy["egress"]] == [{53}, {443, 6443}, {9090}]
    assert all(way["to"] for way in policy["egress"])


@pytest.mark.parametrize("path", EVERYTHING)
def test_every_file_is_reached_or_is_an_example(path: Path) -> None:
    if path.name == "kustomization.yaml" or path.name.endswith(".example.yaml"):
        return
    [kustomization] = load(path.parent / "kustomization.yaml")
    generated = [file for each in kustomization.get("configMapGenerator", ()) for file in each["files"]]

    assert path.name in [*kustomization.get("resources", ()), *generated]


def test_access_alone_reads_and_reports() -> None:
    [role, binding] = built(ACCESS)

    assert {o["metadata"]["namespace"] for o in (role, binding)} == {"pipelines"}
    assert not any("*" in value for rule in role["rules"] for values in rule.values() for value in values)


def pods(objects: list[Json]) -> Iterator[tuple[str, Json]]:
    """Yield the pods that objects start, with their owner's name."""
    for each in objects:
        template = each.get("spec", {}).get("template")
        if template is not None:
            yield each["metadata"]["name"], template["spec"]


def environment(objects: list[Json]) -> dict[str, Any]:
    """Return the plain variables of the controller."""
    container = one(objects, "Deployment", "trimtab")["spec"]["template"]["spec"]["containers"][0]
    return {v["name"]: v["value"] for v in container["env"] if "value" in v}


def _expanded(argument: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace(f"$({name})", value)
    return argument


def _refused_or_dropped(cluster: Plane, manifest: Json, namespace: str) -> str:
    """Return what a server says of a field that does not exist: newer ones refuse it."""
    try:
        return " ".join(dropped(cluster, manifest, namespace))
    except Refused as error:
        return str(error)


def _line(each: Json) -> str:
    return f"{each['kind']} {each['metadata']['name']}"
