"""`python -m benchmarks.llm [stop]`: have the small model answer on loopback, or stop it."""

from __future__ import annotations

import argparse
import sys

from filelock import FileLock

from benchmarks.llm.build import built
from benchmarks.llm.cache import cache_folder
from benchmarks.llm.model import NAME, fetched
from benchmarks.llm.serve import running, start, stop
from core.errors import TrimtabError


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", nargs="?", choices=("start", "stop"), default="start")
    parser.add_argument("--threads", type=int, help="of the server; one for each core if not given")
    chosen = parser.parse_args()
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "lock"):
        if chosen.do == "stop":
            print("stopped" if stop(cache) else "no server was running")
            return
        _start(chosen.threads)


def _start(threads: int | None) -> None:
    cache = cache_folder()
    if running(cache) is None:
        print(f"{cache}: 1.1 GB are downloaded and a server is built, once", file=sys.stderr)
    server = start(cache, built(cache), fetched(cache), threads=threads)
    print(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY=none  # --model {NAME}")


if __name__ == "__main__":
    try:
        main()
    except TrimtabError as error:
        sys.exit(f"error: {error}")
