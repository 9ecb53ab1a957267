"""The typed tools a planner sees: all of them read, none of them writes."""
