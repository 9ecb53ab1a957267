"""From a parsed pipeline file to a `Pipeline`, and back. Every refusal names the path and the fix.

The format is DESIGN section 5. The domain models carry the file's names as aliases, so this module only
adds what one model cannot know: the envelope, defaults for edges, names that must exist, the order
of the stages. It reads no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import Field, ValidationError

from core.complaints import complaint
from core.errors import InvalidDocument
from core.objective import Limits, Objective
from core.pipeline import AccuracyMode, MeasuredAccuracy, Pipeline, Slo, Stage
from core.topology import in_order
from core.values import Frozen, Name

API_VERSION = "trimtab/v1"


class Metadata(Frozen):
    """What a file says of itself."""

    name: Name
    description: str = ""
    labels: Mapping[str, str] = Field(default_factory=dict)
    provenance: Mapping[str, str | int | float] = Field(default_factory=dict)
    """Where the figures come from: machine, date, command."""


class Spec(Frozen):
    """The pipeline as the file lists it, stages in the file's order."""

    slo: Slo
    accuracy: AccuracyMode = "product"
    objective: Objective = Objective()
    limits: Limits = Limits()
    stages: tuple[Stage, ...] = Field(min_length=1)
    accuracy_table: tuple[MeasuredAccuracy, ...] | None = Field(default=None, alias="accuracyTable")


class PipelineDocument(Frozen):
    """A whole pipeline file."""

    api_version: Literal["trimtab/v1"] = Field(alias="apiVersion")
    kind: Literal["Pipeline"]
    metadata: Metadata
    spec: Spec


def pipeline_from(document: object) -> Pipeline:
    """Return the pipeline that a parsed file describes.

    Raises:
        InvalidDocument: the path in the file, what is wrong there, and the fix.
    """
    return _pipeline(checked_document(document))


def checked_document(document: object) -> PipelineDocument:
    """Return the file's content as typed values, edges filled in, nothing cross-checked yet.

    Raises:
        InvalidDocument: the path in the file, what is wrong there, and the fix.
    """
    if not isinstance(document, Mapping):
        what = "empty" if document is None else f"a {type(document).__name__}"
        raise InvalidDocument(f"the document is {what}; it must be a mapping with apiVersion, kind, ...")
    try:
        return PipelineDocument.model_validate(_with_edges(document))
    except ValidationError as error:
        raise InvalidDocument(complaint(error, PipelineDocument)) from error


def document_of(pipeline: Pipeline) -> dict[str, Any]:
    """Return the document that describes *pipeline*; `pipeline_from` gives the same pipeline back."""
    spec = pipeline.model_dump(mode="json", by_alias=True, exclude={"name"}, exclude_none=True)
    return {
        "apiVersion": API_VERSION,
        "kind": "Pipeline",
        "metadata": {"name": pipeline.name},
        "spec": spec,
    }


def _with_edges(document: Mapping[Any, Any]) -> dict[Any, Any]:
    """Write out what a file may leave out: an absent `after` is the stage above, a name is an edge."""
    spec = document.get("spec")
    if not isinstance(spec, Mapping) or not isinstance(spec.get("stages"), Sequence | tuple):
        return dict(document)
    if isinstance(spec["stages"], str):
        return dict(document)
    stages, above = [], None
    for stage in spec["stages"]:
        if not isinstance(stage, Mapping):
            stages.append(stage)
            continue
        stages.append(_stage_with_edges(stage, above))
        above = stage.get("name")
    kept = {key: value for key, value in spec.items() if value is not None or key in ("slo", "stages")}
    return {**document, "spec": {**kept, "stages": stages}}


def _stage_with_edges(stage: Mapping[Any, Any], above: object) -> dict[Any, Any]:
    after = stage.get("after")
    if after is None:
        after = [] if above is None else [above]
    if isinstance(after, Sequence) and not isinstance(after, str):
        after = [{"stage": edge} if isinstance(edge, str) else edge for edge in after]
    return {**stage, "after": after}


