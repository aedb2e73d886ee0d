# symkeras: every target sets up what it needs; run `make` for the list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS ?= .venv-peers

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

venv: $(BIN)/.installed ## make the virtual environment

demo: venv ## train a convnet on handwritten digits and show what was compiled
	$(BIN)/symkeras demo

JOBS ?= auto
test: venv ## run all tests, with JOBS processes (one for each processor)
	$(BIN)/python -m pytest -n $(JOBS)

SUITES ?= tests --ignore tests/backend/native --ignore tests/test_examples.py --ignore tests/test_packaging.py
test-native: venv ## run the suites that take a backend on generated C (SUITES=tests/ops for some; all of them take long)
	$(BIN)/python -m pytest -n $(JOBS) --backend native $(SUITES)

lint: venv ## check style and types
	$(BIN)/ruff check symkeras/ backend/ tests/ benchmarks/ examples/
	$(BIN)/pyright

sanitize: venv ## run emitted C under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer (needs gcc)
	$(BIN)/python -m tests.backend.native.sanitize

MINUTES ?= 5
fuzz: venv ## random programs on every backend at every level for MINUTES (BACKENDS=numpy,native SEED=0)
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $(or $(SEED),0) --backends $(or $(BACKENDS),numpy,native)

bench: venv ## time the six workloads and starting up (and the peers, if `make bench-peers` was run)
	SYMKERAS_PEERS=$(PEERS) $(BIN)/python benchmarks/run.py
	SYMKERAS_PEERS=$(PEERS) $(BIN)/python benchmarks/startup.py

bench-peers: venv ## build the environment of the peers (Keras on JAX, TensorFlow and PyTorch)
	$(BIN)/python benchmarks/peers.py $(PEERS)

clean: ## remove what was built
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

.PHONY: help venv demo test test-native lint sanitize fuzz bench bench-peers clean
