"""Policies, one file each: they see only core, and not each other. A new one is a file and its name here."""

from baselines import hpa, ilp, keda, oracle, static

__all__ = ["hpa", "ilp", "keda", "oracle", "static"]
