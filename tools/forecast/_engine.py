"""What all forecasters share: samples in, a calibrated forecast out, and a state in between.

Every ten seconds (at every `BLOCK_S`-th sample since the start) and for every horizon that was ever
asked for, the engine makes a forecast and keeps it until the horizon has passed; then the target is
read from the samples, the calibrator scores the upper quantile, and the method learns. A forecast
whose target or window is unknown (see `_windows`) is dropped: neither hit nor miss.

A horizon is rounded up to a whole second. One never asked for before is first run over the samples
still held (an hour), so it starts calibrated. The eight horizons asked for last are kept.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from core.errors import MetricsUnavailable, UsageError
from core.forecast import Forecast, Quantile
from core.patience import averaged_rps
from core.values import Count, Frozen, Name, NonNegative, Number
from tools.forecast._conformal import Calibrator
from tools.forecast._registry import MEDIAN, Guess, Method, maker_of
from tools.forecast._surge import MOST_RECENT_S, Surge
from tools.forecast._windows import (
    BLOCK_S,
    HISTORY_S,
    MAX_HORIZON_S,
    WINDOW_S,
    Floats,
    History,
    checked,
)

MAX_HORIZONS = 8
"""Measured cold starts of a pipeline's variants differ by seconds; older ones are forgotten."""


class PendingState(Frozen):
    """A forecast whose horizon has not passed."""

    origin: Count
    point_rps: NonNegative
    base_rps: NonNegative
    upper_rps: NonNegative
    note: str
    parts: tuple[Number, ...]


class TrackState(Frozen):
    """What is known for one horizon."""

    horizon_s: Annotated[int, Field(ge=1, le=MAX_HORIZON_S)]
    calibration: dict[str, list[float]]
    method: dict[str, list[float]]
    pending: tuple[PendingState, ...]


class State(Frozen):
    """A whole forecaster, JSON-plain once dumped."""

    version: Literal[1] = 1
    name: Name
    quantile: Quantile
    seconds: Count
    samples: Annotated[tuple[NonNegative | None, ...], Field(max_length=HISTORY_S)]
    averaged_s: Annotated[int, Field(ge=1, le=BLOCK_S)] = 1
    newest: Annotated[tuple[NonNegative | None, ...], Field(max_length=BLOCK_S)] = ()
    """The last samples as they came, before they were averaged."""
    surge: Surge = Surge()
    tracks: tuple[TrackState, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.samples) != min(self.seconds, HISTORY_S):
            raise ValueError(f"{len(self.samples)} samples do not fit {self.seconds} seconds")
        for track in self.tracks:
            oldest = self.seconds - track.horizon_s - BLOCK_S
            if any(not oldest < p.origin <= self.seconds for p in track.pending):
                raise ValueError(f"a pending forecast over {track.horizon_s} s is out of its time")
        return self


@dataclass(slots=True)
class Pending:
    """A forecast made at *origin*, in seconds observed, that waits for its target."""

    origin: int
    guess: Guess
    upper_rps: float


@dataclass(slots=True)
class Track:
    """Everything that belongs to one horizon."""

    horizon_s: int
    method: Method
    calibrator: Calibrator
    quantile: float
    pending: deque[Pending] = field(default_factory=deque)

    def step(self, history: History, at: int) -> None:
        """Settle what is due *at* that second, then make the forecast of that second."""
        while self.pending and self.pending[0].origin + self.horizon_s <= at:
            self._settle(history, self.pending.popleft())
        made = self.made(history, at)
        if made is not None:
            self.pending.append(made)

    def made(self, history: History, at: int) -> Pending | None:
        """Return the forecast made *at* that second, now if not before; `None` without a window."""
        if self.pending and self.pending[-1].origin == at:
            return self.pending[-1]
        window = history.window(at)
        if window is None:
            return None
        guess = self.method.guess(window)
        if self.quantile == MEDIAN:
            return Pending(at, guess, guess.point_rps)  # which is the median, without a margin for it
        upper_rps = self.calibrator.upper_rps(guess.point_rps, guess.base_rps)
        return Pending(at, guess, upper_rps)

    def _settle(self, history: History, due: Pending) -> None:
        """Score and learn from *due*, unless its target is unknown."""
        target_rps = history.target_rps(due.origin, self.horizon_s)
        window = history.window(due.origin)
        if target_rps is None or window is None:
            return
        self.calibrator.settle(base_rps=due.guess.base_rps, upper_rps=due.upper_rps, target_rps=target_rps)
        self.method.learn(window, due.guess, target_rps)


