"""A person's word is bound to one change: another pipeline, start or end of it is another hash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.approval import MOST_COMMENT, Approval, proposal_hash
from core.configuration import Configuration
from tests.core.toys import configuration

RUNS = configuration(("first", "small", 1, 2))
WANTED = configuration(("first", "small", 1, 4))
HASH = proposal_hash("toy", RUNS, WANTED)

settings = st.builds(
    lambda variant, batch, replicas: configuration(("first", variant, batch, replicas)),
    st.sampled_from(["small", "large"]),
    st.sampled_from([1, 4]),
    st.integers(0, 20),
)
changes = st.tuples(st.sampled_from(["toy", "toy2"]), settings, settings)


@given(one=changes, other=changes)
def test_two_hashes_are_equal_only_for_the_same_change(
    one: tuple[str, Configuration, Configuration], other: tuple[str, Configuration, Configuration]
) -> None:
    assert (proposal_hash(*one) == proposal_hash(*other)) == (one == other)


def test_a_hash_is_the_same_in_every_process() -> None:
    script = (
        "from core.approval import proposal_hash; from tests.core.test_approval import RUNS, WANTED\n"
        "print(proposal_hash('toy', RUNS, WANTED))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ended.stdout.strip() == HASH


def test_the_way_there_and_the_way_back_are_two_changes() -> None:
    assert proposal_hash("toy", WANTED, RUNS) != HASH


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"proposal": HASH[:12]}, id="a part of a hash"),
        pytest.param({"proposal": HASH.upper()}, id="another spelling"),
        pytest.param({"approver": ""}, id="nobody"),
        pytest.param({"approver": "a\nb"}, id="a name of two lines"),
        pytest.param({"comment": "x" * (MOST_COMMENT + 1)}, id="a long comment"),
        pytest.param({"at": -1.0}, id="before 1970"),
    ],
)
def test_what_is_no_approval_is_refused(changed: dict[str, object]) -> None:
    good: dict[str, object] = {"proposal": HASH, "agreed": True, "approver": "ann", "at": 1.0}
    Approval.model_validate(good)

    with pytest.raises(ValidationError):
        Approval.model_validate(good | changed)
