"""A recorded turn thought again comes to the same; what was changed, and what cannot be so, is said."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from agent.context import LoopSettings
from agent.folder import CALENDAR, DECISIONS, FLIGHT
from agent.llm.settings import PlannerSettings
from agent.planners import Planner, create
from agent.planners.llm import LlmPlanner
from agent.recorded import Recorded, read
from agent.replaying import Changes, Replay, replay, replay_answer, replayed
from core.calendar import Event
from core.decision import Decision
from core.errors import UsageError
from core.problem import Margins
from simulator.faults import CapacityLoss, Fault, LatencyDrift, MetricOutage
from tests.agent.llm.server import KEY, Script, calling, completion, failing, proposing, scripted
from tests.agent.test_no_regression import Unsuspecting
from tests.agent.toy import (
    AT_ONCE,
    CHEAPER,
    ENOUGH,
    INTERVAL_S,
    TEXT,
    TOO_SMALL,
    Scripted,
    agreeing,
    toy_run,
    turns,
)
from tools.cadence import LOOP_MARGINS
from tools.calendar import Calendar
from tools.flight import FlightRecorder

CAREFUL = LoopSettings(interval_s=INTERVAL_S)
"""As the loop has it by default."""
CHANGING = [4.0] * 40 + [18.0] * 60 + [5.0] * 60 + [30.0] * 60
SOLVE = proposing(action="solve", cause="none", rationale="the optimum is better")
AS_IT_WAS = Changes()
NO_ENDPOINT: dict[str, str] = {}


def recorded(
    folder: Path,
    planner: Planner,
    count: int,
    *,
    events: Sequence[Event] = (),
    unsuspecting: bool = False,
    **run: Any,  # noqa: ANN401 - of `toy_run`
) -> list[Decision]:
    """Let the loop decide *count* times in a folder; what it decided stays there, in `data`."""
    (folder / "data").mkdir()
    for event in events:
        Calendar(folder / "data" / CALENDAR).add(event)
    with toy_run(folder, planner, **run) as opened:
        if unsuspecting:
            opened.loop.context.assessor = Unsuspecting()
        opened.loop.recover()
        return turns(opened, count)


def again(folder: Path, decision: Decision, changes: Changes = AS_IT_WAS, **options: Any) -> Replay:  # noqa: ANN401 - of `replayed`
    """Think one of them again."""
    return replayed(read(folder / "data", decision.id), changes, NO_ENDPOINT, **options)


def thoughtful(decisions: Sequence[Decision]) -> list[Decision]:
    """Return those in which a planner could be asked."""
    return [d for d in decisions if d.forecast is not None and d.observation is not None]


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Decision]]:
    """A folder with decisions of the rules over a load that rises and falls, for all tests."""
    folder = tmp_path_factory.mktemp("rules")
    return folder, recorded(folder, create("rules"), 20, settings=CAREFUL, trace_rps=CHANGING)


@pytest.fixture
def rules(tmp_path: Path, remembered: tuple[Path, list[Decision]]) -> list[Decision]:
    """Decisions of the rules, with a folder of this test's own."""
    folder, decisions = remembered
    copytree(folder / "data", tmp_path / "data")
    return decisions


def test_every_turn_of_the_rules_is_reproduced(tmp_path: Path, rules: list[Decision]) -> None:
    found = [again(tmp_path, decision) for decision in rules]

    assert {d.outcome for d in rules} >= {"applied", "held"}
    assert [(f.decision, f.differences) for f in found] == [(d.id, ()) for d in rules]
    assert not any(f.failed for f in found)


CHEAPEST = TEXT.replace("{alpha: 10.0, beta: 0.1}", "{minimise: cost, minAccuracy: 0.7}")
WATCHED = replace(AT_ONCE, confirm_s=20.0)
"""As `AT_ONCE`, but a change has to prove itself."""


