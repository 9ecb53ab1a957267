"""Spoken requests to a home: `transcribe` writes down what was said, `classify` says what it is about."""
