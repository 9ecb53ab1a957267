"""The names of the metrics that servers expose: what reads them must not guess."""

from __future__ import annotations

REQUESTS = "trimtab_requests_total"
"""Requests that came to the router, refused ones included; not those that were no request at all."""
COMPLETED = "trimtab_completed_total"
DROPPED = "trimtab_dropped_total"
"""By `reason`, one of DROP_REASONS at the router."""
DROP_REASONS = ("expired", "queue_full", "no_replica", "failed")
"""Each is exposed from the start: a counter that is not there is unknown, and not zero."""
BAD = "trimtab_bad_requests_total"
"""Requests that were the client's mistake (4xx)."""
LATENCY = "trimtab_latency_seconds"
RESENT = "trimtab_resent_total"
"""Items sent to another replica, by `stage` and `reason`: lost (the replica died), draining, busy."""
LABELLED = "trimtab_labelled_total"
"""By `variants`: names in stage order, joined by VARIANTS_SEPARATOR."""
LABELLED_CORRECT = "trimtab_labelled_correct_total"
EXAMINED = "trimtab_examined_total"
"""By `stage` and `variant`: labelled cases that a variant answered alone, on ideal inputs."""
EXAMINED_CORRECT = "trimtab_examined_correct_total"
VARIANTS_SEPARATOR = " "
"""No name of a variant holds a blank."""

ITEMS_ARRIVED = "trimtab_items_arrived_total"
ITEMS_SERVED = "trimtab_items_served_total"
ITEMS_DROPPED = "trimtab_items_dropped_total"
QUEUE = "trimtab_queue_length"
QUEUE_WAIT = "trimtab_queue_wait_seconds"
SERVICE = "trimtab_service_seconds"
BATCH_SIZE = "trimtab_batch_size"
READY = "trimtab_ready"
"""1 while a replica takes up work, else 0."""

BATCH_BOUNDS = (*range(1, 33), 48, 64, 96, 128)
"""Every size up to 32 on its own."""
