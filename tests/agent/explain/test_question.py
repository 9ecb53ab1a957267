"""What a question is understood as."""

from __future__ import annotations

import pytest

from agent.explain.question import (
    MOST_QUESTION,
    Changed,
    Intent,
    Switch,
    Unknown,
    Well,
    WhatIf,
    Why,
    WhyNot,
    parse,
)
from core.errors import UsageError
from core.problem import VariantName
from tests.agent.toy import pipeline_of

SMALL = VariantName(stage="find", variant="small")
LARGE = VariantName(stage="find", variant="large")


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("Why this configuration?", Why()),
        ("why did you decide that", Why()),
        ("explain it", Why()),
        ("Why not small?", WhyNot((SMALL,))),
        ("why isn't find running LARGE", WhyNot((LARGE,), None, "find")),
        ("Why not the larger model?", WhyNot((), "larger")),
        ("why not a cheaper variant for read?", WhyNot((), "smaller", "read")),
        ("why not?", Why()),
        ("What if load doubles?", WhatIf(load_factor=2)),
        ("what if the load triples", WhatIf(load_factor=3)),
        ("what happens if load is 42.5 rps?", WhatIf(load_rps=42.5)),
        ("what if we get 120 requests per second", WhatIf(load_rps=120)),
        ("what would happen with 2.5x the load", WhatIf(load_factor=2.5)),
        ("what if load grows by 30 %", WhatIf(load_factor=1.3)),
        ("what if load falls by 25%?", WhatIf(load_factor=0.75)),
        ("what if traffic halves?", WhatIf(load_factor=0.5)),
        ("What if the SLO is 0.3 s?", WhatIf(slo_s=0.3)),
        ("what if the latency limit was 250 ms", WhatIf(slo_s=0.25)),
        ("what if the SLO is 300 ms at 40 rps?", WhatIf(load_rps=40, slo_s=0.3)),
        ("what if the SLO halves", WhatIf(slo_factor=0.5)),
        ("What would make it switch?", Switch()),
        ("when would it change its mind?", Switch()),
        ("what changed?", Changed()),
        ("what has changed since", Changed()),
        ("why did it switch?", Changed()),
        ("is it all right?", Well()),
        ("are there any problems?", Well()),
        ("tell me a joke", Unknown()),
        ("what if pigs fly?", Unknown()),
        ("small", WhyNot((SMALL,))),
    ],
)
def test_a_question_is_understood(question: str, intent: Intent) -> None:
    assert parse(question, pipeline_of()) == intent


def test_what_if_a_fall_of_everything_is_not_understood() -> None:
    assert parse("what if load drops by 100 %?", pipeline_of()) == Unknown()


@pytest.mark.parametrize("question", ["", " \n\t ", "\x1b\x00", "x" * (MOST_QUESTION + 1)])
def test_what_is_no_question_is_refused(question: str) -> None:
    with pytest.raises(UsageError, match="question"):
        parse(question, pipeline_of())
