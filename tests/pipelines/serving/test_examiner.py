"""Cases: a stage examined alone, and a variant that does not serve examined in its shadow."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from pipelines.serving import names
from tests.pipelines.serving.servers import CARD, Server, body, replica, router, server

CARD_BYTES = CARD.read_bytes()
LINES = ["HUGO DIAS", "MC-952558", "14.04.2003"]


@dataclass(frozen=True, slots=True)
class Examined:
    """A router with replicas that serve, one that only answers cases, and crops of the card's lines."""

    door: Server
    boxes: list[object]
    crops: list[str]
    texts: list[str]

    def pose(self, cases: object) -> int:
        """Send a labelled request with cases; return its status."""
        request = json.loads(body(CARD_BYTES, truth=LINES))
        request["parameters"]["cases"] = json.dumps(cases)
        return self.door.post(json.dumps(request)).status_code

    def counted(self, stage: str, variant: str) -> tuple[float, float]:
        """Return how many cases a variant has answered, and how many rightly, once all are counted."""
        time.sleep(1.0)
        tags = {"stage": stage, "variant": variant}
        return (
            self.door.metric(names.EXAMINED, **tags),
            self.door.metric(names.EXAMINED_CORRECT, **tags),
        )


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examined]:
    folder = tmp_path_factory.mktemp("examiner")
    endpoints, shadows = folder / "endpoints.json", folder / "shadows.json"
    with ExitStack() as stack:
        detector = stack.enter_context(server(replica("detect", "v3det-320")))
        reader = stack.enter_context(server(replica("read", "v6rec-w100")))
        shadow = stack.enter_context(server(replica("read", "v3rec-w40")))
        places = {
            name: [s.url.removeprefix("http://")] for name, s in (("detect", detector), ("read", reader))
        }
        endpoints.write_text(json.dumps(places))
        shadows.write_text(json.dumps({"detect": [], "read": [shadow.url.removeprefix("http://")]}))
        door = stack.enter_context(server(router(endpoints, slo_s=10, labels=True, shadows=str(shadows))))
        crops = detector.post(body(CARD_BYTES)).json()["outputs"][1]["data"]
        read = reader.post(
            json.dumps(
                {
                    "inputs": [
                        {
                            "name": "items",
                            "shape": [len(crops)],
                            "datatype": "BYTES",
                            "parameters": {"content_type": "base64"},
                            "data": crops,
                        }
                    ]
                }
            )
        )
        from base64 import b64decode  # noqa: PLC0415 - only for this

        texts = [b64decode(text).decode() for text in read.json()["outputs"][1]["data"]]
        boxes = [json.loads(_note(b64decode(crop))) for crop in crops]
        yield Examined(door, boxes, crops, texts)


def _note(png: bytes) -> str:
    """Return the text chunk of a PNG, read by hand."""
    start = png.index(b"tEXtComment\0") + len(b"tEXtComment\0")
    length = int.from_bytes(png[start - 16 : start - 12], "big")
    return png[start : start + length - len(b"Comment\0")].decode()


def test_a_stage_that_gets_the_request_is_judged_by_the_answer_it_gave(examined: Examined) -> None:
    before = examined.counted("detect", "v3det-320")
    elsewhere = [[[0, 0], [9, 0], [9, 3], [0, 3]]]

    assert examined.pose({"detect": [{"item": None, "truth": examined.boxes}]}) == 200
    assert examined.pose({"detect": [{"item": None, "truth": elsewhere}]}) == 200

    assert examined.counted("detect", "v3det-320") == (before[0] + 2, before[1] + 1)


def test_a_later_stage_is_examined_on_ideal_inputs_and_its_shadow_on_the_same(examined: Examined) -> None:
    cases = [{"item": crop, "truth": text} for crop, text in zip(examined.crops, examined.texts, strict=True)]
    before = examined.counted("read", "v6rec-w100"), examined.counted("read", "v3rec-w40")

    assert examined.pose({"read": cases}) == 200

    after = examined.counted("read", "v6rec-w100"), examined.counted("read", "v3rec-w40")
    assert after[0] == (before[0][0] + 1, before[0][1] + 1)
    assert after[1][0] == before[1][0] + 1


def test_a_stage_is_right_only_if_it_is_right_on_all_its_cases(examined: Examined) -> None:
    wrong = {"item": examined.crops[0], "truth": "something else"}
    right = {"item": examined.crops[1], "truth": examined.texts[1]}
    before = examined.counted("read", "v6rec-w100")

    examined.pose({"read": [right, wrong]})

    assert examined.counted("read", "v6rec-w100") == (before[0] + 1, before[1])


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param([1], id="a list"),
        pytest.param({"read": []}, id="none"),
        pytest.param({"read": [{"item": 3, "truth": ""}]}, id="an item that is no text"),
        pytest.param({"read": [{"item": None, "truth": ""}] * 17}, id="too many"),
    ],
)
def test_cases_that_are_none_are_refused(examined: Examined, cases: object) -> None:
    assert examined.pose(cases) == 400


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param({"read": [{"item": "%%", "truth": "x"}]}, id="no base64"),
        pytest.param({"read": [{"item": b64encode(b"no picture").decode(), "truth": "x"}]}, id="no picture"),
        pytest.param({"detect": [{"item": None, "truth": "no boxes"}]}, id="a truth of another kind"),
        pytest.param({"nothing": [{"item": None, "truth": 1}]}, id="an unknown stage"),
    ],
)
def test_cases_that_cannot_be_judged_harm_nobody(examined: Examined, cases: object) -> None:
    assert examined.pose(cases) == 200
    time.sleep(0.3)
    assert examined.door.post(body(CARD_BYTES)).status_code == 200
