"""Two turns side by side: what is the same, what is not, and what only took another time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.comparison import Row, compared, differences
from agent.turn import Turn
from core.proposal import Ask, Proposal
from core.ruling import Ruling
from core.spend import Planning, Spend
from core.tooluse import ToolUse
from tests.agent.toy import CHEAPER, ENOUGH

PROPOSAL = Proposal(ask=Ask(headroom=1.2), rationale="more room", cause="load surge", evidence=("t1",))
RULING = Ruling(ruled="accepted", candidate=ENOUGH, verdict=None, allowed=0.1, reason="feasible")
USE = ToolUse(id="t1", call="c1", tool="solve", arguments="{}", ok=True, result='{"cores": 3}', seconds=1.0)
PLANNING = Planning(
    triggers=("load surge of toy",),
    model="m",
    prompt="plan@1",
    spend=Spend(calls=1, input_tokens=900, output_tokens=50, seconds=3.0),
    ungrounded=("99",),
)
TURN = Turn("recommended", ENOUGH, (PROPOSAL,), (RULING,), (USE,), PLANNING)


def planned(**changes: Any) -> Turn:  # noqa: ANN401 - of `Planning`
    return replace(TURN, planning=PLANNING.model_copy(update=changes))


@pytest.mark.parametrize(
    ("other", "differ"),
    [
        pytest.param(TURN, (), id="the same"),
        pytest.param(planned(triggers=()), ("triggers",), id="triggers"),
        pytest.param(planned(model="n"), ("model",), id="model"),
        pytest.param(planned(prompt="plan@2"), ("prompt",), id="prompt"),
        pytest.param(planned(fell_back="no time"), ("fell back",), id="fell back"),
        pytest.param(planned(ungrounded=()), ("ungrounded",), id="ungrounded"),
        pytest.param(planned(spend=Spend(calls=2)), ("spent",), id="spent"),
        pytest.param(planned(day=Spend(calls=9), breaker="open"), (), id="what other turns did"),
        pytest.param(replace(TURN, degraded=True), ("degraded",), id="degraded"),
        pytest.param(replace(TURN, chosen=CHEAPER), ("would run",), id="would run"),
        pytest.param(replace(TURN, uses=()), ("tool 1",), id="a tool less"),
        pytest.param(
            replace(TURN, proposals=(PROPOSAL, PROPOSAL), rulings=(RULING, RULING)),
            ("proposal 2", "ruling 2"),
            id="a proposal more",
        ),
        pytest.param(
            replace(TURN, rulings=(RULING.model_copy(update={"allowed": 0.1001}),)),
            ("ruling 1",),
            id="a figure that is not shown",
        ),
        pytest.param(
            replace(TURN, rulings=(RULING.model_copy(update={"allowed": 0.1 + 1e-12}),)), (), id="rounding"
        ),
        pytest.param(replace(TURN, uses=(USE.model_copy(update={"seconds": 9.0}),)), (), id="a slower tool"),
        pytest.param(
            replace(TURN, uses=(USE.model_copy(update={"result": "{}"}),)), ("tool 1",), id="a result"
        ),
        pytest.param(
            planned(spend=PLANNING.spend.model_copy(update={"seconds": 9.0})), (), id="a slower model"
        ),
    ],
)
def test_what_differs_is_named(other: Turn, differ: tuple[str, ...]) -> None:
    assert differences(compared(TURN, other)) == differ
    assert differences(compared(other, TURN)) == differ


def test_both_sides_are_shown_and_what_is_not_there_is_a_dash() -> None:
    rows = {row.aspect: row for row in compared(TURN, replace(TURN, uses=()))}

    assert rows["tool 1"] == Row("tool 1", 't1 solve {} -> {"cores": 3}', "-", same=False)
    assert rows["proposal 1"].recorded == "solve {'headroom': 1.2} (cause: load surge, cites t1): more room"
    assert rows["ruling 1"].replayed == "accepted: feasible"
    assert rows["would run"].recorded == "find=large/1x8, read=only/1x4"
    assert rows["spent"].recorded == "1 calls, 900 + 50 tokens"
