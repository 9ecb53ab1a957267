"""One short row for each decision, so that a day can be drawn without reading its decisions.

A day has 8640 decisions of 10 to 50 kB. SQLite itself writes the row, in the transaction of the decision
(a trigger), so there is none without the other whoever writes. The rows of a store from before there were
any are made when it is next opened to be written. `COLUMNS` is the one place that says what a row holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from core.observation import QUANTILES


def _at(path: str) -> str:
    return f"json_extract(d.body, '$.{path}')"


def _each(path: str, value: str, where: str = "true") -> str:
    """Return a query over the items of a list; a list that is not there has none."""
    return f"(SELECT {value} FROM json_each({_at(path)}) WHERE {where})"


def _whole_sum(path: str, key: str) -> str:
    """Return the sum over a list; unknown where one of its items is, or where there are none."""
    item = f"json_extract(value, '$.{key}')"
    return _each(path, f"CASE WHEN count({item}) = count(*) THEN sum({item}) END")


def _quantile(quantile: float) -> str:
    found, wanted = "json_extract(value, '$.latency_s')", f"json_extract(value, '$.quantile') = {quantile}"
    return _each("observation.latencies", found, wanted)


LAST = "rulings[#-1]"
SPEND = "planning.spend"
COLUMNS: Mapping[str, tuple[str, str]] = {
    "seq": ("INTEGER PRIMARY KEY", "d.seq"),
    "id": ("TEXT", "d.id"),
    "pipeline": ("TEXT", "d.pipeline"),
    "time_s": ("REAL", "d.time_s"),
    "outcome": ("TEXT", "d.outcome"),
    "degraded": ("INTEGER", f"coalesce({_at('degraded')}, 0)"),
    "mode": ("TEXT", _at("mode")),
    "load_mean": ("REAL", _each("observation.loads_rps", "avg(value)")),
    "load_max": ("REAL", _each("observation.loads_rps", "max(value)")),
    "load_rps": ("REAL", _at("load_rps")),
    "forecast_point": ("REAL", _at("forecast.point_rps")),
    "forecast_upper": ("REAL", _at("forecast.upper_rps")),
    "latency_s": ("REAL", _at("observation.latency_s")),
    **{f"p{100 * quantile:.0f}_s": ("REAL", _quantile(quantile)) for quantile in QUANTILES},
    "in_time": ("REAL", _at("observation.in_time")),
    "judged": ("INTEGER", f"coalesce({_at('observation.judged')}, 0)"),
    "dropped_rps": ("REAL", _at("observation.dropped_rps")),
    "accuracy": ("REAL", _at("observation.accuracy")),
    "labelled": ("INTEGER", f"coalesce({_at('observation.labelled')}, 0)"),
    "queue": ("REAL", _whole_sum("observation.stages", "queue")),
    "ready": ("INTEGER", _whole_sum("observation.stages", "ready")),
    "running": ("TEXT", _at("running")),
    "chosen": ("TEXT", _at("certificate.configuration")),
    "candidate": ("TEXT", _at(f"{LAST}.candidate")),
    "digest": ("TEXT", f"coalesce({_at('pipeline_digest')}, '')"),
    "findings": ("TEXT", _each("findings", "json_group_array(json_extract(value, '$.kind'))")),
    "predicted_latency_s": ("REAL", _at(f"{LAST}.verdict.latency_s")),
    "predicted_accuracy": ("REAL", _at(f"{LAST}.verdict.accuracy")),
    "objective": ("REAL", _at(f"{LAST}.verdict.objective")),
    "optimum": ("REAL", _at(f"{LAST}.verdict.optimum")),
    "regret": ("REAL", _at(f"{LAST}.verdict.regret")),
    "tokens": (
        "INTEGER",
        f"coalesce({_at(f'{SPEND}.input_tokens')}, 0) + coalesce({_at(f'{SPEND}.output_tokens')}, 0)",
    ),
    # A price that is not known is null; what is not there at all cost nothing.
    "usd": (
        "REAL",
        f"CASE WHEN json_type(d.body, '$.{SPEND}.usd') IS NULL THEN 0.0 ELSE {_at(f'{SPEND}.usd')} END",
    ),
}
"""The columns, each with its type and how it comes out of a decision `d`."""
FROM_DECISIONS = (
    f"SELECT {', '.join(f'{value} AS {name}' for name, (_, value) in COLUMNS.items())} FROM decisions d"
)
"""The same rows, worked out of the decisions themselves."""
SCHEMA = (
    f"CREATE TABLE points ({', '.join(f'{name} {kind}' for name, (kind, _) in COLUMNS.items())})",
    "CREATE INDEX points_by_seq ON points (pipeline, seq)",
    "CREATE INDEX points_by_time ON points (pipeline, time_s)",
    f"CREATE TRIGGER decisions_points AFTER INSERT ON decisions"
    f" BEGIN INSERT INTO points {FROM_DECISIONS} WHERE d.seq = NEW.seq; END",
    *(
        f"CREATE TRIGGER points_{name} BEFORE {what} ON points"
        " BEGIN SELECT RAISE(ABORT, 'the store is append-only'); END"
        for name, what in (("stay", "UPDATE"), ("last", "DELETE"))
    ),
)


def has_points(db: sqlite3.Connection) -> bool:
    """Say whether the store keeps points; then it has one for every decision."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'points'"
    return db.execute(query).fetchone() is not None


def keep_points(db: sqlite3.Connection) -> None:
    """Have a store keep points from now on, and make those of its decisions so far; all of it or nothing.

    Raises:
        sqlite3.DatabaseError: a decision is damaged, or the file cannot be written.
    """
    if has_points(db):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if not has_points(db):  # another writer may have been first
            for statement in SCHEMA:
                db.execute(statement)
            _fill(db)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _fill(db: sqlite3.Connection) -> None:
    try:
        db.execute(f"INSERT INTO points {FROM_DECISIONS}")
    except sqlite3.OperationalError as error:
        damaged = db.execute("SELECT id FROM decisions WHERE NOT json_valid(body) LIMIT 1").fetchone()
        if damaged is None:
            raise
        raise sqlite3.DatabaseError(f"malformed JSON in decision {damaged[0]!r}") from error
