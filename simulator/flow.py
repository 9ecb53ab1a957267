"""How a request goes through the DAG: fan-out, joins, completion, and how right its answer is.

Part of the compiled event loop (see `simulator.compiled`); what it means is in `simulator.twin`.
"""

from __future__ import annotations

from simulator.compiled import inlined
from simulator.draws import uniform
from simulator.queues import enqueue
from simulator.records import COMPLETED, IN_FLIGHT, MEASURED, NONE, SUM, State


@inlined
def item_served(state: State, s: int, v: int, r: int, items: int, now_s: float) -> None:
    """Note who served the items of a request, send theirs on, and see whether the stage is done."""
    if state.requests[r].status != IN_FLIGHT:
        return
    visit, variant, stage = state.visits[r, s], state.variants[v], state.stages[s]
    visit.served += items
    visit.variant = v + 1
    visit.quality += items * variant.accuracy * variant.accuracy_factor
    visit.open -= items
    for k in range(stage.first_edge, stage.last_edge):
        edge = state.edges[k]
        sent = _sent(state, variant.fan_out * edge.fan_out, items)
        if edge.join_slot != NONE:
            state.brought[r, edge.join_slot] += sent
        elif sent > 0:
            enqueue(state, edge.target, r, sent, now_s)
    if visit.open == 0 and visit.predecessors_done == stage.predecessors:
        _finish_stage(state, s, r, now_s)


@inlined
def _sent(state: State, mean: float, items: int) -> int:
    """Return how many items go along an edge: the whole part of the mean each, and one more by chance."""
    whole = int(mean)
    chance = mean - whole
    sent = whole * items
    if chance > 0:
        for _ in range(items):
            if uniform(state.streams, state.stages.size) < chance:
                sent += 1
    return sent


@inlined
def _finish_stage(state: State, first: int, r: int, now_s: float) -> None:
    """Request *r* is done at stage *first*: tell what follows, release joins, perhaps complete."""
    pending, depth = state.scratch, 1
    pending[0] = first
    while depth > 0 and state.requests[r].status == IN_FLIGHT:
        depth -= 1
        stage = state.stages[pending[depth]]
        if stage.first_edge == stage.last_edge:
            state.requests[r].sinks_done += 1
            if state.requests[r].sinks_done == state.clock[0].sinks:
                _complete(state, r, now_s)
        for k in range(stage.first_edge, stage.last_edge):
            t = state.edges[k].target
            visit = state.visits[r, t]
            visit.predecessors_done += 1
            if visit.predecessors_done < state.stages[t].predecessors:
                continue
            if state.edges[k].join_slot != NONE:
                _release_join(state, t, r, now_s)
            if visit.open == 0:
                pending[depth] = t
                depth += 1


@inlined
def _release_join(state: State, t: int, r: int, now_s: float) -> None:
    """All predecessors of join *t* are done: queue as many items as the largest edge brought."""
    items = 0
    for k in range(state.edges.size):
        if state.edges[k].target == t:
            items = max(items, state.brought[r, state.edges[k].join_slot])
    if items > 0:
        enqueue(state, t, r, items, now_s)


@inlined
def _complete(state: State, r: int, now_s: float) -> None:
    clock, request = state.clock[0], state.requests[r]
    request.status = COMPLETED
    request.finish_s = now_s
    request.value = _value(state, r)
    chance = request.value / state.stages.size if clock.accuracy_mode == SUM else request.value
    outcomes = state.stages.size + 1
    request.labelled = uniform(state.streams, outcomes) < clock.labelled_share
    request.correct = uniform(state.streams, outcomes) < chance
    state.completed[clock.completed] = r
    clock.completed += 1


@inlined
def _value(state: State, r: int) -> float:
    """Return the accuracy of request *r* from who served it (see `simulator.twin`)."""
    mode = state.clock[0].accuracy_mode
    total = 0.0 if mode == SUM else 1.0
    code = 0
    for s in range(state.stages.size):
        visit = state.visits[r, s]
        v = visit.variant - 1 if visit.served else state.stages[s].variant
        code += state.variants[v].code
        if mode == SUM:
            total += visit.quality / visit.served if visit.served else state.variants[v].accuracy
        elif visit.served:
            total *= visit.quality / visit.served
    state.requests[r].code = code
    return total * state.joint[code] if mode == MEASURED else total
