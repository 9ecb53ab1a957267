"""Open-loop load on a served pipeline: arrivals follow a plan and never wait for answers."""
