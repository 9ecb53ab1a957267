"""Runs in the image: `- FOLDER...` fails unless it has no rights and can write to these folders alone."""

import os
import sys
from pathlib import Path

USER = 10001
WRITABLE = sys.argv[1:]
READ_ONLY = ("/", "/opt/trimtab", "/usr", "/etc", "/var", "/root", "/home")


def writes(folder: str) -> bool:
    """Say whether a file can be made there."""
    probe = Path(folder) / "probe"
    try:
        probe.write_text("")
        probe.unlink()
    except OSError:
        return False
    return True


status = dict(
    line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
)
wrong = [f"writes to {folder}" for folder in READ_ONLY if writes(folder)]
wrong += [f"cannot write to {folder}" for folder in WRITABLE if not writes(folder)]
if (os.getuid(), os.getgid()) != (USER, USER):
    wrong.append(f"runs as {os.getuid()}:{os.getgid()}")
if int(status["CapBnd"], 16) or status["NoNewPrivs"].strip() != "1":
    wrong.append("has rights of root within reach")
if wrong:
    raise SystemExit("; ".join(wrong))
print(f"user {USER}, no capabilities, writes to {' and '.join(WRITABLE)} alone")
