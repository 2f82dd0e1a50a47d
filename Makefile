# `make run` and `make test` do all their own set-up; Python 3.11, git and make are enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed

.PHONY: help install run test lint bench chaos clean
help:  ## Show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## Make .venv with the pinned packages (once)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory venv-module
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

# Debian keeps ensurepip, which venv needs, in a package of its own.
.PHONY: venv-module
venv-module:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Python's venv module is missing: installing Debian's python3-venv" >&2; \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } >/dev/null; \
	else \
	  echo "Python's venv module is missing; as root: apt-get install python3-venv" >&2; exit 1; \
	fi

run: install  ## Two intents and a table of prompts, from beginning to end, on this machine
	@$(BIN)/python examples/run.py

test: install lint  ## Lint, type check, compare the specs with the goldens, run the tests
	$(BIN)/python compile.py --check
	$(BIN)/pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install  ## Measure against floors of the same run: some minutes, 4 GB of disk
	@status=0; for name in run prepare_rows aggregate_rows xlsx_rows predict_schedules \
	  supervision_schedules watch_jobs; do \
	  echo "== $$name"; $(BIN)/python bench/$$name.py || status=1; done; exit $$status

chaos: install  ## 200 runs of each pipeline with faults, kills and cancels: some minutes
	@$(BIN)/python bench/chaos.py

clean:  ## Remove what was built and run (keeps .venv)
	rm -rf build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
