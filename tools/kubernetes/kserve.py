"""Stages that are InferenceServices of KServe, with the contract of Deployments (`workloads`).

Trimtab writes `spec.predictor`: the number of replicas (least and most the same) and its own few fields of
the container `kserve-container`. What is special:

    the list of containers   a merge patch replaces lists whole, so the object is read, the one container
                             changed, and the list sent back, locked to the version that was read.
    how far it has come      KServe's conditions do not say which spec they speak of: its `observedGeneration`
                             is that of the Deployment it made. So that Deployment is looked at: it must say
                             what the InferenceService says, and have come all the way.
    annotations              KServe copies them into the pods, where each change of one starts new pods, but
                             for those on its `serviceAnnotationDisallowedList`. Where ours are not on it,
                             nothing is written.

Only the deployment mode with plain Deployments (RawDeployment, Standard) is supported: with Knative a router
cannot reach single pods. docs/export.md has what to set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from tools.kubernetes import names
from tools.kubernetes.api import Api, Json
from tools.kubernetes.errors import Conflict, NotFound, Rejected
from tools.kubernetes.names import PIPELINE, selector
from tools.kubernetes.pods import cpu
from tools.kubernetes.seen import Asked, Progress, Seen, Spec, annotated, container_says, deployment, owners
from tools.kubernetes.wanted import Wish, environment, notes

API_VERSION, KIND = "serving.kserve.io/v1beta1", "InferenceService"
CONTAINER = "kserve-container"
OWNER = "serving.kserve.io/inferenceservice"
"""Label that KServe puts on what it makes: the InferenceService it is made for."""
PREDICTOR = "-predictor"
"""What KServe adds to the name of the Deployment of an InferenceService."""
MODE: Mapping[str, str] = {
    "serving.kserve.io/deploymentMode": "RawDeployment",
    "serving.kserve.io/autoscalerClass": "external",
    names.PAUSED: "false",
}
"""Annotations of an InferenceService that Trimtab can run: plain Deployments, their number given by nobody
else. The last one shows, before anything was written, whether KServe copies annotations into pods."""
FIELDS = {"f:minReplicas": "f:replicas", "f:maxReplicas": "f:replicas", "f:containers": "f:template"}
"""What a Deployment calls the parts of a predictor."""
COPIED = (names.PAUSED, names.ADOPT, names.CHANGE, names.LOAD_RPS, names.ASKED)
READY = "PredictorReady"
"""Not `Ready`, which waits for an Ingress that the router does not need."""


@dataclass(frozen=True, slots=True)
class InferenceServices:
    """InferenceServices of one namespace, patched by merge patch. Implements `Workloads`."""

    api: Api
    namespace: str

    def list(self, pipeline: str) -> tuple[Seen, ...]:
        """Return the stages of one pipeline."""
        return self._read(selector(pipeline)).get(pipeline, ())

    def all(self) -> dict[str, tuple[Seen, ...]]:
        """Return the stages of every pipeline."""
        return self._read(selector())

    def patch(self, wish: Wish, seen: Seen, *, dry_run: bool) -> Seen:
        """Make an InferenceService say what is wished, if it still is at the version that was seen.

        Raises:
            Rejected: KServe would start new pods for every note that Trimtab makes.
        """
        path = f"{self._services}/{quote(seen.name, safe='')}"
        found, made = self.api.get(path), self._made(seen.name)
        if found["metadata"]["resourceVersion"] != seen.version:
            raise Conflict(f"GET {path}: {seen.kind} {seen.name!r} was changed since it was looked at")
        _refuse_copies(seen.name, made)
        patched = self.api.patch(path, merge_body(wish, found), "merge", dry_run=dry_run)
        return inference_service(patched, made) or seen

    def _read(self, labels: str) -> dict[str, tuple[Seen, ...]]:
        services = self.api.all(self._services, labels=labels)
        made = {_owner(each): each for each in self.api.all(self._deployments, labels=f"{labels},{OWNER}")}
        found: dict[str, tuple[Seen, ...]] = {}
        for each in services:
            seen = inference_service(each, made.get(each["metadata"]["name"]))
            if seen is not None:
                pipeline = each["metadata"]["labels"][PIPELINE]
                found[pipeline] = (*found.get(pipeline, ()), seen)
        return found

    def _made(self, name: str) -> Json | None:
        """Return the Deployment that KServe made for an InferenceService; None before it has."""
        try:
            return self.api.get(f"{self._deployments}/{quote(name + PREDICTOR, safe='')}")
        except NotFound:
            return None

    @property
    def _services(self) -> str:
        return f"/apis/{API_VERSION}/namespaces/{quote(self.namespace, safe='')}/inferenceservices"

    @property
    def _deployments(self) -> str:
        return f"/apis/apps/v1/namespaces/{quote(self.namespace, safe='')}/deployments"


def inference_service(found: Json, made: Json | None) -> Seen | None:
    """Return what an InferenceService says; None where it is not labelled as a stage.

    Args:
        found: The InferenceService.
        made: The Deployment that KServe made for it; None where there is none yet.
    """
    meta, predictor = found["metadata"], (found.get("spec") or {}).get("predictor") or {}
    labels = meta.get("labels") or {}
    stage = labels.get(names.STAGE)
    if names.PIPELINE not in labels or not stage:
        return None
    said = annotated(meta.get("annotations") or {})
    spec = container_says(_container(predictor), _replicas(predictor, said["asked"]))
    return Seen(
        kind=KIND,
        name=meta["name"],
        stage=stage,
        version=meta["resourceVersion"],
        generation=meta.get("generation", 0),
        spec=spec,
        progress=_progress(spec, found.get("status") or {}, made),
        **said,
        owners=owners({"managedFields": [_as_of_deployment(m) for m in meta.get("managedFields") or ()]}),
    )


def merge_body(wish: Wish, found: Json) -> Json:
    """Return the body of a merge patch on an InferenceService, locked to the version it was read at.

    Raises:
        Rejected: it has no container that could be told anything.
    """
    name, predictor = found["metadata"]["name"], found["spec"]["predictor"]
    containers = predictor.get("containers") or []
    if not _container(predictor):
        raise Rejected(
            f"{KIND} {name!r} has no container {CONTAINER!r}; create it from `trimtab export manifests`"
        )
    return {
        "metadata": {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": notes(wish)},
        "spec": {
            "predictor": {
                "minReplicas": wish.asked.replicas,
                "maxReplicas": wish.asked.replicas,
                "containers": [_told(c, wish) if c.get("name") == CONTAINER else c for c in containers],
            }
        },
    }


def _as_of_deployment(entry: Json) -> Json:
    """Return an entry of `managedFields` with the names that the parts of a Deployment have."""
    fields = ((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:predictor") or {}
    parts: Json = {FIELDS[name]: {} for name in fields if name in FIELDS}
    return {**entry, "fieldsV1": {"f:spec": parts}}


def _told(container: Json, wish: Wish) -> Json:
    """Return a container with Trimtab's fields changed and everything else as it is."""
    ours = {entry["name"]: entry for entry in environment(wish)}
    kept = [entry for entry in container.get("env") or () if entry["name"] not in ours]
    resources = container.get("resources") or {}
    told = {
        kind: {**(resources.get(kind) or {}), "cpu": cpu(wish.asked.cores)} for kind in ("requests", "limits")
    }
    return {**container, "env": [*kept, *ours.values()], "resources": {**resources, **told}}


