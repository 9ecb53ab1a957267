"""Tests of the state machine, the loop and the command line."""
