"""How a model is reached, from the environment."""

from __future__ import annotations

import pytest

from agent.llm.settings import OPENAI_URL, client_settings
from core.errors import UsageError


def test_without_an_endpoint_there_is_no_model() -> None:
    assert client_settings({}, None) is None


def test_a_key_alone_means_openai() -> None:
    found = client_settings({"OPENAI_API_KEY": "sk-1234567890"}, "m")

    assert found is not None
    assert found.base_url == OPENAI_URL
    assert found.key.get_secret_value() == "sk-1234567890"
    assert "sk-1234567890" not in repr(found)
    assert "sk-1234567890" not in found.model_dump_json()


def test_a_server_that_wants_no_key_needs_none() -> None:
    found = client_settings({"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}, "m")

    assert found is not None
    assert found.host == "127.0.0.1"
    assert found.key.get_secret_value()


@pytest.mark.parametrize(
    ("environment", "model", "why"),
    [
        pytest.param({"OPENAI_API_KEY": "k"}, None, "--model", id="no model"),
        pytest.param({}, "m", "no endpoint", id="no endpoint"),
        pytest.param({"OPENAI_BASE_URL": "localhost:8080"}, "m", "no address", id="no scheme"),
        pytest.param({"OPENAI_BASE_URL": "http://h:99999999/v1"}, "m", "no address", id="no port"),
        pytest.param({"OPENAI_BASE_URL": "http://me:secret@h/v1"}, "m", "credentials", id="credentials"),
    ],
)
def test_what_cannot_work_is_said_at_once(environment: dict[str, str], model: str | None, why: str) -> None:
    with pytest.raises(UsageError, match=why) as error:
        client_settings(environment, model)

    assert "secret" not in str(error.value)
