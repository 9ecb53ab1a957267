"""What the LLM planner is made of: the client, the talk, triggers, budgets, the breaker, grounding."""
