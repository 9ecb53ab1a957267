"""What is on record is what the cluster says, also where an answer, a question or a record is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.decision import Decision
from core.errors import ActuationFailed, StoreError
from core.verify import Approved
from tests.agent.toy import CHEAPER, ENOUGH, Scripted, toy_run, turns
from tools.ports import Actuator, Desired
from tools.store import DecisionStore


class Faulty:
    """The embedded cluster behind a connection that goes wrong in one of three ways."""

    def __init__(self, cluster: Actuator, way: str) -> None:
        self._cluster, self._way = cluster, way

    def desired(self) -> Desired:
        """Return what was last asked for."""
        return self._cluster.desired()

    def dry_run(self, approved: Approved, load_rps: float) -> None:
        """Take it."""

    def apply(self, change: str, approved: Approved, load_rps: float) -> None:
        """Refuse, take it and lose the answer, or lose the question."""
        if self._way == "answer lost":
            self._cluster.apply(change, approved, load_rps)
        if self._way != "question lost":
            raise ActuationFailed(self._way)


@pytest.mark.parametrize(
    ("way", "outcome", "note"),
    [
        pytest.param("paused", "failed", "paused", id="refused"),
        pytest.param("question lost", "failed", "read back change 'initial' instead of this one", id="lost"),
        pytest.param("answer lost", "applied", "answer lost", id="taken, but the answer was lost"),
    ],
)
def test_what_is_recorded_is_what_the_cluster_says(way: str, outcome: str, note: str, tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER, ENOUGH])) as run:
        run.loop.context.actuator = Faulty(run.cluster, way)
        (decision,) = turns(run, 1)
        run.loop.context.actuator = run.cluster
        (later,) = turns(run, 1)

    assert (decision.outcome, decision.note) == (outcome, note)
    assert decision.certificate is not None, "what was tried is on record, whatever came of it"
    assert later.outcome == "applied"


class FullStore:
    """A store that takes intents and has no room for decisions."""

    def __init__(self, store: DecisionStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self._store, name)

    def record(self, decision: Decision) -> None:
        """Refuse."""
        raise StoreError(f"no room for {decision.id}")


def test_a_change_whose_record_failed_is_on_record_after_the_next_start(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        full: Any = FullStore(run.loop.context.store)
        run.loop.context.store = full
        with pytest.raises(StoreError, match="no room for toy-000001"):
            turns(run, 1)

    with toy_run(tmp_path, Scripted([CHEAPER])) as run:
        (decision,) = run.loop.recover()

        assert (decision.id, decision.outcome) == ("toy-000001", "applied")
        assert decision.observation is not None
        assert run.cluster.desired().change == decision.id
