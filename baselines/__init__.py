"""Policies, one file each: they see only core, and not each other. A new one is a file and its name here."""

from baselines import (
    cocktail,
    fa2,
    hpa,
    ilp,
    infaas,
    infadapter,
    inferline,
    ipa,
    keda,
    loki,
    model_switching,
    ms_plus,
    oracle,
    rim,
    static,
)

__all__ = [
    "cocktail",
    "fa2",
    "hpa",
    "ilp",
    "infaas",
    "infadapter",
    "inferline",
    "ipa",
    "keda",
    "loki",
    "model_switching",
    "ms_plus",
    "oracle",
    "rim",
    "static",
]
