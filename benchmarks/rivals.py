"""The same problem (accuracy `sum`) as others state it, to be timed and compared with `core.ilp`.

`ipa` is the formulation of IPA's code (Ghafouri et al. 2024, `gurobi_optmizer`) in gurobipy: a choice
of variant and one of batch per stage, joined by AND constraints, integer replicas, indicator
constraints for capacity, one bilinear latency constraint and a bilinear cost. We mend one thing: the
queueing term, which in their code does not depend on the batch, is the (b - 1) / load they describe.

`naive` is the plain integer model in PuLP: a binary and an integer count of replicas for each
(variant, batch), nothing worked out beforehand, on CBC or HiGHS.

Both return the optimal objective, model building included in the time, as in ours.
"""

from __future__ import annotations

from typing import Any

import pulp

from core.pipeline import Pipeline, Stage, Variant

GAP = 1e-9


class TooLarge(Exception):
    """The model exceeds what gurobipy's free licence solves."""


def naive(pipeline: Pipeline, load_rps: float, solver: str) -> float:
    """Return the optimal objective by the plain integer model, *solver* being `CBC` or `HiGHS`."""
    lp = pulp.LpProblem("naive", pulp.LpMaximize)
    gain, latency = [], []
    for s in pipeline.stages:
        chosen = []
        for v, b in _settings(s):
            x = lp.add_variable(f"x_{s.name}_{v.name}_{b}", cat=pulp.LpBinary)
            n = lp.add_variable(f"n_{s.name}_{v.name}_{b}", 0, s.replicas.max, cat=pulp.LpInteger)
            lp += n <= s.replicas.max * x
            lp += n * v.at(b).throughput_rps >= load_rps * x
            latency.append(x * (v.at(b).latency_s + (b - 1) / load_rps))
            gain += [(pipeline.objective.alpha * v.accuracy - pipeline.objective.delta * b) * x]
            gain += [-pipeline.objective.beta * v.cores * n]
            chosen.append(x)
        lp += pulp.lpSum(chosen) == 1
    lp += pulp.lpSum(latency) <= pipeline.slo.latency_s
    lp.setObjective(pulp.lpSum(gain))
    command: Any
    if solver == "HiGHS":
        command = pulp.HiGHS(msg=False, gapRel=GAP, threads=1)
    else:
        command = pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, gapRel=GAP)
    lp.solve(command)
    return float(pulp.value(lp.objective))


def ipa(pipeline: Pipeline, load_rps: float) -> float:
    """Return the optimal objective by IPA's own formulation.

    Raises:
        TooLarge: gurobipy's free licence refuses models of this size.
    """
    import gurobipy as gp  # noqa: PLC0415 - only this rival needs it

    with gp.Env(params={"LogToConsole": 0, "OutputFlag": 0}) as env, gp.Model(env=env) as model:
        model.Params.NonConvex, model.Params.PoolSearchMode = 2, 2
        model.Params.PoolSolutions, model.Params.PoolGap, model.Params.Threads = 1, 0.0, 1
        latency, accuracy, cost, size = gp.QuadExpr(), gp.LinExpr(), gp.QuadExpr(), gp.LinExpr()
        for s in pipeline.stages:
            batches = sorted({b for _, b in _settings(s)})
            i = model.addVars([v.name for v in s.variants], vtype=gp.GRB.BINARY)
            b = model.addVars(batches, vtype=gp.GRB.BINARY)
            n = model.addVar(lb=1, ub=s.replicas.max, vtype=gp.GRB.INTEGER)
            model.addConstr(i.sum() == 1)
            model.addConstr(b.sum() == 1)
            for v, k in _settings(s):
                both = model.addVar(vtype=gp.GRB.BINARY)
                model.addGenConstrAnd(both, [i[v.name], b[k]])
                model.addGenConstrIndicator(
                    both, True, n * v.at(k).throughput_rps, gp.GRB.GREATER_EQUAL, load_rps
                )
                latency += (v.at(k).latency_s + (k - 1) / load_rps) * i[v.name] * b[k]
            for v in s.variants:
                accuracy += v.accuracy * i[v.name]
                cost += v.cores * n * i[v.name]
            size += gp.quicksum(k * b[k] for k in batches)
        model.addQConstr(latency <= pipeline.slo.latency_s)
        goal = pipeline.objective
        model.setObjective(goal.alpha * accuracy - goal.beta * cost - goal.delta * size, gp.GRB.MAXIMIZE)
        try:
            model.optimize()
        except gp.GurobiError as error:
            raise TooLarge(str(error)) from error
        return float(model.ObjVal)


def _settings(stage: Stage) -> list[tuple[Variant, int]]:
    return [(v, b) for v in stage.variants for b in stage.batches_of(v)]
