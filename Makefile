# Every target sets up .venv first; a second call finds it standing.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
SUITE ?= quick

.DEFAULT_GOAL := help
.PHONY: help reproduce audit test light check datasets leaderboard report bench clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "offline_bench needs Python 3.11 to 3.13: make PYTHON=python3.11 ...")'
	@echo "setting up .venv, once: a minute or two"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

reproduce: $(READY) ## Build the data, train, evaluate and write the tables of a suite (SUITE=quick); goes on where it stopped
	$(BIN)/offline-bench reproduce $(SUITE)

audit: BUDGET = hour
audit: $(READY) ## Ask whether a dataset is reward-sensitive (DATASET=..., BUDGET=minutes|hour|night)
	$(BIN)/offline-bench audit --dataset $(DATASET) --budget $(BUDGET)

test: check ## Run all checks and tests
	$(BIN)/python -m pytest -n 2

light: OTHER = .venv-$(notdir $(PYTHON))
light: ## Run the tests that neither train nor start processes, on another Python (PYTHON=python3.12), in .venv-python3.12
	@test -x $(OTHER)/bin/python || $(PYTHON) -m venv $(OTHER)
	@$(OTHER)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(OTHER)/bin/python -m pytest -m 'not slow'

check: $(READY) ## Run ruff, mypy --strict and the test of the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

datasets: $(READY) ## Build the built-in datasets that are not in datasets/cache yet (TRANSITIONS=... for another size)
	$(BIN)/offline-bench datasets build $(if $(TRANSITIONS),--transitions $(TRANSITIONS))

leaderboard: $(READY) ## Print the committed leaderboard of a suite
	$(BIN)/offline-bench leaderboard $(SUITE)

report: SUITE = coverage
report: $(READY) ## Write report.html, tables and figures of a suite's committed results (SUITE=coverage), byte for byte
	$(BIN)/offline-bench report $(SUITE)

bench: $(READY) ## Measure speed beside what it replaces
	$(BIN)/offline-bench bench

clean: ## Remove the environment, built data and local results; committed results stay
	rm -rf .venv .venv-* datasets/cache results/local build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
