"""`python -m pipelines.profiling NAME ...`: measure, and tell every step as a line of JSON on stdout.

Run by `trimtab profile` in the environment of the servers. The result is `measured.json` in the work folder.
Exit status: 0 measured, 1 something failed or the machine is too noisy, 2 the input is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from core.errors import TrimtabError, UsageError
from pipelines import kits
from pipelines.profiling.measure import Run
from pipelines.profiling.measured import RESULT, Settings
from pipelines.profiling.settings import key_of
from pipelines.profiling.steps import Steps

FAILED, USAGE = 1, 2


def main() -> None:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--settings", default="{}")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--allow-noise", action="store_true")
    given = parser.parse_args()
    try:
        _measure(given)
    except BrokenPipeError:  # whoever asked is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except TrimtabError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE if isinstance(error, UsageError) else FAILED)


def _measure(given: argparse.Namespace) -> None:
    kit = kits.load(given.name)
    settings = Settings.model_validate_json(given.settings)
    steps = Steps.open(given.work, key_of(kit, settings), resume=given.resume)
    run = Run(kit, settings, given.models, steps, allow_noise=given.allow_noise, told=_told)
    _say({"steps": run.count, "taken_over": len(steps)})
    steps.keep(RESULT, run.measured())


def _told(what: str, share: float) -> None:
    _say({"what": what, "share": round(share, 3)})


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
