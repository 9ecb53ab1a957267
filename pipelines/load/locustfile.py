"""Locust, open loop: one user that starts a request when it is due, whether or not earlier ones are answered.

    locust --headless --users 1 -f pipelines/load/locustfile.py --host http://127.0.0.1:8080 \\
        --plan plan.json --results results.csv

Latency counts from when a request was due, not from when it was sent: a generator that falls behind must not
flatter the server ("coordinated omission").
"""

from __future__ import annotations

import csv
import json
import random
import time
from pathlib import Path
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, events, task

from pipelines import kits
from pipelines.load.bodies import Body, bodies
from pipelines.load.plan import COLUMNS, Plan, read_plan

MOST_IN_FLIGHT = 2000
"""Connections of the client: more than a router takes in."""
LEAD_S = 0.5
"""From being ready to the zero of the plan."""


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:  # noqa: ANN401 - locust's parser
    """Add what a run needs to know."""
    parser.add_argument("--plan", required=True, help="what to send, and when (pipelines.load.plan)")
    parser.add_argument("--results", required=True, help="CSV that gets a row for each request")


class OpenLoop(FastHttpUser):  # type: ignore[misc] # locust is not installed where types are checked
    """Plays a plan once and ends the run."""

    concurrency = MOST_IN_FLIGHT
    wait_time: ClassVar[Any] = staticmethod(lambda: 0)

    @task
    def play(self) -> None:
        """Send everything when it is due, wait for the last answer."""
        options = self.environment.parsed_options
        plan = read_plan(Path(options.plan))
        self._kit = kits.load(plan.kit)
        ready = bodies(self._kit, plan)
        draw = random.Random(plan.seed)
        with Path(options.results).open("w", encoding="utf-8", newline="") as file:
            self._rows = csv.DictWriter(file, COLUMNS)
            self._rows.writeheader()
            start, requests = time.time() + LEAD_S, []
            for arrival_s in plan.arrivals_s:
                due, drift = start + arrival_s, plan.drift_at(arrival_s)
                body, with_cases = draw.choice(ready[drift]), draw.random() < plan.cases_share
                gevent.sleep(max(0.0, due - time.time()))
                requests.append(gevent.spawn(self._one, plan, body, due, drift, with_cases))
            gevent.joinall(requests, raise_error=True)
        self.environment.runner.quit()

    def _one(self, plan: Plan, body: Body, due: float, drift: float, with_cases: bool) -> None:
        sent_s = time.time()
        with self.client.post(
            f"/v2/models/{plan.pipeline}/infer",
            data=body.with_cases if with_cases else body.text,
            headers={"content-type": "application/json"},
            timeout=plan.timeout_s,
            catch_response=True,
            name=plan.pipeline,
        ) as response:
            latency_s = time.time() - due
            status, text = response.status_code, response.text
            if status == 200:  # noqa: PLR2004 - HTTP's OK
                response.success()
        right, variants = self._judged(status, text, body.truth)
        self._rows.writerow(
            {
                "at": f"{due:.6f}",
                "late_s": f"{max(0.0, sent_s - due):.6f}",
                "latency_s": f"{latency_s:.6f}",
                "status": status,
                "right": "" if right is None else str(right),
                "drift": drift,
                "variants": variants,
            }
        )

    def _judged(self, status: int, text: str | None, truth: object) -> tuple[bool | None, str]:
        if status != 200 or text is None:  # noqa: PLR2004 - as above
            return None, ""
        answer = json.loads(text)
        said = json.loads(answer["outputs"][0]["data"][0])
        return self._kit.right(said, truth), " ".join(answer["parameters"]["variants"].values())
