"""The `drift` suite: what goes wrong, who notices, and what it costs (`evals.drift`).

    row = play("noisy neighbour", "rules", seed=0)
    for bar in bars(rows): ...                       # evals.drift.bars

A scenario is a family; its seed draws the pipeline, the load, the trouble and the requests, which all
entrants then meet alike. An episode is one call and needs no other, so they may run in any order and process.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.choosing import Choice, read_settings
from agent.llm.prices import read_prices
from evals.drift import families
from evals.drift.case import DriftCase
from evals.drift.rows import extra_of
from evals.drift.running import WITHOUT_MODEL, DriftEntrant, run
from evals.episode import Played, row_of
from evals.frames import Row
from evals.scenario import Scenario
from evals.store import Done, Key
from simulator.report import Series
from tools.replay import Episode, ReplaySettings

SUITE = "drift"


def episodes(
    seeds: Sequence[int],
    *,
    entrants: Sequence[DriftEntrant] = WITHOUT_MODEL,
    only: Sequence[str] = (),
) -> Iterator[tuple[str, DriftEntrant, int]]:
    """Yield family, entrant and seed of every episode; all families unless *only* some are wanted."""
    for seed in seeds:
        for family in only or families.names():
            for entrant in entrants:
                yield family, entrant, seed


@dataclass(frozen=True, slots=True)
class Trial:
    """One episode as a task of `evals.runner`; a model is asked with the environment of where it runs."""

    family: str
    entrant: DriftEntrant
    seed: int
    choice: Choice | None = None

    @property
    def episodes(self) -> dict[Key, str]:
        """What it will give."""
        case = families.case(self.family, self.seed)
        key = (self.family, _label(self.entrant, self.choice), self.seed)
        return {key: digest(case, self.entrant, self.choice)}

    def without(self, done: Done) -> Trial | None:
        """Return it, or None where it was run."""
        return None if all(done.get(key) == value for key, value in self.episodes.items()) else self

    def run(self) -> list[Played]:
        """Run it."""
        row, series = played(self.family, self.entrant, self.seed, choice=self.choice, environment=os.environ)
        return [Played(row, series if self.seed == 0 else None)]


def scenario_of(case: DriftCase) -> Scenario:
    """Return the case as a scenario: what the twin serves, and under which faults."""
    return Scenario(
        suite=SUITE,
        name=case.family,
        group=families.group_of(case.family),
        pipeline=case.pipeline,
        trace_rps=case.trace_rps,
        settings=ReplaySettings(faults=case.faults),
    )


def digest(case: DriftCase, entrant: DriftEntrant, choice: Choice | None) -> str:
    """Return what an episode depends on beside the code, as SHA-256 in hexadecimal.

    That is all of the case, what is believed and announced of it too, who decides, and how a model is asked.

    Raises:
        UsageError: a file that says so cannot be read.
        InvalidDocument: its content is wrong.
    """
    asked = (
        None if choice is None else (choice.model, read_settings(choice.settings), read_prices(choice.prices))
    )
    return hashlib.sha256(repr((case, entrant, asked)).encode()).hexdigest()


def play(
    family: str,
    entrant: DriftEntrant,
    seed: int,
    *,
    choice: Choice | None = None,
    environment: Mapping[str, str] | None = None,
) -> Row:
    """Run one episode and return its row; *choice* and *environment* say which model `llm` asks, and where.

    Raises:
        UsageError: the family or the entrant is unknown, or `llm` has no endpoint.
    """
    return played(family, entrant, seed, choice=choice, environment=environment)[0]


def played(
    family: str,
    entrant: DriftEntrant,
    seed: int,
    *,
    choice: Choice | None,
    environment: Mapping[str, str] | None,
) -> tuple[Row, Series]:
    """Run one episode and return its row, and what happened second by second; raises as `play`."""
    case = families.case(family, seed)
    scenario = scenario_of(case)
    started, started_s = datetime.now(UTC), time.perf_counter()
    result = run(case, entrant, choice=choice, environment=environment)
    row = row_of(
        scenario,
        label=_label(entrant, choice),
        seed=seed,
        episode=Episode(result.report, (), result.score),
        decision_s=(),
        wall_s=time.perf_counter() - started_s,
        started=started,
        scenario_digest=digest(case, entrant, choice),
        extra=extra_of(result).model_dump_json(),
    )
    return row, result.report.series


def _label(entrant: DriftEntrant, choice: Choice | None) -> str:
    """Return what the entrant is called in tables: two models are two policies."""
    return f"llm {choice.model}" if entrant == "llm" and choice is not None and choice.model else entrant
