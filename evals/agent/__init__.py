"""Judging planners decision by decision: situations, what becomes of them, and the rows that are kept."""
