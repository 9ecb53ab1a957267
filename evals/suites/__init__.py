"""The suites: what is compared with what, each with one function that runs it."""
