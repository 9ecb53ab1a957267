"""The red team: attacks in text that the agent reads, planners that obey them, and the judge of the harm."""