class Engine:
    """The `Forecaster` for every registered method."""

    def __init__(
        self,
        name: str,
        quantile: float,
        history: History | None = None,
        *,
        averaged_s: int = 1,
        newest: Sequence[float | None] = (),
        surge: Surge | None = None,
    ) -> None:
        self.name = name
        self.quantile = quantile
        self._averaged_s = averaged_s
        self._surge = surge or Surge()
        self._newest: deque[float | None] = deque(newest, maxlen=max(averaged_s - 1, MOST_RECENT_S))
        self._make = maker_of(name)
        self._history = history or History()
        self._tracks: dict[int, Track] = {}

    def observe(self, samples: Sequence[float | None]) -> None:
        """Append samples, one a second, in requests per second; `None` is missing.

        Raises `UsageError`, and takes none of them, if one is negative, NaN or infinite.
        """
        checked(samples)
        seen = [*self._newest, *samples]
        values = checked(averaged_rps(seen, self._averaged_s)[len(self._newest) :])
        self._newest.extend(samples)
        start = 0
        while start < len(values):
            room = BLOCK_S - self._history.seconds % BLOCK_S
            self._append(values[start : start + room])
            start += room
        self._watch()

    def forecast(self, horizon_s: float) -> Forecast:
        """Forecast the maximum of the next *horizon_s* seconds, rounded up to a whole second.

        Raises `UsageError` for a horizon that is not above 0 and at most half an hour, and
        `MetricsUnavailable` if no block of the last two minutes is known: that is never zero load.
        """
        track = self._track(_whole(horizon_s))
        made = track.made(self._history, self._history.seconds)
        if made is None:
            raise MetricsUnavailable(
                f"no load to forecast from: fewer than half the samples of every {BLOCK_S} s in "
                f"the last {WINDOW_S} s are there"
            )
        guess, calibrator = made.guess, track.calibrator
        return Forecast(
            point_rps=guess.point_rps,
            upper_rps=max(made.upper_rps, self._surge.brings_rps),
            quantile=self.quantile,
            horizon_s=track.horizon_s,
            averaged_s=self._averaged_s,
            method=f"{self.name} ({guess.note})" if guess.note else self.name,
            coverage=calibrator.coverage,
            scored=calibrator.scored,
            missed=calibrator.missed,
        )

    def state(self) -> dict[str, object]:
        """Return everything, JSON-plain, for `restored`."""
        kept = self._history.kept().tolist()
        return State(
            name=self.name,
            quantile=self.quantile,
            seconds=self._history.seconds,
            samples=tuple(None if math.isnan(sample) else sample for sample in kept),
            averaged_s=self._averaged_s,
            newest=tuple(self._newest),
            surge=self._surge,
            tracks=tuple(_state_of(track) for track in self._tracks.values()),
        ).model_dump(mode="json")

    def _watch(self) -> None:
        """See whether a surge is on, against the forecast that was asked for last."""
        if self._averaged_s == 1 or not self._tracks:
            return
        made = next(reversed(self._tracks.values())).made(self._history, self._history.seconds)
        if made is not None:
            self._surge = self._surge.followed(list(self._newest), made.upper_rps, self._history.seconds)

    def _append(self, values: Floats) -> None:
        """Append up to one block, and step every track if that completes it."""
        self._history.append(values)
        if self._history.seconds % BLOCK_S == 0:
            for track in self._tracks.values():
                track.step(self._history, self._history.seconds)

    def _track(self, horizon_s: int) -> Track:
        """Return the track of *horizon_s*, made from the samples held if it is new."""
        track = self._tracks.pop(horizon_s, None) or self._replayed(horizon_s)
        self._tracks[horizon_s] = track
        if len(self._tracks) > MAX_HORIZONS:
            del self._tracks[next(iter(self._tracks))]
        return track

    def _replayed(self, horizon_s: int) -> Track:
        """Return a new track that has stepped through the samples held."""
        track = Track(
            horizon_s, self._make(horizon_s, self.quantile), Calibrator(self.quantile), self.quantile
        )
        now = self._history.seconds
        first = max(BLOCK_S, now - HISTORY_S + WINDOW_S)
        for at in range(-(-first // BLOCK_S) * BLOCK_S, now + 1, BLOCK_S):
            track.step(self._history, at)
        return track

    def resume(self, state: TrackState) -> None:
        """Take up one horizon where *state* left it."""
        method, calibrator = self._make(state.horizon_s, self.quantile), Calibrator(self.quantile)
        method.take(state.method)
        calibrator.take(state.calibration)
        pending = (
            Pending(p.origin, Guess(p.point_rps, p.base_rps, p.note, p.parts), p.upper_rps)
            for p in state.pending
        )
        self._tracks[state.horizon_s] = Track(
            state.horizon_s, method, calibrator, self.quantile, deque(pending)
        )


def restore(state: object) -> Engine:
    """Return the forecaster that `Engine.state` described; `UsageError` if it cannot be one."""
    try:
        read = State.model_validate(state)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "state"
        raise UsageError(f"not the state of a forecaster: {where}: {first['msg']}") from error
    history = History(read.seconds, checked(read.samples))
    engine = Engine(
        read.name, read.quantile, history, averaged_s=read.averaged_s, newest=read.newest, surge=read.surge
    )
    for track in read.tracks:
        engine.resume(track)
    return engine


def _state_of(track: Track) -> TrackState:
    """Return *track* as a value."""
    return TrackState(
        horizon_s=track.horizon_s,
        calibration=track.calibrator.numbers(),
        method=dict(track.method.numbers()),
        pending=tuple(
            PendingState(
                origin=p.origin,
                point_rps=p.guess.point_rps,
                base_rps=p.guess.base_rps,
                upper_rps=p.upper_rps,
                note=p.guess.note,
                parts=p.guess.parts,
            )
            for p in track.pending
        ),
    )


def _whole(horizon_s: float) -> int:
    """Return *horizon_s* rounded up to a whole second, or raise `UsageError`."""
    if not 0 < horizon_s <= MAX_HORIZON_S:
        raise UsageError(f"horizon {horizon_s!r} s must be above 0 and at most {MAX_HORIZON_S} seconds")
    return math.ceil(horizon_s)
