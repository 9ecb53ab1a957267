"""Runs in the image: leaves an hour of even load for the loop that is told to stop."""

from pathlib import Path

SECONDS = 3600
LOAD_RPS = 20

Path("/data/even.csv").write_text("\n".join(["rps", *[str(LOAD_RPS)] * SECONDS, ""]))
