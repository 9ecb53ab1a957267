"""The event loop and the room it needs: what Python calls to let simulated time pass."""

from __future__ import annotations

import math

from simulator.kernel import run
from simulator.records import State
from simulator.state import grown


class Engine:
    """Owns the state. Pools are replaced as they grow, so nobody else may keep hold of one."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._seconds = 1
        self.reserve_room()

    def advance(self, until_s: float, *, inclusive: bool) -> None:
        """Process the events before *until_s*, and those at it if *inclusive*."""
        limit_s = until_s if inclusive else math.nextafter(until_s, -math.inf)
        self._seconds = max(self._seconds, math.floor(until_s) + 1)
        self._grow()
        while not run(self.state, limit_s):
            self._grow()
        self.state.clock["now_s"] = until_s

    def reserve_room(self) -> None:
        """Reckon anew how many entries, batches and events one event may need at most.

        A leaving batch makes an entry per item and edge, and one per item and join that it releases.
        Every replica may then start a batch, each with an entry, two events and perhaps a timer.
        """
        state = self.state
        largest = state.batch_counts.shape[1] - 1
        per_item = state.edges.size + state.stages.size
        starts = 3 * (state.replicas.size + state.stages.size)
        state.clock["reserve"] = largest * per_item + starts
        self._grow()

    def _grow(self) -> None:
        self.state = grown(self.state, seconds=self._seconds)
