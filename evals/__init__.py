"""Scenarios, episodes, scoring and reports."""
