"""Every refusal of a file names the place in it, what is wrong and the fix, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.reader import read_pipeline
from tests.pipelines.files import GOOD, REMOVED, refusal, spoilt, written

CROP = ("stages", 0)
SMALL = ("stages", 0, "variants", 0)
POINT = ("stages", 0, "variants", 0, "profile", 0)
NAMES = "must be a name of 1 to 253 characters without spaces, not "


def test_the_file_that_the_others_are_spoilt_from_is_good(tmp_path: Path) -> None:
    pipeline = read_pipeline(written(tmp_path, GOOD))

    assert [s.name for s in pipeline.stages] == ["crop", "read"]
    assert [e.stage for e in pipeline.stage("read").after] == ["crop"]
    assert pipeline.stage("crop").variant("small").at(4).latency_s == 0.3


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        pytest.param(
            (*SMALL, "profil"),
            [],
            "spec.stages[0].variants[0].profil: unknown field; did you mean 'profile'? "
            "known: name, accuracy, cores, loadTime, fanOut, profile",
            id="unknown field of a variant",
        ),
        pytest.param(
            ("stagse",),
            [],
            "spec.stagse: unknown field; did you mean 'stages'? "
            "known: slo, accuracy, objective, limits, stages, accuracyTable",
            id="unknown field of the specification",
        ),
        pytest.param(
            (*SMALL, "colour"),
            "red",
            "spec.stages[0].variants[0].colour: unknown field; "
            "known: name, accuracy, cores, loadTime, fanOut, profile",
            id="unknown field like no other",
        ),
        pytest.param(
            ("objective", "a\nb"),
            1,
            "spec.objective.'a\\nb': unknown field; "
            "known: alpha, beta, delta, rho, minimise, minAccuracy, maximise, maxCores",
            id="unknown field of two lines",
        ),
        pytest.param(
            (*POINT, "latency"),
            -1,
            "spec.stages[0].variants[0].profile[0].latency: must be above 0, not -1; give seconds",
            id="negative latency",
        ),
        pytest.param(
            (*POINT, "latency"),
            REMOVED,
            "spec.stages[0].variants[0].profile[0].latency: is missing; add it",
            id="no latency",
        ),
        pytest.param(
            (*SMALL, "accuracy"),
            1.2,
            "spec.stages[0].variants[0].accuracy: must be at most 1, not 1.2; give a fraction such as 0.9",
            id="accuracy above 1",
        ),
        pytest.param(
            (*SMALL, "accuracy"),
            -0.1,
            "spec.stages[0].variants[0].accuracy: must be at least 0, not -0.1; give a fraction such as 0.9",
            id="accuracy below 0",
        ),
        pytest.param(
            (*CROP, "variants"),
            [],
            "spec.stages[0].variants: is empty; give at least one entry",
            id="no variants",
        ),
        pytest.param(("stages",), [], "spec.stages: is empty; give at least one entry", id="no stages"),
        pytest.param(
            (*SMALL, "profile"),
            [],
            "spec.stages[0].variants[0].profile: is empty; give at least one entry",
            id="no profile",
        ),
        pytest.param(
            (*SMALL, "cores"),
            "2",
            "spec.stages[0].variants[0].cores: must be a number, not '2'",
            id="a number in quotes",
        ),
        pytest.param(
            (*SMALL, "cores"),
            True,
            "spec.stages[0].variants[0].cores: must be a number, not True",
            id="a truth value for a number",
        ),
        pytest.param(
            (*SMALL, "cores"),
            float("nan"),
            "spec.stages[0].variants[0].cores: must be a finite number, not nan; give CPU cores",
            id="NaN",
        ),
        pytest.param(
            (*SMALL, "cores"),
            float("inf"),
            "spec.stages[0].variants[0].cores: must be a finite number, not inf; give CPU cores",
            id="infinity",
        ),
        pytest.param(
            (*SMALL, "cores"),
            1e300,
            "spec.stages[0].variants[0].cores: must be between 1e-12 and 1e+12, not 1e+300",
            id="enormous cores",
        ),
        pytest.param(
            (*POINT, "latency"),
            1e-300,
            "spec.stages[0].variants[0].profile[0].latency: must be between 1e-12 and 1e+12, not 1e-300",
            id="vanishing latency",
        ),
        pytest.param(
            (*POINT, "batch"),
            10**30,
            "spec.stages[0].variants[0].profile[0].batch: must be at most 1e+06, not " + str(10**30),
            id="enormous batch",
        ),
        pytest.param(
            (*POINT, "batch"),
            1.5,
            "spec.stages[0].variants[0].profile[0].batch: must be a whole number, not 1.5",
            id="half a batch",
        ),
        pytest.param(
            (*POINT, "batch"),
            4,
            "spec.stages[0].variants[0]: each batch size may be profiled once; remove the repeated one",
            id="a batch profiled twice",
        ),
        pytest.param(
            (*POINT, "throughput"),
            0,
            "spec.stages[0].variants[0].profile[0].throughput: must be above 0, not 0; "
            "give requests per second",
            id="no throughput",
        ),
        pytest.param(
            (*SMALL, "loadTime"),
            -1,
            "spec.stages[0].variants[0].loadTime: must be at least 0, not -1; give seconds",
            id="negative load time",
        ),
        pytest.param(
            (*SMALL, "fanOut"),
            -1,
            "spec.stages[0].variants[0].fanOut: must be at least 0, not -1",
            id="fan-out",
        ),
        pytest.param(
            (*CROP, "after"),
            ["read"],
            "spec.stages: the stages wait for each other: crop -> read -> crop; remove one of these edges",
            id="a cycle of two",
        ),
        pytest.param(
            (*CROP, "after"),
            ["crop"],
            "spec.stages: the stages wait for each other: crop -> crop; remove one of these edges",
            id="a stage after itself",
        ),
        pytest.param(
            (*CROP, "after"),
            ["raed"],
            "spec.stages[0].after[0]: there is no stage 'raed'. Did you mean 'read'? known: crop, read",
            id="an unknown stage in after",
        ),
        pytest.param(
            (*CROP, "after"),
            "read",
            "spec.stages[0].after: must be a list, not 'read'",
            id="after is no list",
        ),
        pytest.param(
            ("stages", 1, "after"),
            ["crop", "crop"],
            "spec.stages[1].after[1]: stage 'crop' is named twice; keep one edge",
            id="the same edge twice",
        ),
        pytest.param(
            ("stages", 1, "name"),
            "crop",
            "spec.stages[1].name: stage 'crop' appears twice; rename one",
            id="two stages of one name",
        ),
        pytest.param(
            (*CROP, "variants", 1, "name"),
            "small",
            "spec.stages[0].variants[1].name: variant 'small' appears twice; rename one",
            id="two variants of one name",
        ),
        pytest.param(
            (*CROP, "batches"),
            [1, 8],
            "spec.stages[0].batches[1]: batch 8 was not measured by any variant; measured: 1, 4",
            id="a batch that was not profiled",
        ),
        pytest.param(
            (*CROP, "batches"),
            [4],
            "spec.stages[0].variants[1]: 'large' was measured at none of the allowed batches [4]; "
            "measure one or remove the variant",
            id="a variant without an allowed batch",
        ),
        pytest.param(
            (*CROP, "replicas"),
            {"min": 5, "max": 2},
            "spec.stages[0].replicas: min 5 is above max 2; swap or widen them",
            id="replica bounds the wrong way round",
        ),
        pytest.param(
            ("stages", 1, "name"), "a b", f"spec.stages[1].name: {NAMES}'a b'", id="a space in a name"
        ),
        pytest.param(("stages", 1, "name"), "", f"spec.stages[1].name: {NAMES}''", id="an empty name"),
        pytest.param(
            ("stages", 1, "name"),
            5,
            "spec.stages[1].name: must be text, not 5; put quotes around it",
            id="name 5",
        ),
        pytest.param(
            ("stages", 1, "name"),
            "x" * 300,
            f"spec.stages[1].name: {NAMES}'{'x' * 59}...",
            id="a name without end",
        ),
        pytest.param(("slo",), REMOVED, "spec.slo: is missing; add it", id="no SLO"),
        pytest.param(("slo",), None, "spec.slo: must be a mapping, not None", id="an empty SLO"),
        pytest.param(("slo", "quantile"), 1, "spec.slo.quantile: must be below 1, not 1", id="every request"),
        pytest.param(
            ("accuracy",),
            "prod",
            "spec.accuracy: must be 'product', 'sum' or 'measured', not 'prod'",
            id="an unknown accuracy mode",
        ),
        pytest.param(
            ("accuracy",),
            "measured",
            "spec.accuracyTable: accuracy 'measured' needs a table; add its rows",
            id="measured without a table",
        ),
        pytest.param(
            ("objective",),
            {"minimise": "cost", "maximise": "accuracy", "minAccuracy": 0.5},
            "spec.objective: give either 'minimise' or 'maximise', not both",
            id="both objectives",
        ),
        pytest.param(
            ("objective",),
            {"minimise": "cost"},
            "spec.objective: 'minimise: cost' needs 'minAccuracy'; "
            "without a floor the least accurate always wins",
            id="least cost without a floor",
        ),
        pytest.param(
            ("objective",),
            {"maxCores": 3},
            "spec.objective: 'maxCores' goes with 'maximise: accuracy'; use limits.maxCores instead",
            id="a cap without its objective",
        ),
        pytest.param(
            ("objective",),
            {"minimise": "latency"},
            "spec.objective.minimise: must be 'cost', not 'latency'",
            id="an unknown objective",
        ),
        pytest.param(
            ("limits", "maxCores"),
            0,
            "spec.limits.maxCores: must be above 0, not 0; give CPU cores",
            id="a cluster without cores",
        ),
        pytest.param(
            ("stages",), {"a": 1}, "spec.stages: must be a list, not {'a': 1}", id="stages as a mapping"
        ),
        pytest.param(("stages",), "crop", "spec.stages: must be a list, not 'crop'", id="stages as text"),
        pytest.param(CROP, None, "spec.stages[0]: must be a mapping, not None", id="an empty stage"),
    ],
)
def test_a_wrong_figure_or_name_is_refused(
    place: tuple[str | int, ...], value: object, message: str, tmp_path: Path
) -> None:
    assert refusal(written(tmp_path, spoilt(*place, to=value))) == message
