"""IPA as published: variants, batches and replicas by its own model, at the load it predicts.

Source: Ghafouri et al., "IPA: Inference Pipeline Adaptation", JSys 4(1) 2024 (arXiv 2308.12871), and its
published code. The model, with the queue term of the paper or of the code, is in `_ipa.py`. Each interval:

    load = round(predicted * (1 + margin))      whole requests per second, as in the code; at least 1
    configuration = optimum of the model at load; where nothing is feasible, keep what runs

`ipa` predicts by the forecast that every policy gets: its point, as IPA knows no upper quantile. `ipa-own`
brings its own predictor: from 12 maxima of 10 s over the last 120 s, the maximum of the next 20 s; until
120 s were seen, the maximum so far. IPA's is an LSTM whose weights are not published; ours is the linear
map that fits the same 14 days (`python -m benchmarks.ipa_predictor` prints it: its error on the next 7 days,
9.13 % sMAPE, is below the 9.6 to 9.8 % in IPA's own logs, which are of other seconds).

Assumptions, ours: the belief about drift and the margins of a situation are not used, as IPA has neither;
before anything runs and where nothing is feasible, the lightest variants are started as a best effort; a
constant of the linear map is fitted at IPA's rates (3 to 34 rps) and small beside larger ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from baselines._ipa import BATCH_CAP, Model, Queue, model_of, whole_rps
from baselines._loads import Loads
from baselines._room import lightest, room_of
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.pipeline import Pipeline

AR_WEIGHTS = (
    -0.024, -0.0104, -0.0031, 0.003, 0.0053, -0.0056, -0.0058, -0.0106, 0.0191, 0.084, 0.236, 0.7014,
)  # fmt: skip
"""Of the 12 maxima, oldest first: printed by `python -m benchmarks.ipa_predictor`."""
AR_CONSTANT_RPS = 0.5283
"""Likewise, in requests per second."""
BLOCK_S = 10
"""One maximum is taken over as many seconds."""
WINDOW_S = BLOCK_S * len(AR_WEIGHTS)
"""What the predictor reads: IPA's two minutes."""


@dataclass(slots=True)
class Ipa:
    """The optimum of IPA's model, every interval."""

    foresight: ClassVar[bool] = False
    predictor: Literal["shared", "own"] = "shared"
    queue: Queue = "paper"
    batch_cap: int = BATCH_CAP
    """Largest batch considered; IPA's configuration files have 8 for video and 1 for its other pipelines."""
    margin: float = 0.0
    """Share added to the prediction; IPA's files have 0.2 for its audio pipelines, else 0."""
    _seen: Loads = field(default_factory=Loads, init=False)
    _model: tuple[Pipeline, Model] | None = field(default=None, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum at the predicted load, or what runs where nothing is feasible.

        Raises:
            UsageError: the pipeline is too large to enumerate.
        """
        self._seen.observe(situation)
        load_rps = whole_rps(self._predicted_rps(situation), self.margin)
        best = self._model_of(situation.pipeline).best(load_rps, room_of(situation))
        return best or situation.running or lightest(situation, load_rps)

    def _predicted_rps(self, situation: Situation) -> float:
        if self.predictor == "shared" or not self._seen.samples:
            return situation.forecast.point_rps
        return predicted_rps(self._seen.last(WINDOW_S))

    def _model_of(self, pipeline: Pipeline) -> Model:
        if self._model is None or self._model[0] is not pipeline:
            self._model = pipeline, model_of(pipeline, queue=self.queue, batch_cap=self.batch_cap)
        return self._model[1]


def predicted_rps(samples: list[float]) -> float:
    """Return the maximum that the next 20 s will bring, from one sample a second, oldest first."""
    if len(samples) < WINDOW_S:
        return max(samples)
    maxima = np.array(samples[-WINDOW_S:]).reshape(-1, BLOCK_S).max(axis=1)
    return max(float(maxima @ AR_WEIGHTS) + AR_CONSTANT_RPS, 0.0)


register("ipa")(Ipa)
register("ipa-own")(partial(Ipa, predictor="own"))
