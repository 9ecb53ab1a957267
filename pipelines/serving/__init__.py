"""Serving for real: the server of a stage, and the router that walks the DAG. One image, one contract.

It runs in an environment of its own (`make serving`), because MLServer pins older libraries than the rest.
`contract` and `metrics` names are what the outside may import; they need nothing but core.
"""
