# The commands a newcomer types. Everything they need is installed into .venv from the hashed locks.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
UV_CUSTOM := make lock

.DEFAULT_GOAL := help
.PHONY: help install demo test test-faults simulate check format lint types contracts fast bench bench-models run lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/runtime.stamp: requirements.txt setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=... names one)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the locked packages ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/runtime.stamp
	@echo "installing the locked tools for tests ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

$(BIN)/daichang: .venv/runtime.stamp
	@printf '#!/bin/sh\nhere=$$(cd "$$(dirname "$$0")/../.." && pwd)\nPYTHONPATH="$$here$${PYTHONPATH:+:$$PYTHONPATH}" exec "$$here/.venv/bin/python" -m wsgi "$$@"\n' > $@
	@chmod +x $@

install: $(BIN)/daichang ## prepare the environment alone

demo: $(BIN)/daichang ## run the main job on simulated debtors and leave the doors open
	@$(BIN)/daichang demo

run: $(BIN)/daichang ## serve the web on the embedded database
	@$(BIN)/daichang run

test: .venv/dev.stamp $(BIN)/daichang ## run every test
	@$(BIN)/daichang doctor --tests --install
	@$(BIN)/python -m pytest -q -n 3 --dist loadscope --no-loadscope-reorder

simulate: .venv/dev.stamp $(BIN)/daichang ## live through SEEDS=n seeds from FIRST=k, or tell every step of SEED=k
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200) --first $(or $(FIRST),0))

check: .venv/dev.stamp $(BIN)/daichang format lint types contracts fast ## format, lint, types, contracts and fast tests

format:
	@$(BIN)/ruff format --check --quiet .

lint:
	@$(BIN)/ruff check --quiet .

types:
	@$(BIN)/mypy

contracts:
	@$(BIN)/lint-imports

# The rules of the house, the arithmetic, the ground and underwriting; make test runs the rest.
FAST := tests/house tests/contracts tests/kernel tests/underwriting $(addprefix tests/disbursement/,schedule matching statements)

fast:
	@$(BIN)/python -m pytest -q -n 2 --dist loadscope -m "not slow and not browser" $(FAST)

# RUNS, FIRST: how many stories, from which seed. SEED: one of them alone, told aloud.
test-faults: .venv/dev.stamp $(BIN)/daichang ## kill, pause, cut off and set back real processes
	@$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED),--runs $(or $(RUNS),24) --first $(or $(FIRST),1))

# FULL=1: also what takes long.
bench: .venv/dev.stamp $(BIN)/daichang ## print speed as ratios measured in one run
	@$(BIN)/python -m benchmarks $(if $(FULL),--full)

# In an environment of its own, so that no test and nothing that serves ever sees the rivals.
.venv/bench.stamp: requirements-bench.txt .venv/runtime.stamp
	@test -x .venv/bench/bin/python || $(PYTHON) -m venv .venv/bench
	@echo "installing the locked rivals ..."
	@.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.txt
	@touch $@

# DATA: the folder with the training sets. ONLY: the names of some of them.
bench-models: $(BIN)/daichang ## print how our models stand beside others on known data
	@if $(MAKE) --no-print-directory .venv/bench.stamp; then python=.venv/bench/bin/python; \
	else echo "without the rivals' packages their rows say so"; python=$(BIN)/python; fi; \
	$$python -m benchmarks.models_table --data $(or $(DATA),../shared/data) $(ONLY)

lock: ## write the hashed locks anew (needs uv on the PATH)
	uv pip compile setup.cfg --universal --python-version 3.11 --generate-hashes -q -o requirements.txt --custom-compile-command "$(UV_CUSTOM)"
	uv pip compile setup.cfg --extra dev --universal --python-version 3.11 --generate-hashes -q -o requirements-dev.txt --custom-compile-command "$(UV_CUSTOM)" --allow-unsafe
	uv pip compile setup.cfg --extra bench -c requirements.txt --universal --python-version 3.11 --generate-hashes -q -o requirements-bench.txt --custom-compile-command "$(UV_CUSTOM)"

clean: ## remove the environment and everything made at run time
	@-test -x $(BIN)/daichang && $(BIN)/daichang db stop >/dev/null 2>&1
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
