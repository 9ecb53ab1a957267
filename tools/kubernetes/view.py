"""What a namespace holds, read once an interval for all its pipelines, and anew for one that changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.kubernetes.api import Api
from tools.kubernetes.errors import Forbidden
from tools.kubernetes.hindrance import Autoscalers, autoscalers
from tools.kubernetes.seen import Seen
from tools.kubernetes.workloads import Workloads


@dataclass(slots=True)
class View:
    """One namespace. A pipeline's entry is used by one thread at a time.

    Raises, from everything that reads:
        KubernetesError: the server did not say.
    """

    api: Api
    namespace: str
    workloads: Workloads
    _seen: dict[str, tuple[Seen, ...]] = field(default_factory=dict)
    _owned: Autoscalers | None = None
    _blind: str = ""

    def refresh(self) -> None:
        """Read everything anew. What scales what may stay unknown: then nothing is written."""
        self._seen = self.workloads.all()
        try:
            self._owned, self._blind = autoscalers(self.api, self.namespace), ""
        except Forbidden as error:
            self._owned, self._blind = None, str(error)

    def seen(self, pipeline: str) -> tuple[Seen, ...]:
        """Return the workloads of a pipeline, as of the last refresh or of what was written since."""
        return self._seen.get(pipeline, ())

    def again(self, pipeline: str) -> tuple[Seen, ...]:
        """Return the workloads of a pipeline as they are now."""
        self._seen[pipeline] = self.workloads.list(pipeline)
        return self._seen[pipeline]

    def owners(self) -> Autoscalers | str:
        """Return what scales what, or why that is not known."""
        return self._blind if self._owned is None else self._owned
