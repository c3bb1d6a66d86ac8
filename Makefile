# The commands of a developer. Every target sets up what it needs first.

.DEFAULT_GOAL := help
HOME_DIR := $(or $(TOLLBOOK_HOME),.tollbook)
SANDBOX_DAYS ?= 30
SANDBOX_REQUESTS ?= 5000
SANDBOX_SEED ?= 1
SANDBOX_LAST_DAY ?=
BENCH_ROWS ?= 100000 1000000

# After installation nothing connects to the network.
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := 0
export DBT_VERSION_CHECK := 0
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export MARIMO_SKIP_UPDATE_CHECK := 1

VENV := .venv
BIN := $(VENV)/bin
# The stamp is named after the checksum of what is installed: a current environment costs one file lookup.
STAMP := $(VENV)/installed-$(shell cat requirements.lock pyproject.toml | cksum | tr ' ' '-')

.PHONY: help setup run test dev notebooks pictures docs bench evaluate lint format

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Create .venv from requirements.lock; does nothing when it is current

$(STAMP):
	@rm -f $(VENV)/installed-*
	@python=; for candidate in python3.13 python3.12 python3.11 python3; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; \
	  then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Tollbook needs Python 3.11, 3.12 or 3.13 on PATH; none was found." >&2; exit 1; fi; \
	echo "Installing into $(VENV) with $$($$python --version) (once; a minute or two) …"; \
	if uv --version >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --no-project --no-python-downloads --python "$$(command -v $$python)" $(VENV) && \
	  uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
	  $$python -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	-@$(BIN)/python -m dagster_project.set_up
	@touch $@

run: setup ## Generate sandbox data if the home is empty, run the night over it, print the findings
	@if [ ! -e "$(HOME_DIR)/truth.json" ] && { [ -e "$(HOME_DIR)/sandbox" ] || [ ! -e "$(HOME_DIR)/landing" ]; }; then \
	  $(BIN)/tollbook sandbox --home "$(HOME_DIR)" \
	    --days $(SANDBOX_DAYS) --requests-per-day $(SANDBOX_REQUESTS) --seed $(SANDBOX_SEED) \
	    $(if $(SANDBOX_LAST_DAY),--last-day $(SANDBOX_LAST_DAY)); \
	fi
	@# 3 means the night is done with findings to look at, which the sandbox plants.
	@$(BIN)/tollbook run --home "$(HOME_DIR)" || [ $$? -eq 3 ]

test: setup ## Run the tests; they stay on this machine
	@# One more process than cores: one test in six waits for a disk or another process.
	@PYTEST_XDIST_AUTO_NUM_WORKERS=$$(($$(getconf _NPROCESSORS_ONLN) + 1)) $(BIN)/python -m pytest

dev: setup ## Open the Dagster UI on http://127.0.0.1:3000
	@$(BIN)/python -m dagster_project.runs.instance
	@PATH="$(CURDIR)/$(BIN):$$PATH" \
	  DAGSTER_HOME="$$($(BIN)/python -c 'from ingestion.home import Home; print(Home.locate().dagster)')" \
	  $(BIN)/dg dev --host 127.0.0.1 --port 3000

notebooks: setup ## Serve the notebooks on 127.0.0.1:2718; prints the address with its token (NOTEBOOK_OPTIONS=--no-token)
	@$(BIN)/python -m dagster_project.notebooks.server $(NOTEBOOK_OPTIONS)

pictures: setup ## Draw the pictures of the notebooks again, of the home that TOLLBOOK_HOME names
	@TOLLBOOK_HOME="$(abspath $(HOME_DIR))" TOLLBOOK_PICTURES=1 $(BIN)/python -m pytest -n 0 tests/notebooks/test_in_browser.py

docs: setup ## Write the documentation of the dbt models as one page, which opens without a network, and docs/data-dictionary.md
	@$(BIN)/python -m dagster_project.dbt_docs

bench: setup ## Time the night, at BENCH_ROWS="100000 1000000" requests, and landing against a bare DuckDB statement, and queries of the reports
	@$(BIN)/python tests/benchmarks/bench.py $(BENCH_ROWS)
	@$(BIN)/python tests/benchmarks/landing.py
	@$(BIN)/python tests/benchmarks/reports.py
	@$(BIN)/python tests/benchmarks/pricing.py $(lastword $(BENCH_ROWS))
	@$(BIN)/python tests/benchmarks/workers.py $(lastword $(BENCH_ROWS))

evaluate: setup ## Run the anomaly detectors over generated data with known anomalies
	@$(BIN)/python -m tests.evaluation.evaluate

lint: setup ## Check style: Python, SQL, notebooks, and the documentation of dbt models
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/sqlfluff lint --processes 0 dbt/models dbt/tests
	@$(BIN)/marimo check --strict notebooks/*.py
	@cp "$$($(BIN)/python -c 'from dagster_project.dbt_runner.project import project; print(project().parse_folder)')/manifest.json" dbt/target/
	@$(BIN)/dbt-bouncer run

format: setup ## Format Python and fix what the linters can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix dbt/models dbt/tests
