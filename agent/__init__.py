"""The state machine, its planners, the loop and the command line."""
