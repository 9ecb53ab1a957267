"""`trimtab export`: what it prints is what kubectl reads, and what it cannot print it says in one line.

At 5 requests/s the toy's optimum is two large replicas of `find`: one would have no headroom.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from tests.agent.command import trimtab
from tests.agent.toy import TEXT, written
from tools.kubernetes.text import as_text

Json = dict[str, Any]
KIT = ("--kit", "id_card")
TEXTS = [
    "no", "Yes", "on", "y", "null", "~", "1", "1e3", "0x1f", "012", "1_000", "1:30", "2026-11-25", "- a",
    "a: b", "{stage}", "", " ", "it's", 'say "so"', "# not", "a #b", "ü", "dns:a-{stage}:8080", "a\\b", "a:",
    "two\nlines\n",
]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path)


def exported(*arguments: object) -> list[Json]:
    """Return the objects that a command printed, as kubectl reads them: by YAML 1.1."""
    ended = trimtab("export", *arguments)
    assert (ended.status, ended.err) == (0, ""), ended
    return list(yaml.safe_load_all(ended.out))


def named(objects: list[Json], kind: str) -> dict[str, Json]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def env_of(pod: Json) -> dict[str, Any]:
    return {e["name"]: e.get("value") for e in pod["containers"][0]["env"]}


def configuration(folder: Path, find: str, finds: int) -> Path:
    stages = [
        {"stage": "find", "variant": find, "batch": 1, "replicas": finds},
        {"stage": "read", "variant": "only", "batch": 1, "replicas": 2},
    ]
    path = folder / "config.json"
    path.write_text(json.dumps({"stages": stages}))
    return path


def test_manifests_of_the_optimum_at_the_load(file: Path) -> None:
    found = exported("manifests", file, "--load", 5, *KIT)

    deployments = named(found, "Deployment")
    assert set(deployments) == {"toy-find", "toy-read", "toy-router"}
    assert env_of(deployments["toy-find"]["spec"]["template"]["spec"])["TRIMTAB_VARIANT"] == "large"
    assert set(named(found, "PodDisruptionBudget")) == set(deployments) == set(named(found, "Service"))


def test_manifests_of_a_configuration(file: Path, tmp_path: Path) -> None:
    config = configuration(tmp_path, "small", 3)

    find = named(exported("manifests", file, "--load", 10, "--config", config, *KIT), "Deployment")[
        "toy-find"
    ]

    assert find["spec"]["replicas"] == 3
    assert env_of(find["spec"]["template"]["spec"])["TRIMTAB_VARIANT"] == "small"


def test_what_a_user_chooses_is_in_the_manifests(file: Path) -> None:
    found = exported(
        "manifests", file, "--load", 5, *KIT, "--namespace", "shop", "--image", "registry.example/s:2",
        "--memory", "3Gi", "--routers", 2, "--labels", "--budgets", "none",
    )  # fmt: skip

    router = named(found, "Deployment")["toy-router"]["spec"]
    server = router["template"]["spec"]["containers"][0]
    assert {each["metadata"]["namespace"] for each in found} == {"shop"}
    assert {each["kind"] for each in found} == {"Deployment", "Service"}
    assert (server["image"], server["resources"]["limits"]["memory"]) == ("registry.example/s:2", "3Gi")
    assert (router["replicas"], env_of(router["template"]["spec"])["TRIMTAB_LABELS"]) == (2, "true")
    assert env_of(router["template"]["spec"])["TRIMTAB_KIT"] == "id_card"


def test_the_kit_is_the_ready_pipeline_of_that_name() -> None:
    found = exported("manifests", "pipelines/id_card/pipeline.yaml", "--load", 2)

    pods = [each["spec"]["template"]["spec"] for each in named(found, "Deployment").values()]
    assert {env_of(pod)["TRIMTAB_KIT"] for pod in pods} == {"id_card"}


def test_manifests_for_kserve(file: Path) -> None:
    found = exported("manifests", file, "--load", 5, *KIT, "--workload", "kserve", "--budgets", "v1beta1")

    assert set(named(found, "InferenceService")) == {"toy-find", "toy-read"}
    assert {each["apiVersion"] for each in named(found, "PodDisruptionBudget").values()} == {"policy/v1beta1"}


def test_hpas_come_with_the_rule_for_their_metric(file: Path) -> None:
    new = exported("hpa", file, "--load", 5)
    old = exported("hpa", file, "--load", 5, "--api-version", "v2beta2", "-n", "shop")

    assert [each["kind"] for each in new] == ["ConfigMap", *["HorizontalPodAutoscaler"] * 2]
    assert {each["apiVersion"] for each in new[1:]} == {"autoscaling/v2"}
    assert {each["apiVersion"] for each in old[1:]} == {"autoscaling/v2beta2"}
    assert {each["metadata"]["namespace"] for each in old} == {"shop"}


def test_the_headroom_is_that_of_the_loop_or_the_one_given(file: Path, tmp_path: Path) -> None:
    common = (file, "--load", 10, "--config", configuration(tmp_path, "small", 3))

    found = [exported("keda", *common, *more)[0] for more in ((), ("--headroom", "2"))]

    thresholds = [each["spec"]["triggers"][0]["metadata"]["threshold"] for each in found]
    assert thresholds == ["9.09", "5"]  # 10 requests/s a replica, over 1.1 and 2, never rounded up


def test_keda_asks_the_prometheus_and_the_namespace_that_are_named(file: Path) -> None:
    (find, _) = exported(
        "keda", file, "--load", 5, "--prometheus", "https://p.example", "--namespace", "shop"
    )

    trigger = find["spec"]["triggers"][0]["metadata"]
    assert trigger["serverAddress"] == "https://p.example"
    assert 'namespace="shop",pipeline="toy",stage="find"' in trigger["query"]
    assert trigger["ignoreNullValues"] == "false"


@pytest.mark.parametrize("kind", ["manifests", "hpa", "keda"])
def test_a_load_that_nothing_carries_prints_nothing_and_says_why(file: Path, kind: str) -> None:
    ended = trimtab("export", kind, file, "--load", 500)

    assert ended.out == ""
    assert "lower --load or give one with --config" in ended.complaint(status=3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("manifests", "--load", "5"), "--kit"),
        (("manifests", "--load", "5", *KIT, "--memory", "much"), "--memory"),
        (("manifests", "--load", "5", *KIT, "--routers", "0"), "--routers"),
        (("manifests", "--load", "5", *KIT, "--workload", "cron"), "--workload"),
        (("manifests", "--load", "5", *KIT, "--budgets", "v3"), "--budgets"),
        (("manifests", "--load", "5", "--kit", "a b"), "--kit"),
        (("manifests", "--load", "5", *KIT, "--image", ""), "--image"),
        (("hpa", "--load", "5", "--api-version", "v1"), "--api-version"),
        (("hpa", "--load", "-5"), "--load"),
        (("hpa", "--load", "5", "--headroom", "none"), "--headroom"),
        (("hpa", "--load", "5", "--namespace", "No Such"), "--namespace"),
        (("keda", "--load", "5", "--prometheus", "here"), "--prometheus"),
        (("keda", "--load", "5", "--config", "missing.json"), "missing.json"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_one_line(file: Path, arguments: tuple[str, ...], said: str) -> None:
    kind, *options = arguments

    assert said in trimtab("export", kind, file, *options).complaint()


def test_a_pipeline_whose_names_no_object_can_have_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, TEXT.replace("name: find", "name: Find_It"))

    assert "cannot be the name of a Service" in trimtab("export", "hpa", file, "--load", 5).complaint()


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_read_back_as_it_was_by_old_and_new_readers(text: str) -> None:
    printed = as_text([{"value": text, "list": [text]}], "of nothing")

    for found in (yaml.safe_load(printed), YAML(typ="safe").load(printed)):
        assert found == {"value": text, "list": [text]}
