"""Many pipelines in one process, on a real API server: one that is broken never stops the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.desk import Desk, Person
from agent.folder import DECISIONS, REQUESTS
from tests.agent.controller.world import World
from tests.kube.plane import Plane
from tests.kube.player import playing
from tests.tools.kubernetes.stages import configured, toy
from tools.commands import Commands
from tools.kubernetes.declared import CRD
from tools.kubernetes.errors import Unreachable
from tools.kubernetes.names import PAUSED
from tools.presence import read_presence
from tools.store import DecisionStore

STEADY = [12.0] * 600


@pytest.fixture
def world(plane: Plane, namespace: str, tmp_path: Path) -> Iterator[World]:
    found = World(plane, namespace, tmp_path, STEADY)
    with playing(plane, namespace, cores=(40, 40)):
        yield found
    found.fleet.close()


def sweeps(world: World, count: int) -> None:
    for _ in range(count):
        world.fleet.sweep()
        world.rolls_out()


def test_the_cluster_comes_to_run_what_its_load_needs(world: World) -> None:
    world.declares(start=configured("small", 1, 1))

    sweeps(world, 4)

    (variant, finds), (_, reads) = world.says("find"), world.says("read")
    assert (variant, finds >= 3, reads >= 2) == ("large", True, True), "12 rps are 2.4 and 1.2 replicas' work"
    status = world.object()["status"]
    assert status["lastDecisions"][0]["outcome"] == "applied"
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Valid": "True",
        "MetricsAvailable": "True",
        "Feasible": "True",
        "Applied": "True",
    }


def test_every_turn_is_in_the_pipelines_own_store(world: World, namespace: str, tmp_path: Path) -> None:
    world.declares()

    sweeps(world, 3)
    world.fleet.close()

    store = DecisionStore(tmp_path / namespace / "toy" / DECISIONS, read_only=True)
    assert [d.outcome for d in store.latest(10)][-1] in {"applied", "unchanged", "held"}
    assert store.count() == 3
    store.close()


def test_without_leave_nothing_changes_and_what_would_be_done_is_said(world: World) -> None:
    world.declares(mode="observe", start=configured("small", 1, 1))

    sweeps(world, 4)

    assert (world.says("find"), world.says("read")) == (("small", 1), ("only", 1))
    status = world.object()["status"]
    assert (status["mode"], status["outcome"]) == ("observe", "recommended")
    assert status["recommended"].startswith("find=large/1x")


def test_what_was_recommended_is_gone_from_the_status_once_it_runs(world: World) -> None:
    world.declares(mode="observe", start=configured("small", 1, 1))
    sweeps(world, 4)
    assert "recommended" in world.object()["status"]

    path = f"{CRD.format(world.namespace)}/toy"
    world.owner.api.patch(path, {"spec": {"operation": {"mode": "auto"}}}, "merge")
    sweeps(world, 3)

    assert "recommended" not in world.object()["status"]


def test_the_controllers_own_mode_is_the_most(plane: Plane, namespace: str, tmp_path: Path) -> None:
    world = World(plane, namespace, tmp_path, STEADY, mode="observe")
    world.declares(mode="auto")

    sweeps(world, 3)

    assert world.says("find") == ("small", 1)
    world.fleet.close()


def test_in_approve_a_person_is_asked_on_the_object_and_the_answer_is_carried_out(
    plane: Plane, namespace: str, tmp_path: Path
) -> None:
    world = World(plane, namespace, tmp_path, STEADY, mode="approve")
    world.declares(mode="approve", start=configured("small", 1, 1))
    with playing(plane, namespace, cores=(40, 40)):
        sweeps(world, 4)
        asked = world.condition("Applied")
        before = world.says("find")
        requests = world.fleet.members[namespace, "toy"].loop.context.requests
        [request] = requests.open_requests()
        requests.answer(request.decision, agreed=True, approver="ada", comment="", at=world.source.unix())
        sweeps(world, 1)

    assert (asked["status"], asked["reason"]) == ("Unknown", "WaitsForApproval")
    assert "answer with trimtab approve or refuse toy-" in asked["message"]
    assert before == ("small", 1)
    assert world.says("find")[0] == "large"
    world.fleet.close()


def test_a_pipeline_that_a_person_paused_is_watched_and_left_alone_until_it_is_resumed(
    world: World, namespace: str, tmp_path: Path
) -> None:
    world.declares(mode="auto", start=configured("small", 1, 1))
    folder = tmp_path / namespace / "toy"
    folder.mkdir(parents=True)
    Commands(folder / REQUESTS).close()
    desk = Desk(folder, Person("ann", "approver"), unix=lambda: 1_800_000_000.0)
    desk.pause()
    sweeps(world, 4)
    paused, status, said = world.heard.of("toy")[-1], world.object()["status"], world.condition("Applied")
    before = world.says("find")
    desk.resume()
    sweeps(world, 1)

    since = "paused by ann since 2027-01-15T08:00:00Z"
    assert (paused.mode, paused.paused, paused.pause) == ("observe", True, since)
    assert paused.decision is not None
    assert (paused.decision.outcome, paused.decision.mode_reason) == ("recommended", since)
    assert (status["mode"], said["reason"]) == ("observe", "Paused")
    assert said["message"] == f"the pipeline is {since}: nothing is applied"
    assert before == ("small", 1)
    resumed, presence = world.heard.of("toy")[-1], read_presence(folder)
    assert (resumed.mode, resumed.paused, world.says("find")[0]) == ("auto", False, "large")
    assert presence is not None
    assert (presence.real_time, presence.mode, presence.problem) == (True, "auto", "")


def test_a_question_waits_across_a_restart_where_the_controller_itself_may_do_more(
    plane: Plane, namespace: str, tmp_path: Path
) -> None:
    world = World(plane, namespace, tmp_path, STEADY, mode="auto")
    world.declares(mode="approve", start=configured("small", 1, 1))
    sweeps(world, 4)
    [asked] = world.fleet.members[namespace, "toy"].loop.context.requests.open_requests()
    world.fleet.close()
    sweeps(world, 1)
    [still] = world.fleet.members[namespace, "toy"].loop.context.requests.open_requests()

    assert still == asked
    world.fleet.close()


def test_a_broken_spec_is_said_on_its_own_status_and_stops_nobody_else(world: World) -> None:
    world.declares(start=configured("small", 1, 1))
    spec = {**world.object()["spec"], "stages": [{**s, "after": ["nowhere"]} for s in stages_of(world)]}
    body = {"apiVersion": "trimtab.dev/v1", "kind": "Pipeline", "metadata": {"name": "broken"}, "spec": spec}
    world.owner.posts(CRD.format(world.namespace), body)

    sweeps(world, 4)

    valid = world.condition("Valid", "broken")
    assert (valid["status"], valid["reason"]) == ("False", "InvalidSpec")
    assert "spec.stages[0].after[0]: there is no stage 'nowhere'" in valid["message"]
    assert world.says("find")[0] == "large"


def stages_of(world: World) -> list[dict[str, object]]:
    return list(world.object()["spec"]["stages"])


def test_a_pipeline_without_workloads_is_said_and_stops_nobody_else(world: World) -> None:
    world.declares(start=configured("small", 1, 1))
    bare = toy(max_cores=40).model_copy(update={"name": "bare"})
    spec = world.object()["spec"]
    body = {"apiVersion": "trimtab.dev/v1", "kind": "Pipeline", "metadata": {"name": bare.name}, "spec": spec}
    world.owner.posts(CRD.format(world.namespace), body)

    sweeps(world, 4)

    applied = world.condition("Applied", "bare")
    assert (applied["status"], applied["reason"]) == ("False", "NotLabelled")
    assert "trimtab export manifests" in applied["message"]
    assert world.says("find")[0] == "large"


def test_a_pipeline_that_is_paused_is_watched_and_left_alone(world: World) -> None:
    world.declares(start=configured("small", 1, 1))
    path = f"{CRD.format(world.namespace)}/toy"
    world.owner.api.patch(path, {"metadata": {"annotations": {PAUSED: "true"}}}, "merge")

    sweeps(world, 4)

    assert world.says("find") == ("small", 1)
    assert world.condition("Applied")["reason"] == "Paused"
    assert world.presence().paused_by == "an annotation in Kubernetes"
    assert world.object()["status"]["outcome"] == "recommended"


def test_a_deployment_that_was_edited_is_watched_and_left_alone(world: World) -> None:
    world.declares(start=configured("small", 1, 1))
    sweeps(world, 4)
    world.owner.edits("toy-read", {"spec": {"replicas": 7}})

    sweeps(world, 2)

    applied = world.condition("Applied")
    assert (applied["status"], applied["reason"]) == ("False", "EditedByHand")
    assert "-> 7)" in applied["message"]
    assert "kubectl-edit" in applied["message"]
    assert world.says("read") == ("only", 7)


def test_a_blind_sweep_changes_nothing_and_the_next_one_goes_on(world: World) -> None:
    world.source.blind = {3, 4}
    world.declares(start=configured("small", 1, 1))

    sweeps(world, 4)
    after_blindness = world.condition("MetricsAvailable")
    sweeps(world, 2)

    assert (after_blindness["status"], after_blindness["reason"]) == ("False", "MetricsMissing")
    assert world.condition("MetricsAvailable")["status"] == "True"


def test_what_is_declared_no_more_is_forgotten_and_its_workloads_stay(world: World) -> None:
    world.declares()
    sweeps(world, 2)

    world.owner.deletes(f"{CRD.format(world.namespace)}/toy")
    sweeps(world, 1)

    assert world.heard.left == [(world.namespace, "toy")]
    assert not world.fleet.members
    assert world.owner.deployment("toy-find")


def test_a_changed_spec_is_decided_on_from_the_next_sweep(world: World) -> None:
    world.declares(start=configured("small", 1, 1))
    sweeps(world, 4)

    path = f"{CRD.format(world.namespace)}/toy"
    world.owner.api.patch(path, {"spec": {"limits": {"maxCores": 5}}}, "merge")
    sweeps(world, 4)

    cores = world.object()["status"]["cores"]
    assert cores <= 5


def test_an_api_server_that_is_gone_costs_sweeps_and_nothing_else(plane: Plane, world: World) -> None:
    world.declares(start=configured("small", 1, 1))
    sweeps(world, 2)

    plane.stop_apiserver()
    with pytest.raises(Unreachable):
        world.fleet.sweep()
    plane.start_apiserver()
    sweeps(world, 3)

    assert world.says("find")[0] == "large"
    assert not world.heard.of("toy")[-1].problem
