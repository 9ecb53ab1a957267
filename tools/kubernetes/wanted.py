"""What a stage is to run, and the one body that says so to a workload: only the fields that Trimtab owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.configuration import Configuration
from core.pipeline import Pipeline
from tools.kubernetes import names
from tools.kubernetes.seen import Asked, Seen
from tools.waits import batch_waits_s

Json = dict[str, Any]

WAIT_DIGITS = 4
"""A tenth of a millisecond: finer than any batch is timed."""
MILLI_DIGITS = 3
"""The API counts cores in thousandths."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a stage's workload is to say."""

    change: str
    """The decision behind it."""
    load_rps: float
    asked: Asked


def asked_for(
    pipeline: Pipeline, configuration: Configuration, load_rps: float, before: Mapping[str, Seen]
) -> dict[str, Asked]:
    """Return what each stage is asked for.

    The batch wait is part of the pods' template, so a new one starts new pods. It is set anew with the
    variant or the batch size only: a wait for a lower load than now ends with a full batch before its time,
    one for a higher load ends early with a smaller batch, which the lower load can afford.
    """
    waits = batch_waits_s(pipeline, configuration, load_rps)
    found = {}
    for setting in configuration.stages:
        was = before[setting.stage].asked
        same = was is not None and (was.stage.variant, was.stage.batch) == (setting.variant, setting.batch)
        found[setting.stage] = Asked(
            stage=setting,
            replicas=setting.replicas,
            cores=round(pipeline.stage(setting.stage).variant(setting.variant).cores, MILLI_DIGITS),
            wait_s=was.wait_s if was is not None and same else round(waits[setting.stage], WAIT_DIGITS),
        )
    return found


def apply_body(wish: Wish, seen: Seen) -> Json:
    """Return the body of a server-side apply on a Deployment, locked to the version that was seen."""
    cpu = f"{round(wish.asked.cores * 1000)}m"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": seen.name,
            "resourceVersion": seen.version,
            "annotations": notes(wish),
        },
        "spec": {
            "replicas": wish.asked.replicas,
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": names.CONTAINER,
                            "env": environment(wish),
                            "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}},
                        }
                    ]
                }
            },
        },
    }


def notes(wish: Wish) -> dict[str, str]:
    """Return what Trimtab writes down on the workload itself."""
    return {
        names.CHANGE: wish.change,
        names.LOAD_RPS: f"{wish.load_rps:.6g}",
        names.ASKED: wish.asked.model_dump_json(),
    }


def environment(wish: Wish) -> list[Json]:
    """Return the variables that Trimtab sets."""
    return [
        {"name": names.VARIANT_ENV, "value": wish.asked.stage.variant},
        {"name": names.BATCH_ENV, "value": str(wish.asked.stage.batch)},
        {"name": names.BATCH_WAIT_ENV, "value": str(wish.asked.wait_s)},
    ]
