"""Too noisy or quiet enough, from figures."""

from __future__ import annotations

import pytest

pytest.importorskip("psutil", reason="the machine is looked at through psutil: make serving")

from pipelines.profiling.noise import Noise, Summary
from pipelines.profiling.watch import CpuTimes, calibration_s, watched


def _noise(low_s: float, high_s: float, foreign_cores: float = 0.0) -> Noise:
    """Half of the repeats took one time, half the other."""
    return Noise(calibration_s=(low_s,) * 5 + (high_s,) * 5, foreign_cores=foreign_cores)


QUIET = _noise(0.0200, 0.0204)


def test_a_quiet_run_is_not_complained_of() -> None:
    assert Summary.of([QUIET, _noise(0.021, 0.0215, foreign_cores=0.14)]).complaints == ()


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        pytest.param(
            [QUIET, _noise(0.017, 0.0255)],
            "repeats of one calculation differed by a factor of 1.50 (limit 1.25)",
            id="a neighbour on the core",
        ),
        pytest.param(
            [QUIET, _noise(0.025, 0.0255)],
            "one calculation slowed by a factor of 1.25 during the run (limit 1.15)",
            id="a slower clock later on",
        ),
        pytest.param(
            [_noise(0.025, 0.0255), QUIET],
            "one calculation slowed by a factor of 1.25 during the run (limit 1.15)",
            id="a slower clock at first",
        ),
        pytest.param(
            [QUIET, _noise(0.02, 0.0204, foreign_cores=0.5)],
            "other processes used 0.50 cores (limit 0.15)",
            id="somebody else on another core",
        ),
    ],
)
def test_each_kind_of_noise_is_named_with_its_figure(steps: list[Noise], complaint: str) -> None:
    assert Summary.of(steps).complaints == (complaint,)


def test_the_time_of_others_is_what_the_machine_used_without_us() -> None:
    before = CpuTimes(clock_s=100.0, everybody_s=1000.0, ours_s=50.0)
    after = CpuTimes(clock_s=110.0, everybody_s=1012.0, ours_s=57.0)

    assert after.foreign_cores_since(before) == pytest.approx(0.5)
    assert before.foreign_cores_since(before) == 0.0


def test_our_own_work_is_not_foreign() -> None:
    before = CpuTimes.now()
    calibration_s(repeats=20)
    after = CpuTimes.now()

    assert after.ours_s - before.ours_s > 0.1
    assert after.everybody_s - before.everybody_s >= (after.ours_s - before.ours_s) - 0.1


def test_noise_is_looked_for_before_and_after_the_work() -> None:
    result, noise = watched(lambda: "done")

    assert result == "done"
    assert len(noise.calibration_s) == 50
