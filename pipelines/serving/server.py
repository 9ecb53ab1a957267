"""Start a server: `python -m pipelines.serving`, told by TRIMTAB_* variables what to be.

MLServer brings the protocol, readiness and routing of models. Four things of it are set aside: its signal
handlers (uvicorn's own would cut a draining server short), gRPC and Kafka (nothing limits what comes in
there), the worker processes (`parallel_workers: 0`; the default crashes with uvloop 0.23), and its metrics
server.

On SIGTERM a server says that it is not ready, goes on serving for `drain_delay_s`, because whoever sends
learns of it a little later, then closes its door, serves what is inside, and ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvicorn
from mlserver import MLServer, ModelSettings, Settings
from mlserver.rest.server import RESTServer

from core.errors import TrimtabError
from pipelines.serving.contract import ReplicaSettings, RouterSettings, settings_from
from pipelines.serving.door import furnish
from pipelines.serving.log import logger, quiet, to_stderr
from pipelines.serving.replica import Replica
from pipelines.serving.router import Router

FAILED = 1
USAGE = 2
KEEP_ALIVE_S = 75
"""How long an idle connection stays open: longer than any client here waits between two requests."""


class _Uvicorn(uvicorn.Server):
    """A uvicorn whose end we decide."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class _Rest(RESTServer):  # type: ignore[misc] # not installed where types are checked
    """MLServer's HTTP side with our door."""

    def open(self, given: ReplicaSettings | RouterSettings, ready: Callable[[], Awaitable[bool]]) -> None:
        """Furnish the application and make its server."""
        furnish(self._app, given.most_bytes, ready)
        config = uvicorn.Config(
            self._app,
            host=given.host,
            port=given.port,
            access_log=False,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(given.drain_limit_s),
        )
        self._server = _Uvicorn(config)

    async def start(self) -> None:
        """Serve until told to stop."""
        await self._server.serve()

    async def stop(self, sig: int | None = None) -> None:
        """Close the door; what is inside is served to its end."""
        self._server.should_exit = True


class _Nothing:
    """In place of a server that is not wanted."""

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self, sig: int | None = None) -> None:
        """Do nothing."""


class Server(MLServer):  # type: ignore[misc] # as above
    """MLServer with one model, the replica or the router."""

    def __init__(self, given: ReplicaSettings | RouterSettings) -> None:
        self._given = given
        self._stopping: asyncio.Task[None] | None = None
        super().__init__(
            Settings(
                debug=False,
                parallel_workers=0,
                metrics_endpoint=None,
                load_models_at_startup=False,
                gzip_enabled=False,  # between stages it costs more than it saves
            )
        )
        quiet()

    async def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C.

        Raises:
            TrimtabError: the model could not be loaded.
        """
        serving = asyncio.create_task(self._rest_server.start(), name="http")
        kind = Router if isinstance(self._given, RouterSettings) else Replica
        kind.given = self._given
        name = self._given.pipeline if kind is Router else self._given.stage
        try:
            await self._model_registry.load(ModelSettings(name=name, implementation=kind))
        except BaseException:
            await self._rest_server.stop()
            await serving
            raise
        await serving
        if self._stopping is not None:
            await self._stopping

    async def _ready(self) -> bool:
        models = await self._model_registry.get_models()
        return bool(models) and all(model.taking for model in models)

    def _add_signal_handlers(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ask_to_stop)

    def _create_servers(self) -> None:
        self._rest_server = _Rest(self._settings, self._data_plane, self._model_repository_handlers)
        self._rest_server.open(self._given, self._ready)
        self._grpc_server, self._kafka_server = _Nothing(), None

    def _ask_to_stop(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._drain(), name="drain")

    async def _drain(self) -> None:
        models = await self._model_registry.get_models()
        for model in models:
            model.stop_taking()
        logger.info("draining")
        await asyncio.sleep(self._given.drain_delay_s if models else 0.0)
        await self._rest_server.stop()
        for model in models:
            await model.finish()


def main() -> None:
    """Read the variables and serve. Ends with 2 where a variable is wrong, with 1 where loading failed."""
    to_stderr()
    try:
        given = settings_from(os.environ)
    except TrimtabError as error:
        sys.exit(_told(error, USAGE))
    try:
        asyncio.run(_serve(given))
    except (TrimtabError, OSError) as error:
        sys.exit(_told(error, FAILED))


async def _serve(given: ReplicaSettings | RouterSettings) -> None:
    await Server(given).run()


def _told(error: Exception, status: int) -> int:
    sys.stderr.write(f"trimtab serving: {error}\n")
    return status
