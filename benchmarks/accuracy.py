"""What it costs to decide on a product of accuracies: `python -m benchmarks.accuracy`.

For the shipped ID card pipeline, where the accuracy of every pair of variants was measured jointly: how far
the product of the stages' own accuracies lies from it, whether it ranks the pairs alike, and how much of the
objective is lost by choosing on the product where the joint table is the truth.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from scipy.stats import spearmanr

from agent.demo import PIPELINE
from core.ilp import optimum
from core.pipeline import Pipeline
from core.prediction import predict
from core.problem import Problem
from pipelines.profiling.document import PROFILE_FILE
from pipelines.reader import read_pipeline

LOADS_RPS = (4.0, 12.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0)


def levels(path: Path) -> None:
    """Print, for each level of drift, how the product stands to what was measured."""
    found = json.loads(path.read_text(encoding="utf-8"))
    print(f"{found['date']}, {found['machine']}; {found['command']}")
    print("drift  pairs  mean difference  worst   best  mean absolute  rank correlation  mean phi")
    for level in found["levels"]:
        pairs = level["combinations"]
        differences = [p["joint"] - p["product"] for p in pairs]
        phis = [p["phi"] for p in pairs if p["phi"] is not None]
        rank = spearmanr([p["joint"] for p in pairs], [p["product"] for p in pairs]).statistic
        print(
            f"{level['drift']:5g}  {len(pairs):5}  {statistics.fmean(differences):+15.3f} "
            f"{min(differences):+6.3f} {max(differences):+6.3f}  "
            f"{statistics.fmean(map(abs, differences)):13.3f}  {rank:16.2f}  "
            + (f"{statistics.fmean(phis):8.2f}" if phis else f"{'none':>8}")
        )


def losses(pipeline: Pipeline, loads_rps: Sequence[float]) -> Iterator[str]:
    """Yield, for each load, what is chosen either way and what the product's choice loses."""
    product = pipeline.model_copy(update={"accuracy": "product", "accuracy_table": None})
    for load_rps in loads_rps:
        truth = Problem.of(pipeline, load_rps)
        best, guessed = optimum(truth), optimum(Problem.of(product, load_rps))
        if best is None or guessed is None:
            yield f"{load_rps:5g}  nothing is feasible"
            continue
        real = predict(truth, guessed.configuration)
        if real.objective is None or real.accuracy is None or guessed.prediction.accuracy is None:
            raise AssertionError("the joint table has no row for what the product chose")
        names = [" + ".join(s.variant for s in c.configuration.stages) for c in (best, guessed)]
        yield (
            f"{load_rps:5g}  {names[0]:24} {names[1]:24} {guessed.prediction.accuracy:8.3f} "
            f"{real.accuracy:8.3f} {best.objective - real.objective:8.4f}"
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", type=Path, default=PIPELINE)
    path = parser.parse_args().pipeline
    levels(path.with_name(PROFILE_FILE))
    print()
    print(
        f"{'rps':>5}  {'chosen on the joint table':24} {'chosen on the product':24} "
        f"{'promised':>8} {'real':>8} {'loss':>8}"
    )
    for line in losses(read_pipeline(path), LOADS_RPS):
        print(line)


if __name__ == "__main__":
    main()
