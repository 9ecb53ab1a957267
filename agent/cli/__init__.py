"""The `trimtab` command. Heavy libraries are imported in the commands that use them."""

from agent.cli.entry import main, whole
from agent.cli.options import app

__all__ = ["app", "main", "whole"]
