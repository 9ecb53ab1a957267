"""Cocktail (Gunasekaran et al., NSDI 2022): let several cheap models vote, as many as the accuracy needs.

A stage that has ensembles among its variants (`core.ensemble`) runs one of them, every other stage a single
variant. Deadlines and accuracy targets are the stages' shares (`baselines._split`).

    initial   search: the fewest cores at the planned peak such that accuracy >= target, latency <= deadline
              walk:   variants by falling accuracy, added while the vote's accuracy < target; of the
                      ensembles passed on the way the most accurate
    resize    accuracy of the last interval >= target + 0.02: drop the member with the fewest right votes
              accuracy of the last interval <= target - 0.02: add the most accurate unused variant
    load      1.2 * the largest of the 5-s windows of the last 60 s
    replicas  ceil(largest load of the last 6 plans / throughput): scale-in waits for 6 smaller plans

`search` is the paper's problem (least cost among those that meet target and SLO), `walk` the order of the
authors' code. Not copied from that code: the accuracy of an ensemble as the mean of Bernoulli draws (here it
is the vote's, counted on recorded examples, never a binomial); the branch that adds, switched off there; the
forecast that its own running maximum overwrites (so there is none); the scale-in that is computed and never
done.

Assumptions, ours. The members of an ensemble scale together, each with the same replicas, so that importance
sampling over members has nothing to decide. A vote of two is the answer of the better: resizing steps over
pairs to the better of the two; and an addition after which the recorded votes are no better is passed over.
Packing is the batch size: the one that needs the fewest replicas within the deadline. The 10 ms by which
the authors let a model miss the SLO are not granted. Resizing waits for `samples` labelled answers, of what
runs alone. Over the budget, the stage with the most cores takes its most accurate cheaper variant for that
decision; where none has one, replicas go; where that is not enough, the lightest variants
serve. One machine type, so procurement and spot prices have no say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import ClassVar, Literal

from baselines._ensembles import Menu, fitted, grown, searched, shrunk, walked
from baselines._loads import Loads, Predictor
from baselines._room import lightest
from baselines._split import floor_at
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.errors import UsageError
from core.observation import Observation

WINDOW_S, HISTORY_S, PLANS = 5, 60, 6
"""Of the authors' code: a window, the windows looked at, the plans whose largest is kept."""


@register("cocktail")
@dataclass(slots=True)
class Cocktail:
    """Ensembles sized by measured accuracy. Its state: the load it saw, the votes it saw, what it chose."""

    foresight: ClassVar[bool] = False
    target: float = 0.9
    """Accuracy wanted: this share of the way from the pipeline's least accurate variants to the most."""
    initial: Literal["search", "walk"] = "search"
    """How the first ensemble is found."""
    predictor: Predictor = "observed"
    """The windows seen and the surge, or the upper forecast and the headroom that every policy gets."""
    margin: float = 0.02
    """Accuracy around the target within which nothing is resized (the authors')."""
    surge: float = 1.2
    """Load that is planned for, over the largest seen (the authors')."""
    samples: int = 200
    """Labelled answers a resize rests on: at an accuracy of 0.9 their standard error is the margin."""
    chosen: dict[str, str] = field(default_factory=dict, init=False)
    """Variant by stage, before any budget."""
    loads: Loads = field(default_factory=Loads, init=False)
    planned_rps: deque[float] = field(default_factory=lambda: deque(maxlen=PLANS), init=False)
    labelled: int = field(default=0, init=False)
    right: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if self.initial not in ("search", "walk"):
            raise UsageError(f"policy 'cocktail': initial must be 'search' or 'walk', not {self.initial!r}")
        if self.surge <= 0 or self.margin < 0 or self.samples < 1:
            raise UsageError("policy 'cocktail': surge and samples must be above 0, margin at least 0")

    def decide(self, situation: Situation) -> Configuration:
        """Return the ensembles and as many replicas as the largest recent load needs.

        Raises:
            UsageError: the target is no share, or not even the least replicas fit and nothing runs.
        """
        target = floor_at(situation.pipeline, self.target)
        menu = Menu.of(situation, target, self._load_rps(situation))
        if not self.chosen:
            peak = Menu.of(situation, target, self._surplus(situation) * situation.planned_rps)
            self.chosen = (searched if self.initial == "search" else walked)(peak)
        elif situation.observation is not None:
            self._resize(menu, situation, situation.observation, target)
        found = fitted(menu, self.chosen) or lightest(situation, menu.load_rps)
        if menu.room.fits(found.cores(situation.pipeline)):
            return found
        if situation.running is None:
            raise UsageError(
                f"the least replicas of pipeline {menu.pipeline.name!r} need more than its "
                f"{menu.room.max_cores:g} cores; raise maxCores"
            )
        return situation.running

    def _load_rps(self, situation: Situation) -> float:
        """Return the load to plan for: the largest of the last plans, this one among them."""
        self.loads.observe(situation)
        peak_rps = largest_window_rps(self.loads.last(HISTORY_S))
        if self.predictor == "shared" or peak_rps is None:
            peak_rps = situation.forecast.upper_rps
        self.planned_rps.append(self._surplus(situation) * peak_rps)
        return max(self.planned_rps)

    def _surplus(self, situation: Situation) -> float:
        """Return how many times a load is planned for: everyone's headroom where the forecast is."""
        return situation.margins.headroom if self.predictor == "shared" else self.surge

    def _resize(self, menu: Menu, situation: Situation, observation: Observation, target: float) -> None:
        self._count(situation, observation)
        if self.labelled < self.samples:
            return
        accuracy = self.right / self.labelled
        self.labelled, self.right = 0, 0.0
        if accuracy >= target + self.margin:
            self.chosen = shrunk(menu, self.chosen, observation)
        elif accuracy <= target - self.margin:
            self.chosen = grown(menu, self.chosen)

    def _count(self, situation: Situation, observation: Observation) -> None:
        """Count the labelled answers of what was chosen; those of a budget's cheaper stand-in say nothing."""
        names = tuple(self.chosen[stage.name] for stage in situation.pipeline.stages)
        for served in observation.labelled_by or ():
            if served.variants == names:
                self.labelled += served.labelled
                self.right += served.correct
        if observation.labelled_by is None and observation.accuracy is not None:
            self.labelled += observation.labelled
            self.right += observation.accuracy * observation.labelled


def largest_window_rps(loads_rps: Sequence[float]) -> float | None:
    """Return the largest mean load of a window, counted back from now; None where nothing was seen."""
    ends = range(len(loads_rps), 0, -WINDOW_S)
    return max((fmean(loads_rps[max(end - WINDOW_S, 0) : end]) for end in ends), default=None)
