"""`python -m pipelines.serving`: a replica or the router, as the environment says."""

from pipelines.serving.server import main

if __name__ == "__main__":
    main()
