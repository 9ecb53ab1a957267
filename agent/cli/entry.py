"""The one place where errors become a line on stderr and an exit status.

Exit status: 0 done, 1 something failed, 2 the input is wrong, 3 no configuration is feasible.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

import typer

# isort: off
# They register their commands, in the order in which the help shows them.
from agent.cli import solving, looping, local, export, records, people, tools, machine  # noqa: F401

# isort: on
from agent.cli.options import BAD_INPUT, FAILED, app
from core.errors import TrimtabError, UsageError

COMMANDS = "trimtab.commands"
"""Entry points of the layers above this one, which it cannot import: loading one registers its commands."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def whole() -> typer.Typer:
    """Return the command with those of the layers above."""
    for command in entry_points(group=COMMANDS):
        command.load()
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; turn every reported error into one line on stderr and an exit status.

    Args:
        arguments: What follows the command's name; what the process was given by default.
    """
    try:
        status = whole()(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status)
    except typer.TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        if message:  # empty where the help was shown because nothing was asked
            sys.stderr.write(f"trimtab: {message}; see --help\n")
        sys.exit(BAD_INPUT)
    except typer.Abort:
        sys.stderr.write("trimtab: stopped\n")
        sys.exit(FAILED)
    except TrimtabError as error:
        sys.stderr.write(f"trimtab: {error}\n")
        sys.exit(BAD_INPUT if isinstance(error, UsageError) else FAILED)
    except BrokenPipeError:
        _mute_output()  # the reader has gone; there is nobody to tell
        sys.exit(FAILED)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        _mute_output()
        sys.stderr.write(f"trimtab: the output cannot be written: {error.strerror}; free some space\n")
        sys.exit(FAILED)


def _mute_output() -> None:
    """Keep what is still buffered from failing once more when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
