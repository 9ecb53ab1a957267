"""Ready pipelines, each with its measured profile."""