@pytest.mark.parametrize(
    ("settings", "faults", "text", "seen"),
    [
        pytest.param(
            WATCHED,
            [LatencyDrift(start_s=0, stage="find", variant="small", factor=30.0)],
            TEXT,
            lambda d: " failed: " in d.note and d.outcome == "applied",
            id="rollback, then quarantine",
        ),
        pytest.param(
            WATCHED,
            [CapacityLoss(start_s=0, stage="find", replicas=6)],
            TEXT,
            lambda d: d.belief.capacity,
            id="what cannot be had",
        ),
        pytest.param(
            CAREFUL,
            [MetricOutage(start_s=25, end_s=45)],
            TEXT,
            lambda d: d.observation is None,
            id="no metrics",
        ),
        pytest.param(
            CAREFUL,
            [],
            TEXT.replace("maxCores: 40", "maxCores: 6"),
            lambda d: d.degraded,
            id="degraded",
        ),
        pytest.param(
            CAREFUL,
            [],
            CHEAPEST.replace("maxCores: 40", "maxCores: 10"),
            lambda d: d.objective is not None,
            id="a floor given up",
        ),
        pytest.param(
            CAREFUL,
            [],
            TEXT.replace("cores: 2\n", "cores: 2\n          loadTime: 12.5\n"),
            lambda d: d.proposals[0].rationale.startswith("warming up"),
            id="slow starts",
        ),
        pytest.param(
            replace(CAREFUL, margins=Margins(headroom=1.6)),
            [],
            TEXT,
            lambda d: d.margins.headroom == 1.6,
            id="other margins",
        ),
    ],
)
def test_turns_in_trouble_are_reproduced_too(
    settings: LoopSettings,
    faults: list[Fault],
    text: str,
    seen: Callable[[Decision], object],
    tmp_path: Path,
) -> None:
    planner = Scripted([ENOUGH, None, CHEAPER])
    load = [10.0] * 300 if settings is WATCHED else [4.0] * 80 + [20.0] * 100
    made = recorded(
        tmp_path,
        planner,
        16,
        settings=settings,
        faults=faults,
        text=text,
        trace_rps=load,
        unsuspecting=bool(faults) and settings is WATCHED,
    )
    decisions, heard = thoughtful(made), iter(planner.heard)
    unaware = replace(settings, margins=LOOP_MARGINS)  # those of then are on record

    for decision in decisions:
        asked = Scripted(planner.proposals)
        asked.heard.extend(b for b in planner.heard if b.decision < decision.id)
        found = again(tmp_path, decision, settings=unaware, planner=asked)
        assert found.differences == (), decision.id
        for briefing in (b for b in asked.heard if b.decision == decision.id):
            assert briefing == next(heard), "the planner hears the very same"
    assert next(heard, None) is None
    assert any(map(seen, made)), "there was the trouble"


def test_an_announced_event_is_reproduced_with_the_calendars_answer(tmp_path: Path) -> None:
    launch = Event(
        id="launch", pipeline="toy", start_s=45, end_s=200, load_factor=2.0, author="ann", entered_s=0
    )
    decisions = recorded(tmp_path, create("rules"), 8, settings=CAREFUL, events=[launch])
    told = [d for d in decisions if d.uses]

    found = [again(tmp_path, decision) for decision in told]

    assert told
    assert [f.differences for f in found] == [()] * len(told)
    assert {row.aspect for row in found[0].rows} >= {"tool 1", "proposal 1", "ruling 1"}


def test_a_person_who_answered_later_is_a_caveat(tmp_path: Path) -> None:
    (decision,) = recorded(tmp_path, Scripted([CHEAPER]), 1, mode="approve", approver=agreeing)

    found = again(tmp_path, decision, settings=AT_ONCE, planner=Scripted([CHEAPER]))

    assert found.differences == ()
    assert found.recorded.outcome == found.replayed.outcome == "recommended"
    assert [c[:26] for c in found.caveats] == ["a person answered after th"]


def test_another_planner_shows_what_it_would_have_done(tmp_path: Path) -> None:
    (decision,) = recorded(tmp_path, Scripted([CHEAPER]), 1)

    found = again(tmp_path, decision, Changes(planner="ilp"))

    assert found.changes == ("planner ilp",)
    assert found.differences == ("proposal 1", "ruling 1", "would run")
    assert not found.failed, "what was changed may differ"
    assert found.recorded.chosen == CHEAPER
    assert found.replayed.chosen["find"].variant == "large"


