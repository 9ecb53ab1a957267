"""A person's word on exactly one proposal, bound to its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import Field

from core.configuration import Configuration
from core.values import Frozen, Name, NonNegative

MOST_COMMENT = 1000
"""Characters of a comment that are kept."""

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Approval(Frozen):
    """Yes or no, by whom, when, and to exactly what."""

    proposal: Hash
    """`proposal_hash` of what was shown."""
    agreed: bool
    approver: Name
    at: NonNegative
    """Unix time, in seconds."""
    comment: Annotated[str, Field(max_length=MOST_COMMENT)] = ""


def proposal_hash(pipeline: str, running: Configuration, proposed: Configuration) -> str:
    """Return the SHA-256 of a change: which pipeline, from what, to what."""
    text = json.dumps(
        {
            "pipeline": pipeline,
            "running": running.model_dump(mode="json"),
            "proposed": proposed.model_dump(mode="json"),
        },
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()
