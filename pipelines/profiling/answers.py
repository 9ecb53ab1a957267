"""Right and wrong, example by example: each variant alone on ideal inputs, every combination end to end.

A stage is right on an example when it is right on all its cases; a combination is right when the kit says so
of the answer that came out of the last stages. Examples are paired: example k is the same scene at every
drift. Accuracy is of single items; a batch may be padded, which can change single answers: not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pipelines.kit import BadItem, Example, Kit, StageKit
from pipelines.profiling.measured import Alone, Answers, Joint
from pipelines.profiling.walk import Walk, choices, line_of, stages_before
from pipelines.serving.served import Served, load

Variants = Mapping[str, Sequence[str]]
"""By stage: those that are measured."""
Told = Callable[[str, float], None]
"""What is being done, and how much of the step is done."""


Items = Mapping[str, Mapping[tuple[str, ...], Sequence[bytes]]]
"""By stage and by the variants of the stages before it: encoded items."""


def examine(
    kit: Kit, variants: Variants, models: Path, *, examples: int, seed: int, drift: float, told: Told
) -> Answers:
    """Return what every variant and combination answers on generated examples."""
    told(f"drift {drift:g}: making {examples} examples", 0.0)
    shown = kit.examples(examples, seed, drift)
    walk = Walk(kit, [example.payload for example in shown])
    alone = []
    walks, done = sum(len(choices(variants, line_of(kit, stage.name))) for stage in kit.stages), 0
    for stage in kit.stages:
        before = choices(variants, stages_before(kit, stage.name))
        for variant in variants[stage.name]:
            told(f"drift {drift:g}: {variant} alone", done / walks)
            served = load(kit, stage.name, variant, models, batch=1)
            right = _alone(stage, served, shown)
            for choice in before:
                what = f"drift {drift:g}: {' + '.join((*choice, variant))}"
                for k in walk.serve(stage.name, choice, variant, served):
                    told(what, (done + (k - 1) / examples) / walks)
                done += 1
            fan_out = _fan_out(walk, stage.name, variant, before)
            alone.append(Alone(stage=stage.name, variant=variant, right=right, fan_out=fan_out))
    combinations = choices(variants, [stage.name for stage in kit.stages])
    joint = [Joint(variants=c, right=_joint(kit, walk.answers(c), shown)) for c in combinations]
    return Answers(drift=drift, alone=tuple(alone), joint=tuple(joint))


def items_for(kit: Kit, variants: Variants, models: Path, *, examples: int, seed: int, told: Told) -> Items:
    """Return what each stage gets of clean examples, for every choice of variants before it."""
    walk = Walk(kit, [example.payload for example in kit.examples(examples, seed, 0.0)])
    feeding = {name for stage in kit.stages for name in stage.after}
    for stage in kit.stages:
        for variant in variants[stage.name] if stage.name in feeding else ():
            served = load(kit, stage.name, variant, models, batch=1)
            for choice in choices(variants, stages_before(kit, stage.name)):
                for k in walk.serve(stage.name, choice, variant, served):
                    told(f"what {variant} sends on", (k - 1) / examples)
    return {
        stage.name: {
            choice: _usable(
                stage, (item for items in walk.inputs(stage.name, choice) for item in items or ())
            )
            for choice in choices(variants, stages_before(kit, stage.name))
        }
        for stage in kit.stages
    }


def _usable(stage: StageKit, items: Iterable[bytes]) -> list[bytes]:
    """Return the items that the stage takes; one that it refuses is not served, so it has no latency."""
    found = []
    for item in items:
        try:
            stage.decode(item)
        except BadItem:
            continue
        found.append(item)
    return found


def _alone(stage: StageKit, served: Served, shown: Sequence[Example]) -> str:
    return _bits(
        all(_right(stage, served, case.item, case.truth) for case in example.cases.get(stage.name, ()))
        for example in shown
    )


def _right(stage: StageKit, served: Served, item: bytes, truth: object) -> bool:
    try:
        (outputs,) = served.model([stage.decode(item)])
    except BadItem:
        return False
    return stage.right(outputs, truth)


def _joint(kit: Kit, outputs: Sequence[Sequence[bytes] | None], shown: Sequence[Example]) -> str:
    return _bits(
        given is not None and _answered(kit, given, example)
        for given, example in zip(outputs, shown, strict=True)
    )


def _answered(kit: Kit, outputs: Sequence[bytes], example: Example) -> bool:
    try:
        return kit.right(kit.answer(outputs), example.truth)
    except BadItem:
        return False


def _fan_out(walk: Walk, stage: str, variant: str, before: Sequence[tuple[str, ...]]) -> float | None:
    sent = [s for choice in before for s in walk.sent(stage, (*choice, variant)) if s is not None]
    items = sum(len(s.by_item) for s in sent)
    return sum(len(s.all) for s in sent) / items if items else None


def _bits(right: Iterable[bool]) -> str:
    return "".join("01"[bool(each)] for each in right)