def test_another_epsilon_rules_otherwise(tmp_path: Path) -> None:
    (decision,) = recorded(tmp_path, Scripted([CHEAPER]), 1)

    strict = again(tmp_path, decision, Changes(epsilon=0.0), settings=AT_ONCE, planner=Scripted([CHEAPER]))

    assert [r.ruled for r in strict.recorded.rulings] == ["accepted"]
    assert [r.ruled for r in strict.replayed.rulings] == ["unsupported", "accepted"]
    assert "would run" in strict.differences


def test_fewer_revisions_end_sooner(tmp_path: Path) -> None:
    (decision,) = recorded(tmp_path, Scripted([TOO_SMALL, CHEAPER]), 1)

    found = again(
        tmp_path,
        decision,
        Changes(max_revisions=0),
        settings=AT_ONCE,
        planner=Scripted([TOO_SMALL, CHEAPER]),
    )

    assert found.recorded.chosen == CHEAPER
    assert found.replayed.proposals[1].rationale.startswith("the exact optimum: ")


def test_a_turn_that_comes_to_something_else_is_loud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (decision,) = recorded(tmp_path, Scripted([CHEAPER]), 1)
    found = again(tmp_path, decision, settings=AT_ONCE, planner=Scripted([ENOUGH]))

    assert found.failed
    assert found.differences == ("proposal 1", "ruling 1", "would run")


def test_a_record_that_was_altered_is_not_reproduced(
    tmp_path: Path, rules: list[Decision], capsys: pytest.CaptureFixture[str]
) -> None:
    altered = next(d for d in rules if d.outcome == "applied")
    ruling = altered.rulings[-1].model_copy(update={"reason": "because"})
    body = altered.model_copy(update={"rulings": (*altered.rulings[:-1], ruling)})
    with closing(sqlite3.connect(tmp_path / "data" / DECISIONS)) as raw:
        raw.execute("DROP TRIGGER decisions_stay")
        raw.execute("UPDATE decisions SET body = ? WHERE id = ?", (body.model_dump_json(), altered.id))
        raw.commit()

    same = replay(tmp_path / "data", altered.id, changes=AS_IT_WAS, environment={}, as_json=False)

    assert not same
    assert f"NOT REPRODUCED: ruling {len(altered.rulings)} differ" in capsys.readouterr().out


def snapshot(folder: Path) -> dict[str, str]:
    """Return the digest of every file that holds anything, but for the indices beside SQLite's logs."""
    return {
        path.name: sha256(content).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm") and (content := path.read_bytes())
    }


def test_replaying_changes_no_file(tmp_path: Path, rules: list[Decision]) -> None:
    before = snapshot(tmp_path / "data")

    for changes in (AS_IT_WAS, Changes(planner="ilp", epsilon=0.5)):
        assert replay(tmp_path / "data", rules[-1].id, changes=changes, environment={}, as_json=True)

    assert before
    assert snapshot(tmp_path / "data") == before


