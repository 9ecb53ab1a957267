"""A planner at the table: its model scripted, its clock and its waiting in the test's hands."""

from __future__ import annotations

from typing import Any

from agent.llm.prices import Price, Prices
from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import PlannerSettings
from agent.planners.llm import LlmPlanner
from tests.agent.llm.server import (
    ScriptedModel,
    proposing,
)
from tests.agent.llm.table import TOOLS

NO_OPENING = PlannerSettings(opening=())
SOLVE = proposing(action="solve")
FREE = Prices(prices=(Price(model="*", input_usd=0, output_usd=0),))


class Hands:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 1e9
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def planner_of(
    model: ScriptedModel,
    recorder: MemoryRecorder | None = None,
    *,
    settings: PlannerSettings = NO_OPENING,
    hands: Hands | None = None,
    prices: Prices | None = None,
    **client: Any,  # noqa: ANN401 - of `ClientSettings`
) -> LlmPlanner:
    hands = hands or Hands()
    return LlmPlanner(
        model.settings(**client),
        MemoryRecorder(hands.clock) if recorder is None else recorder,
        settings=settings,
        clock=hands.clock,
        sleep=hands.sleep,
        tools=TOOLS,
        prices=prices,
    )
