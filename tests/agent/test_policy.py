"""The policy of earned autonomy: the example is the default, and every refusal names place and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.policy import EXAMPLE, read_policy
from core.autonomy import Demotion, Policy, Step
from core.errors import InvalidDocument, UsageError

HEAD = "apiVersion: trimtab/v1\nkind: AutonomyPolicy\n"


def written(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_states_the_defaults() -> None:
    assert read_policy(EXAMPLE) == Policy()


def test_the_example_names_every_field() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")

    for model in (Policy, Step, Demotion):
        for name, field in model.model_fields.items():
            assert f"{field.alias or name}:" in text


def test_what_a_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    text = "spec: {approve: {minDecisions: 3}, auto: {minChanges: 7}, demote: {breachStreak: 0}}"

    policy = read_policy(written(tmp_path, HEAD + text))

    assert policy.approve == Policy().approve.model_copy(update={"decisions": 3})
    assert policy.auto == Policy().auto.model_copy(update={"changes": 7})
    assert policy.demote == Policy().demote.model_copy(update={"breaches": 0})


def test_json_is_read_too(tmp_path: Path) -> None:
    text = '{"apiVersion": "trimtab/v1", "kind": "AutonomyPolicy", "spec": {"auto": {"minChanges": 7}}}'

    assert read_policy(written(tmp_path, text, "policy.json")).auto.changes == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            HEAD + "spec: {auto: {maxRegrett: 1}}",
            "spec.auto.maxRegrett: unknown field; did you mean 'maxRegret'? known: minDecisions, ",
            id="a slip of the pen",
        ),
        pytest.param(
            HEAD + "spec: {approve: {minCoverage: 1.5}}",
            "spec.approve.minCoverage: must be at most 1, not 1.5",
            id="a share above one",
        ),
        pytest.param(
            HEAD + "spec: {approve: {minSeconds: '1 day'}}",
            "spec.approve.minSeconds: must be a number, not '1 day'",
            id="text for a number",
        ),
        pytest.param(
            HEAD + "spec: {demote: {rollbacks: 0.5}}",
            "spec.demote.rollbacks: must be a whole number, not 0.5",
            id="half a rollback",
        ),
        pytest.param(
            HEAD + "spec: {auto: {maxRegret: 0.5}}",
            "spec: demote.maxRegret must be at least auto.maxRegret, 0.5",
            id="earned and lost by turns",
        ),
        pytest.param(HEAD, "spec: is missing; add it", id="no specification"),
        pytest.param(
            HEAD.replace("AutonomyPolicy", "Pipeline") + "spec: {}",
            "kind: must be 'AutonomyPolicy', not 'Pipeline'",
            id="another kind of file",
        ),
        pytest.param("- 1", "must be a mapping with apiVersion: trimtab/v1", id="a list"),
        pytest.param("", "the file is empty", id="empty"),
        pytest.param(HEAD + "spec: {auto: {", "line ", id="broken"),
    ],
)
def test_a_refusal_names_file_place_and_fix_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(InvalidDocument) as refused:
        read_policy(path)

    assert str(refused.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_policy(tmp_path / "nothing.yaml")
