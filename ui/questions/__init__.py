"""Questions about decisions, answered step by step, and the conversations that are kept."""
