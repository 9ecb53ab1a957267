"""The results of `trimtab evaluate`: suites, cells, episodes, seconds."""
