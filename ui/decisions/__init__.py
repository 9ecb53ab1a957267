"""The decisions: their list, and one followed through as a timeline."""
