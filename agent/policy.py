"""Read the policy file of earned autonomy, YAML or JSON; every refusal names file, place and fix."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from core.autonomy import Policy
from core.complaints import complaint
from core.document import API_VERSION
from core.errors import InvalidDocument
from core.values import Frozen
from pipelines.reader import parsed

EXAMPLE = Path(__file__).with_name("autonomy.yaml")
"""The policy that ships, with every field explained; its figures are the defaults."""


class PolicyDocument(Frozen):
    """A whole policy file."""

    api_version: Literal["trimtab/v1"] = Field(alias="apiVersion")
    kind: Literal["AutonomyPolicy"]
    spec: Policy


def read_policy(path: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: its content is wrong.
    """
    try:
        return policy_from(parsed(path))
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}") from error


def policy_from(document: object) -> Policy:
    """Return the policy that a parsed file describes.

    Raises:
        InvalidDocument: the path in the file, what is wrong there, and the fix.
    """
    if not isinstance(document, dict):
        raise InvalidDocument(
            f"must be a mapping with apiVersion: {API_VERSION}, kind: AutonomyPolicy and spec; "
            f"{EXAMPLE.name} in the package is one"
        )
    try:
        return PolicyDocument.model_validate(document).spec
    except ValidationError as error:
        raise InvalidDocument(complaint(error, PolicyDocument)) from error
