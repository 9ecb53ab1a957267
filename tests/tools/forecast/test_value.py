"""A forecast is refused when it contradicts itself."""

import math

import pytest
from pydantic import ValidationError

from core.forecast import Forecast


def forecast(**changes: object) -> Forecast:
    fields = {
        "point_rps": 10.0,
        "upper_rps": 12.0,
        "quantile": 0.9,
        "horizon_s": 20.0,
        "method": "ar (warming up: max)",
    }
    return Forecast.model_validate(fields | changes)


def test_a_forecast_states_what_it_knows_and_no_more() -> None:
    made = forecast()

    assert made.coverage is None
    assert (made.scored, made.missed) == (0, 0)


def test_the_upper_quantile_may_equal_the_point() -> None:
    assert forecast(upper_rps=10.0).upper_rps == 10.0


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"upper_rps": 9.9}, id="upper below point"),
        pytest.param({"point_rps": -1.0}, id="negative point"),
        pytest.param({"point_rps": math.nan}, id="nan"),
        pytest.param({"upper_rps": math.inf}, id="infinite"),
        pytest.param({"quantile": 1.0}, id="quantile of one"),
        pytest.param({"quantile": 0.4}, id="quantile below the median"),
        pytest.param({"horizon_s": 0.0}, id="no horizon"),
        pytest.param({"method": ""}, id="no method"),
        pytest.param({"coverage": 1.1}, id="coverage above one"),
        pytest.param({"scored": 1, "missed": 2}, id="more missed than scored"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        forecast(**changes)
