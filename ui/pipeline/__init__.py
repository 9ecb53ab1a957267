"""One pipeline's page: what runs, its time series, the frontier, and what if."""
