"""Decisions of every kind, what their points must say (the oracle), and stores of an older version."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import strategies as st

from core.assessment import Finding
from core.configuration import Configuration
from core.decision import Decision
from core.forecast import Forecast
from core.observation import QUANTILES, LatencyQuantile, Observation, StageObservation
from core.proposal import Proposal
from core.ruling import Grounds, Ruling, only_feasible, rule
from core.spend import Planning, Spend
from tests.core.toys import configuration
from tests.tools.test_store import CHOSEN, intent
from tools.points import Point

CERTIFICATE = intent("any").certificate
PROBLEM = CERTIFICATE.problem
SMALL = configuration(("first", "small", 1, 1))
RULINGS: tuple[Ruling, ...] = (
    rule(PROBLEM, Proposal(configuration=SMALL, rationale="cheap"), Grounds()),
    only_feasible(PROBLEM, CHOSEN),
    Ruling(ruled="impossible", candidate=None, verdict=None, reason="there is no such thing"),
)
OLDER = """
CREATE TABLE intents (
    decision TEXT PRIMARY KEY, pipeline TEXT NOT NULL, time_s REAL NOT NULL, body TEXT NOT NULL
);
CREATE TABLE decisions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL, time_s REAL NOT NULL,
    outcome TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE pipelines (digest TEXT PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL);
"""
"""The tables of a store from before there were points."""
INSERT = "INSERT INTO decisions (id, pipeline, time_s, outcome, body) VALUES (?, ?, ?, ?, ?)"

level = st.floats(0, 1e9)
known = st.none() | level
share = st.none() | st.floats(0, 1)
count = st.integers(0, 10**9)
name = st.text("abcdé-\"'{}[]$", min_size=1, max_size=8)
stages = st.lists(
    st.builds(StageObservation, stage=name, arrivals_rps=known, queue=known, ready=st.none() | count),
    max_size=3,
)
observations = st.builds(
    Observation,
    time_s=level,
    interval_s=level,
    loads_rps=st.lists(known, max_size=5),
    latency_s=known,
    latencies=st.just(())
    | st.tuples(*(st.builds(LatencyQuantile, quantile=st.just(q), latency_s=level) for q in QUANTILES)),
    in_time=share,
    judged=count,
    dropped_rps=known,
    accuracy=share,
    labelled=count,
    stages=stages,
)
forecasts = st.builds(
    Forecast,
    point_rps=st.floats(0, 10),
    upper_rps=st.floats(10, 99),
    quantile=st.just(0.9),
    horizon_s=st.just(20.0),
    method=name,
)
findings = st.builds(
    Finding,
    kind=st.sampled_from(["slo breach", "load surge", "latency drift"]),
    subject=name,
    statement=name,
)
spends = st.builds(Spend, input_tokens=count, output_tokens=count, usd=known)
decisions = st.builds(
    Decision,
    id=st.uuids().map(str),
    pipeline=st.sampled_from(["toy", "it's"]),
    time_s=level,
    mode=st.sampled_from(["observe", "approve", "auto"]),
    planner=name,
    observation=st.none() | observations,
    forecast=st.none() | forecasts,
    running=st.none() | st.just(SMALL) | st.just(configuration(('é"\\{}', "it's", 1, 1))),
    findings=st.lists(findings, max_size=3),
    load_rps=known,
    rulings=st.lists(st.sampled_from(RULINGS), max_size=3),
    planning=st.builds(Planning, spend=spends),
    pipeline_digest=st.sampled_from(["", "0" * 64]),
    certificate=st.none() | st.just(CERTIFICATE),
    outcome=st.sampled_from(["applied", "held", "recommended", "refused", "failed", "abandoned"]),
    degraded=st.booleans(),
    note=name,
)


def whole(values: Sequence[float | None]) -> float | None:
    return None if not values or None in values else math.fsum(v for v in values if v is not None)


def text(found: Configuration | None) -> str | None:
    return None if found is None else found.model_dump_json()


def expected(seq: int, d: Decision) -> Point:
    """The oracle: the point of a decision, from the decision."""
    seen = d.observation
    loads = [v for v in seen.loads_rps if v is not None] if seen else []
    at = {q.quantile: q.latency_s for q in seen.latencies} if seen else {}
    last = d.rulings[-1] if d.rulings else None
    verdict = last.verdict if last else None
    return Point(
        seq=seq,
        id=d.id,
        pipeline=d.pipeline,
        time_s=d.time_s,
        outcome=d.outcome,
        degraded=d.degraded,
        mode=d.mode,
        load_mean=math.fsum(loads) / len(loads) if loads else None,
        load_max=max(loads, default=None),
        load_rps=d.load_rps,
        forecast_point=d.forecast.point_rps if d.forecast else None,
        forecast_upper=d.forecast.upper_rps if d.forecast else None,
        latency_s=seen.latency_s if seen else None,
        p50_s=at.get(0.5),
        p95_s=at.get(0.95),
        p99_s=at.get(0.99),
        in_time=seen.in_time if seen else None,
        judged=seen.judged if seen else 0,
        dropped_rps=seen.dropped_rps if seen else None,
        accuracy=seen.accuracy if seen else None,
        labelled=seen.labelled if seen else 0,
        queue=whole([s.queue for s in seen.stages]) if seen else None,
        ready=whole([s.ready for s in seen.stages]) if seen else None,  # type: ignore[arg-type]
        running=text(d.running),
        chosen=text(d.certificate.configuration if d.certificate else None),
        candidate=text(last.candidate if last else None),
        digest=d.pipeline_digest,
        findings=tuple(f.kind for f in d.findings),
        predicted_latency_s=verdict.latency_s if verdict else None,
        predicted_accuracy=verdict.accuracy if verdict else None,
        objective=verdict.objective if verdict else None,
        optimum=verdict.optimum if verdict else None,
        regret=verdict.regret if verdict else None,
        tokens=d.planning.spend.tokens,
        usd=d.planning.spend.usd,
    )


def same(found: Sequence[Point], wanted: Sequence[Point]) -> bool:
    """Say whether points are the same; SQLite may read a figure's last bit otherwise."""
    assert [p.id for p in found] == [p.id for p in wanted]
    for one, other in zip(found, wanted, strict=True):
        for key, value in asdict(other).items():
            is_figure = isinstance(value, float)
            assert getattr(one, key) == (pytest.approx(value, rel=1e-12, abs=0) if is_figure else value), key
            assert type(getattr(one, key)) is type(value) or is_figure, key
    return True


def older(path: Path, found: Sequence[Decision]) -> None:
    """Write a store as a version without points wrote it."""
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(OLDER)
        rows = [(d.id, d.pipeline, d.time_s, d.outcome, d.model_dump_json()) for d in found]
        raw.executemany(
            "INSERT INTO decisions (id, pipeline, time_s, outcome, body) VALUES (?,?,?,?,?)", rows
        )
        raw.commit()
