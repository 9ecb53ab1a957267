"""Measure a ready pipeline in place: as served, on its own data, on a machine that is quiet enough.

`python -m pipelines.profiling` runs in the environment of the servers, measures step by step and keeps each
step in a work folder; `figures`, `document` and `page` turn the steps into what ships and need no model.
"""
