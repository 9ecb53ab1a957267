"""The domain: what a pipeline is, how it behaves and which configuration is best. Pure."""
