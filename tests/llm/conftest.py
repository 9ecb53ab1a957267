"""Which model the agent is tried with: the small one on loopback, or any OpenAI-compatible endpoint.

make test-llm
make test-llm BASE_URL=http://127.0.0.1:11434/v1 MODEL=llama3.2      # OPENAI_API_KEY where it wants one
"""

from __future__ import annotations

import os
from typing import Literal

import pytest
from filelock import FileLock
from pydantic import SecretStr

from agent.llm.settings import DUMMY_KEY, ClientSettings
from benchmarks.llm.build import built
from benchmarks.llm.cache import cache_folder
from benchmarks.llm.model import NAME, fetched
from benchmarks.llm.serve import running, start

PATIENCE_S = 400.0
"""For one answer: a small model on two cores reads a full prompt in a minute, four when they are busy."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--llm-url", help="base URL of an OpenAI-compatible endpoint; the small model if not given"
    )
    parser.addoption("--llm-model", help="its model")
    parser.addoption("--llm-cases", type=int, help="only so many attacks, evenly taken, for a quick look")
    parser.addoption("--llm-decisions", type=int, default=20, help="decisions over the situations")


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> ClientSettings:
    """Return how to reach the model; the small one is started if it does not run.

    The small one gets the results of the opening tools and must propose: it is too weak to choose tools.
    """
    if "llm" not in (request.config.option.markexpr or ""):
        pytest.skip("SKIPPED: no real model was tried; `make test-llm` does, and fails without one")
    url, name = request.config.getoption("--llm-url"), request.config.getoption("--llm-model")
    choice: Literal["required", "propose"] = "required"
    if not url:
        cache = cache_folder()
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / "lock"):
            server = running(cache) or start(cache, built(cache), fetched(cache))
        url, name, choice = server.base_url, NAME, "propose"
    if not name:
        pytest.fail("--llm-url needs a model: add MODEL=name")
    key = os.environ.get("OPENAI_API_KEY") or DUMMY_KEY
    return ClientSettings(
        model=name,
        base_url=url,
        key=SecretStr(key),
        timeout_s=PATIENCE_S,
        attempts=1,
        output_tokens=500,
        tool_choice=choice,
    )
