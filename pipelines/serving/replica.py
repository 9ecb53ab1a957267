"""A replica of a stage as an MLServer runtime: requests go through the batcher into one loaded variant."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse

from core.errors import UsageError
from pipelines import kits
from pipelines.serving.batcher import Batcher
from pipelines.serving.contract import TIMEOUT_HEADER, LiveSettings, ReplicaSettings, live_settings
from pipelines.serving.log import logger
from pipelines.serving.meters import ReplicaMeters
from pipelines.serving.refusals import BadRequest
from pipelines.serving.served import load
from pipelines.serving.tensors import header, items_of, stage_response

CONFIG_POLL_S = 0.5
"""How often the configuration file is looked at: a mounted ConfigMap changes by itself."""


class Replica(MLModel):  # type: ignore[misc] # MLServer is not installed where types are checked
    """Loads, warms and serves one variant of one stage."""

    given: ClassVar[ReplicaSettings]
    """MLServer makes the object itself; `server` sets this before."""
    taking = False
    """Whether work is wanted. MLServer's own `ready` would not do: it answers 400 to what still comes."""

    async def load(self) -> bool:
        """Load and warm the variant; only then is the replica ready.

        Raises:
            UsageError: the stage or variant does not exist.
            ModelUnavailable: its weights are missing.
        """
        settings = self.given
        self._meters = ReplicaMeters(settings)
        live = LiveSettings(batch=settings.batch, batch_wait_s=settings.batch_wait_s)
        live = self._configured(live)
        served = await asyncio.to_thread(
            load,
            kits.load(settings.kit),
            settings.stage,
            settings.variant,
            settings.models,
            batch=live.batch,
        )
        self._batcher = Batcher(served, live, queue_limit=settings.queue_limit, watcher=self._meters)
        self._watching = asyncio.get_running_loop().create_task(self._watch_config(), name="config")
        self.taking = True
        self._meters.ready(is_ready=True)
        logger.info("ready: %s serves stage %s of %s", settings.variant, settings.stage, settings.pipeline)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Serve the items of a request; all of them, or the first refusal among them.

        Raises:
            Refusal: one of the items is not served.
        """
        items = items_of(payload)
        deadline_s = time.monotonic() + timeout_s(payload, default_s=float("inf"))
        answers = await asyncio.gather(
            *(self._batcher.submit(item, deadline_s=deadline_s) for item in items), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        outputs = [a for a in answers if not isinstance(a, BaseException)]
        return stage_response(self.name, outputs, variant=self.given.variant, batch=self._batcher.live.batch)

    def stop_taking(self) -> None:
        """Say that no more work is wanted; what comes nevertheless is still served."""
        self.taking = False
        self._meters.ready(is_ready=False)

    async def finish(self) -> None:
        """Serve what waits, then take nothing more."""
        self._watching.cancel()
        await self._batcher.close()

    async def _watch_config(self) -> None:
        while True:
            await asyncio.sleep(CONFIG_POLL_S)
            live = self._configured(self._batcher.live)
            if live != self._batcher.live:
                logger.info("batch %d, batch wait %g s from now on", live.batch, live.batch_wait_s)
                self._batcher.change(live)

    def _configured(self, present: LiveSettings) -> LiveSettings:
        """Return what the file says; what was, where there is no usable file."""
        if self.given.config is None:
            return present
        try:
            return live_settings(self.given.config.read_text(encoding="utf-8"))
        except (OSError, UsageError) as error:
            logger.warning("%s: %s; batch and wait stay as they are", self.given.config, error)
            return present


def timeout_s(payload: InferenceRequest, *, default_s: float) -> float:
    """Return how many seconds a request has, by its header; at most *default_s*.

    Raises:
        BadRequest: the header is not a number of seconds.
    """
    text = header(payload, TIMEOUT_HEADER)
    if text is None:
        return default_s
    try:
        seconds = float(text)
    except ValueError as error:
        raise BadRequest(f"header {TIMEOUT_HEADER} is {text[:40]!r}; send seconds") from error
    if not seconds >= 0:
        raise BadRequest(f"header {TIMEOUT_HEADER} is {text[:40]!r}; send seconds from 0")
    return min(seconds, default_s)
