# Every command sets up what it needs; nothing has to be installed by hand but Python, gcc, git and make.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo check test unit bench openapi format lock clean

help:  ## Show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/.ready  ## Install everything into .venv and build the compiled decoders

.venv/.ready: requirements.lock pyproject.toml setup.py $(shell find src -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@

demo: setup  ## Copy a real database, change it, keep it in step, and go on serving
	$(BIN)/towpath up --demo

check: setup  ## Formatting, lint, types, import law
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup  ## Every test, against real systems (installs MariaDB and Node modules if they are missing and it can)
	PYTHONPATH=tests $(BIN)/python -m support.mariadb
	PYTHONPATH=tests $(BIN)/python -m support.extension
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

unit: setup  ## The tests that run in seconds
	$(BIN)/pytest tests/unit tests/house

bench: setup  ## Measure against the physical limit, and with PEERS=1 against other tools
	$(BIN)/python benchmarks/run.py $(if $(PEERS),--peers)
	$(BIN)/python benchmarks/credentials.py
	$(BIN)/python benchmarks/records.py $(if $(PEERS),--peers)
	$(BIN)/python benchmarks/rest_flow.py

openapi: setup  ## Write the OpenAPI documents of the API families into openapi/
	$(BIN)/towpath openapi --write openapi

format: setup  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup  ## Resolve the dependencies anew
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade -q -o requirements.lock

clean:  ## Remove what was built
	rm -rf .venv build dist src/*.egg-info
	find src -name '*.so' -delete -o -name '*.c' -path '*connectors*' -delete
