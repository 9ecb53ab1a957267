"""Decisions made real on Kubernetes: checked, tried dry, written one stage after the other, read back.

What is guaranteed, whatever the API server does in between:

    - nothing is written over a change that was not seen: every write carries the version it was decided on,
      and that version said what Trimtab asked for last. A version that only moved is written on; one that a
      hand or another controller changed meanwhile is not, so of two at once one wins or none. (The owners of
      fields alone do not tell: whoever made an object goes on owning with us what has the same value.)
    - a write whose answer is lost is read back before anything else; what was taken is not written twice;
    - a change that some stages took and another refused is put back where it was;
    - what somebody else owns is left alone, and said (`hindrance`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.configuration import Configuration
from core.errors import ActuationFailed
from core.pipeline import Pipeline
from core.prediction import predict
from core.problem import Problem
from core.verify import Approved
from tools.kubernetes.errors import (
    Busy,
    Conflict,
    Forbidden,
    KubernetesError,
    NotFound,
    Rejected,
    Unauthorized,
)
from tools.kubernetes.hindrance import (
    Hindered,
    Hindrance,
    conflicting,
    hindrance,
    moved,
    of_this,
    unreadable,
)
from tools.kubernetes.rollout import Step, plan, settled
from tools.kubernetes.seen import Asked, Progress, Seen
from tools.kubernetes.view import View
from tools.kubernetes.wanted import Wish, asked_for
from tools.ports import Desired

ATTEMPTS = 4
"""Of one write: status updates of a roll-out alone change an object's version several times a second."""
MOST_WAIT_S = 2.0
"""Waited for a server that is busy; an interval is ten seconds."""
NOBODY = "initial"
"""The change of a workload that Trimtab never wrote to."""
MIXED = " | "
"""Between the changes of stages that do not agree."""
REFUSED = (Rejected, NotFound, Unauthorized)
"""Answers that trying again does not change."""


def _always() -> bool:
    return True


