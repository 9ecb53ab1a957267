"""What `trimtab export` does: objects of Kubernetes, printed for a person to read, keep and apply."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from agent.commands import Status
from agent.options import positive
from core.configuration import Configuration
from core.errors import UsageError
from core.pipeline import Pipeline
from core.problem import Margins, Problem
from core.solution import Infeasible
from core.solve import solve
from pipelines.kits import EXTRAS
from pipelines.reader import read_configuration, read_pipeline
from tools.cadence import LOOP_MARGINS
from tools.kubernetes.export import HpaVersion, Scaling, adapter_rules, hpa, keda, scalings
from tools.kubernetes.pods import Serving
from tools.kubernetes.render import BudgetVersion, Workload, manifests

Json = dict[str, Any]

PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./:-]*[A-Za-z0-9_/]|[A-Za-z/]")
NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What some reader of YAML takes for something else than text."""
WIDE = 4096
"""No line of a printed object is broken."""
FORMS = {
    "--namespace": (re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"), "name of a namespace", "trimtab-demo"),
    "--image": (re.compile(r"\S+"), "name of an image", "registry.example/trimtab-serving:1"),
    "--kit": (re.compile(r"[A-Za-z0-9_-]+"), "name of a ready pipeline", "id_card"),
    "--memory": (re.compile(r"[0-9]+(\.[0-9]+)?([kMGT]|[KMGT]i)?"), "quantity of memory", "512Mi"),
    "--prometheus": (re.compile(r"https?://\S+"), "URL", "http://prometheus-server.monitoring"),
}
"""By option: what it must look like, what it is, and an example."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The configuration to export, as the command line names it."""

    file: Path
    load: str
    config: Path | None
    """None for the optimum at the load."""
    headroom: str | None
    """None for that of the loop."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    pipeline: Pipeline
    load_rps: float
    margins: Margins
    configuration: Configuration

    @property
    def comment(self) -> str:
        settings = ", ".join(
            f"{s.stage}={s.variant}/{s.batch}x{s.replicas}" for s in self.configuration.stages
        )
        return f"Pipeline {self.pipeline.name} at {self.load_rps:g} requests per second: {settings}"


def export_manifests(
    policy: Policy,
    *,
    namespace: str,
    image: str,
    kit: str | None,
    memory: str,
    routers: int,
    labels: bool,
    workload: Workload,
    budgets: BudgetVersion | None,
) -> Status:
    """Print the objects that serve a pipeline."""
    _check({"--namespace": namespace, "--image": image, "--kit": kit, "--memory": memory})
    chosen = _chosen(policy)
    if chosen is None:
        return Status.INFEASIBLE
    serving = Serving(
        namespace=namespace,
        image=image,
        kit=_kit(chosen.pipeline) if kit is None else kit,
        memory=memory,
        routers=routers,
        labels=labels,
    )
    found = manifests(
        chosen.pipeline, chosen.configuration, chosen.load_rps, serving, workload=workload, budgets=budgets
    )
    _print(found, f"{chosen.comment}. Apply with: kubectl apply --server-side -f -")
    return Status.DONE


def export_hpa(policy: Policy, *, namespace: str, version: HpaVersion) -> Status:
    """Print an HPA for each stage, and the rule that gives them their metric."""
    _check({"--namespace": namespace})
    chosen = _chosen(policy)
    if chosen is None:
        return Status.INFEASIBLE
    found = _scalings(chosen, namespace)
    _print((adapter_rules(namespace), *(hpa(s, version) for s in found)), chosen.comment)
    return Status.DONE


def export_keda(policy: Policy, *, namespace: str, prometheus: str) -> Status:
    """Print a ScaledObject for each stage."""
    _check({"--namespace": namespace, "--prometheus": prometheus})
    chosen = _chosen(policy)
    if chosen is None:
        return Status.INFEASIBLE
    _print([keda(s, prometheus) for s in _scalings(chosen, namespace)], chosen.comment)
    return Status.DONE


def as_text(objects: Iterable[Json], comment: str) -> str:
    """Return objects as one stream of YAML that YAML 1.1 and 1.2 read alike, as kubectl knows 1.1."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only where YAML is written

    yaml = YAML()
    yaml.width = WIDE
    yaml.explicit_start = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    with StringIO() as file:
        file.write(f"# {comment}\n")
        yaml.dump_all([_quoted(each) for each in objects], file)
        return file.getvalue()


def _check(given: Mapping[str, str | None]) -> None:
    """Refuse options that are not what they should be.

    Raises:
        UsageError: the first that is not.
    """
    for option, text in given.items():
        form, what, example = FORMS[option]
        if text is not None and not form.fullmatch(text):
            raise UsageError(f"{option}: {text!r} is no {what}; give one such as {example}")


def _kit(pipeline: Pipeline) -> str:
    name = pipeline.name.replace("-", "_")
    if name not in EXTRAS:
        known = ", ".join(EXTRAS)
        raise UsageError(f"--kit: no ready pipeline is called {name!r}; name the code that serves: {known}")
    return name


def _scalings(chosen: _Chosen, namespace: str) -> tuple[Scaling, ...]:
    return scalings(
        chosen.pipeline,
        chosen.configuration,
        chosen.load_rps,
        headroom=chosen.margins.headroom,
        namespace=namespace,
    )


def _chosen(policy: Policy) -> _Chosen | None:
    """Return what is to be exported; None where the optimum is asked for and there is none."""
    load_rps = positive(policy.load, "--load", "requests per second")
    margins = LOOP_MARGINS
    if policy.headroom is not None:
        headroom = positive(policy.headroom, "--headroom", "a factor")
        margins = margins.model_copy(update={"headroom": headroom})
    pipeline = read_pipeline(policy.file)
    if policy.config is not None:
        configuration = read_configuration(policy.config).checked(pipeline)
        return _Chosen(pipeline, load_rps, margins, configuration)
    match solve(Problem.of(pipeline, load_rps, margins=margins)):
        case Infeasible(bindings=bindings):
            why = "; ".join(binding.statement for binding in bindings)
            sys.stderr.write(
                f"trimtab: no configuration of {pipeline.name!r} is feasible at {load_rps:g} requests per "
                f"second: {why}; lower --load or give one with --config\n"
            )
            return None
        case optimum:
            return _Chosen(pipeline, load_rps, margins, optimum.configuration)


def _print(objects: Iterable[Json], comment: str) -> None:
    print(as_text(objects, comment), end="", flush=True)  # noqa: T201 - the command's output


def _quoted(value: Any) -> Any:  # noqa: ANN401 - whatever an object holds
    """Return a value whose texts are quoted wherever a reader might take them for something else."""
    from ruamel.yaml.scalarstring import (  # noqa: PLC0415 - as above
        DoubleQuotedScalarString,
        LiteralScalarString,
    )

    match value:
        case dict():
            return {key: _quoted(each) for key, each in value.items()}
        case list() | tuple():
            return [_quoted(each) for each in value]
        case str() if "\n" in value:
            return LiteralScalarString(value)
        case str() if not PLAIN.fullmatch(value) or value.lower() in NOT_TEXT:
            return DoubleQuotedScalarString(value)
        case _:
            return value
