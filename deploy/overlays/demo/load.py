"""Sends ID cards to the router for ever, at a rate that swings between LEAST and MOST in ten minutes.

Open loop: a request is sent when it is due, whether or not earlier ones are answered. Runs in the image that
serves, which has all it needs.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import signal
import time

import aiohttp

from pipelines import kits
from pipelines.load.bodies import body_of

URL = os.environ.get("URL", "http://id-card-router:8080/v2/models/id-card/infer")
LEAST_RPS, MOST_RPS = float(os.environ.get("LEAST", "4")), float(os.environ.get("MOST", "24"))
PERIOD_S = 600.0
EXAMPLES, SEED = 100, 0
TIMEOUT_S = 10.0
MOST_IN_FLIGHT = 500
"""Beyond it requests are left out: a demonstration must not bury a cluster that is down."""


def rate_rps(second: float) -> float:
    """Return the requests per second at a time since the start: least first."""
    return LEAST_RPS + (MOST_RPS - LEAST_RPS) * (1 - math.cos(2 * math.pi * second / PERIOD_S)) / 2


async def send(session: aiohttp.ClientSession, text: bytes) -> None:
    """Send one request; what becomes of it is for the router's metrics to say."""
    try:
        async with session.post(URL, data=text, headers={"Content-Type": "application/json"}) as answer:
            await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        logging.warning("no answer: %s", type(error).__name__)


async def play() -> None:
    """Send until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bodies = [
        body_of(each, labelled=False).text for each in kits.load("id_card").examples(EXAMPLES, SEED, 0.0)
    ]
    draw, start, under_way = random.Random(SEED), time.monotonic(), set[asyncio.Task[None]]()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        due = start
        while not stop.is_set():
            due += draw.expovariate(rate_rps(due - start))
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(under_way) < MOST_IN_FLIGHT:
                task = asyncio.create_task(send(session, draw.choice(bodies)))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)


if __name__ == "__main__":
    asyncio.run(play())
