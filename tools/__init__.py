"""What touches the world: metrics, forecasts, clusters, the decision store."""
