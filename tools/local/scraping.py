"""A Prometheus of the local cluster's own: its configuration, its targets, how it is started."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tools.local.layout import Layout

SCRAPE_S = 1
"""The loop wants a sample of the load for each second."""
KEPT = "2h"
"""More than the longest run by hand; the loop looks back a minute."""

CONFIGURATION = """\
global: {{scrape_interval: {scrape_s}s, scrape_timeout: {scrape_s}s}}
scrape_configs:
  - job_name: trimtab
    metrics_path: /metrics/
    file_sd_configs: [{{files: ['{targets}'], refresh_interval: 5s}}]
"""


def configuration(layout: Layout) -> str:
    """Return the text of prometheus.yml."""
    return CONFIGURATION.format(scrape_s=SCRAPE_S, targets=layout.targets.resolve())


def targets(addresses: Iterable[str]) -> str:
    """Return the text of the targets' file."""
    return json.dumps([{"targets": sorted(addresses)}])


def command(program: str, layout: Layout, address: str) -> list[str]:
    """Return how Prometheus is started: on loopback, with its own data, gone when the folder goes."""
    return [
        program,
        f"--config.file={layout.prometheus}",
        f"--storage.tsdb.path={layout.folder / 'prometheus'}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
