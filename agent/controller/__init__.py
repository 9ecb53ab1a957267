"""The loop for many pipelines on Kubernetes, in one process: `trimtab run --cluster kubernetes`."""
