"""Policies: what maps a situation to a configuration. One file each."""
