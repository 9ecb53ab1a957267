"""From what was measured to figures with intervals: everything that profile.json states.

Were the errors of the stages independent, and did every stage see ideal inputs, the accuracy of a combination
would be the product of its stages' own. `difference` is joint - product; `phi` is the correlation of the
errors of two stages over the examples (of two binary variables; None where one of them never or always errs).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.values import Frozen, Name
from pipelines.profiling import noise
from pipelines.profiling.intervals import CONFIDENCE, Interval, median, quantile, share
from pipelines.profiling.measured import Answers, Measured, Point, Round, StageOutline

Right = NDArray[np.bool_]
"""Whether the answer was right, example by example."""
Json = dict[str, Any]


class Provenance(Frozen):
    """When and how; what and where is in the outline."""

    date: str
    command: str
    pipeline: Name


def profile_document(measured: Measured, provenance: Provenance) -> Json:
    """Return every figure, with intervals, and what it was measured with."""
    outline = measured.outline
    return {
        "pipeline": provenance.pipeline,
        "date": provenance.date,
        "machine": outline.machine,
        "command": provenance.command,
        "packages": dict(outline.packages),
        "threads": outline.threads,
        "settings": measured.settings.model_dump(mode="json"),
        "confidence": CONFIDENCE,
        "noise": noise_of(measured),
        "stages": [_stage(stage, measured) for stage in outline.stages],
        "levels": [level(answers) for answers in measured.answers],
        "weights": dict(outline.weights),
        "licenses": dict(outline.license_notes),
    }


def summary_of(measured: Measured) -> noise.Summary:
    """Return the noise of all rounds."""
    return noise.Summary.of([each.noise for each in measured.rounds])


def noise_of(measured: Measured) -> Json:
    """Return the noise of the run, the limits, and every step's."""
    found = summary_of(measured)
    return {
        **{name: _short(value) for name, value in asdict(found).items()},
        "complaints": list(found.complaints),
        "limits": {
            "spread": noise.MOST_SPREAD,
            "drift": noise.MOST_DRIFT,
            "foreign_cores": noise.MOST_FOREIGN_CORES,
        },
        "steps": [
            {
                "round": each.number,
                "variant": each.timed.variant,
                "calibration_median_s": _short(each.noise.median_s),
                "spread": _short(each.noise.spread),
                "foreign_cores": _short(each.noise.foreign_cores),
            }
            for each in measured.rounds
        ],
    }


def level(answers: Answers) -> Json:
    """Return the accuracies at one drift: alone, joint, and how they relate."""
    stages = list(dict.fromkeys(each.stage for each in answers.alone))
    alone = {(each.stage, each.variant): _bits(each.right) for each in answers.alone}
    rows = [_combination(stages, each.variants, _bits(each.right), alone) for each in answers.joint]
    differences = [row["difference"] for row in rows]
    phis = [row["phi"] for row in rows if row["phi"] is not None]
    return {
        "drift": answers.drift,
        "examples": len(answers.joint[0].right),
        "alone": [
            {
                "stage": each.stage,
                "variant": each.variant,
                "right": each.right.count("1"),
                "accuracy": _interval(share(each.right.count("1"), len(each.right))),
                "fan_out": None if each.fan_out is None else _short(each.fan_out),
            }
            for each in answers.alone
        ],
        "combinations": rows,
        "phi": _phis(stages, alone),
        "differences": {
            "mean": _short(fmean(differences)),
            "lowest": min(differences),
            "highest": max(differences),
            "mean_absolute": _short(fmean(map(abs, differences))),
        },
        "mean_phi": _short(fmean(phis)) if phis else None,
    }


def phi(one: Right, other: Right) -> float | None:
    """Return the correlation of two binary variables; None where one of them does not vary."""
    p, q = float(one.mean()), float(other.mean())
    spread = math.sqrt(p * (1 - p) * q * (1 - q))
    return None if spread == 0 else (float((one & other).mean()) - p * q) / spread


