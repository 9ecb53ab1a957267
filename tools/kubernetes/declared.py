"""The pipelines that a cluster declares: objects of kind Pipeline, or ConfigMaps where CRDs are not allowed.

A declaration that cannot be read is a value too (`problem`): it is reported where it was written, and the
other pipelines never notice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import quote

from pydantic import Field, ValidationError

from core.complaints import complaint
from core.decision import Mode
from core.document import API_VERSION, pipeline_from
from core.errors import InvalidDocument, UsageError
from core.pipeline import Pipeline
from core.values import Frozen
from pipelines.reader import parsed_yaml
from tools.kubernetes import names
from tools.kubernetes.api import Api, Json
from tools.kubernetes.errors import NotFound
from tools.kubernetes.seen import paused
from tools.promql.queries import default_queries

Key = tuple[str, str]
"""Namespace and name."""
CRD = "/apis/trimtab.dev/v1/namespaces/{}/pipelines"
CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"
DOCUMENT = "pipeline.yaml"
"""The key of a ConfigMap that holds the document."""
STATUS = f"{names.GROUP}/status"
"""Annotation of a ConfigMap that holds what a Pipeline object has as its status."""
Source = Literal["crd", "configmap"]


class Operation(Frozen):
    """What a declaration says beside the pipeline itself: `spec.operation`."""

    mode: Mode = "observe"
    """The most that may be done by itself."""
    workload: Literal["deployment", "kserve"] = "deployment"
    metrics: Mapping[str, str] = Field(default_factory=dict)
    """PromQL by the name of the query that it replaces."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration at one version."""

    namespace: str
    name: str
    """Of the object; the pipeline's own where it could be read."""
    path: str
    """Of the object on the API server."""
    source: Source
    uid: str
    version: str
    generation: int
    paused: bool
    status: Mapping[str, Any]
    """As it was last written."""
    pipeline: Pipeline | None
    operation: Operation
    problem: str = ""
    """Why it could not be read; with the path and the fix."""

    @property
    def key(self) -> Key:
        """Namespace and name of the pipeline."""
        return self.namespace, self.name if self.pipeline is None else self.pipeline.name


class Declarations(Protocol):
    """Where pipelines are declared, and where is reported what became of them."""

    def list(self, namespace: str) -> tuple[Declared, ...]:
        """Return all declarations of a namespace.

        Raises:
            KubernetesError: the server did not say.
        """
        ...

    def report(self, declared: Declared, status: Json) -> None:
        """Write the status of one.

        Raises:
            KubernetesError: it could not be written.
        """
        ...


@dataclass(slots=True)
class PipelineObjects:
    """Objects of kind Pipeline. Implements `Declarations`."""

    api: Api
    _read: dict[str, Declared] = field(default_factory=dict)
    """By uid: what does not change is not parsed again."""

    def list(self, namespace: str) -> tuple[Declared, ...]:
        """Return the Pipeline objects."""
        found = tuple(self._declared(namespace, each) for each in self._all(namespace))
        self._read = _kept(self._read, namespace, found)
        return found

    def report(self, declared: Declared, status: Json) -> None:
        """Write the status subresource. What it said and says no more has to be taken away by name."""
        gone = dict.fromkeys(declared.status.keys() - status.keys())
        self.api.patch(f"{declared.path}/status", {"status": {**gone, **status}}, "merge")

    def _all(self, namespace: str) -> Sequence[Json]:
        try:
            return self.api.all(CRD.format(quote(namespace, safe="")))
        except NotFound as error:
            raise UsageError(
                f"the cluster does not know kind Pipeline of {names.GROUP}/v1; "
                "apply deploy/base/crd.yaml, or use --declared configmap"
            ) from error

    def _declared(self, namespace: str, found: Json) -> Declared:
        before = self._read.get(found["metadata"]["uid"])
        if before is not None and before.version == found["metadata"]["resourceVersion"]:
            return before
        name, spec = found["metadata"]["name"], found.get("spec") or {}
        document = {"apiVersion": API_VERSION, "kind": "Pipeline", "metadata": {"name": name}, "spec": spec}
        path = f"{CRD.format(quote(namespace, safe=''))}/{quote(name, safe='')}"
        return _declared(namespace, found, path, "crd", document, found.get("status") or {}, before)


