"""Joint tables, configurations, and files in which anything may stand anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.configuration import Configuration, StageConfiguration
from core.document import document_of
from core.errors import InvalidDocument, UsageError
from core.pipeline import Pipeline
from pipelines.reader import MAX_BYTES, read_configuration, read_pipeline
from tests.pipelines.files import GOOD, refusal, spoilt, written

CROP = ("stages", 0)
SMALL = ("stages", 0, "variants", 0)
POINT = ("stages", 0, "variants", 0, "profile", 0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            [], "spec.accuracyTable: there are no rows; add one for each combination measured", id="none"
        ),
        pytest.param(
            [{"variants": ["small"], "accuracy": 0.5}],
            "spec.accuracyTable[0].variants: 1 variants for 2 stages; name one for each stage",
            id="a stage left out",
        ),
        pytest.param(
            [{"variants": ["smal", "only"], "accuracy": 0.5}],
            "spec.accuracyTable[0].variants[0]: stage 'crop' has no variant 'smal'. Did you mean 'small'? "
            "known: small, large",
            id="an unknown variant",
        ),
        pytest.param(
            [{"variants": ["small", "only"], "accuracy": 0.5}] * 2,
            "spec.accuracyTable[1].variants: this combination appears twice; keep one row",
            id="a combination twice",
        ),
        pytest.param(
            [{"variants": ["small", "only"], "accuracy": 1.5}],
            "spec.accuracyTable[0].accuracy: must be at most 1, not 1.5; give a fraction such as 0.9",
            id="more than always right",
        ),
    ],
)
def test_a_wrong_table_of_joint_accuracy_is_refused(rows: list[Any], message: str, tmp_path: Path) -> None:
    document = spoilt("accuracy", to="measured")
    document["spec"]["accuracyTable"] = rows

    assert refusal(written(tmp_path, document)) == message


def test_rows_of_the_table_follow_the_files_order_whatever_the_edges_say(tmp_path: Path) -> None:
    document = spoilt("accuracy", to="measured")
    spec = document["spec"]
    spec["accuracyTable"] = [{"variants": ["only", "large"], "accuracy": 0.7}]
    spec["stages"] = [{**spec["stages"][1], "after": ["crop"]}, {**spec["stages"][0], "after": []}]

    pipeline = read_pipeline(written(tmp_path, document))

    assert [s.name for s in pipeline.stages] == ["crop", "read"]
    assert pipeline.joint_accuracy == {("large", "only"): 0.7}


def test_further_mistakes_are_counted(tmp_path: Path) -> None:
    document = spoilt(*SMALL, "accuracy", to=2)
    document["spec"]["stages"][1]["variants"][0]["cores"] = 0

    assert refusal(written(tmp_path, document)).endswith("give a fraction such as 0.9 (and 1 more)")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES: list[tuple[str | int, ...]] = [
    ("slo",),
    ("slo", "latency"),
    ("accuracy",),
    ("objective",),
    ("objective", "minAccuracy"),
    ("limits",),
    ("stages",),
    CROP,
    (*CROP, "name"),
    (*CROP, "after"),
    (*CROP, "batches"),
    (*CROP, "replicas"),
    (*CROP, "variants"),
    SMALL,
    (*SMALL, "fanOut"),
    (*SMALL, "profile"),
    POINT,
    (*POINT, "median"),
    ("accuracyTable",),
]


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_whatever_stands_anywhere_the_answer_is_a_pipeline_or_one_clear_line(
    place: tuple[str | int, ...], value: object, tmp_path: Path
) -> None:
    path = written(tmp_path, spoilt(*place, to=value))

    try:
        found = read_pipeline(path)
    except InvalidDocument as error:
        assert "\n" not in str(error)
        assert re.match(re.escape(f"{path}: ") + r"(spec|key )", str(error))
    else:
        assert read_pipeline(written(tmp_path, document_of(found), "again.json")) == found


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(max_size=60), name=st.sampled_from(["p.json", "p.yaml"]))
def test_no_text_makes_the_reader_fall_over(text: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    with pytest.raises(UsageError):
        read_pipeline(path)


def test_a_configuration_is_read_as_solve_prints_it(tmp_path: Path) -> None:
    stage = {"stage": "crop", "variant": "small", "batch": 4, "replicas": 2}
    printed = {"feasible": True, "cores": 2.0, "stages": [{**stage, "cores": 2.0}]}

    found = read_configuration(written(tmp_path, printed, "c.json"))

    assert found == Configuration(stages=(StageConfiguration(**stage),))


NO_CONFIGURATION = (
    'must be a mapping with a list "stages" of {stage, variant, batch, replicas}; '
    "`trimtab solve --json` prints one where a configuration is feasible"
)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param({"feasible": False, "reasons": []}, NO_CONFIGURATION, id="the answer `infeasible`"),
        pytest.param([], NO_CONFIGURATION, id="a list"),
        pytest.param("null", NO_CONFIGURATION, id="nothing"),
        pytest.param({"stages": [5]}, "stages[0]: must be a mapping, not 5", id="a number for a stage"),
        pytest.param(
            {"stages": [{"stage": "crop", "variant": "small", "batch": 1, "replica": 1, "replicas": 1}]},
            "stages[0].replica: unknown field; did you mean 'replicas'? "
            "known: stage, variant, batch, replicas",
            id="a misspelt field",
        ),
        pytest.param(
            {"stages": [{"stage": "crop", "variant": "small", "batch": 1, "replicas": -1}]},
            "stages[0].replicas: must be at least 0, not -1",
            id="negative replicas",
        ),
        pytest.param(
            {"stages": [{"stage": "crop", "variant": "small", "batch": 1, "replicas": 1}] * 2},
            "stage 'crop' is configured twice; keep one",
            id="a stage twice",
        ),
    ],
)
def test_a_wrong_configuration_is_refused(document: object, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, document, "c.json")

    with pytest.raises(InvalidDocument) as caught:
        read_configuration(path)

    assert str(caught.value) == f"{path}: {message}"


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b" " * (MAX_BYTES + 1))

    assert refusal(path) == "larger than 16 MiB; split it"


@pytest.mark.parametrize("name", ["p.json", "p.yaml"])
def test_a_byte_order_mark_is_no_mistake(name: str, tmp_path: Path) -> None:
    assert isinstance(read_pipeline(written(tmp_path, "\ufeff" + json.dumps(GOOD), name)), Pipeline)
