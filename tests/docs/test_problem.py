"""The problem's page names what exists: every metric, every field of the file, every file it points at."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from core.objective import Limits, Objective
from core.pipeline import Edge, MeasuredAccuracy, Measurement, ReplicaBounds, Slo, Stage, Variant
from core.problem import Margins
from simulator.scrape import Scrape
from tests.docs.pages import ROOT, name_of, pages, prose, spans

PAGE = ROOT / "docs" / "problem.md"
PAGES = [pytest.param(page, id=name_of(page)) for page in pages()]
CLOCK = "time_s"
MODELS = (Measurement, Variant, Edge, ReplicaBounds, Stage, Slo, MeasuredAccuracy, Objective, Limits)
NAMES_ONLY = {"name", "stage", "variants", "profile"}
"""Fields that hold a name or other fields, not a value of the problem."""


@pytest.mark.parametrize("metric", [f.name for f in dataclasses.fields(Scrape) if f.name != CLOCK])
def test_every_metric_is_on_the_page_with_what_it_is_used_for(metric: str) -> None:
    assert metric in spans(PAGE)


def test_every_value_of_a_pipeline_file_is_on_the_page() -> None:
    words = set(re.findall(r"[A-Za-z]+", " ".join(spans(PAGE))))

    assert {name for model in MODELS for name in as_written(model)} - NAMES_ONLY <= words


def test_every_margin_is_an_option_on_the_page() -> None:
    assert {f"--{name.replace('_', '-')}" for name in Margins.model_fields} <= set(spans(PAGE))


@pytest.mark.parametrize("name", ["INFaaS", "Model-Switching", "Cocktail", "IPA"])
def test_each_system_is_mapped_to_our_terms(name: str) -> None:
    section = re.search(rf"^### {name} .*?(?=^##)", prose(PAGE), re.MULTILINE | re.DOTALL)

    assert section is not None
    assert all(word in section[0] for word in ("*Decides*", "*Optimises*", "*Assumes*", "*In our terms*"))


@pytest.mark.parametrize("page", PAGES)
def test_files_named_in_running_text_exist(page: Path) -> None:
    named = {span for span in spans(page) if re.fullmatch(r"[a-z_]+(?:/[a-z_]+)*/(?:[a-z_]+\.[a-z]+)?", span)}

    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def as_written(model: type[BaseModel]) -> list[str]:
    """Return a model's fields as the pipeline file has them."""
    return [field.alias or name for name, field in model.model_fields.items()]