def _pipeline(document: PipelineDocument) -> Pipeline:
    spec = document.spec
    _distinct_names(spec)
    for k, stage in enumerate(spec.stages):
        _known_edges(spec, k, stage)
        _usable_batches(k, stage)
    order = in_order(spec.stages)
    return Pipeline(
        name=document.metadata.name,
        slo=spec.slo,
        accuracy=spec.accuracy,
        objective=spec.objective,
        limits=spec.limits,
        stages=tuple(spec.stages[k] for k in order),
        accuracy_table=_table(spec, order),
    )


def _distinct_names(spec: Spec) -> None:
    _refuse_repeated("spec.stages", "stage", [s.name for s in spec.stages])
    for k, stage in enumerate(spec.stages):
        _refuse_repeated(f"spec.stages[{k}].variants", "variant", [v.name for v in stage.variants])


def _refuse_repeated(path: str, what: str, names: list[str]) -> None:
    for k, name in enumerate(names):
        if name in names[:k]:
            raise InvalidDocument(f"{path}[{k}].name: {what} {name!r} appears twice; rename one")


def _known_edges(spec: Spec, k: int, stage: Stage) -> None:
    names = [s.name for s in spec.stages]
    for e, edge in enumerate(stage.after):
        path = f"spec.stages[{k}].after[{e}]"
        if edge.stage not in names:
            raise InvalidDocument(f"{path}: there is no stage {edge.stage!r}{_hint(edge.stage, names)}")
        if edge.stage in [other.stage for other in stage.after[:e]]:
            raise InvalidDocument(f"{path}: stage {edge.stage!r} is named twice; keep one edge")


def _usable_batches(k: int, stage: Stage) -> None:
    path = f"spec.stages[{k}]"
    measured = sorted({batch for v in stage.variants for batch in v.points})
    known = ", ".join(map(str, measured))
    for b, batch in enumerate(stage.batches or ()):
        if batch not in measured:
            raise InvalidDocument(
                f"{path}.batches[{b}]: batch {batch} was not measured by any variant; measured: {known}"
            )
    for v, variant in enumerate(stage.variants):
        if not stage.batches_of(variant):
            raise InvalidDocument(
                f"{path}.variants[{v}]: {variant.name!r} was measured at none of the allowed batches "
                f"{list(stage.batches or ())}; measure one or remove the variant"
            )


def _table(spec: Spec, order: Sequence[int]) -> tuple[MeasuredAccuracy, ...] | None:
    """Return the joint table with its columns in the pipeline's stage order."""
    if spec.accuracy_table is None:
        if spec.accuracy == "measured":
            raise InvalidDocument("spec.accuracyTable: accuracy 'measured' needs a table; add its rows")
        return None
    rows = []
    for r, row in enumerate(spec.accuracy_table):
        _known_row(spec, r, row)
        rows.append(MeasuredAccuracy(variants=tuple(row.variants[k] for k in order), accuracy=row.accuracy))
    if not rows:
        raise InvalidDocument("spec.accuracyTable: there are no rows; add one for each combination measured")
    return tuple(rows)


def _known_row(spec: Spec, r: int, row: MeasuredAccuracy) -> None:
    path = f"spec.accuracyTable[{r}].variants"
    if len(row.variants) != len(spec.stages):
        raise InvalidDocument(
            f"{path}: {len(row.variants)} variants for {len(spec.stages)} stages; name one for each stage"
        )
    for k, (name, stage) in enumerate(zip(row.variants, spec.stages, strict=True)):
        if name not in stage.by_name:
            hint = _hint(name, list(stage.by_name))
            raise InvalidDocument(f"{path}[{k}]: stage {stage.name!r} has no variant {name!r}{hint}")
    if row.variants in [other.variants for other in (spec.accuracy_table or ())[:r]]:
        raise InvalidDocument(f"{path}: this combination appears twice; keep one row")


def _hint(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    did_you_mean = f". Did you mean {close[0]!r}?" if close else ";"
    return f"{did_you_mean} known: {', '.join(known)}"
