"""What `trimtab local` does: look at the local cluster of a data folder, or take it down."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.live import FOLDER
from core.errors import TransientError
from tools.local.cluster import alive, take_down
from tools.local.layout import ClusterState, Layout


def status(data: Path, *, as_json: bool) -> bool:
    """Print what runs; False where nothing does."""
    console = Console()
    try:
        state = alive(Layout(data / FOLDER))
    except TransientError:
        console.print(f"no local cluster runs in {data}", markup=False, highlight=False)
        return False
    if as_json:
        print(state.model_dump_json())  # noqa: T201 - the command's output
    else:
        _told(console, state)
    return True


def down(data: Path) -> None:
    """Take the cluster down and say so.

    Raises:
        TransientError: it does not end.
    """
    ended = take_down(data / FOLDER)
    said = "the local cluster is down" if ended else f"no local cluster runs in {data}"
    Console().print(said, markup=False, highlight=False)


def _told(console: Console, state: ClusterState) -> None:
    table = Table("stage", "variant", "phase", "address")
    for replica in state.replicas:
        table.add_row(escape(replica.stage), escape(replica.variant), replica.phase, replica.address)
    console.print(table)
    ready = "ready" if state.router_ready else "not ready"
    console.print(f"router {state.router} ({ready}), change {state.change}", markup=False, highlight=False)
    console.print(f"Prometheus {state.prometheus_url}", markup=False, highlight=False)
    if state.restarts:
        console.print(f"{state.restarts} restarts; the last: {state.problem}", markup=False, highlight=False)
