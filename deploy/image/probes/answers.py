"""Runs in the image: `- PORT PATH... -- COMMAND...` starts a server, waits for the first path, asks all."""

import subprocess
import sys
import time
import urllib.error
import urllib.request

PATIENCE_S = 90
GOOD = 200

separator = sys.argv.index("--")
port, *paths = sys.argv[1:separator]


def answer(path: str) -> int:
    """Return the status of an answer, or 0 for none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


began = time.monotonic()
server = subprocess.Popen(
    sys.argv[separator + 1 :], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
)
try:
    while answer(paths[0]) != GOOD:
        if server.poll() is not None or time.monotonic() - began > PATIENCE_S:
            server.terminate()
            raise SystemExit(f"no answer from {paths[0]}: {server.communicate(timeout=10)[1]}")
        time.sleep(0.1)
    took_s = time.monotonic() - began
    answers = {path: answer(path) for path in paths}
    if set(answers.values()) != {GOOD}:
        raise SystemExit(f"not all is well: {answers}")
    print(", ".join(f"{path} {status}" for path, status in answers.items()), f"after {took_s:.1f} s")
finally:
    server.terminate()
    server.wait(timeout=10)
