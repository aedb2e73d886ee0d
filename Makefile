# symkeras: every target sets up what it needs; run `make` for the list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS ?= .venv-peers
ENGINES := .venv-backends

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

# What takes a backend: all other tests are the same whatever --backend says.
TAKE_A_BACKEND := $(addprefix tests/,ops activations losses metrics optimizers layers quantizers random regularizers_constraints autodiff models fuzz \
	compiler/test_random_graphs.py compiler/program/test_shared_storage.py compiler/passes/test_zero_gradient.py compiler/passes/test_update_passes.py \
	graph/test_variables.py utils/test_numerical.py saving/test_model_files.py \
	backend/test_function.py backend/test_interface.py backend/test_narrow_floats.py backend/theano_style)
test-native: venv ## run the suites that take a backend on generated C (SUITES=tests/ops ONLY=native for some; all of them take long)
	$(BIN)/python -m pytest -n $(JOBS) --backend native $(if $(ONLY),-k '$(ONLY)') $(or $(SUITES),$(TAKE_A_BACKEND))

$(ENGINES)/.installed: pyproject.toml
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' \
		jax torch==2.13.0 tensorflow-cpu pytensor onnx onnxruntime
	@touch $@

comma := ,
WHICH := $(subst $(comma), ,$(or $(BACKENDS),jax torch tensorflow pytensor onnxruntime))
FOLDERS := $(addprefix tests/backend/,engine engines jax torch tensorflow pytensor onnx onnxruntime) tests/distribution
# Where every process has a processor, more threads than one only wait for each other; C for every small graph takes PyTensor's compiler hours.
ONE_THREAD := PYTENSOR_FLAGS=cxx= OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
PYTEST_ENGINES = $(ONE_THREAD) $(ENGINES)/bin/python -m pytest -n $(JOBS)
# It trains nothing.
SUITES_onnxruntime := $(addprefix tests/,ops activations losses metrics quantizers random regularizers_constraints layers compiler/test_random_graphs.py)
OF_ENGINES = $(FOLDERS) $(wildcard tests/models/test_from_onnx*.py) tests/test_guide.py

test-backends: $(ENGINES)/.installed ## the suites that take a backend, on every engine (BACKENDS=jax,torch SUITES=tests/ops for some; all of them take long)
	@failed=; $(foreach name,$(WHICH),echo "-- $(name)"; $(PYTEST_ENGINES) --backend $(name) \
		$(or $(SUITES),$(SUITES_$(name)),$(TAKE_A_BACKEND)) || failed="$$failed $(name)";) \
	echo "-- what is about engines"; $(PYTEST_ENGINES) $(OF_ENGINES) || failed="$$failed engines"; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

test-backends-quick: SUITES = tests/ops/test_every_op.py::test_backend_gives_the_reference_value_and_gradients
test-backends-quick: OF_ENGINES = $(addprefix tests/backend/engines/,test_eight_steps.py test_tutorial.py test_inventory.py test_pooling.py test_patterns.py) \
	tests/backend/torch tests/backend/jax/test_convolution.py tests/backend/onnx/test_magnitudes.py \
	$(addprefix tests/distribution/,test_documentation.py test_random_bits.py test_splitting.py test_torch_data_parallel.py \
	test_processes.py::test_processes_that_are_given_other_data_are_told_so_and_do_not_wait_for_each_other) tests/test_guide.py
test-backends-quick: test-backends ## what .ci/run has the time for: every op, eight steps of twelve models, the tutorial, several processes

test-page: venv ## the inspector's page in Debian's Chromium (skipped where there is none)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check playwright
	$(BIN)/python -m pytest -rs tests/inspection/test_page.py

lint: venv ## check style and types
	$(BIN)/ruff check symkeras/ backend/ tests/ benchmarks/ examples/ docs/site/
	$(BIN)/pyright

sanitize: venv ## run emitted C under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer (needs gcc)
	$(BIN)/python -m tests.backend.native.sanitize

MINUTES ?= 5
fuzz: venv ## random programs on every backend at every level for MINUTES (BACKENDS=numpy,native SEED=0)
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $(or $(SEED),0) --backends $(or $(BACKENDS),numpy$(comma)native)

bench: venv ## time the six workloads and starting up (and the peers, if `make bench-peers` was run)
	SYMKERAS_PEERS=$(PEERS) $(BIN)/python benchmarks/run.py
	SYMKERAS_PEERS=$(PEERS) $(BIN)/python benchmarks/startup.py

bench-peers: venv ## build the environment of the peers (Keras on JAX, TensorFlow and PyTorch)
	$(BIN)/python benchmarks/peers.py $(PEERS)

KERAS := build/keras-suite
$(KERAS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(KERAS)/venv
	$(KERAS)/venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' keras==3.15.1 jax absl-py h5py scipy
	$(KERAS)/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(KERAS)/wheel keras==3.15.1
	@touch $@

keras-suite: $(KERAS)/.installed ## Keras' own tests, where they use public names, against symkeras and Keras (PARTS=layers/core for some; takes an hour)
	$(KERAS)/venv/bin/python -m tests.surface.keras_suite $(KERAS) $(PARTS) --jobs $(or $(filter-out auto,$(JOBS)),2)

CONFORMANCE := build/conformance/venv
$(CONFORMANCE)/.installed: pyproject.toml
	$(PYTHON) -m venv $(CONFORMANCE)
	$(CONFORMANCE)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' keras==3.15.1 jax tensorflow-cpu scipy
	@touch $@

CASES ?= 3000
SEED ?= 0
conformance: $(CONFORMANCE)/.installed ## random configurations of all that Keras has, on both (CASES=3000 SEED=0 BACKENDS=jax,tensorflow ONLY=layers,losses.Hu)
	@failed=; $(foreach name,$(subst $(comma), ,$(or $(BACKENDS),jax tensorflow)),echo "-- Keras on $(name)"; \
		$(CONFORMANCE)/bin/python -m tests.conformance --backend $(name) --cases $(CASES) --seed $(SEED) \
		$(if $(ONLY),--only $(subst $(comma), ,$(ONLY))) || failed="$$failed $(name)";) \
	if [ -n "$$failed" ]; then echo "differs:$$failed" >&2; exit 1; fi

DOCS := build/docs-venv
$(DOCS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --editable '.[docs]'
	@touch $@

docs: $(DOCS)/.installed ## build/docs/index.html: the guide, how it works, and the reference, made of the docstrings (a broken link fails)
	$(DOCS)/bin/python -m mkdocs build --strict

clean: ## remove what was built
	rm -rf $(VENV) $(PEERS) $(ENGINES) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

.PHONY: help venv demo test test-native test-backends test-backends-quick test-page lint sanitize fuzz bench bench-peers keras-suite conformance docs clean
