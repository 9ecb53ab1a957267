"""Answers that have to be solved: why not that variant, what if, what would make it switch."""

from __future__ import annotations

from collections.abc import Iterator

from agent.explain.counterfactual import answered, at_load, requiring, with_slo
from agent.explain.phrases import (
    against,
    at_another_load,
    differences,
    holds,
    if_less_accurate,
    if_slower,
    optimum,
    reasons,
    scanned,
)
from agent.explain.question import WhatIf, WhyNot, neighbour
from agent.explain.reply import Statement
from agent.explain.subject import Subject
from agent.explain.switches import PRECISION, accuracy_switch, latency_switch, load_switch
from agent.explain.text import figure, settings
from core.configuration import Configuration
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum
from core.solve import solve

MOST_LOAD_RPS, LEAST_SLO_S, MOST_SLO_S = 1e7, 1e-6, 1e6
"""What is believed of a question's figures; anything else is a slip of the pen."""


def why_not(intent: WhyNot, subject: Subject) -> Iterator[Statement]:
    """Yield, for each variant in question, the best with it against the best there is."""
    problem, chosen, source = subject.problem(), subject.chosen, _source(subject)
    if problem is None or chosen is None:
        yield _unsolvable(subject)
        return
    names = intent.variants or tuple(_neighbours(intent, subject, chosen))
    if not names:
        yield Statement(f"no stage has a {intent.size} model than what it runs", source)
        return
    base = solve(problem)
    for name in names:
        yield from _required(problem, base, name, chosen, source)


def what_if(intent: WhatIf, subject: Subject) -> Iterator[Statement]:
    """Yield whether what was chosen would do, and what would be best, at another load or SLO."""
    problem, chosen, source = subject.problem(), subject.chosen, _source(subject)
    if problem is None or chosen is None:
        yield _unsolvable(subject)
        return
    load_rps = intent.load_rps
    if intent.load_factor is not None:
        load_rps = problem.load_rps * intent.load_factor
    slo_s = intent.slo_s
    if intent.slo_factor is not None:
        slo_s = problem.pipeline.slo.latency_s * intent.slo_factor
    if (load_rps is not None and not load_rps <= MOST_LOAD_RPS) or (
        slo_s is not None and not LEAST_SLO_S <= slo_s <= MOST_SLO_S
    ):
        yield Statement("that load or SLO is beyond what any pipeline has; nothing was solved", "trimtab ask")
        return
    changed = problem if load_rps is None else at_load(problem, load_rps)
    changed = changed if slo_s is None else with_slo(changed, slo_s)
    told = answered(problem, changed, chosen)
    what = f"{figure(changed.load_rps)} rps and an SLO of {figure(changed.pipeline.slo.latency_s)} s"
    yield Statement(holds(told.chosen, chosen, what), f"verify at {what}, {source}")
    yield from _best(changed, told.base, told.other, f"solve at {what}, {source}")


def switch(subject: Subject) -> Iterator[Statement]:
    """Yield the nearest loads, and each variant's latency and accuracy, at which the optimum is another."""
    problem, source = subject.problem(), _source(subject)
    best = None if problem is None else solve(problem)
    if problem is None or not isinstance(best, Optimum):
        yield _unsolvable(subject)
        return
    load = figure(problem.load_rps)
    yield Statement(f"at {load} rps the optimum is {settings(best.configuration)}", f"solve, {source}")
    if subject.chosen is not None and subject.chosen != best.configuration:
        yield Statement(f"what was chosen is {settings(subject.chosen)}", f"decision {subject.decision.id}")
    if problem.load_rps == 0:
        yield Statement(
            "there is no load to scale; ask what if the load is some rps", f"decision {subject.decision.id}"
        )
    for up in (True, False) if problem.load_rps else ():
        yield Statement(
            at_another_load(load_switch(problem, up=up), problem, up=up), scanned(up=up, source=source)
        )
    for setting in best.configuration.stages:
        name = f"{setting.stage}/{setting.variant}"
        halved = f"solve, halved to {PRECISION:.1%}, {source}"
        slower = latency_switch(problem, setting.stage, setting.variant)
        yield Statement(if_slower(name, slower), halved)
        worse = accuracy_switch(problem, setting.stage, setting.variant)
        yield Statement(if_less_accurate(name, worse), halved)


def _source(subject: Subject) -> str:
    return f"problem of decision {subject.decision.id}"


def _unsolvable(subject: Subject) -> Statement:
    reason = subject.decision.note or "no load was known to decide for"
    return Statement(
        f"nothing can be solved for this decision, it has no feasible problem: {reason}",
        f"decision {subject.decision.id}",
    )


def _neighbours(intent: WhyNot, subject: Subject, chosen: Configuration) -> Iterator[VariantName]:
    """Yield the next variant up or down in accuracy, stage by stage."""
    for stage in subject.pipeline.stages:
        if intent.size is None or intent.stage not in (None, stage.name):
            continue
        variant = neighbour(stage, chosen[stage.name].variant, intent.size)
        if variant is not None:
            yield VariantName(stage=stage.name, variant=variant.name)


def _required(
    problem: Problem, base: Optimum | Infeasible, name: VariantName, chosen: Configuration, source: str
) -> Iterator[Statement]:
    label = f"{name.stage}/{name.variant}"
    if chosen[name.stage].variant == name.variant:
        yield Statement(f"{label} is what was chosen", source)
        return
    if name in problem.excluded:
        yield Statement(f"{label} was left out: a change to it failed, it is in quarantine", source)
    found = solve(requiring(problem, name))
    solved = f"solve at {figure(problem.load_rps)} rps with {label} required, {source}"
    if isinstance(found, Infeasible):
        yield Statement(f"{label} cannot be had: {reasons(found)}", solved)
        return
    yield Statement(f"with {label} the best is {optimum(found)}", solved)
    if isinstance(base, Optimum):
        yield Statement(against(problem, base, found), solved)


def _best(
    problem: Problem, base: Optimum | Infeasible, found: Optimum | Infeasible, source: str
) -> Iterator[Statement]:
    if isinstance(found, Infeasible):
        yield Statement(f"nothing would be feasible: {reasons(found)}", source)
        return
    yield Statement(f"the best would be {optimum(found)}", source)
    if isinstance(base, Optimum):
        yield Statement(differences(base, found), source)
