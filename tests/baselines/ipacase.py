"""Random small pipelines as IPA would be told them, for its oracle in tests/core/brute.py.

Whole requests per second and at least one, no margins, nothing believed, at least one replica, no charge for
switching: what is left of the product's problem is IPA's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.core.brute import Instance
from tests.core.instances import case


def ipa_case(seed: int) -> Instance:
    """Return instance *seed* without what IPA does not know."""
    plain = case(seed)
    spec: dict[str, Any] = dict(plain.spec)
    spec["stages"] = [
        s | {"replicas": s["replicas"] | {"min": max(1, s["replicas"]["min"])}} for s in spec["stages"]
    ]
    spec["objective"] = {**spec["objective"], **({"rho": 0.0} if "alpha" in spec["objective"] else {})}
    return replace(
        Instance({**plain.document, "spec": spec}, load_rps=max(1.0, float(round(plain.load_rps)))),
    )