@dataclass(slots=True)
class KubernetesActuator:
    """The workloads of one pipeline. Implements `Actuator`."""

    pipeline: Pipeline
    view: View
    life: str = ""
    """Of the store that decides: its ids begin anew with a new store, and must not look like old ones."""
    may_write: Callable[[], bool] = _always
    """Asked before every write: whether this process is still the one that acts."""
    sleep: Callable[[float], None] = time.sleep
    _wrote: bool = field(default=False)

    def desired(self) -> Desired:
        """Return what the workloads were last told; after a write, by asking the server again.

        Raises:
            Hindered: a stage has no workload, or one that says nothing readable.
            KubernetesError: the server did not say.
        """
        seen = self.view.again(self.pipeline.name) if self._wrote else self.view.seen(self.pipeline.name)
        self._wrote = False
        by_stage = self._by_stage(seen)
        found = [by_stage[stage.name].wanted for stage in self.pipeline.stages if stage.name in by_stage]
        settings = tuple(setting for setting in found if setting is not None)
        if len(settings) < len(self.pipeline.stages):
            raise Hindered(self._hindrance(seen) or unreadable(self.pipeline))
        configuration = Configuration(stages=settings)
        changes = dict.fromkeys(self._change(s) for s in by_stage.values())
        loads = [s.load_rps for s in by_stage.values() if s.load_rps is not None]
        return Desired(
            change=MIXED.join(changes),
            configuration=configuration,
            load_rps=max(loads) if loads else _carried_rps(self.pipeline, configuration),
            taken_by_some=tuple(changes) if len(changes) > 1 else (),
        )

    def progress(self) -> dict[str, Progress]:
        """Return how far each stage has come, as of the last look at the cluster."""
        return {stage: s.progress for stage, s in self._by_stage(self.view.seen(self.pipeline.name)).items()}

    def hindrance(self) -> Hindrance | None:
        """Return what keeps us from applying anything, as of the last look at the cluster."""
        return self._hindrance(self.view.seen(self.pipeline.name))

    def dry_run(self, approved: Approved, load_rps: float) -> None:
        """Have the server check every write, in order; nothing changes.

        Raises:
            Hindered: somebody else has a say over it.
            ActuationFailed: the server would not take it, or cannot be asked.
        """
        try:
            before = self._checked()
            for step in self._steps(before, approved.configuration, load_rps):
                seen = before[step.stage]
                wish = Wish("dry-run", load_rps, step.asked)
                self._try_dry(wish, seen)
        except KubernetesError as error:
            raise ActuationFailed(str(error)) from error

    def apply(self, change: str, approved: Approved, load_rps: float) -> None:
        """Write what was approved, stage after stage, what adds capacity first.

        Raises:
            Hindered: somebody else has a say over it; nothing was changed, or all was put back.
            ActuationFailed: it could not be written; says whether all was put back.
        """
        try:
            before = self._checked()
        except KubernetesError as error:
            raise ActuationFailed(str(error)) from error
        if self._has(before, change, approved.configuration):
            return
        self._wrote = True
        done: dict[str, Seen] = {}
        for step in self._steps(before, approved.configuration, load_rps):
            try:
                done[step.stage] = self._write(
                    Wish(self._signed(change), load_rps, step.asked), before[step.stage]
                )
            except (KubernetesError, ActuationFailed) as error:
                told = self._put_back(change, before)
                if isinstance(error, Hindered):
                    raise Hindered(
                        error.hindrance.model_copy(update={"statement": f"{error}; {told}"})
                    ) from error
                raise ActuationFailed(f"stage {step.stage!r}: {error}; {told}") from error

    def settle(self) -> bool:
        """Take away what a roll-out kept until all was ready; say whether there was something to take.

        It belongs to the change that was applied, so nothing is decided here.

        Raises:
            ActuationFailed: it could not be written; the next interval tries again.
        """
        seen = self.view.seen(self.pipeline.name)
        steps = settled(self._by_stage(seen))
        if not steps or self._hindrance(seen) is not None:
            return False
        try:
            before = self._checked()
            for step in settled(before):
                was = before[step.stage]
                self._write(Wish(was.change or NOBODY, was.load_rps or 0.0, step.asked), was)
            self.view.again(self.pipeline.name)
        except KubernetesError as error:
            raise ActuationFailed(str(error)) from error
        return True

    def _signed(self, change: str) -> str:
        return f"{change}.{self.life}" if self.life else change

    def _change(self, seen: Seen) -> str:
        """Return the decision that a workload took last, by the id it has in our store."""
        return NOBODY if seen.change is None else seen.change.removesuffix(f".{self.life}")

    def _has(self, seen: Mapping[str, Seen], change: str, configuration: Configuration) -> bool:
        """Say whether a change was taken by all stages already."""
        return all(
            self._change(s) == change and not s.edited and s.wanted == configuration[s.stage]
            for s in seen.values()
        )

    def _by_stage(self, seen: tuple[Seen, ...]) -> dict[str, Seen]:
        return {s.stage: s for s in seen if s.stage in self.pipeline.by_name}

    def _hindrance(self, seen: tuple[Seen, ...]) -> Hindrance | None:
        owned = self.view.owners()
        if isinstance(owned, str):
            return Hindrance(
                kind="Forbidden", statement=f"whether an autoscaler owns it is not known: {owned}"
            )
        return hindrance(self.pipeline, seen, owned)

    def _checked(self) -> dict[str, Seen]:
        """Return the workloads as they are now, if they are ours to change."""
        seen = self.view.again(self.pipeline.name)
        found = self._hindrance(seen)
        if found is not None:
            raise Hindered(found)
        return self._by_stage(seen)

    def _steps(
        self, before: Mapping[str, Seen], configuration: Configuration, load_rps: float
    ) -> tuple[Step, ...]:
        loads = [s.load_rps for s in before.values() if s.load_rps is not None]
        asked = asked_for(self.pipeline, configuration, load_rps, before)
        return plan(self.pipeline, before, asked, least_rps=min([load_rps, *loads]))

    def _try_dry(self, wish: Wish, seen: Seen) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self.view.workloads.patch(wish, seen, dry_run=True)
                return
            except Conflict as error:
                if error.causes or attempt == ATTEMPTS - 1:
                    raise conflicting(error, seen) from error
                seen = self._anew(seen, wish)

    def _write(self, wish: Wish, seen: Seen) -> Seen:
        """Write, and know afterwards whether it was taken."""
        last: KubernetesError | None = None
        for _ in range(ATTEMPTS):
            if not self.may_write():
                raise ActuationFailed("another controller acts now; this one writes nothing any more")
            try:
                return self.view.workloads.patch(wish, seen, dry_run=False)
            except REFUSED:
                raise
            except Forbidden as error:
                raise Hindered(Hindrance(kind="Forbidden", statement=str(error))) from error
            except Conflict as error:
                if error.causes:
                    raise conflicting(error, seen) from error
                last = error
            except Busy as error:
                last = error
                self.sleep(min(MOST_WAIT_S, error.retry_after_s or 1.0))
            except KubernetesError as error:
                last = error  # nobody knows: read back before anything else
            now = self._anew(seen, wish)
            if (now.change, now.asked) == (wish.change, wish.asked):
                return now
            seen = now
        raise ActuationFailed(f"{ATTEMPTS} attempts failed: {last}") from last

    def _anew(self, seen: Seen, wish: Wish) -> Seen:
        """Return a workload as it is now, if nobody else has changed what it is told meanwhile."""
        found = self._by_stage(self.view.again(self.pipeline.name)).get(seen.stage)
        if found is None or found.name != seen.name:
            statement = f"{seen.kind} {seen.name!r} is gone, or lost its labels, meanwhile"
            raise Hindered(Hindrance(kind="NotLabelled", statement=statement))
        if found.paused or not found.ours:
            raise Hindered(of_this(self.pipeline, found))
        if found.asked is None and found.spec != seen.spec:
            raise Hindered(moved(found))
        if (found.change or NOBODY) not in {seen.change or NOBODY, wish.change}:
            raise ActuationFailed(f"{found.kind} {found.name!r} took change {found.change} meanwhile")
        return found

    def _put_back(self, change: str, before: Mapping[str, Seen]) -> str:
        """Put back what stages have taken of a change; say what came of it."""
        try:
            now = self._by_stage(self.view.again(self.pipeline.name))
            for stage, seen in now.items():
                if seen.change == self._signed(change) and stage in before:
                    self._write(_as_before(before[stage]), seen)
        except (KubernetesError, ActuationFailed) as error:
            return f"what other stages took of it is not put back yet: {error}"
        return "what other stages took of it is put back"


def _as_before(seen: Seen) -> Wish:
    """Return the wish for what a workload said before."""
    setting = seen.asked.stage if seen.asked is not None and not seen.edited else seen.wanted
    if setting is None:
        raise Hindered(
            Hindrance(kind="NotLabelled", statement=f"what {seen.name!r} ran before is not readable")
        )
    asked = Asked(
        stage=setting,
        cores=seen.spec.cores or 0.0,
        wait_s=seen.spec.wait_s or 0.0,
        replicas=seen.spec.replicas,
    )
    return Wish(seen.change or NOBODY, seen.load_rps or 0.0, asked)


def _carried_rps(pipeline: Pipeline, configuration: Configuration) -> float:
    """Return the load that a configuration carries: what it was decided for, where nobody wrote that down."""
    stages = predict(Problem.of(pipeline, 1.0), configuration).stages
    return min((s.capacity_rps / s.load_rps for s in stages if s.load_rps > 0), default=0.0)
