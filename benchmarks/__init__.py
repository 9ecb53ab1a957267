"""Timings side by side."""
