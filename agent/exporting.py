"""What `trimtab export` does: objects of Kubernetes, printed for a person to read, keep and apply."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from tools.kubernetes.text import as_text
from tools.ports import Desired

Json = dict[str, Any]

FORMS = {
    "--namespace": (re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"), "name of a namespace", "trimtab-demo"),
    "--image": (re.compile(r"\S+"), "name of an image", "registry.example/trimtab-serving:1"),
    "--kit": (re.compile(r"[A-Za-z0-9_-]+"), "name of a ready pipeline", "id_card"),
    "--memory": (re.compile(r"[0-9]+(\.[0-9]+)?([kMGT]|[KMGT]i)?"), "quantity of memory", "512Mi"),
    "--prometheus": (re.compile(r"https?://\S+"), "URL", "http://prometheus-server.monitoring"),
}
"""By option: what it must look like, what it is, and an example."""


@dataclass(frozen=True, slots=True)
class Running:
    """The cluster whose Deployments say what runs."""

    kubeconfig: Path | None
    context: str | None


@dataclass(frozen=True, slots=True)
class Policy:
    """The configuration to export, as the command line names it."""

    file: Path
    namespace: str
    load: str | None
    """None for the load that was last decided for, which only a cluster can say."""
    config: Path | None
    """None for what runs, or else the optimum at the load."""
    headroom: str | None
    """None for that of the loop."""
    running: Running | None = None
    """None where no cluster is asked."""


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
    image: str,
    kit: str | None,
    memory: str,
    routers: int,
    labels: bool,
    workload: Workload,
    budgets: BudgetVersion | None,
) -> Status:
    """Print the objects that serve a pipeline."""
    _check({"--image": image, "--kit": kit, "--memory": memory})
    chosen = _chosen(policy)
    if chosen is None:
        return Status.INFEASIBLE
    serving = Serving(
        namespace=policy.namespace,
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


def export_hpa(policy: Policy, *, version: HpaVersion) -> Status:
    """Print an HPA for each stage, and the rule that gives them their metric."""
    chosen = _chosen(policy)
    if chosen is None:
        return Status.INFEASIBLE
    found = _scalings(chosen, policy.namespace)
    _print((adapter_rules(policy.namespace), *(hpa(s, version) for s in found)), chosen.comment)
    return Status.DONE


def export_keda(policy: Policy, *, prometheus: str) -> Status:
    """Print a ScaledObject for each stage."""
    _check({"--prometheus": prometheus})
    chosen = _chosen(policy)
    if chosen is None:
        return Status.INFEASIBLE
    _print([keda(s, prometheus) for s in _scalings(chosen, policy.namespace)], chosen.comment)
    return Status.DONE


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
    """Return what is to be exported; None where the optimum is asked for and there is none.

    Raises:
        UsageError: an option, a file or a combination of them is wrong.
        Hindered: what runs is not readable.
    """
    _check({"--namespace": policy.namespace})
    load_rps = None if policy.load is None else positive(policy.load, "--load", "requests per second")
    headroom = None if policy.headroom is None else positive(policy.headroom, "--headroom", "a factor")
    pipeline = read_pipeline(policy.file)
    margins = LOOP_MARGINS  # patient or not: an autoscaler foresees nothing, and an HPA lets 10 % pass
    if headroom is not None:
        margins = margins.model_copy(update={"headroom": headroom})
    if policy.running is not None:
        if policy.config is not None:
            raise UsageError(
                "--config: --running takes the configuration from the cluster; give one of the two"
            )
        desired = _desired(policy.running, policy.namespace, pipeline)
        return _Chosen(pipeline, load_rps or desired.load_rps, margins, desired.configuration)
    if load_rps is None:
        raise UsageError("--load: is missing; give requests per second, such as 12.5, or --running")
    if policy.config is not None:
        return _Chosen(pipeline, load_rps, margins, read_configuration(policy.config).checked(pipeline))
    return _optimum(pipeline, load_rps, margins)


def _desired(running: Running, namespace: str, pipeline: Pipeline) -> Desired:
    """Return what the Deployments of a pipeline were last told."""
    from tools.kubernetes.actuator import KubernetesActuator  # noqa: PLC0415 - only where a cluster is asked
    from tools.kubernetes.api import connect  # noqa: PLC0415 - as above
    from tools.kubernetes.view import View  # noqa: PLC0415 - as above
    from tools.kubernetes.workloads import Deployments  # noqa: PLC0415 - as above

    api = connect(running.kubeconfig, running.context)
    view = View(api, namespace, Deployments(api, namespace))
    try:
        view.refresh()
        return KubernetesActuator(pipeline, view).desired()
    finally:
        api.close()


def _optimum(pipeline: Pipeline, load_rps: float, margins: Margins) -> _Chosen | None:
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
