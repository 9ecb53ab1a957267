"""Policies, one file each: they see only core, and not each other. A new one is a file and its name here."""

from baselines import ilp, oracle, static

__all__ = ["ilp", "oracle", "static"]
