"""The demonstration on a cluster: what the commands print, the shipped pipeline, and a scrape that is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from agent.cli import whole
from agent.controller.running import PrometheusOptions
from core.document import pipeline_from
from pipelines.serving.names import READY
from tests.deploy.folders import DEPLOY, Json, one, overlay
from tests.deploy.kustomize import load
from tests.pipelines.serving.servers import need

DEMO = DEPLOY / "overlays" / "demo"
SHIPPED = DEPLOY.parent / "pipelines" / "id_card" / "pipeline.yaml"
PRINTED_BY = "trimtab export manifests pipelines/id_card/pipeline.yaml --load 10 --namespace pipelines"
NAMES = ("id-card-detect", "id-card-read", "id-card-router")


def test_the_workloads_are_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DEPLOY.parent)
    assert PRINTED_BY in (DEMO / "kustomization.yaml").read_text(encoding="utf-8")

    printed = CliRunner().invoke(whole(), PRINTED_BY.split()[1:])

    assert printed.exit_code == 0
    assert printed.stdout == (DEMO / "id-card.yaml").read_text(encoding="utf-8"), (
        f"if this is right, renew it with: .venv/bin/{PRINTED_BY} > deploy/overlays/demo/id-card.yaml"
    )


def test_the_declared_pipeline_is_the_shipped_one_with_fewer_cores() -> None:
    [declared], [shipped] = load(DEMO / "pipeline.yaml"), load(SHIPPED)

    operation = declared["spec"].pop("operation")
    most = declared["spec"].pop("limits")["maxCores"]
    shipped["spec"].pop("limits")

    assert operation == {"mode": "auto"}
    assert most < 24
    assert declared["spec"] == shipped["spec"]


def test_the_declared_pipeline_is_read_by_the_product_and_belongs_to_the_workloads() -> None:
    [declared] = load(DEMO / "pipeline.yaml")
    del declared["spec"]["operation"]

    pipeline = pipeline_from({**declared, "apiVersion": "trimtab/v1", "metadata": {"name": "id-card"}})

    labels = [one(overlay("demo"), "Deployment", name)["metadata"]["labels"] for name in NAMES]
    assert {each["trimtab.dev/pipeline"] for each in labels} == {pipeline.name}
    assert {each.get("trimtab.dev/stage") for each in labels} - {None} == set(pipeline.by_name)


def test_everything_is_in_the_namespaces_that_rights_and_policies_are_about() -> None:
    found = {o["metadata"]["namespace"] for o in overlay("demo") if "namespace" in o["metadata"]}

    assert found == {"trimtab", "pipelines", "monitoring"}


def test_images_that_were_loaded_into_the_nodes_are_not_pulled() -> None:
    containers = [
        container
        for each in overlay("demo")
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
        if container["image"].startswith("trimtab")
    ]

    assert len(containers) == 5
    assert {container["imagePullPolicy"] for container in containers} == {"IfNotPresent"}


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    """Debian's is built without the discovery of pods: its place is taken by addresses."""
    need(shutil.which("promtool"), "promtool, which comes with prometheus,")
    config = configuration()
    for job in config["scrape_configs"]:
        del job["kubernetes_sd_configs"]
        job["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
    with (tmp_path / "prometheus.yml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(config, file)

    checked = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr


def test_pods_are_scraped_as_often_as_the_controller_believes() -> None:
    assert configuration()["global"]["scrape_interval"] == f"{PrometheusOptions('').scrape_s:g}s"


def test_series_keep_their_pipeline_and_get_their_namespace() -> None:
    jobs = {job["job_name"]: job for job in configuration()["scrape_configs"]}
    targets = {job: {r.get("target_label") for r in jobs[job]["relabel_configs"]} for job in jobs}

    assert READY.startswith("trimtab_")
    assert "namespace" in targets["pipelines"]
    assert "pipeline" not in targets["pipelines"]
    assert jobs["trimtab"]["honor_labels"] is True


@pytest.mark.parametrize("namespace", ["pipelines", "trimtab"])
def test_prometheus_may_find_the_pods_that_it_scrapes(namespace: str) -> None:
    looked_in = {
        name
        for job in configuration()["scrape_configs"]
        for discovery in job["kubernetes_sd_configs"]
        for name in discovery["namespaces"]["names"]
    }
    roles = [o for o in overlay("demo") if o["kind"] == "Role" and o["metadata"]["name"] == "prometheus"]

    assert namespace in looked_in
    assert {role["metadata"]["namespace"] for role in roles} == looked_in
    assert all(
        rule == {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
        for role in roles
        for rule in role["rules"]
    )


def configuration() -> Json:
    """Return what Prometheus is told."""
    [found] = load(DEMO / "prometheus.yml")
    return found
