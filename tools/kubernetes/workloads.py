"""Where the stages of a pipeline run: Deployments here, other kinds beside it, all behind one contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from tools.kubernetes.api import Api, Json
from tools.kubernetes.names import PIPELINE, selector
from tools.kubernetes.seen import Seen, deployment
from tools.kubernetes.wanted import Wish, apply_body


class Workloads(Protocol):
    """The workloads of one namespace."""

    def list(self, pipeline: str) -> tuple[Seen, ...]:
        """Return the stages of one pipeline, as they are on the server now.

        Raises:
            KubernetesError: the server did not say.
        """
        ...

    def all(self) -> dict[str, tuple[Seen, ...]]:
        """Return the stages of every pipeline in the namespace, by the pipeline's name.

        Raises:
            KubernetesError: the server did not say.
        """
        ...

    def patch(self, wish: Wish, seen: Seen, *, dry_run: bool) -> Seen:
        """Make a workload say what is wished, if it still is at the version that was seen.

        Args:
            wish: What it is to say.
            seen: The version to change.
            dry_run: Only find out whether the server would take it.

        Raises:
            KubernetesError: by kind: refused and nothing was written, or (`Unreachable`, 5xx) not known.
        """
        ...


@dataclass(frozen=True, slots=True)
class Deployments:
    """Deployments of one namespace, patched by server-side apply. Implements `Workloads`."""

    api: Api
    namespace: str

    def list(self, pipeline: str) -> tuple[Seen, ...]:
        """Return the stages of one pipeline."""
        found = self.api.all(self._path, labels=selector(pipeline))
        return tuple(seen for seen in map(deployment, found) if seen is not None)

    def all(self) -> dict[str, tuple[Seen, ...]]:
        """Return the stages of every pipeline."""
        return by_pipeline(self.api.all(self._path, labels=selector()))

    def patch(self, wish: Wish, seen: Seen, *, dry_run: bool) -> Seen:
        """Apply what is wished under the field manager of Trimtab, which takes its fields over.

        Whether it may is decided before, by what they say (`Seen.ours`), and holds for that version only.
        """
        path = f"{self._path}/{quote(seen.name, safe='')}"
        found = self.api.patch(path, apply_body(wish, seen), "apply", dry_run=dry_run, force=True)
        return deployment(found) or seen

    @property
    def _path(self) -> str:
        return f"/apis/apps/v1/namespaces/{quote(self.namespace, safe='')}/deployments"


def by_pipeline(found: list[Json]) -> dict[str, tuple[Seen, ...]]:
    """Return Deployments as what they say, by the pipeline's name."""
    sorted_out: dict[str, tuple[Seen, ...]] = {}
    for each in found:
        seen = deployment(each)
        if seen is not None:
            name = each["metadata"]["labels"][PIPELINE]
            sorted_out[name] = (*sorted_out.get(name, ()), seen)
    return sorted_out
