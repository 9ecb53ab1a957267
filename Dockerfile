# Trimtab in a container: the command line, the loop and the embedded cluster, without compilers, pip or test tools.
#
#   build    docker build -t trimtab .            (or, with checks: make image)
#   look     docker run --rm trimtab --help
#   try      docker run --rm trimtab demo
#   keep     docker run --rm -v trimtab-data:/data trimtab demo
#
# It runs as user 10001 and writes to /data (decisions, checkpoints, pictures) and /tmp (caches) only, so it
# also runs with a read-only root: docker run --read-only --tmpfs /tmp -v trimtab-data:/data trimtab demo
# On another pipeline: -v "$PWD/mine.yaml:/data/mine.yaml:ro" and `solve mine.yaml --load 12`.
#
# Where packages come through a mirror, hand pip's settings in; they are mounted while it installs, never kept:
# docker build --secret id=pip.conf,src=$HOME/.config/pip/pip.conf --secret id=ca.pem,src=... -t trimtab .

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# pip lives in /opt/build alone: what runs has none.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/build && /opt/build/bin/python -m pip install "pip>=25" \
    && python -m venv --without-pip /opt/trimtab
COPY requirements.lock requirements-build.in pyproject.toml ./
# What the product itself needs and no more, in the versions and with the hashes of the lock file.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > wanted.txt \
    && /opt/build/bin/python -m pip --python /opt/trimtab/bin/python install --no-compile --require-hashes -c requirements.lock -r wanted.txt \
    && /opt/build/bin/python -m pip install --require-hashes -c requirements.lock -r requirements-build.in

# Tests, headers and libraries to link of others' packages, solvers for other systems, and parts that are optional to them and unused
# by us (Arrow over the network, the asynchronous twin of the Kubernetes client): 146 MB that serve nobody here.
RUN cd /opt/trimtab/lib/python3*/site-packages \
    && find . -type d \( -name tests -o -name include \) -prune -exec rm -rf {} + \
    && find . -type f \( -name conftest.py -o -name '*.h' -o -name '*.hpp' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' -o -name '*.pc' \) -delete \
    && rm -rf /opt/trimtab/include pulp/solverdir/cbc/osx pulp/solverdir/cbc/win kubernetes/aio \
        pyarrow/src pyarrow/*_flight* pyarrow/*_s3*

FROM dependencies AS product
COPY . .
# Laid out beside the dependencies, so that new sources change one small layer of the image.
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/python -m pip --python /opt/trimtab/bin/python install --no-compile --no-deps --no-index --root /product /wheels/*.whl

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="trimtab" org.opencontainers.image.licenses="Apache-2.0"
# Nothing that installs and nothing that changes user is left within reach.
RUN useradd --uid 10001 --user-group --no-log-init --no-create-home --home-dir /data --shell /usr/sbin/nologin trimtab \
    && install --directory --owner=trimtab --group=trimtab /data \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && rm -rf /usr/share/python-wheels /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip \
        /usr/local/lib/python3*/site-packages/* /usr/local/bin/pip* /usr/local/bin/wheel
COPY --from=dependencies /opt/trimtab /opt/trimtab
COPY --from=product /product/opt/trimtab /opt/trimtab
ENV PATH=/opt/trimtab/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONPYCACHEPREFIX=/tmp/pycache \
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
