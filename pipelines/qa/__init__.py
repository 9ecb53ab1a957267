"""Questions about a corpus: retrieve the passages that may hold the answer, then read it out of them."""
