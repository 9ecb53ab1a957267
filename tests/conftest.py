"""What tests of several folders share: the control plane, started when the first of them asks.

The imports are inside, as the environment that serves runs some of the tests and has none of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kube.plane import Plane


@pytest.fixture(scope="session")
def plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Give a real Kubernetes control plane; one for the whole session. Its logs stay where tests failed."""
    from tests.kube import binaries  # noqa: PLC0415 - see above
    from tests.kube.plane import start  # noqa: PLC0415 - see above

    found = start(binaries.found(binaries.Search.here()), tmp_path_factory.mktemp("plane"))
    yield found
    failed = request.session.testsfailed > 0
    found.stop(keep_logs=failed)
    if failed:
        print(f"\nlogs of the control plane: {found.places.folder}")  # noqa: T201 - pytest shows it


@pytest.fixture
def namespace(plane: Plane) -> Iterator[str]:
    """Give a new namespace of the control plane."""
    with plane.namespace() as name:
        yield name