def _container(predictor: Json) -> Json:
    return next((c for c in predictor.get("containers") or () if c.get("name") == CONTAINER), {})


def _replicas(predictor: Json, asked: Asked | None) -> int:
    """Return how many replicas are wanted; where least and most differ, the one we did not ask for."""
    least = int(predictor.get("minReplicas", 1))
    most = int(predictor.get("maxReplicas") or least)
    return least if asked is not None and most == asked.replicas else most


def _progress(spec: Spec, status: Json, made: Json | None) -> Progress:
    """Return how far KServe and the cluster have come with a spec.

    What KServe says of failures may be about the spec before; the Deployment's word counts.
    """
    behind = None if made is None else _as_deployment(made)
    if behind is None or behind.spec != spec:
        return Progress(complete=False, ready=0)
    ready = any((c.get("type"), c.get("status")) == (READY, "True") for c in status.get("conditions") or ())
    return replace(behind.progress, complete=behind.progress.complete and ready)


def _as_deployment(made: Json) -> Seen | None:
    """Return what a Deployment of KServe says, its container read by the name that KServe gives it."""
    seen = deployment(made)
    if seen is None:
        return None
    containers = made["spec"]["template"]["spec"]
    return replace(seen, spec=container_says(_container(containers), seen.spec.replicas))


def _owner(made: Json) -> str:
    return str(made["metadata"]["labels"][OWNER])


def _refuse_copies(name: str, made: Json | None) -> None:
    template = {} if made is None else made["spec"]["template"].get("metadata") or {}
    copied = [note for note in COPIED if note in (template.get("annotations") or {})]
    if copied:
        raise Rejected(
            f"{KIND} {name!r}: KServe copies {copied[0]} into the pods, so that every note of Trimtab would "
            f"start new ones; put {', '.join(COPIED)} on serviceAnnotationDisallowedList of KServe's "
            "ConfigMap inferenceservice-config"
        )
