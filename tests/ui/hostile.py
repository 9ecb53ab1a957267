"""Texts that try to be more than text, in every place that a cluster, a model or a person can write to."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from agent.folder import DECISIONS, REQUESTS
from agent.planners.rules import RulesPlanner
from core.approval import proposal_hash
from core.assessment import Finding, Signal
from core.decision import Decision
from core.proposal import Proposal
from core.tooluse import ToolUse
from tests.agent.toy import TEXT, toy_run, turns
from tools.presence import read_presence, write_presence
from tools.requests import Request, Requests
from tools.store import DecisionStore

SCRIPT = "<script>window.harmed=1</script>"
IMAGE = "<img/src=x/onerror=window.harmed=1>"
LINK = "[click](https://evil.example/?steal)"
PICTURE = "![p](https://evil.example/p.png)"
BARE = "https://evil.example www.evil.example"
BACKWARDS = "safe\u202elive\u202c"
MARKDOWN = "**bold** # head :red[x] $x^2$ `c` :material/delete: :smile: ~~s~~ &lt;b&gt; [[x]]"
LINES = "one\n# two\n- three\n| a | b |\n|--|--|\n| 1 | 2 |\x00\x1b[31m"
LONG = "L" * 10_000
MARKS = (SCRIPT, IMAGE, LINK, PICTURE, BARE, BACKWARDS, MARKDOWN, LINES, LONG)
TEXTS = " ".join(MARKS)
NAMES = {
    "toy": f"{IMAGE}:material/delete:$x^2$:red[r]**b**`c`\\",
    "find": "<b>find</b>[x](https://evil.example):smile:\u202eevil",
    "small": "![s](https://evil.example/s.png)$y^2$\\N&lt;i&gt;",
    "only": "<i/onclick=window.harmed=1>only",
}
"""No blanks: these are names."""


def hostile_store(folder: Path) -> str:
    """Make a record in which everything is hostile, in `folder/data`; return the id of its last decision."""
    with toy_run(folder, RulesPlanner(), text=_named(TEXT)) as run:
        run.loop.recover()
        turns(run, 3)
        last = run.loop.context.store.latest(1)[0]
    data = folder / "data"
    with closing(DecisionStore(data / DECISIONS)) as store:
        store.record(_worsened(last))
    _asked(data, last)
    presence = read_presence(data)
    assert presence is not None
    write_presence(
        data,
        presence.model_copy(
            update={"ended": None, "beat": 1.0, "host": TEXTS, "problem": TEXTS, "paused_by": TEXTS}
        ),
    )
    return "hostile-1"


def _named(text: str) -> str:
    for name, hostile in NAMES.items():
        text = text.replace(f"name: {name}\n", f"name: '{hostile}'\n").replace(
            f"{{name: {name}}}", f"{{name: '{hostile}'}}"
        )
    return text


def _worsened(decision: Decision) -> Decision:
    """Return a decision whose every text is hostile."""
    short = TEXTS[:1500]
    use = ToolUse(id="t1", call="c1", tool=TEXTS, arguments=TEXTS, ok=True, result=TEXTS[:8000], shows=("x",))
    proposal = Proposal(
        configuration=None, rationale=short, diagnosis=short, cause="slo breach", evidence=("t1",)
    )
    planning = decision.planning.model_copy(
        update={"fell_back": TEXTS, "ungrounded": (SCRIPT, "42"), "model": IMAGE, "triggers": (TEXTS,)}
    )
    return decision.model_copy(
        update={
            "id": "hostile-1",
            "time_s": decision.time_s + 10,
            "note": TEXTS,
            "mode_reason": TEXTS,
            "uses": (use,),
            "proposals": (proposal,),
            "rulings": tuple(r.model_copy(update={"reason": TEXTS}) for r in decision.rulings[:1]),
            "planning": planning,
            "findings": (Finding(kind="slo breach", subject=IMAGE, statement=TEXTS),),
            "signals": (Signal(name=f"queue[{IMAGE}]", state="missing"), *decision.signals),
        }
    )


def _asked(data: Path, last: Decision) -> None:
    """Leave a request whose words are hostile."""
    assert last.running is not None
    proposed = last.running.model_copy(
        update={
            "stages": tuple(s.model_copy(update={"replicas": s.replicas + 1}) for s in last.running.stages)
        }
    )
    request = Request(
        decision="hostile-2",
        pipeline=last.pipeline,
        proposal=proposal_hash(last.pipeline, last.running, proposed),
        running=last.running,
        proposed=proposed,
        effect=TEXTS,
        rationale=TEXTS,
        asked_at=1.0,
        expires_at=4e9,
    )
    with closing(Requests(data / REQUESTS)) as requests:
        requests.open(request)
