"""A request-level twin of a pipeline, seeded and exact in the order of events."""
