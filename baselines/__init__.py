"""Policies, one file each: they see only core, and not each other. A new one is a file and its name here."""

from baselines import cocktail, hpa, ilp, infadapter, ipa, keda, loki, oracle, rim, static

__all__ = ["cocktail", "hpa", "ilp", "infadapter", "ipa", "keda", "loki", "oracle", "rim", "static"]
