"""What waits for a person, and how it stands to what runs: read from the stores, checked by the core."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agent.asking import subject_of
from agent.folder import DECISIONS, REQUESTS
from core.configuration import Configuration, StageConfiguration
from core.decision import Outcome
from core.errors import UsageError
from core.prediction import Prediction, predict
from core.verdict import Constraint, Verdict
from core.verify import verify
from tools.points import Points
from tools.requests import Asked, Request, Requests
from tools.store import DecisionStore
from ui.places import BUSY_S, Place
from ui.show import number, percent

MOST_KEPT = 512
"""Files whose last requests are kept in memory; a request takes about 4 kB."""
LISTED = 15
"""Requests read of each loop, newest first: one at a time is open, the others are history."""
RECORDED = 3
"""Decisions among which the latest is: at most one waits at a time, so at most one is recorded late."""
SHOWN = 15
"""Answers shown of all loops together."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request, and the loop that asks."""

    place: Place
    asked: Asked

    @property
    def key(self) -> str:
        """What it is called, once in a console: which change of which loop, asked in which turn."""
        return f"{self.place.key}:{self.request.decision}:{self.request.proposal}"

    @property
    def request(self) -> Request:
        """What is asked."""
        return self.asked.request

    def open(self, now: float) -> bool:
        """Say whether it still concerns anybody: unanswered and in time, or answered and not yet acted on."""
        if self.asked.closed is not None:
            return False
        return self.asked.answer is not None or now < self.request.expires_at


@dataclass(frozen=True, slots=True)
class Weighed:
    """What runs and what is proposed, on the problem of the last decision."""

    decision: str
    """Whose problem it is."""
    time_s: float
    """When that was, by the loop's clock."""
    load_rps: float
    slo_s: float
    runs: Prediction
    proposed: Prediction
    verdict: Verdict
    """On what is proposed."""


@dataclass(frozen=True, slots=True)
class Unweighed:
    """There is nothing to weigh it on."""

    reason: str


def requests_of(place: Place) -> list[Waiting]:
    """Return the last requests of a loop, newest first; none where it never asked.

    Raises:
        StoreError: the file cannot be read.
    """
    path = place.folder / REQUESTS
    if not path.is_file():
        return []
    found = _read(path, _stamp(path))
    return [Waiting(place, asked) for asked in found if asked.request.pipeline == place.pipeline]


def open_of(found: Sequence[Waiting], now: float) -> list[Waiting]:
    """Return those that still concern somebody, the oldest first: what comes later moves none of them."""
    return sorted((w for w in found if w.open(now)), key=lambda w: w.request.asked_at)


def history_of(found: Sequence[Waiting], now: float) -> list[Waiting]:
    """Return the last of those that are over, newest first."""
    over = [w for w in found if not w.open(now)]
    return sorted(over, key=lambda w: w.request.asked_at, reverse=True)[:SHOWN]


def weigh(place: Place, request: Request) -> Weighed | Unweighed:
    """Return how a change stands by what was measured last.

    Raises:
        StoreError: the store cannot be read.
        SolverError: the optimum could not be proven.
    """
    name = last_decision(place)
    if name is None:
        return Unweighed("no turn has ended yet")
    try:
        subject = subject_of(place.folder, name)
        problem = subject.problem()
        if problem is None:
            return Unweighed(f"decision {name!r} was made without metrics")
        problem = problem.replaced(running=request.running)
        return Weighed(
            decision=name,
            time_s=subject.decision.time_s,
            load_rps=problem.load_rps,
            slo_s=problem.pipeline.slo.latency_s,
            runs=predict(problem, request.running),
            proposed=predict(problem, request.proposed),
            verdict=verify(problem, request.proposed, nearest=False),
        )
    except UsageError as error:  # the pipeline is another one by now, or was not kept
        return Unweighed(str(error))


def last_decision(place: Place) -> str | None:
    """Return the id of the latest decision of a pipeline; None where it has none.

    One that waited for a person is recorded late, but keeps its number: others have measured since.

    Raises:
        StoreError: the store cannot be read.
    """
    with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as points:
        last = points.last(place.pipeline, RECORDED)
    return max((p.id for p in last), key=_number, default=None)


def outcome_of(place: Place, decision: str) -> tuple[Outcome, str] | None:
    """Return what a decision came to, and its note; None where it is not on record (yet).

    Raises:
        StoreError: the store cannot be read.
    """
    with closing(DecisionStore(place.folder / DECISIONS, read_only=True, busy_s=BUSY_S)) as store:
        if not store.has(decision):
            return None
        found = store.decision(decision)
    return found.outcome, found.note


