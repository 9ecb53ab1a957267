"""Who else has a say over a workload: a pause, an autoscaler, a hand. Trimtab never fights over one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from core.errors import ActuationFailed
from core.pipeline import Pipeline
from core.values import Frozen
from tools.kubernetes import names
from tools.kubernetes.api import Api, Json
from tools.kubernetes.errors import Conflict, NotFound
from tools.kubernetes.seen import Seen

HindranceKind = Literal["Paused", "EditedByHand", "OwnedByAutoscaler", "NotLabelled", "Forbidden"]
Target = tuple[str, str]
"""Kind and name of what an autoscaler scales."""
HPA = "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers"
KEDA = "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects"


class Hindrance(Frozen):
    """Why nothing may be applied, and what a person can do about it."""

    kind: HindranceKind
    statement: str


class Hindered(ActuationFailed):
    """Nothing was applied: somebody else has a say over it."""

    def __init__(self, hindrance: Hindrance) -> None:
        super().__init__(hindrance.statement)
        self.hindrance = hindrance


@dataclass(frozen=True, slots=True)
class Autoscalers:
    """What scales which workload of a namespace."""

    owners: Mapping[Target, str] = field(default_factory=dict)


def autoscalers(api: Api, namespace: str) -> Autoscalers:
    """Return the HorizontalPodAutoscalers of a namespace, and KEDA's ScaledObjects where there is KEDA.

    Raises:
        KubernetesError: the server did not say; without knowing nothing may be written.
    """
    where = quote(namespace, safe="")
    found = [("HorizontalPodAutoscaler", each) for each in api.all(HPA.format(where))]
    with suppress(NotFound):  # there is no KEDA
        found += [("ScaledObject", each) for each in api.all(KEDA.format(where))]
    return Autoscalers({_target(each): f"{kind} {each['metadata']['name']!r}" for kind, each in found})


def hindrance(pipeline: Pipeline, seen: Iterable[Seen], owned: Autoscalers) -> Hindrance | None:
    """Return what keeps Trimtab from applying anything to a pipeline, the first of what there is."""
    return next(_hindrances(pipeline, tuple(seen), owned), None)


def _hindrances(pipeline: Pipeline, seen: tuple[Seen, ...], owned: Autoscalers) -> Iterator[Hindrance]:
    for stage in pipeline.stages:
        of_stage = [s for s in seen if s.stage == stage.name]
        if len(of_stage) != 1:
            yield _unlabelled(pipeline, stage.name, of_stage)
            continue
        yield from of_workload(pipeline, of_stage[0], owned)


def _unlabelled(pipeline: Pipeline, stage: str, found: list[Seen]) -> Hindrance:
    wanted = f"{names.PIPELINE}={pipeline.name} and {names.STAGE}={stage}"
    said = "no workload" if not found else "more than one workload, " + ", ".join(repr(s.name) for s in found)
    fix = "label it, or create it from `trimtab export manifests`" if not found else "keep one"
    return Hindrance(kind="NotLabelled", statement=f"stage {stage!r}: {said} is labelled {wanted}; {fix}")


def of_workload(pipeline: Pipeline, seen: Seen, owned: Autoscalers) -> Iterator[Hindrance]:
    """Yield what keeps Trimtab from applying anything to one workload."""
    what = f"{seen.kind} {seen.name!r}"
    if seen.paused:
        statement = f"{what} is paused by its annotation {names.PAUSED}; remove it to go on"
        yield Hindrance(kind="Paused", statement=statement)
    owner = owned.owners.get((seen.kind, seen.name))
    if owner is not None:
        statement = f"{what} is scaled by {owner}; delete that, or take the label {names.PIPELINE} off"
        yield Hindrance(kind="OwnedByAutoscaler", statement=statement)
    if not seen.ours:
        yield Hindrance(kind="EditedByHand", statement=f"{what} {edit(seen)}; {adopting(seen)}")
    elif not _known(pipeline, seen):
        statement = (
            f"{what}: its container {names.CONTAINER!r} must have {names.VARIANT_ENV} and {names.BATCH_ENV} "
            f"of a profiled variant of stage {seen.stage!r}; it says {seen.spec.variant!r}, {seen.spec.batch}"
        )
        yield Hindrance(kind="NotLabelled", statement=statement)


def edit(seen: Seen) -> str:
    """Return what somebody changed, and who, as far as the server knows."""
    asked, spec = seen.asked, seen.spec
    if asked is None:
        return "was never applied by Trimtab"
    pairs = (
        ("variant", asked.stage.variant, spec.variant),
        ("batch", asked.stage.batch, spec.batch),
        ("replicas", asked.replicas, spec.replicas),
        ("cores", asked.cores, spec.cores),
        ("batch wait", asked.wait_s, spec.wait_s),
    )
    changes = ", ".join(f"{what} {was} -> {now}" for what, was, now in pairs if was != now)
    part = "replicas" if spec.serves(asked) else "template"
    who = next(iter(seen.owners.get(part, ())), "somebody")
    return f"was changed since {seen.change} ({changes}), last by {who}"


def adopting(seen: Seen) -> str:
    """Return how a person gives it back to Trimtab."""
    return (
        f"undo that, or let Trimtab go on from it: kubectl annotate {seen.kind.lower()} {seen.name} "
        f"{names.ADOPT}={seen.change} --overwrite"
    )


def of_this(pipeline: Pipeline, seen: Seen) -> Hindrance:
    """Return what keeps Trimtab from one workload, autoscalers aside."""
    return next(of_workload(pipeline, seen, Autoscalers()), unreadable(pipeline))


def unreadable(pipeline: Pipeline) -> Hindrance:
    """Return that the workloads of a pipeline do not say what they run."""
    return Hindrance(kind="NotLabelled", statement=f"the workloads of {pipeline.name!r} cannot be read")


def moved(seen: Seen) -> Hindrance:
    """Return that a workload which Trimtab never wrote to says other than it did a moment ago."""
    statement = f"{seen.kind} {seen.name!r} was changed in this very moment; the next turn goes on from that"
    return Hindrance(kind="EditedByHand", statement=statement)


def conflicting(error: Conflict, seen: Seen) -> Hindered:
    """Return what a server means that names the owners of fields."""
    who = "; ".join(error.causes) or str(error)
    statement = f"{seen.kind} {seen.name!r}: fields are owned by others: {who}; {adopting(seen)}"
    return Hindered(Hindrance(kind="EditedByHand", statement=statement))


def _known(pipeline: Pipeline, seen: Seen) -> bool:
    """Say whether a workload runs what the pipeline knows."""
    setting = seen.wanted
    if setting is None or setting.stage not in pipeline.by_name:
        return False
    stage = pipeline.stage(setting.stage)
    variant = stage.by_name.get(setting.variant)
    return variant is not None and setting.batch in stage.batches_of(variant)


def _target(found: Json) -> Target:
    ref = (found.get("spec") or {}).get("scaleTargetRef") or {}
    return str(ref.get("kind") or "Deployment"), str(ref.get("name"))
