"""A replica as a process: ready when warm, polite to nonsense, bounded, and gone without losing anything."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.serving import names
from pipelines.serving.contract import ReplicaSettings, environment_of
from tests.pipelines.serving.servers import CARD, Server, body, python, replica, server, starting
from tools.serving_python import project

CARD_BYTES = CARD.read_bytes()
MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def detector() -> Iterator[Server]:
    with server(replica(most_bytes=MOST_BYTES)) as found:
        yield found


def test_a_replica_says_it_is_ready_only_when_its_model_is_warm() -> None:
    with starting(replica("read", "v6rec-w100")) as found:
        said = [found.ready()]
        while said[-1] != 200 and len(said) < 1200:
            time.sleep(0.05)
            said.append(found.ready())

        assert 503 in said, "it answered, and was not ready yet"
        assert said[-1] == 200
        assert found.get("/v2/health/live").status_code == 200


def test_a_card_is_cut_into_its_lines_and_the_answer_says_who_served(detector: Server) -> None:
    answer = detector.post(body(CARD_BYTES)).json()

    assert answer["parameters"] == {"variant": "classic", "batch": 1}
    outputs = {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}
    assert outputs["counts"] == [len(outputs["items"])]
    assert outputs["counts"][0] >= 3


TENSOR = {"name": "items", "shape": [1], "datatype": "BYTES", "data": ["x"]}
NONSENSE = [
    pytest.param("nonsense", 400, "Open Inference Protocol", id="no JSON"),
    pytest.param("", 400, "Open Inference Protocol", id="nothing"),
    pytest.param(b"\xff\xfe{", 400, "Open Inference Protocol", id="no UTF-8"),
    pytest.param("{}", 400, "Open Inference Protocol", id="another object"),
    pytest.param(json.dumps({"inputs": []}), 400, "0 inputs", id="no input"),
    pytest.param(json.dumps({"inputs": [TENSOR, TENSOR]}), 400, "2 inputs", id="two inputs"),
    pytest.param(
        json.dumps({"inputs": [{**TENSOR, "shape": [0], "data": []}]}), 400, "1 to", id="zero batch"
    ),
    pytest.param(json.dumps({"inputs": [{**TENSOR, "shape": [3]}]}), 400, "shape is [3]", id="wrong shape"),
    pytest.param(
        json.dumps({"inputs": [{**TENSOR, "datatype": "FP32", "data": [1]}]}), 400, "BYTES", id="FP32"
    ),
    pytest.param(json.dumps({"inputs": [{**TENSOR, "data": [7]}]}), 400, "not text", id="a number"),
    pytest.param(body(b"").replace('"data": [""]', '"data": ["%%"]'), 400, "base64", id="no base64"),
    pytest.param(body(b"not a picture"), 400, "not a JPEG or PNG", id="no picture"),
    pytest.param(body(b""), 400, "not a JPEG or PNG", id="empty item"),
    pytest.param(body(CARD_BYTES[: len(CARD_BYTES) // 3]), 400, "", id="half a picture"),
    pytest.param("x" * (MOST_BYTES + 1), 413, "larger than", id="too large"),
]


@pytest.mark.parametrize(("sent", "status", "said"), NONSENSE)
def test_nonsense_is_answered_with_one_sentence_and_the_server_lives(
    detector: Server, sent: str | bytes, status: int, said: str
) -> None:
    answer = detector.post(sent)

    if said:
        assert answer.status_code == status, answer.text
        assert said in answer.json()["error"]
    assert answer.status_code in (200, status)  # half a JPEG decodes to half a picture with some libraries
    assert "Traceback" not in answer.text
    assert detector.post(body(CARD_BYTES)).status_code == 200


def test_a_hundred_megabytes_are_refused_before_they_are_read(detector: Server) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield bytes(1_000_000)

    import requests  # noqa: PLC0415 - only here is a body sent in chunks

    try:
        status = requests.post(
            f"{detector.url}/v2/models/detect/infer", data=endless(), timeout=30
        ).status_code
    except requests.ConnectionError:
        status = 413  # the server closed the connection while we were still sending
    assert status == 413
    assert detector.post(body(CARD_BYTES)).status_code == 200


def test_a_compressed_body_is_refused(detector: Server) -> None:
    assert detector.post(b"x", {"content-encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize("path", ["/v2/repository/models/detect/unload", "/v2/repository/models/detect/load"])
def test_nobody_can_load_or_unload_models_from_outside(detector: Server, path: str) -> None:
    import requests  # noqa: PLC0415 - as above

    assert requests.post(f"{detector.url}{path}", timeout=10).status_code == 404
    assert detector.ready() == 200


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_timeout_that_is_none_is_refused(detector: Server, text: str) -> None:
    answer = detector.post(body(CARD_BYTES), {"trimtab-timeout": text})

    assert answer.status_code == 400
    assert "trimtab-timeout" in answer.json()["error"]


def test_what_has_no_time_left_is_dropped_and_counted(detector: Server) -> None:
    before = detector.metric(names.ITEMS_DROPPED, reason="expired")

    answer = detector.post(body(CARD_BYTES), {"trimtab-timeout": "0"})

    assert answer.status_code == 504
    assert detector.metric(names.ITEMS_DROPPED, reason="expired") == before + 1


def test_every_item_is_in_the_metrics(detector: Server) -> None:
    before = {name: detector.metric(name) for name in (names.ITEMS_ARRIVED, names.ITEMS_SERVED)}
    waits = detector.metric(f"{names.QUEUE_WAIT}_count")

    detector.post(body(CARD_BYTES, CARD_BYTES, CARD_BYTES))

    assert detector.metric(names.ITEMS_ARRIVED) == before[names.ITEMS_ARRIVED] + 3
    assert detector.metric(names.ITEMS_SERVED) == before[names.ITEMS_SERVED] + 3
    assert detector.metric(f"{names.QUEUE_WAIT}_count") == waits + 3
    assert detector.metric(names.QUEUE) == 0
    assert detector.metric(names.READY, stage="detect", variant="classic", pipeline="id-card") == 1


def test_a_full_queue_refuses_with_when_to_come_back() -> None:
    with server(replica("detect", "v6det-320", queue_limit=2)) as found, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: found.post(body(CARD_BYTES)), range(12)))

        refused = [a for a in answers if a.status_code == 429]
        assert refused
        assert all(a.headers["retry-after"] == "1" for a in refused)
        assert all(a.status_code in (200, 429) for a in answers)
        assert found.metric(names.ITEMS_DROPPED, reason="queue_full") == len(refused)


def test_batch_size_and_wait_change_while_it_serves(tmp_path: Path) -> None:
    config = tmp_path / "live.json"
    config.write_text('{"batch": 1, "batch_wait_s": 0}')
    with server(replica(config=config)) as found:
        assert found.post(body(CARD_BYTES)).json()["parameters"]["batch"] == 1

        config.write_text('{"batch": 4, "batch_wait_s": 0.5}')
        time.sleep(1.0)

        assert found.post(body(*[CARD_BYTES] * 4)).json()["parameters"]["batch"] == 4
        assert found.metric(f"{names.BATCH_SIZE}_count") == 2
        assert found.metric(f"{names.BATCH_SIZE}_sum") == 5


def test_a_server_that_is_told_to_stop_answers_what_it_has_and_what_still_comes() -> None:
    with server(replica("detect", "v6det-320", drain_delay_s=1.0)) as found:
        answers: list[int] = []

        def send() -> None:
            answers.append(found.post(body(CARD_BYTES)).status_code)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        found.process.terminate()
        time.sleep(0.3)
        assert found.ready() == 503
        send()
        for thread in threads:
            thread.join()

        assert answers == [200] * 5
        assert found.process.wait(30) == 0


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        pytest.param({"TRIMTAB_BATCH": "none"}, 2, "TRIMTAB_BATCH", id="a variable"),
        pytest.param({"TRIMTAB_VARIANT": "gpt"}, 1, "no variant 'gpt'", id="a variant"),
        pytest.param({"TRIMTAB_KIT": "nothing"}, 1, "no ready pipeline 'nothing'", id="a kit"),
        pytest.param(
            {"TRIMTAB_VARIANT": "v3det-224", "TRIMTAB_MODELS": "/nowhere"}, 1, "make models", id="weights"
        ),
    ],
)
def test_what_cannot_be_served_ends_with_one_line(changes: dict[str, str], status: int, said: str) -> None:
    settings: ReplicaSettings = replica()
    done = subprocess.run(
        [str(python()), "-m", "pipelines.serving"],
        cwd=project(),
        env={"PATH": "/usr/bin:/bin", **environment_of(settings), **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == status
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("trimtab serving: ")
    assert said in last
    assert "Traceback" not in done.stderr
