"""Pipelines on Kubernetes: what runs there, who else touches it, and how a decision is made real.

Trimtab patches the Deployments that carry its labels, under the field manager `trimtab`, and nothing else: it
creates, deletes and takes over nothing. `api` is the one module that knows the client.
"""
