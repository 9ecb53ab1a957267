"""Play a situation up to the turn that is judged, and return all that a planner may know in it.

Until something goes wrong the loop acts by the `rules`; this part is played twice, as what goes wrong has to
hit what runs by then. From then on the loop looks on (mode `observe`), so that the turn that is judged has
something to decide, and every planner meets the very same situation. Nothing is on trial, and in the turn
that is judged the rate of change is not limited: the planner is judged, not the loop's caution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.context import STABILISATION_S, LoopSettings
from agent.episode import EmbeddedRun, embedded_run
from agent.planners import Briefing, Planner, Thought, create
from core.calendar import Event
from core.errors import TrimtabError
from core.pace import Pace
from core.pipeline import Pipeline
from evals.agent.disturbances import UNDER, events_of, faults_of, trace_of
from evals.agent.situations import FAULT_S, INTERVAL_S, Case
from evals.bias import BiasedForecaster
from pipelines.reader import read_pipeline
from simulator.faults import Fault
from tools.toolkit.situation import Situation

MANY = 10_000
"""More changes than any episode has."""
EPISODE = LoopSettings(interval_s=INTERVAL_S, confirm_s=0.0)
"""The loop's own but for trials, in which no planner would be asked."""
THINKING = replace(EPISODE, pace=Pace(least_left=0.0, stabilisation_s=STABILISATION_S, flaps=MANY))
"""Of the turn that is judged."""


@dataclass(slots=True)
class _Witness:
    """The planner that acts; keeps the situation of the last turn it was asked in."""

    acting: Planner = field(default_factory=lambda: create("rules"))
    seen: Briefing | None = None

    @property
    def name(self) -> str:
        """What the record calls it."""
        return self.acting.name

    def plan(self, briefing: Briefing) -> Thought:
        """Pass it on."""
        if not briefing.rejected and not briefing.uses:
            self.seen = briefing
        return self.acting.plan(briefing)


def played(case: Case, folder: Path) -> Situation:
    """Return the situation of the turn that is judged.

    Raises:
        TrimtabError: the loop did not ask a planner in that turn.
        StoreError: the folder cannot be used.
    """
    pipeline, witness = read_pipeline(case.file), _Witness()
    with _begun(case, pipeline, _Witness(), folder / "rehearsal") as rehearsal:
        running = rehearsal.loop.context.actuator.desired().configuration
    with _begun(case, pipeline, witness, folder / "played", faults_of(case, pipeline, running)) as run:
        context = run.loop.context
        context.settings = replace(EPISODE, mode="observe")
        context.calendar = _calendar(events_of(case, pipeline))
        if case.kind == "forecast bias":
            context.forecaster = BiasedForecaster(context.forecaster, UNDER)
        _play(run, case.judged_s)
    return _asked(case, witness)


@contextmanager
def _begun(
    case: Case, pipeline: Pipeline, planner: Planner, folder: Path, faults: tuple[Fault, ...] = ()
) -> Iterator[EmbeddedRun]:
    """Yield the run at the last turn before something goes wrong."""
    folder.mkdir(parents=True)
    with embedded_run(
        pipeline,
        trace_of(case),
        folder,
        planner=planner,
        settings=EPISODE,
        seed=case.seed,
        faults=faults,
    ) as run:
        _play(run, int(FAULT_S) // INTERVAL_S * INTERVAL_S)
        yield run


def _play(run: EmbeddedRun, until_s: int) -> None:
    while run.now_s < until_s:
        run.cluster.pass_time(INTERVAL_S)
        run.loop.tick()


def _calendar(events: tuple[Event, ...]) -> Callable[[], tuple[Event, ...]]:
    return lambda: events


def _asked(case: Case, witness: _Witness) -> Situation:
    if witness.seen is None or witness.seen.situation.time_s != case.judged_s:
        raise TrimtabError(
            f"situation {case.name!r}: no planner was asked at {case.judged_s} s; "
            "change evals/agent/situations.py so that one is"
        )
    return witness.seen.situation
