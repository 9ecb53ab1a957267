"""The dashboard shows series that exist, every one of them, and can be imported."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.deploy.folders import DEPLOY, Json
from tests.deploy.watching import METRIC, exposed, unknown_in

DASHBOARD: Json = json.loads(
    (DEPLOY / "components" / "dashboard" / "trimtab.json").read_text(encoding="utf-8")
)
PANELS: list[Json] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
OF_EVERY_PROGRAM = "process_"


def expressions() -> Iterator[str]:
    """Yield all that is asked of Prometheus."""
    for panel in PANELS:
        yield from (target["expr"] for target in panel["targets"])
    yield from (each["expr"] for each in DASHBOARD["annotations"]["list"])
    yield from (v["query"]["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "query")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_asks_for_series_that_exist(panel: Json) -> None:
    assert not [name for target in panel["targets"] for name in unknown_in(target["expr"])]


def test_all_queries_are_about_series_that_exist() -> None:
    assert not [name for expression in expressions() for name in unknown_in(expression)]


def test_everything_the_controller_measures_of_itself_is_shown() -> None:
    shown = {name for expression in expressions() for name in METRIC.findall(expression)}
    redundant = {
        name for name in exposed() if name.endswith(("_sum", "_count")) or name.startswith(OF_EVERY_PROGRAM)
    }

    assert exposed() - redundant == shown


def test_panels_do_not_overlap_and_have_their_own_numbers() -> None:
    taken = [place for panel in DASHBOARD["panels"] for place in places(panel)]

    assert len(taken) == len(set(taken))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_data_source_is_chosen_by_who_looks() -> None:
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}


def places(panel: Json) -> Iterator[tuple[int, int]]:
    """Yield the cells of the grid that a panel covers."""
    at = panel["gridPos"]
    for x in range(at["x"], at["x"] + at["w"]):
        yield from ((x, y) for y in range(at["y"], at["y"] + at["h"]))
