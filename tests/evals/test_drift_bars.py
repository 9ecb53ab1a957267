"""The bars, on rows whose figures fit in the head."""

from __future__ import annotations

import pytest

from core.errors import InvalidDocument, UsageError
from evals.drift.bars import bars, figures
from evals.drift.rows import AlarmRow, DriftExtra, NamedRow
from evals.frames import Row

DAY_S = 86_400.0


def test_what_ours_loses_is_a_share_of_what_the_stale_optimizer_loses() -> None:
    rows = [
        *_episode("lost node", oracle=0.8, stale=0.6, ours=0.75),
        *_episode("noisy neighbour", oracle=0.9, stale=0.7, ours=0.85),
    ]

    wrong = bars(rows)[0]

    assert wrong.value == pytest.approx(0.25)
    assert wrong.met


def test_half_of_the_loss_is_just_enough_and_more_is_not() -> None:
    enough = bars(_episode("lost node", oracle=0.75, stale=0.25, ours=0.5))[0]
    more = bars(_episode("lost node", oracle=0.75, stale=0.25, ours=0.49))[0]

    assert (enough.met, more.met) == (True, False)


def test_where_the_stale_optimizer_loses_nothing_no_share_is_small_enough() -> None:
    assert not bars(_episode("lost node", oracle=0.8, stale=0.8, ours=0.8))[0].met


def test_where_nothing_is_wrong_ours_is_held_against_the_plain_optimizer() -> None:
    rows = _episode("bursty", oracle=0.8, stale=0.7, ours=0.69)

    (steady, _) = bars(rows)

    assert steady.value == pytest.approx(0.01 / 0.8)
    assert not steady.met


def test_false_alarms_are_counted_by_the_simulated_day_and_ambiguous_ones_beside() -> None:
    alarms = [_alarm(ambiguous=flag) for flag in (False, True, True)]
    rows = _episode("bursty", extra=DriftExtra(alarms=tuple(alarms), assessed_s=DAY_S / 2))

    (_, rate) = bars(rows)

    assert rate.value == pytest.approx(2.0)
    assert not rate.met
    assert next(f for f in figures(rows) if f.policy == "rules").ambiguous == 2


def test_a_missing_episode_is_named() -> None:
    lost = [row for row in _episode("lost node") if row.policy != "oracle"]

    with pytest.raises(UsageError, match="lost node, seed 0: the episode of 'oracle' is missing"):
        bars([*_episode("noisy neighbour"), *lost])


@pytest.mark.parametrize("away", ["oracle", "ilp-stale"])
def test_a_bar_that_needs_a_policy_that_took_no_part_is_not_there(away: str) -> None:
    rows = [row for row in _episode("lost node") if row.policy != away]

    assert [bar.name for bar in bars(rows)] == ["false alarms of rules per simulated day"]


def test_figures_of_a_family_count_names_and_take_the_median_of_their_times() -> None:
    named = (_named(10.0), _named(30.0), _named(None), _named(20.0), _named(50.0))
    rows = _episode("lost node", extra=DriftExtra(named=named, assessed_s=1200.0))

    ours = next(f for f in figures(rows) if f.policy == "rules")

    assert (ours.right, ours.wrong, ours.never, ours.after_s) == (4, 0, 1, 30.0)
    assert ours.loss == pytest.approx(0.05)
    assert next(f for f in figures(rows) if f.policy == "ilp-stale").alarms_per_day is None


def test_what_half_or_more_never_named_has_no_median() -> None:
    rows = _episode("lost node", extra=DriftExtra(named=(_named(10.0), _named(None)), assessed_s=1200.0))

    assert next(f for f in figures(rows) if f.policy == "rules").after_s is None


def test_a_row_of_another_suite_is_refused() -> None:
    rows = [row.model_copy(update={"extra": {"other": 1}}) for row in _episode("lost node")]

    with pytest.raises(InvalidDocument, match="lost node, rules, seed 0: extra"):
        bars(rows)


def _episode(
    family: str,
    *,
    oracle: float = 0.8,
    stale: float = 0.7,
    ours: float = 0.75,
    extra: DriftExtra | None = None,
) -> list[Row]:
    told = extra or DriftExtra(assessed_s=1200.0)
    nothing = DriftExtra()
    return [
        _row(family, "oracle", oracle, nothing),
        _row(family, "ilp-stale", stale, nothing),
        _row(family, "rules", ours, told),
    ]


def _row(family: str, policy: str, score: float, extra: DriftExtra) -> Row:
    figures_of = dict.fromkeys(
        ("slo_attainment", "effective_accuracy", "accuracy", "p50_s", "p95_s", "p99_s"), None
    )
    counts = dict.fromkeys(
        (
            "requests",
            "completed",
            "dropped",
            "core_seconds",
            "mean_cores",
            "switches",
            "replica_starts",
            "decisions",
            "wall_s",
            "cores",
        ),
        0,
    )
    texts = dict.fromkeys(
        ("git", "trimtab", "python", "numpy", "pulp", "highspy", "machine", "started", "scenario_digest"), "x"
    )
    own = {
        "suite": "drift",
        "scenario": family,
        "pipeline": "toy",
        "group": "wrong",
        "policy": policy,
        "seed": 0,
        "decision_mean_s": None,
        "decision_p99_s": None,
        "score": score,
        "slo_s": 1.0,
        "extra": extra.model_dump_json(),
        "dirty": False,
    }
    return Row.model_validate({**figures_of, **counts, **texts, **own})


def _named(after_s: float | None) -> NamedRow:
    naming = "never" if after_s is None else "right"
    return NamedRow.model_validate(
        {"what": "lost capacity", "subject": "read", "start_s": 300, "naming": naming, "after_s": after_s}
    )


def _alarm(*, ambiguous: bool) -> AlarmRow:
    return AlarmRow(kind="latency drift", subject="read", time_s=10, statement="slower", ambiguous=ambiguous)
