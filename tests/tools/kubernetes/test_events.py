"""Events on a real API server, under a role that may create and patch events and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.trial import Quarantine
from tests.kube.plane import Plane
from tests.kube.rest import Json
from tests.tools.kubernetes.rights import allowed
from tests.tools.toolkit.moments import RUNNING, decided, finding
from tools.kubernetes.api import connect
from tools.kubernetes.declared import Declared, Operation
from tools.kubernetes.eventbudget import MOST_OBJECTS, Budget, Written
from tools.kubernetes.events import LONGEST_MESSAGE, About, Reason, Recorder, Said, one_line, said_of

RIGHTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}
WHY = "12 rps need three replicas"
FAILED = Quarantine(configuration=RUNNING, until_s=900, decision="toy-1", evidence="late", since_s=10)


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return 1_800_000_000.0 + self.now_s


@dataclass
class Desk:
    """A recorder, and what the server has of it."""

    plane: Plane
    namespace: str
    recorder: Recorder
    clock: Clock
    failures: list[str] = field(default_factory=list)

    def about(self, name: str = "video") -> About:
        return About("trimtab.dev/v1", "Pipeline", self.namespace, name, f"uid-of-{name}")

    def events(self) -> list[Json]:
        return self.plane.rest.items(f"/api/v1/namespaces/{self.namespace}/events")


@pytest.fixture
def desk(plane: Plane, namespace: str) -> Iterator[Desk]:
    clock, failures = Clock(), list[str]()
    api = connect(allowed(plane, namespace, "narrator", [RIGHTS]))
    recorder = Recorder(api, failures.append, "trimtab-0", clock, clock.wall)
    yield Desk(plane, namespace, recorder, clock, failures)
    api.close()


def test_an_event_is_about_the_object_and_says_why(desk: Desk) -> None:
    assert desk.recorder.say(desk.about(), Said("Applied", WHY))

    (event,) = desk.events()
    about = {"kind": "Pipeline", "name": "video", "uid": "uid-of-video", "apiVersion": "trimtab.dev/v1"}
    assert {key: event["involvedObject"][key] for key in about} == about
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Applied", WHY)
    assert (event["source"]["component"], event["reportingInstance"]) == ("trimtab", "trimtab-0")
    assert event["firstTimestamp"] == "2027-01-15T08:00:00Z"


def test_the_same_again_is_the_same_event_with_a_higher_count(desk: Desk) -> None:
    for _ in range(3):
        desk.recorder.say(desk.about(), Said("Degraded", WHY))
        desk.clock.now_s += 10

    (event,) = desk.events()
    assert event["count"] == 3
    assert (event["firstTimestamp"], event["lastTimestamp"]) == (
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:20Z",
    )


def test_other_words_another_object_or_ten_minutes_later_are_another_event(desk: Desk) -> None:
    desk.recorder.say(desk.about(), Said("Degraded", WHY))
    desk.recorder.say(desk.about(), Said("Degraded", "something else"))
    desk.recorder.say(desk.about("audio"), Said("Degraded", WHY))
    desk.clock.now_s += 601
    desk.recorder.say(desk.about(), Said("Degraded", WHY))

    assert [event["count"] for event in desk.events()] == [1, 1, 1, 1]


def test_an_event_that_the_server_has_dropped_is_written_anew(desk: Desk) -> None:
    desk.recorder.say(desk.about(), Said("Degraded", WHY))
    desk.plane.rest.delete(f"/api/v1/namespaces/{desk.namespace}/events")

    assert desk.recorder.say(desk.about(), Said("Degraded", WHY))
    assert [event["count"] for event in desk.events()] == [1]


def test_an_object_has_25_at_once_and_then_one_in_five_minutes(desk: Desk) -> None:
    said = [desk.recorder.say(desk.about(), Said("Applied", f"change {n}")) for n in range(30)]
    assert said == [True] * 25 + [False] * 5
    assert desk.recorder.say(desk.about("audio"), Said("Applied", WHY))

    desk.clock.now_s += 301
    assert [desk.recorder.say(desk.about(), Said("Applied", f"later {n}")) for n in range(2)] == [True, False]
    assert len(desk.events()) == 27


def test_any_text_can_be_the_message(desk: Desk) -> None:
    rubbish = "two\nlines\x1b[31m\x00 and \ud800 " + "x" * 3000

    assert desk.recorder.say(desk.about("x" * 253), Said("Failed", rubbish))

    message = desk.events()[0]["message"]
    assert message.startswith("two lines [31m and xxx")
    assert len(message) == LONGEST_MESSAGE


@given(text=st.text())
def test_a_message_is_one_line_that_can_be_shown(text: str) -> None:
    line = one_line(text)

    assert line.isprintable()
    assert len(line) <= LONGEST_MESSAGE


def test_without_the_right_it_is_counted_and_logged_and_nothing_is_raised(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    api = connect(desk.plane.kubeconfig("mute"))
    desk.recorder.api = api

    assert not desk.recorder.say(desk.about(), Said("Applied", WHY))

    assert desk.failures == ["Forbidden"]
    assert "an event was not written" in caplog.messages[0]
    api.close()


def test_without_a_server_it_is_counted_and_nothing_is_raised(desk: Desk) -> None:
    desk.plane.stop_apiserver()
    try:
        assert not desk.recorder.say(desk.about(), Said("Applied", WHY))
    finally:
        desk.plane.start_apiserver()

    assert desk.failures == ["Unreachable"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"outcome": "applied"}, Said("Applied", WHY), id="applied"),
        pytest.param({"outcome": "applied", "quarantine": (FAILED,)}, Said("RolledBack", WHY), id="back"),
        pytest.param(
            {"outcome": "applied", "quarantine": (FAILED.model_copy(update={"since_s": 5}),)},
            Said("Applied", WHY),
            id="an older failure",
        ),
        pytest.param({"outcome": "applied", "degraded": True}, Said("Degraded", WHY), id="best effort"),
        pytest.param({"outcome": "recommended"}, Said("Recommended", WHY), id="recommended"),
        pytest.param({"outcome": "refused"}, Said("Refused", WHY), id="refused"),
        pytest.param({"outcome": "abandoned"}, Said("Abandoned", WHY), id="abandoned"),
        pytest.param({"outcome": "failed", "degraded": True}, Said("Failed", WHY), id="failed first"),
        pytest.param(
            {"findings": (finding("missing metrics", statement="no load"),)},
            Said("MetricsMissing", "no load"),
            id="missing",
        ),
        pytest.param(
            {
                "findings": (
                    finding("slo breach", statement="late"),
                    finding("stale metrics", statement="old"),
                )
            },
            Said("MetricsStale", "old"),
            id="stale, the worse",
        ),
        pytest.param(
            {"findings": (finding("slo breach", statement="late"),)}, Said("SloBreached", "late"), id="breach"
        ),
        pytest.param({"findings": (finding("load surge"),)}, None, id="a surge that is met"),
        pytest.param({}, None, id="quiet"),
    ],
)
def test_what_a_decision_is_worth_saying(changes: dict[str, Any], said: Said | None) -> None:
    assert said_of(decided(1, **changes), WHY) == said


def test_what_went_wrong_is_a_warning() -> None:
    normal = {reason for reason in get_args(Reason) if Said(reason, "").type == "Normal"}

    assert normal == {"Applied", "Recommended", "Paused"}


@pytest.mark.parametrize(
    ("source", "reference"),
    [("crd", ("trimtab.dev/v1", "Pipeline")), ("configmap", ("v1", "ConfigMap"))],
)
def test_an_event_is_about_the_object_that_declares(source: Any, reference: tuple[str, str]) -> None:  # noqa: ANN401 - one of two words
    declared = Declared("shop", "video", "", source, "u1", "1", 1, False, {}, None, Operation())

    about = About.of(declared)

    assert (about.api_version, about.kind) == reference
    assert (about.namespace, about.name, about.uid) == ("shop", "video", "u1")


def test_what_is_remembered_is_bounded() -> None:
    budget = Budget()
    for n in range(MOST_OBJECTS + 100):
        budget.takes(str(n), 0.0)
    for n in range(100):
        budget.says("1000", ("Applied", str(n)), Written("p", 1), 0.0)

    assert len(budget._objects) == MOST_OBJECTS
    assert len(budget._objects["1000"].said) == 20
