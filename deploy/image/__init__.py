"""The container images, built, started, and searched for what does not belong there: `make image`."""