def test_a_person_sees_both_side_by_side(
    tmp_path: Path, rules: list[Decision], capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(tmp_path / "data", rules[-1].id, changes=AS_IT_WAS, environment={}, as_json=False)

    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == f"{rules[-1].id}, thought again as it was"
    assert last == "reproduced exactly"


def test_a_program_gets_one_object_with_both(
    tmp_path: Path, rules: list[Decision], capsys: pytest.CaptureFixture[str]
) -> None:
    changes = Changes(planner="ilp", epsilon=0.25)
    assert replay(tmp_path / "data", rules[-1].id, changes=changes, environment={}, as_json=True)

    (line,) = capsys.readouterr().out.splitlines()
    answer = json.loads(line)
    assert answer["id"] == rules[-1].id
    assert answer["changes"] == ["planner ilp", "epsilon 0.25"]
    assert answer["reproduced"] is (answer["differences"] == [])
    assert answer["recorded"]["proposals"] == [p.model_dump(mode="json") for p in rules[-1].proposals]
    assert {"aspect": "model", "recorded": "-", "replayed": "-", "same": True} in answer["aspects"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param(Changes(planner="rulez"), "no planner called 'rulez'", id="unknown planner"),
        pytest.param(Changes(epsilon=1.5), "--epsilon 1.5 is no share; give one from 0 to 1", id="epsilon"),
        pytest.param(Changes(epsilon=float("nan")), "is no share", id="no number"),
        pytest.param(Changes(max_revisions=-1), "give 0 or more", id="revisions"),
        pytest.param(Changes(planner="rules", model="m"), "asks no model; leave out --model", id="both"),
        pytest.param(Changes(model="m"), "no endpoint is set", id="no endpoint"),
        pytest.param(Changes(planner="llm"), "no endpoint is set", id="no model"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    changes: Changes, complaint: str, tmp_path: Path, rules: list[Decision]
) -> None:
    with pytest.raises(UsageError, match=complaint):
        again(tmp_path, rules[-1], changes)


def test_a_turn_without_a_planner_cannot_be_thought_again(tmp_path: Path) -> None:
    outage = [MetricOutage(start_s=5, end_s=15)]
    decisions = recorded(tmp_path, create("rules"), 2, faults=outage)
    blind = next(d for d in decisions if d.observation is None)

    with pytest.raises(UsageError, match=f"{blind.id}' was held without a planner: held: no metrics at"):
        again(tmp_path, blind)
    with pytest.raises(UsageError, match="there is no decision 'toy-999999'"):
        read(tmp_path / "data", "toy-999999")


SURGES = [4.0] * 30 + [20.0] * 200


def with_model(
    folder: Path,
    *script: Script,
    count: int = 4,
    tool_choice: str = "required",
    **planner: Any,  # noqa: ANN401
) -> list[Decision]:
    """Let a scripted model decide; the server is gone when this returns."""
    (folder / "data").mkdir()
    settings = PlannerSettings(**planner)
    with (
        scripted(*script) as model,
        closing(FlightRecorder(folder / "data" / FLIGHT, time.time, secrets=[KEY])) as flight,
    ):
        llm = LlmPlanner(
            model.settings(attempts=2, tool_choice=tool_choice),
            flight,
            settings=settings,
            sleep=lambda _: None,
        )
        with toy_run(folder, llm, settings=CAREFUL, trace_rps=SURGES) as opened:
            opened.loop.recover()
            return turns(opened, count)


def asked(decisions: Sequence[Decision]) -> Iterator[Decision]:
    """Yield those in which the model was to be asked."""
    return (d for d in decisions if d.planning.triggers)


BREAKS = failing(502)
UNKNOWN_VARIANT = proposing(
    action="configure",
    stages=[
        {"stage": "find", "variant": "huge", "batch": 1, "replicas": 1},
        {"stage": "read", "variant": "only", "batch": 1, "replicas": 1},
    ],
)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([SOLVE], id="a proposal at once"),
        pytest.param([calling("frontier"), SOLVE], id="a tool first"),
        pytest.param([UNKNOWN_VARIANT, SOLVE], id="rejected and revised"),
        pytest.param([UNKNOWN_VARIANT], id="rejected again and again"),
        pytest.param([completion(content="let me think"), SOLVE], id="corrected"),
        pytest.param([completion(content="let me think")], id="of no use"),
        pytest.param([failing(503), SOLVE], id="a failure that passes"),
        pytest.param([BREAKS], id="a dead endpoint, then the breaker"),
        pytest.param([failing(503, retry_after="3600")], id="a failure for too long"),
        pytest.param([failing(401, KEY)], id="a failure that does not pass"),
        pytest.param([completion(calls=(("propose", "{"),)), SOLVE], id="malformed"),
    ],
)
def test_the_recorded_answers_lead_to_the_recorded_turn(script: list[Script], tmp_path: Path) -> None:
    decisions = with_model(tmp_path, *script, count=6 if BREAKS in script else 4)

    assert list(asked(decisions))
    for decision in thoughtful(decisions):
        found = again(tmp_path, decision)
        assert found.differences == (), decision.id
        assert found.replayed.planning.spend.tokens == decision.planning.spend.tokens
        assert found.replayed.planning.fell_back == decision.planning.fell_back


