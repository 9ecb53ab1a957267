"""A real Kubernetes control plane for tests, and who plays its nodes; shares no code with what it judges."""
