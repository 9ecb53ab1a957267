"""What waits for a person, the controls of a loop, and the calendar."""