def median_by_choice(points: Sequence[Point]) -> dict[tuple[str, ...], list[float]]:
    """Return the seconds of the runs by the variants that what was served came from."""
    found: dict[tuple[str, ...], list[float]] = {}
    for point in points:
        for choice, seconds in zip(point.after, point.seconds, strict=True):
            found.setdefault(choice, []).append(seconds)
    return found


def _stage(stage: StageOutline, measured: Measured) -> Json:
    return {
        "name": stage.name,
        "after": list(stage.after),
        "variants": [_variant(stage, name, measured) for name in stage.variants],
    }


def _variant(stage: StageOutline, name: str, measured: Measured) -> Json:
    rounds = [r for r in measured.rounds if (r.timed.stage, r.timed.variant) == (stage.name, name)]
    loads_s = [r.timed.load_s for r in rounds]
    return {
        "name": name,
        "load_s": {
            "value": _short(median(loads_s).value),
            "low": _short(min(loads_s)),
            "high": _short(max(loads_s)),
        },
        "starts": len(loads_s),
        "memory_bytes": max(r.timed.memory_bytes for r in rounds),
        "points": [
            _point(_of_batch(rounds, batch), measured.outline.slo["quantile"]) for batch in stage.batches
        ],
        "by_choice": [
            row for batch in stage.batches for row in _by_choice(_of_batch(rounds, batch)) if stage.after
        ],
    }


def _of_batch(rounds: Sequence[Round], batch: int) -> list[Point]:
    return [point for r in rounds for point in r.timed.points if point.batch == batch]


def _point(points: Sequence[Point], slo_quantile: float) -> Json:
    """Return the figures of one batch size over all rounds."""
    seconds = [s for point in points for s in point.seconds]
    return {
        "batch": points[0].batch,
        "runs": len(seconds),
        "median_s": _interval(median(seconds)),
        "p99_s": _interval(quantile(seconds, 0.99)),
        "latency_s": _short(quantile(seconds, slo_quantile).value),
        "round_medians_s": [_short(median(point.seconds).value) for point in points],
        "throughput_rps": _short(median([point.throughput_rps for point in points]).value),
        "round_throughputs_rps": [_short(point.throughput_rps) for point in points],
    }


def _by_choice(points: Sequence[Point]) -> list[Json]:
    return [
        {
            "batch": points[0].batch,
            "after": list(choice),
            "runs": len(seconds),
            "median_s": _interval(median(seconds)),
        }
        for choice, seconds in median_by_choice(points).items()
    ]


def _combination(
    stages: Sequence[str], variants: tuple[str, ...], right: Right, alone: Mapping[tuple[str, str], Right]
) -> Json:
    own = [alone[key] for key in zip(stages, variants, strict=True)]
    product = math.prod(float(each.mean()) for each in own)
    joint = share(int(right.sum()), right.size)
    phis = [found for one, other in combinations(own, 2) if (found := phi(~one, ~other)) is not None]
    return {
        "variants": list(variants),
        "right": int(right.sum()),
        "joint": _short(joint.value),
        "low": _short(joint.low),
        "high": _short(joint.high),
        "product": _short(product),
        "difference": round(joint.value - product, 4),
        "phi": round(fmean(phis), 4) if phis else None,
    }


def _phis(stages: Sequence[str], alone: Mapping[tuple[str, str], Right]) -> list[Json]:
    """Return phi for every two variants of different stages."""
    found = []
    for (stage, variant), right in alone.items():
        for (other_stage, other), other_right in alone.items():
            if stages.index(stage) < stages.index(other_stage):
                value = phi(~right, ~other_right)
                found.append(
                    {
                        "stages": [stage, other_stage],
                        "variants": [variant, other],
                        "phi": None if value is None else round(value, 4),
                    }
                )
    return found


def _interval(interval: Interval) -> Json:
    return {"value": _short(interval.value), "low": _short(interval.low), "high": _short(interval.high)}


def _bits(right: str) -> Right:
    return np.array([bit == "1" for bit in right])


def _short(value: float | None) -> float | None:
    """Return *value* with the four digits that are worth keeping."""
    return None if value is None else float(f"{value:.4g}")
