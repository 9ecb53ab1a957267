# Trimtab in a container: the command line, the loop and the embedded cluster, without compilers or test tools.
#
#   build    docker build -t trimtab .            (or: buildah build -t trimtab .)
#   look     docker run --rm trimtab --help
#   try      docker run --rm trimtab demo
#   keep     docker run --rm -v trimtab-data:/data trimtab demo
#
# It runs as user 10001 and writes to /data (decisions, checkpoints, pictures) and /tmp (caches) only, so it
# also runs with a read-only root: docker run --read-only --tmpfs /tmp -v trimtab-data:/data trimtab demo
# On another pipeline: -v "$PWD/mine.yaml:/data/mine.yaml:ro" and `solve mine.yaml --load 12`.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/trimtab && /opt/trimtab/bin/python -m pip install "pip>=25"
COPY requirements.lock requirements-build.in pyproject.toml ./
# What the product itself needs and no more, in the versions and with the hashes of the lock file.
RUN /opt/trimtab/bin/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > wanted.txt \
    && /opt/trimtab/bin/python -m pip install --require-hashes -c requirements.lock -r wanted.txt \
    && python -m pip install --require-hashes -c requirements.lock -r requirements-build.in
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/trimtab/bin/python -m pip install --no-deps /wheels/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="trimtab" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin trimtab \
    && install --directory --owner=trimtab --group=trimtab /data
COPY --from=build /opt/trimtab /opt/trimtab
ENV PATH=/opt/trimtab/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /data
VOLUME /data
USER 10001:10001
# Solves a small problem with every installed solver, opens a store and serves a few simulated requests. The
# first run compiles the twin, hence the long start.
HEALTHCHECK --interval=5m --timeout=60s --start-period=2m --retries=3 CMD ["trimtab", "doctor"]
ENTRYPOINT ["trimtab"]
CMD ["--help"]
