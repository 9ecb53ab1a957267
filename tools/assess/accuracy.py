"""Accuracy drift: labelled samples are answered right less often than profiled, by stage and variant.

Samples come by the combination of variants that answered them, and, where stages are examined alone, by the
variant that answered the case. For each variant an e-detector tests all samples it is part of against
"at least `LEAST_KEPT` of the profiled accuracy". After an alarm the culprits are sought among the alarmed
variants that served since (`tools.assess._blame`): while all is well nothing is alleged more often than the
tests alarm. Variants that explain the samples alike cannot be told apart: the loss is split evenly among them
(for n of them the n-th root), the finding says so, and the interval of each reaches up to 1. Where only one
combination serves and no stage is examined alone, that is every stage.

Assumptions: a loss is the same since the drift began, and variants lose independently of each other.

The interval of a factor holds all values whose likelihood is within `LIKELY` of the best: 95 % or more by
Wilks' theorem (which asks for 1.92). A second e-detector says when it is over.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from core import belief
from core.assessment import Finding
from core.observation import Observation
from core.pipeline import Pipeline
from tools.assess._blame import FACTORS, LIKELY, Blame, Place, Sample, blamed, likelihoods
from tools.assess._evidence import END_RUN_LENGTH, RUN_LENGTH, Evidence, binomial_log_ratios
from tools.assess._moment import Moment

LEAST_KEPT = 0.98
"""Losing less of the profiled accuracy is not corrected: a profile on a few hundred samples knows no more."""
KEPT = (0.95, 0.88, 0.7, 0.4)
"""Shares of the profiled accuracy that the test looks for."""
WINDOW = 30
"""Intervals in which a variant served that its factor rests on: five minutes of ten seconds, as labels are
few. Attribution rests on all intervals since the drift began: others serving tell who is to blame."""
REMEMBERED = 360
"""Intervals kept: an hour of ten seconds."""
MOST_EXPECTED = 0.995
"""Nothing is expected to be right more often, or one wrong label would prove a drift."""
EXPIRY_S = 1800.0
"""A drift of a variant that no longer answers labelled samples is forgotten then."""
REPROFILE_S = 600.0
"""A drift that lasts this long is no passing trouble: measure the variant again."""

Answer = tuple[float, Sample]
"""The begin of an interval, and samples in it."""


@dataclass(slots=True)
class Watch:
    """What is remembered of one variant."""

    falling: Evidence = field(default_factory=lambda: Evidence(len(KEPT)))
    ending: Evidence = field(default_factory=lambda: Evidence(1, END_RUN_LENGTH))
    since_s: float | None = None
    last_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """The share of its accuracy that a variant keeps, with its interval."""

    place: Place
    factor: float
    low: float
    high: float
    since_s: float
    others: tuple[Place, ...]
    """Variants it cannot be told from."""

    @property
    def corrected(self) -> bool:
        """Whether it is large enough to be believed."""
        return bool(self.factor < LEAST_KEPT ** (1 / (1 + len(self.others))))


@dataclass(slots=True)
class AccuracyDrift:
    """Watches the labelled samples."""

    pipeline: Pipeline
    watches: dict[Place, Watch] = field(default_factory=dict)
    samples: deque[tuple[float, tuple[Sample, ...]]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Of the intervals that had some, with their begin."""

    def learn(self, moment: Moment) -> None:
        """Take in one interval."""
        for place, watch in list(self.watches.items()):
            if moment.time_s - watch.last_s > EXPIRY_S:
                del self.watches[place]
        seen = () if moment.observation is None else self._samples(moment.observation)
        if not seen:
            return
        self.samples.append((moment.began_s, seen))
        kept = {loss.place: loss.factor for loss in self.losses()}
        for place in dict.fromkeys(place for s in seen for place in s.places):
            self._learn(moment, place, seen, kept.get(place))

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return a finding for each variant that may have lost accuracy."""
        found = []
        for loss in self.losses():
            found.append(_finding(loss))
            if moment.time_s - loss.since_s >= REPROFILE_S:
                found.append(_reprofile(moment, loss))
        return tuple(found)

    def belief(self) -> tuple[belief.AccuracyFactor, ...]:
        """Return the corrections."""
        return tuple(
            belief.AccuracyFactor(
                stage=loss.place[0],
                variant=loss.place[1],
                factor=loss.factor,
                evidence=belief.Evidence(
                    statement=_told(loss), low=loss.low, high=loss.high, since_s=loss.since_s
                ),
            )
            for loss in self.losses()
        )

    def losses(self) -> tuple[Loss, ...]:
        """Attribute the loss to the variants that explain it best."""
        begun = [w.since_s for w in self.watches.values() if w.since_s is not None]
        if not begun:
            return ()
        since_s = min(begun)
        answers = [(at_s, s) for at_s, seen in self.samples if at_s >= since_s for s in seen]
        served = {place for _, s in answers for place in s.places}
        suspects = [p for p, watch in self.watches.items() if watch.since_s is not None and p in served]
        blames = blamed(suspects, [s for _, s in answers])
        losses = (self._loss(place, blame, blames, answers) for blame in blames for place in blame.places)
        return tuple(loss for loss in losses if loss.corrected)

    def _loss(self, place: Place, blame: Blame, blames: tuple[Blame, ...], answers: list[Answer]) -> Loss:
        """Return the loss of one of those blamed: its factor of late, beside what the others keep."""
        mine = [(at_s, s) for at_s, s in answers if place in s.places]
        from_s = sorted({at_s for at_s, _ in mine})[-WINDOW:][0]
        beside = [b for b in blames if b is not blame]
        curve = likelihoods((place,), [s for at_s, s in mine if at_s >= from_s], beside)
        inside = FACTORS[curve >= curve.max() - LIKELY]
        since_s = self.watches[place].since_s
        others = tuple(other for other in blame.places if other != place)
        return Loss(
            place=place,
            factor=Blame(blame.places, float(FACTORS[int(curve.argmax())])).each,
            low=float(inside[0]),
            high=1.0 if others else float(inside[-1]),
            since_s=0.0 if since_s is None else since_s,
            others=others,
        )

    def _learn(
        self,
        moment: Moment,
        place: Place,
        seen: tuple[Sample, ...],
        kept: float | None,
    ) -> None:
        watch = self.watches.setdefault(place, Watch())
        watch.last_s = moment.time_s
        mine = [s for s in seen if place in s.places]
        if watch.since_s is None:
            watch.falling.add(self._falling(mine), moment.began_s)
            if watch.falling.alarmed:
                watch.since_s = watch.falling.since_s
                watch.ending.clear()
            return
        watch.ending.add([self._ending(mine, min(0.9, kept or 0.9))], moment.began_s)
        if watch.ending.alarmed:
            watch.since_s = None
            watch.falling.clear()

    def _falling(self, mine: list[Sample]) -> list[float]:
        """Return the evidence of each alternative, over the combinations."""
        totals = [0.0] * len(KEPT)
        for s in mine:
            right = s.expected
            ratios = binomial_log_ratios(
                s.correct, s.labelled, LEAST_KEPT * right, [right * kept for kept in KEPT]
            )
            totals = [a + b for a, b in zip(totals, ratios, strict=True)]
        return totals

    def _ending(self, mine: list[Sample], kept: float) -> float:
        """Return the evidence of the profiled accuracy against the drifted one."""
        total = 0.0
        for s in mine:
            right = s.expected
            total += binomial_log_ratios(s.correct, s.labelled, right * kept, [right])[0]
        return total

    def _samples(self, seen: Observation) -> tuple[Sample, ...]:
        """Return all labelled answers of an interval: of combinations, and of variants examined alone."""
        stages = [stage.name for stage in self.pipeline.stages]
        joint = [
            Sample(
                tuple(zip(stages, s.variants, strict=False)),
                self._expected(s.variants),
                s.labelled,
                s.correct,
            )
            for s in seen.labelled_by or ()
        ]
        alone = [
            Sample(((s.stage, e.variant),), self._alone(s.stage, e.variant), e.labelled, e.correct)
            for s in seen.stages
            for e in s.examined
        ]
        return (*joint, *alone)

    def _alone(self, stage: str, variant: str) -> float:
        """Return how often a variant is right by itself as profiled."""
        return _within(self.pipeline.stage(stage).variant(variant).accuracy)

    def _expected(self, variants: tuple[str, ...]) -> float:
        """Return how often the combination is right as profiled: measured jointly, else the product."""
        known = self.pipeline.joint_accuracy.get(variants)
        values = [
            stage.variant(name).accuracy for stage, name in zip(self.pipeline.stages, variants, strict=False)
        ]
        if self.pipeline.accuracy == "measured" and known is not None:
            value = known
        elif self.pipeline.accuracy == "sum":
            value = sum(values) / len(values)
        else:
            value = math.prod(values)
        return _within(value)


def _within(accuracy: float) -> float:
    return min(MOST_EXPECTED, max(1 - MOST_EXPECTED, accuracy))


def _finding(loss: Loss) -> Finding:
    return Finding(
        kind="accuracy drift",
        subject=loss.place[0],
        statement=_told(loss),
        false_alarm=1 / RUN_LENGTH,
        since_s=loss.since_s,
        figure=100 * loss.factor,
        low=100 * loss.low,
        high=100 * loss.high,
    )


def _reprofile(moment: Moment, loss: Loss) -> Finding:
    name = "/".join(loss.place)
    lasted_s = moment.time_s - loss.since_s
    return Finding(
        kind="re-profile",
        subject=loss.place[0],
        statement=f"{name} has been less accurate than profiled for {lasted_s:g} s: measure it again",
        since_s=loss.since_s,
        figure=100 * loss.factor,
    )


def _told(loss: Loss) -> str:
    told = (
        f"{'/'.join(loss.place)} keeps {100 * loss.factor:.0f} % of its profiled accuracy "
        f"since {loss.since_s:g} s ({100 * loss.low:.0f} to {100 * loss.high:.0f} %)"
    )
    if loss.others:
        names = ", ".join("/".join(place) for place in loss.others)
        told += f"; it cannot be told from {names}, so the loss is split evenly"
    return told
