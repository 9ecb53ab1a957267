"""Which model answers questions, and how far: what the settings of a person say of it holds."""

from __future__ import annotations

from pathlib import Path

from agent.asking import subject_of
from agent.choosing import Choice, chosen_talk
from agent.planners import create
from tests.agent.llm.server import calling, scripted
from tests.agent.toy import toy_run, turns


def test_the_day_s_budget_of_the_settings_bounds_questions_too(tmp_path: Path) -> None:
    with toy_run(tmp_path, create("rules")) as run:
        run.loop.recover()
        turns(run, 1)
    settings = tmp_path / "llm.yaml"
    settings.write_text("planner: {day: {calls: 1}}")
    choice = Choice(model="scripted", settings=settings)

    with scripted(calling("answer", text="It serves.", evidence=["t1"])) as model:
        environment = {"OPENAI_BASE_URL": model.address}
        with chosen_talk(choice, tmp_path / "data", environment) as talk:
            assert talk is not None
            subject = subject_of(tmp_path / "data", None)
            first, second = (talk.answer("why?", subject) for _ in range(2))

    assert (first.by, second.by) == ("model", "record")
    assert "the day's budget" in second.note
