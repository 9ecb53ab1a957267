"""What tests of several folders share: the control plane, started when the first of them asks.

The imports are inside, as the environment that serves runs some of the tests and has none of this.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.kube.plane import Plane

# How long an example takes says what else the machine does, and nothing about the product.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

MAIN, LOG_RECORDS = sys.modules["__main__"], logging.getLogRecordFactory()


@pytest.fixture(autouse=True)
def _own_process() -> Iterator[None]:
    """Undo what libraries change for the process, so that no test depends on those before it.

    Streamlit's AppTest puts its script in the place of `__main__`, which a new process of multiprocessing
    would run; Ray adds its own field to every log record.
    """
    yield
    sys.modules["__main__"] = MAIN
    logging.setLogRecordFactory(LOG_RECORDS)


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
