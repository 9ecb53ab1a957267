"""Policies, one file each: they see only core, and not each other. Importing one registers it."""
