# Trimtab. `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-slow check format lock bench profile llm llm-stop test-llm clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: $(STAMP)  ## twenty bursty minutes on the embedded cluster, in under a minute
	$(BIN)/trimtab demo

test: check  ## everything that must hold
	$(BIN)/pytest -m "not slow and not llm"

test-slow: check
	$(BIN)/pytest -m "not llm"

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

profile: $(STAMP)  ## measure pipelines/id_card on this machine
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-id-card.lock
	$(BIN)/trimtab profile id_card --out pipelines/id_card

llm: $(STAMP)  ## a small real model on loopback; 1.2 GB and a five-minute build the first time
	$(BIN)/python -m benchmarks.llm

llm-stop:
	$(BIN)/python -m benchmarks.llm stop

test-llm: $(STAMP)  ## the agent and the attacks against that model, or BASE_URL=... MODEL=...
	$(BIN)/pytest -m llm -rA --capture=no tests/llm $(if $(BASE_URL),--llm-url=$(BASE_URL)) $(if $(MODEL),--llm-model=$(MODEL))

lock: $(STAMP)  ## write the lock files anew
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev pyproject.toml requirements-build.in -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra id-card pyproject.toml -c requirements.lock -o requirements-id-card.lock

clean:
	rm -rf $(VENV) trimtab-out
