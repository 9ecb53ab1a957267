# Trimtab. `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The environment that serves the pipelines: MLServer pins older libraries than the rest needs.
SERVING := .venv-serving
SERVING_BIN := $(SERVING)/bin
SERVING_STAMP := $(SERVING)/.installed
PIPELINES ?= id-card video audio qa
SERVING_TESTS := $(addprefix tests/pipelines/,id_card video audio qa serving/test_batcher.py profiling/test_measure.py profiling/test_timing.py)
MODELS := .models
MODELS_STAMP := $(MODELS)/.prepared

.PHONY: setup demo demo-live test test-slow check format lock bench evaluate profile image serving models debian browser etcd llm llm-stop test-llm screenshots clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(STAMP)

serving: $(SERVING_STAMP)  ## the environment that serves; PIPELINES=id-card for one pipeline alone

$(SERVING_STAMP): requirements-serving.lock pyproject.toml
	test -x $(SERVING_BIN)/python || $(PYTHON) -m venv $(SERVING)
	$(SERVING_BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(SERVING_BIN)/python pipelines/requirements.py serving load serving-test $(PIPELINES) > $(SERVING)/wanted.txt
	$(SERVING_BIN)/python -m pip install --quiet --require-hashes -c requirements-serving.lock -r $(SERVING)/wanted.txt
	touch $(SERVING_STAMP)

models: $(MODELS_STAMP)  ## fetch and train the weights of the pipelines; minutes, once

$(MODELS_STAMP): $(SERVING_STAMP)
	for pipeline in $(subst -,_,$(PIPELINES)); do $(SERVING_BIN)/python -m pipelines.prepare $$pipeline $(MODELS)/$$pipeline || exit 1; done
	touch $(MODELS_STAMP)

debian:  ## Debian's Prometheus, and flite, which speaks the audio examples; where they are not there yet
	@command -v prometheus > /dev/null && command -v flite > /dev/null \
	|| { apt-get update -qq && apt-get install -qq -y --no-install-recommends prometheus flite > /dev/null; } \
	|| { echo "prometheus and flite are needed: install them, or run make as one who may (apt-get)" >&2; exit 1; }

browser:  ## Debian's chromium, with which the tests drive the console; it brings DejaVu's fonts
	@command -v chromium > /dev/null \
	|| { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium > /dev/null; } \
	|| { echo "chromium is needed: install it, or run make as one who may (apt-get)" >&2; exit 1; }

etcd:  ## Debian's etcd, the database of the Kubernetes that tests start; where there is none yet
	@command -v etcd > /dev/null || test -x "$(KUBEBUILDER_ASSETS)/etcd" \
	|| { apt-get update -qq && apt-get install -qq -y --no-install-recommends etcd-server > /dev/null; } \
	|| echo "no etcd (Debian: etcd-server), so the tests on a real Kubernetes will be skipped" >&2

demo: $(STAMP)  ## twenty bursty minutes on the embedded cluster, in under a minute
	$(BIN)/trimtab demo

demo-live: $(STAMP) $(MODELS_STAMP) debian  ## five minutes of real requests against real servers here
	$(BIN)/trimtab demo-live

test: check $(MODELS_STAMP) debian browser etcd  ## everything that must hold
	$(SERVING_BIN)/python -m pytest -m "not slow" $(SERVING_TESTS)
	TESTS_NEED_SERVERS=1 $(BIN)/pytest -m "alone and not slow"
	TESTS_NEED_SERVERS=1 $(BIN)/pytest -m "not slow and not llm and not alone" -n 2 --dist loadfile --no-loadscope-reorder

test-slow: check $(MODELS_STAMP) debian browser etcd
	$(SERVING_BIN)/python -m pytest $(SERVING_TESTS)
	TESTS_NEED_SERVERS=1 $(BIN)/pytest -m "not llm"

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## the figures in docs/benchmarks.md and docs/accuracy.md; a quarter of an hour
	$(BIN)/python -m benchmarks.decision
	$(BIN)/python -m benchmarks.simulator
	$(BIN)/python -m benchmarks.loop
	$(BIN)/python -m benchmarks.forecast
	$(BIN)/python -m benchmarks.margins --seeds 4
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.controller

evaluate: $(STAMP)  ## every suite of docs/evaluate.md, the page of results and the report; half an hour on 2 cores
	$(BIN)/trimtab evaluate paper --seeds 10 --fresh --out trimtab-out/evals/paper
	$(BIN)/trimtab evaluate ablation --seeds 3 --fresh --out trimtab-out/evals/ablation
	$(BIN)/trimtab evaluate ours --seeds 3 --fresh --out trimtab-out/evals/ours
	$(BIN)/trimtab evaluate drift --seeds 3 --fresh --out trimtab-out/evals/drift
	$(BIN)/trimtab evaluate agent --out trimtab-out/evals/agent
	$(BIN)/trimtab evaluate injection --out trimtab-out/evals/injection
	$(BIN)/trimtab evaluate report trimtab-out/evals/paper --out trimtab-out/evals/paper.html
	$(BIN)/trimtab evaluate results $(addprefix trimtab-out/evals/,paper ablation ours drift agent injection) --out docs/results.md

screenshots: $(STAMP) browser  ## a picture of every page of the console, light and dark, in trimtab-out/screenshots
	$(BIN)/python -m benchmarks.screenshots

profile: $(STAMP) $(MODELS_STAMP) debian  ## measure all four pipelines on this machine, which must have nothing else to do
	$(BIN)/trimtab profile all

image: $(STAMP)  ## the image: built, started sealed, searched; SERVES=id-card for what serves it, NEW_BASE=1 for Debian's fixes
	@command -v docker > /dev/null && docker info > /dev/null 2>&1 || which buildah podman debootstrap > /dev/null \
	|| { apt-get update -qq && apt-get install -qq -y --no-install-recommends buildah podman runc debootstrap > /dev/null; } \
	|| { echo "Docker, or Debian's buildah, podman and debootstrap are needed: install one, or run make as one who may" >&2; exit 1; }
	$(BIN)/python -m deploy.image $(if $(SERVES),--serving $(SERVES)) $(if $(NEW_BASE),--new-base)

llm: $(STAMP)  ## a small real model on loopback; 1.2 GB and a five-minute build the first time
	$(BIN)/python -m benchmarks.llm

llm-stop:
	$(BIN)/python -m benchmarks.llm stop

test-llm: $(STAMP)  ## the agent and the attacks against that model, or BASE_URL=... MODEL=...
	$(BIN)/pytest -m llm -rA --capture=no tests/llm $(if $(BASE_URL),--llm-url=$(BASE_URL)) $(if $(MODEL),--llm-model=$(MODEL))

lock: $(STAMP)  ## write the lock files anew
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev pyproject.toml requirements-build.in -o requirements.lock
	$(BIN)/python pipelines/requirements.py serving load serving-test id-card video audio qa | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 - -o requirements-serving.lock

clean:
	rm -rf $(VENV) $(SERVING) $(MODELS) trimtab-out
