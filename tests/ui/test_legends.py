"""Charts say what is what: which line is which, and cores are counted as they are bought."""

from __future__ import annotations

import pytest

from tests.agent.toy import ENOUGH
from tests.ui.test_charts import POINT, SIMULATED
from ui.charts import BLUE, FORECAST, LOAD, ORANGE, load_chart
from ui.pipeline.tradeoffs import Spot, frontier_chart


def test_the_legend_says_which_is_the_load_and_which_the_forecast() -> None:
    layers = load_chart([POINT], SIMULATED).to_dict()["layer"]

    named = {
        layer["mark"]["type"]: layer["encoding"]["color"] for layer in layers if "color" in layer["encoding"]
    }
    assert named.keys() == {"area", "line"}
    assert all(colour["legend"]["orient"] == "top" for colour in named.values())
    assert named["line"]["scale"]["domain"] == [LOAD, FORECAST]
    assert named["line"]["scale"]["range"] == [BLUE, ORANGE]


@pytest.mark.parametrize(("cores", "whole"), [(3.0, True), (2.5, False)])
def test_the_frontier_counts_whole_cores_where_all_are_whole(cores: float, whole: bool) -> None:
    spots = [Spot("runs", 0.9, cores, 0.1, ENOUGH), Spot("optimum", 0.8, 4.0, 0.1, ENOUGH)]

    axis = frontier_chart([], spots).to_dict()["layer"][0]["encoding"]["x"]["axis"]

    assert (axis.get("tickMinStep") == 1) is whole
