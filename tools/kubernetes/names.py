"""Labels, annotations and names on the cluster: what Trimtab reads, and the few things it writes."""

from __future__ import annotations

from pipelines.serving.contract import PREFIX

GROUP = "trimtab.dev"
FIELD_MANAGER = "trimtab"
"""Of everything that Trimtab applies; also the manager named in `metadata.managedFields`."""

PIPELINE = f"{GROUP}/pipeline"
"""Label: the pipeline a workload belongs to. Without it nothing is ever touched."""
STAGE = f"{GROUP}/stage"
"""Label: the stage a workload serves."""
KIND = f"{GROUP}/kind"
"""Label: `pipeline` on a ConfigMap that declares one."""

PAUSED = f"{GROUP}/paused"
"""Annotation, a person's: `true` keeps Trimtab's hands off."""
ADOPT = f"{GROUP}/adopt"
"""Annotation, a person's: the change since which others' edits may be overwritten; the next uses it up."""
CHANGE = f"{GROUP}/change"
"""Annotation, Trimtab's: the decision that was applied last."""
LOAD_RPS = f"{GROUP}/load-rps"
"""Annotation, Trimtab's: the load it was decided for, in requests per second."""
ASKED = f"{GROUP}/asked"
"""Annotation, Trimtab's: what was asked for, to tell an edit by somebody else."""

CONTAINER = "server"
"""The container that serves; others in the pod are not looked at."""
VARIANT_ENV = f"{PREFIX}VARIANT"
BATCH_ENV = f"{PREFIX}BATCH"
BATCH_WAIT_ENV = f"{PREFIX}BATCH_WAIT_S"
ROUTER = "router"


def workload(pipeline: str, stage: str) -> str:
    """Return the name of the Deployment and of the Service of a stage."""
    return f"{pipeline}-{stage}"


def selector(pipeline: str | None = None) -> str:
    """Return the label selector of the stages of one pipeline, or of all."""
    return f"{PIPELINE},{STAGE}" if pipeline is None else f"{PIPELINE}={pipeline},{STAGE}"
