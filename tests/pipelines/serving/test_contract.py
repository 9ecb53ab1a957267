"""The contract between who starts a server and the server: what is written down is what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from pipelines.serving.contract import (
    LiveSettings,
    ReplicaSettings,
    RouterSettings,
    environment_of,
    live_settings,
    settings_from,
)

NEEDED = {"pipeline": "cards", "kit": "id_card", "slo_s": 0.4}
words = st.text("abcdefgh-_.", min_size=1, max_size=12)
seconds = st.floats(0.001, 100)


@given(
    batch=st.integers(1, 64),
    wait_s=st.floats(0, 10),
    threads=st.integers(1, 8),
    variant=words,
    config=st.none() | words.map(lambda name: Path("/etc") / name),
)
def test_a_replica_reads_the_settings_it_was_started_with(
    batch: int, wait_s: float, threads: int, variant: str, config: Path | None
) -> None:
    settings = ReplicaSettings(
        **NEEDED,
        stage="read",
        variant=variant,
        models=Path("/models"),
        batch=batch,
        batch_wait_s=wait_s,
        threads=threads,
        config=config,
    )

    assert settings_from({**environment_of(settings), "PATH": "/bin"}) == settings


@given(labels=st.booleans(), expires=seconds)
def test_a_router_reads_the_settings_it_was_started_with(labels: bool, expires: float) -> None:
    settings = RouterSettings(
        **NEEDED, endpoints="dns:cards-{stage}:8080", labels=labels, expires_after=expires
    )

    assert settings_from(environment_of(settings)) == settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"TRIMTAB_BATCH": "two"}, "TRIMTAB_BATCH is 'two'", id="text for a number"),
        pytest.param({"TRIMTAB_BATCH": "0"}, "TRIMTAB_BATCH:", id="no batch at all"),
        pytest.param({"TRIMTAB_PORT": "70000"}, "TRIMTAB_PORT:", id="no port"),
        pytest.param({"TRIMTAB_BATCHES": "2"}, "TRIMTAB_BATCHES is not known", id="a slip of the pen"),
        pytest.param({"TRIMTAB_SLO_S": "nan"}, "TRIMTAB_SLO_S:", id="not a number"),
    ],
)
def test_a_wrong_variable_is_named(changes: dict[str, str], said: str) -> None:
    settings = ReplicaSettings(**NEEDED, stage="read", variant="small", models=Path("/models"))

    with pytest.raises(UsageError) as refused:
        settings_from({**environment_of(settings), **changes})

    assert said in str(refused.value)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(UsageError, match="TRIMTAB_PIPELINE"):
        settings_from({"TRIMTAB_STAGE": "read"})


@given(live=st.builds(LiveSettings, batch=st.integers(1, 64), batch_wait_s=st.floats(0, 10)))
def test_a_configuration_file_is_read_as_it_was_written(live: LiveSettings) -> None:
    assert live_settings(live.model_dump_json()) == live


@pytest.mark.parametrize("text", ["", "{}", '{"batch": 0, "batch_wait_s": 1}', "[1]", "nonsense"])
def test_a_configuration_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="batch_wait_s"):
        live_settings(text)
