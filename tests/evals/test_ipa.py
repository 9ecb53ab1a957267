"""IPA's pipelines and traces are read as their authors have them, on a scale by which episodes can be judged.

What is checked against their own figures skips where those are not beside the checkout.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from evals.ipa import DATA, NAMES, TRACES, setup, trace
from tests.evals.ipafiles import TINY, document, variant, written

with_data = pytest.mark.skipif(not DATA.is_dir(), reason="IPA's figures (../shared/data/ipa) are not here")
GOLDEN = "video-ipa-ms14-s1"
SUMS = {"bursty": 14437, "steady-low": 6067, "steady-high": 34606, "fluctuating": 19837}
"""Requests in the logs of IPA's runs."""


def of_one_stage(*variants: dict[str, Any]) -> str:
    return json.dumps(document("video", stages=[{"task": "only", "variants": variants}]))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path)


def test_every_variant_has_its_accuracy_cores_and_profile(data: Path) -> None:
    pipeline = setup("video", data).measured()

    tiny, huge = pipeline.stages[0].variants
    assert [(v.name, v.accuracy, v.cores, v.load_time_s) for v in (tiny, huge)] == [
        ("tiny", 0.4, 1.0, 8.0),
        ("huge", 0.8, 4.0, 8.0),
    ]
    assert [(p.batch, p.latency_s, p.throughput_rps) for p in huge.profile] == [
        (1, 0.1, 10.0),
        (4, 0.2, 20.0),
    ]


def test_the_stages_are_a_chain_of_up_to_a_hundred_replicas_under_the_papers_slo(data: Path) -> None:
    pipeline = setup("nlp", data).measured()

    assert [(s.name, [e.stage for e in s.after]) for s in pipeline.stages] == [
        ("zeroth", []),
        ("first", ["zeroth"]),
        ("second", ["first"]),
    ]
    assert {(s.replicas.min, s.replicas.max) for s in pipeline.stages} == {(1, 100)}
    assert (pipeline.name, pipeline.slo.latency_s) == ("nlp", 3.0)


@pytest.mark.parametrize(
    ("name", "lightest", "heaviest"), [("video", 0.4 * 0.4, 0.8 * 0.8), ("nlp", 0.8 * 0.16, 0.8 * 0.64)]
)
def test_from_lightest_to_heaviest_is_worth_what_it_is_by_ranks(
    data: Path, name: str, lightest: float, heaviest: float
) -> None:
    """Two stages have a choice, alpha is 10: by ranks the way is worth 20."""
    objective = setup(name, data).measured().objective

    assert objective.alpha * (heaviest - lightest) == pytest.approx(20.0)
    assert (objective.beta, objective.delta) == (0.5, 1e-6)


def test_ranked_is_the_objective_as_ipa_has_it(data: Path) -> None:
    pipeline = setup("video", data).ranked()

    assert [v.accuracy for v in pipeline.stages[1].variants] == [0.0, 1.0]
    assert (pipeline.accuracy, pipeline.objective.alpha) == ("sum", 10.0)


def test_what_ipa_ran_it_with_is_read(data: Path) -> None:
    settings = setup("audio-qa", data).settings

    assert (settings.batch_cap, settings.margin_pct) == (1, 20)


def test_a_trace_is_the_column_that_ipa_replayed(data: Path) -> None:
    assert trace("bursty", data) == (6.0,) * 20 + (18.0,) * 10 + (6.0,) * 10


@pytest.mark.parametrize("read", [lambda d: setup("video", d), lambda d: trace("bursty", d)])
def test_without_the_data_it_says_which_option_names_their_place(tmp_path: Path, read: Any) -> None:  # noqa: ANN401
    with pytest.raises(UsageError, match="--data FOLDER"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("{", "not one of IPA's pipelines", id="not JSON"),
        pytest.param("[]", "not one of IPA's pipelines", id="another thing"),
        pytest.param(json.dumps(document("video", stages=[])), "stages", id="no stages"),
        pytest.param(json.dumps(document("video", sla_paper_v1_table6_s={"stages": []})), "e2e", id="no SLO"),
        pytest.param(
            of_one_stage(TINY, variant("x", 140.0, 0, 1, 0.1)), "accuracy", id="an accuracy above one"
        ),
        pytest.param(of_one_stage(TINY), "no stage has a choice", id="nothing to choose"),
    ],
)
def test_a_file_of_another_kind_is_refused(data: Path, content: str, said: str) -> None:
    path = data / "pipelines" / "video.json"
    path.write_text(content)

    with pytest.raises(UsageError, match=said) as refused:
        setup("video", data).measured()

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_trace_without_that_column_is_refused(data: Path) -> None:
    (data / "traces" / "bursty.csv").write_text("second,rps\n0,4\n")

    with pytest.raises(UsageError, match=r"bursty\.csv.*rps_div8"):
        trace("bursty", data)


@with_data
@pytest.mark.parametrize("pattern", TRACES)
def test_the_traces_have_the_requests_of_ipas_logs(pattern: str) -> None:
    rates = trace(pattern)

    assert (len(rates), sum(rates)) == (1200, SUMS[pattern])


@with_data
@pytest.mark.parametrize("name", NAMES)
def test_the_authors_files_are_read(name: str) -> None:
    read = setup(name)
    measured, ranked = read.measured(), read.ranked()

    best = {s.name: max(s.variants, key=lambda v: v.accuracy).name for s in measured.stages}
    assert best == {s.name: max(s.variants, key=lambda v: v.accuracy).name for s in ranked.stages}
    assert [s.name for s in measured.stages] == [s.task for s in read.stages]


@with_data
def test_ranked_reaches_the_objective_of_ipas_own_optimizer() -> None:
    """On `video`, where batches above its cap gain nothing and no SLO binds."""
    pipeline = setup("video").ranked()
    decisions = json.loads((DATA / "golden" / f"{GOLDEN}.decisions.json").read_text())

    for row in decisions[::4]:
        found = solve(Problem.of(pipeline, row["load"]))
        assert isinstance(found, Optimum)
        assert found.objective == pytest.approx(row["objective"], rel=1e-4)