@dataclass(slots=True)
class ConfigMaps:
    """ConfigMaps that hold a pipeline document. Implements `Declarations`."""

    api: Api
    _read: dict[str, Declared] = field(default_factory=dict)

    def list(self, namespace: str) -> tuple[Declared, ...]:
        """Return what the ConfigMaps that carry the label say."""
        path = CONFIG_MAPS.format(quote(namespace, safe=""))
        objects = self.api.all(path, labels=f"{names.KIND}=pipeline")
        found = tuple(self._declared(namespace, each) for each in objects)
        self._read = _kept(self._read, namespace, found)
        return found

    def report(self, declared: Declared, status: Json) -> None:
        """Write the status into an annotation."""
        text = json.dumps(status, allow_nan=False)
        self.api.patch(declared.path, {"metadata": {"annotations": {STATUS: text}}}, "merge")

    def _declared(self, namespace: str, found: Json) -> Declared:
        meta = found["metadata"]
        before = self._read.get(meta["uid"])
        if before is not None and before.version == meta["resourceVersion"]:
            return before
        path = f"{CONFIG_MAPS.format(quote(namespace, safe=''))}/{quote(meta['name'], safe='')}"
        status = _status((meta.get("annotations") or {}).get(STATUS))
        document = _document((found.get("data") or {}).get(DOCUMENT))
        return _declared(namespace, found, path, "configmap", document, status, None)


def _kept(before: Mapping[str, Declared], namespace: str, found: Sequence[Declared]) -> dict[str, Declared]:
    """Return what was read, by uid, with what a namespace declares now."""
    others = {uid: d for uid, d in before.items() if d.namespace != namespace}
    return others | {d.uid: d for d in found}


def _declared(
    namespace: str,
    found: Json,
    path: str,
    source: Source,
    document: object,
    status: Mapping[str, Any],
    before: Declared | None,
) -> Declared:
    meta = found["metadata"]
    generation = int(meta.get("generation", 0))
    if before is not None and source == "crd" and before.generation == generation:
        pipeline, operation, problem = before.pipeline, before.operation, before.problem
    else:
        pipeline, operation, problem = _read(document)
    return Declared(
        namespace=namespace,
        name=meta["name"],
        path=path,
        source=source,
        uid=meta["uid"],
        version=meta["resourceVersion"],
        generation=generation,
        paused=paused(meta.get("annotations") or {}),
        status=status,
        pipeline=pipeline,
        operation=operation,
        problem=problem,
    )


def _read(document: object) -> tuple[Pipeline | None, Operation, str]:
    """Return the pipeline, its operation, and why there is none."""
    if not isinstance(document, dict):
        return None, Operation(), str(document)
    try:
        spec = document.get("spec")
        rest = {k: v for k, v in spec.items() if k != "operation"} if isinstance(spec, dict) else spec
        pipeline = pipeline_from({**document, "spec": rest})
        said = spec.get("operation") if isinstance(spec, dict) else None
        return pipeline, _operation(said), ""
    except InvalidDocument as error:
        return None, Operation(), str(error)


def _document(text: str | None) -> object:
    """Return the parsed document of a ConfigMap, or the complaint about it."""
    if text is None:
        return f"it has no key {DOCUMENT!r}; put the pipeline document there"
    try:
        found = parsed_yaml(text)
    except InvalidDocument as error:
        return f"{DOCUMENT}: {error}"
    return found if isinstance(found, dict) else f"{DOCUMENT}: it is no mapping with apiVersion, kind, ..."


def _status(text: str | None) -> Mapping[str, Any]:
    """Return the status that was written last; what is unreadable is written anew."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _operation(said: object) -> Operation:
    try:
        operation = Operation.model_validate(said or {})
    except ValidationError as error:
        raise InvalidDocument(f"spec.operation: {complaint(error, Operation)}") from error
    default_queries().checked(operation.metrics)
    return operation
