"""Traffic signs in a moving camera's frames: find them, then say which each is."""
