"""Import of a CSV as Triton's Model Analyzer writes it (its default columns, results sorted best first)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.document import pipeline_from
from core.errors import UsageError
from pipelines.profiling.triton import Given, document_of, rows_of

HEAD = (
    "Model,Batch,Concurrency,Model Config Path,Instance Group,Max Batch Size,Satisfies Constraints,"
    "Throughput (infer/sec),p99 Latency (ms)"
)
GOOD = f"""{HEAD}
resnet,8,2,resnet_config_default,1:CPU,8,Yes,60.0,290.5
resnet,8,1,resnet_config_default,1:CPU,8,Yes,55.5,150.0
resnet,1,1,resnet_config_default,1:CPU,8,Yes,40.0,30.25
resnet,1,16,resnet_config_default,1:CPU,8,Yes,61.0,400.0
yolo,1,2,yolo_config_0,2/GPU,0,No,100.0,25.0
yolo,1,1,yolo_config_0,2/GPU,0,No,50.0,22.0

"""
GIVEN = Given(
    name="video",
    stages={"crop": ["yolo"], "classify": ["resnet"]},
    accuracy={"yolo": 0.5, "resnet": 0.76},
    cores={"yolo": 2.0, "resnet_config_default": 4.0},
    slo_s=0.5,
)


def _file(folder: Path, text: str) -> Path:
    path = folder / "metrics-model-inference.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_latency_is_that_without_a_queue_and_throughput_the_best_of_the_same_batch(tmp_path: Path) -> None:
    document = document_of(rows_of(_file(tmp_path, GOOD)), GIVEN, provenance={"date": "2026-11-25"})

    pipeline = pipeline_from(document)
    crop, classify = pipeline.stages
    assert crop.variants[0].name == "yolo_config_0"
    assert (crop.variants[0].cores, classify.variants[0].cores) == (2.0, 4.0)
    yolo = crop.variants[0].at(1)
    assert (yolo.latency_s, yolo.throughput) == (0.025, 100.0), "two instances serve two requests at once"
    single, eight = classify.variants[0].at(1), classify.variants[0].at(8)
    assert (single.latency_s, single.throughput) == (0.03025, 40.0), "16 outstanding may have been merged"
    assert (eight.latency_s, eight.throughput) == (0.15, 60.0)


def test_columns_may_come_in_another_order_and_more_of_them(tmp_path: Path) -> None:
    head = "p99 Latency (ms),Avg Latency (ms),Model,Batch,Concurrency,Throughput (infer/sec)"
    text = f"{head}\n20,15,yolo,1,1,50\n"

    (row,) = rows_of(_file(tmp_path, text))

    assert (row.config, row.instances, row.p99_s) == ("yolo", 1, 0.02)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "the file is empty; it must begin with the columns Model, Batch", id="empty"),
        pytest.param(
            "Model,Batch\nyolo,1\n", "row 1: there is no column 'Concurrency'", id="a column missing"
        ),
        pytest.param(HEAD, "there are no rows below the header", id="no rows"),
        pytest.param(
            GOOD.replace("290.5", "fast"),
            "row 2, column 'p99 Latency (ms)': 'fast' is not a number above 0",
            id="text for a number",
        ),
        pytest.param(
            GOOD.replace("55.5", "nan"),
            "row 3, column 'Throughput (infer/sec)': 'nan' is not a number above 0",
            id="not a number",
        ),
        pytest.param(
            GOOD.replace("resnet,1,1,", "resnet,1.5,1,"),
            "row 4, column 'Batch': '1.5' is not a whole number from 1",
            id="half a batch",
        ),
        pytest.param(
            GOOD.replace("2/GPU,0,No,50.0", "GPU,0,No,50.0"),
            "row 7, column 'Instance Group': 'GPU' is not COUNT:KIND such as 1:CPU",
            id="instances that are none",
        ),
        pytest.param(f"{HEAD}\nyolo,1\n", "row 2: 2 cells for 9 columns", id="a row cut short"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(text: str, message: str, tmp_path: Path) -> None:
    path = _file(tmp_path, text)

    with pytest.raises(UsageError) as caught:
        rows_of(path)

    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"accuracy": {"yolo": 0.5}}, "give --accuracy resnet=", id="no accuracy"),
        pytest.param({"cores": {}}, "give --cores yolo=", id="no cores"),
        pytest.param(
            {"stages": {"crop": ["yolov5"]}}, "no model 'yolov5', only resnet, yolo", id="no such model"
        ),
    ],
)
def test_what_the_file_does_not_know_is_asked_for(
    given: dict[str, dict[str, float]], message: str, tmp_path: Path
) -> None:
    rows = rows_of(_file(tmp_path, GOOD))
    lacking = replace(GIVEN, **given)  # type: ignore[arg-type]

    with pytest.raises(UsageError, match=message):
        document_of(rows, lacking, provenance={})


def test_latency_that_holds_a_queue_is_not_taken(tmp_path: Path) -> None:
    rows = rows_of(_file(tmp_path, GOOD.replace("resnet,8,1,", "resnet,8,4,")))

    with pytest.raises(UsageError, match="no row at batch 8 with Concurrency up to its 1 instances"):
        document_of(rows, GIVEN, provenance={})