def stage_rows(runs: Configuration, proposed: Configuration) -> list[dict[str, str]]:
    """Return a row for each stage: what runs, what is proposed, and in words what changes."""
    names = dict.fromkeys([s.stage for s in (*proposed.stages, *runs.stages)])
    return [_row(name, runs.by_stage.get(name), proposed.by_stage.get(name)) for name in names]


def effect_rows(weighed: Weighed) -> list[dict[str, str]]:
    """Return what is predicted of both, figure by figure."""
    runs, proposed = weighed.runs, weighed.proposed
    return [
        {
            "predicted": "accuracy",
            "runs": percent(runs.accuracy),
            "proposed": percent(proposed.accuracy),
            "change": _points(runs.accuracy, proposed.accuracy),
        },
        _figure("cores", runs.cores, proposed.cores, ""),
        _figure(f"latency, SLO {number(weighed.slo_s, ' s')}", runs.latency_s, proposed.latency_s, " s"),
    ]


def verdict_line(verdict: Verdict) -> str:
    """Return the verdict in one sentence."""
    broken = len(verdict.violations)
    if broken:
        return "1 limit is broken." if broken == 1 else f"{broken} limits are broken."
    if verdict.regret is None:
        return "Every limit is kept; how far from the optimum is unknown."
    lost = max(0.0, verdict.regret)
    return f"Every limit is kept; objective {number(lost)} short of the optimum."


def constraint_rows(constraints: Sequence[Constraint]) -> list[dict[str, str]]:
    """Return a row for each limit, the broken ones first."""
    return [
        {
            "limit on": c.constraint,
            "value": number(c.value),
            "limit": number(c.limit),
            "room left": number(c.slack),
            "": "✓ kept" if c.kept else "✗ broken",
        }
        for c in sorted(constraints, key=lambda c: c.kept)
    ]


def _number(name: str) -> tuple[int, str]:
    return len(name), name


@lru_cache(maxsize=MOST_KEPT)
def _read(path: Path, stamp: tuple[int, ...]) -> tuple[Asked, ...]:
    """Read a file; one that is as it was is not read again: a page looks at all of them every few seconds."""
    with closing(Requests(path, read_only=True, busy_s=BUSY_S)) as requests:
        return requests.latest(LISTED)


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever something is written: the file and its write-ahead log."""
    found: list[int] = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):  # no log: nobody has the file open
            seen = one.stat()
            found += (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return tuple(found)


def _row(name: str, runs: StageConfiguration | None, proposed: StageConfiguration | None) -> dict[str, str]:
    return {
        "stage": name,
        "runs": _setting(runs),
        "proposed": _setting(proposed),
        "change": "; ".join(_changes(runs, proposed)) or "unchanged",
    }


def _setting(setting: StageConfiguration | None) -> str:
    return "–" if setting is None else f"{setting.variant}, batch {setting.batch}, × {setting.replicas}"


def _changes(runs: StageConfiguration | None, proposed: StageConfiguration | None) -> Iterator[str]:
    if runs is None or proposed is None:
        yield "new stage" if runs is None else "stage goes"
        return
    if runs.variant != proposed.variant:
        yield f"{runs.variant} → {proposed.variant}"
    if runs.batch != proposed.batch:
        yield f"batch {runs.batch} → {proposed.batch}"
    if runs.replicas != proposed.replicas:
        yield f"replicas {runs.replicas} → {proposed.replicas} ({proposed.replicas - runs.replicas:+d})"


def _points(runs: float | None, proposed: float | None) -> str:
    if runs is None or proposed is None:
        return "unknown"
    return _signed(100 * (proposed - runs), ".2f", " points")


def _figure(name: str, runs: float, proposed: float, unit: str) -> dict[str, str]:
    finite = math.isfinite(runs) and math.isfinite(proposed)
    return {
        "predicted": name,
        "runs": _bounded(runs, unit),
        "proposed": _bounded(proposed, unit),
        "change": _signed(proposed - runs, ".3g", unit) if finite else "–",
    }


def _bounded(value: float, unit: str) -> str:
    """Return a figure; a queue that is fed faster than it is served has no latency that it keeps to."""
    return number(value, unit) if math.isfinite(value) else "grows without end"


def _signed(difference: float, form: str, unit: str) -> str:
    text = f"{difference:+{form}}"
    return f"{text}{unit}" if float(text) else "unchanged"