@pytest.mark.parametrize(
    ("budget", "script"),
    [
        pytest.param("day", [SOLVE], id="before the model is asked"),
        pytest.param("decision", [UNKNOWN_VARIANT], id="after a rejection"),
    ],
)
def test_a_budget_that_had_its_say_has_it_again(budget: str, script: list[Script], tmp_path: Path) -> None:
    limits: dict[str, Any] = {budget: {"calls": 1}}
    decisions = with_model(tmp_path, *script, **limits)
    stopped = [d for d in asked(decisions) if f"the {budget}'s budget" in d.planning.fell_back]

    assert stopped
    assert [again(tmp_path, d).differences for d in stopped] == [()] * len(stopped)


def test_a_model_that_had_to_propose_at_once_has_to_again(tmp_path: Path) -> None:
    decision = next(asked(with_model(tmp_path, calling("frontier"), SOLVE, tool_choice="propose")))

    assert "frontier" not in {use.tool for use in decision.uses}
    assert again(tmp_path, decision).differences == ()


def test_another_model_is_asked_and_the_difference_shown(tmp_path: Path) -> None:
    decision = next(asked(with_model(tmp_path, SOLVE)))
    before = snapshot(tmp_path / "data")

    with scripted(proposing(action="hold", rationale="wait and see")) as other:
        environment = {"OPENAI_BASE_URL": other.address, "OPENAI_API_KEY": KEY}
        record = read(tmp_path / "data", decision.id)
        found = replayed(record, Changes(model="another"), environment)

    assert found.changes == ("model another",)
    assert found.replayed.planning.model == "another"
    assert {"model", "proposal 1"} <= set(found.differences)
    assert found.replayed.proposals[0].rationale == "wait and see"
    assert len(other.heard) == found.replayed.planning.spend.calls > 0
    assert snapshot(tmp_path / "data") == before, "what another model says is not recorded"


def test_a_model_can_be_asked_where_the_rules_decided(tmp_path: Path) -> None:
    decisions = recorded(tmp_path, create("rules"), 6, settings=CAREFUL, trace_rps=SURGES)
    decision = next(d for d in decisions if d.outcome == "applied")

    with scripted(SOLVE) as model:
        environment = {"OPENAI_BASE_URL": model.address}
        found = replayed(read(tmp_path / "data", decision.id), Changes(model="m"), environment)

    assert found.replayed.planning.model == "m"
    assert found.recorded.planning.model is None
    assert "spent" in found.differences


def test_without_the_flight_recorder_the_replay_says_what_is_missing(tmp_path: Path) -> None:
    decision = next(asked(with_model(tmp_path, SOLVE)))
    for path in (tmp_path / "data").glob(f"{FLIGHT}*"):
        path.unlink()

    found = again(tmp_path, decision)

    assert found.failed
    assert found.caveats == ("the flight recorder has nothing of this decision: it was pruned or removed",)
    assert "the record has no further answer" in found.replayed.planning.fell_back


def test_a_prompt_that_is_not_the_recorded_one_is_named(tmp_path: Path) -> None:
    decision = next(asked(with_model(tmp_path, SOLVE)))
    record = read(tmp_path / "data", decision.id)

    found = replayed(with_prompt(record, "another system message"), AS_IT_WAS, NO_ENDPOINT)

    assert found.differences == ("prompts sent",)
    (row,) = [r for r in found.rows if not r.same]
    assert row.replayed == "1, of them others than then: 1"


def with_prompt(record: Recorded, system: str) -> Recorded:
    """Return the record with another system message in its prompts."""
    entries = []
    for entry in record.entries:
        if entry.kind == "prompt":
            first, *others = entry.body["messages"]
            messages = [{**first, "content": system}, *others]
            entries.append(entry.model_copy(update={"body": {**entry.body, "messages": messages}}))
        else:
            entries.append(entry)
    return replace(record, entries=tuple(entries))


def test_the_object_of_a_replay_is_plain(tmp_path: Path) -> None:
    decision = next(asked(with_model(tmp_path, SOLVE)))

    answer = replay_answer(again(tmp_path, decision))

    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["reproduced"] is True
