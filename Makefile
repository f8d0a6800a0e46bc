# Nocturne: `make run` sets everything up and starts it. Needs Python ≥ 3.11 and make, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := app.py domain storage monitor dashboard launch nocturne_client
JS := $(wildcard assets/*.js assets/*/*.js assets/*/*.mjs)

.DEFAULT_GOAL := help
.PHONY: help setup setup-test run test faults lint bench screens lock clean

help:
	@echo "make run      set up and start Nocturne on http://127.0.0.1:8050"
	@echo "make setup    only set up the environment in $(VENV)"
	@echo "make test     run the tests          make faults   the long fault runs"
	@echo "make lint     run the linters        make bench    the measurements"
	@echo "make screens  take screenshots       make lock     resolve the dependencies anew"

setup: $(VENV)/.installed

run: setup
	@exec $(BIN)/python app.py run

# The processes under test start faster where Python may keep what it has compiled.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

test: setup-test
	$(PYTEST) -m "not faults" -n 3 --dist loadfile --no-loadscope-reorder --durations=15 $(ARGS)

faults: setup-test
	$(PYTEST) -s -m faults tests/faults $(ARGS)

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(PACKAGES)
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(PACKAGES)
	@if ! command -v node >/dev/null; then echo "JavaScript was not checked: there is no node"; \
	else for file in $(JS); do node --check "$$file" || exit 1; done; fi

bench: setup-test
	@for name in incidents detection monitor falsealarms checks api storage; do echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done

screens: setup-test
	$(BIN)/python -m tests.browser.screens

# Resolves for every platform at once, so that the same lock serves all of them.
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: install it, or leave the locks"; exit 1; }
	$(LOCK) pyproject.toml --all-extras -o requirements.lock
	$(LOCK) pyproject.toml --all-extras --group test -o requirements-test.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		found="$$($(PYTHON) --version 2>/dev/null || echo not there)"; \
		echo "Nocturne needs Python 3.11 or newer; $(PYTHON) is $$found." \
			"Name another: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) can't make environments: install its venv package" \
			"(Debian: apt-get install python3-venv)"; exit 1; }

$(VENV)/.installed: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

setup-test: $(VENV)/.installed-test

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@sh .ci/packages
	@touch $@
