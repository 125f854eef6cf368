# Needs git, make and Python >= 3.11. Everything else goes into .venv, in the versions of ci/constraints.txt.
#
#   make run     judge the reference GCS on a real Redis; GCS=ray==2.60.0 judges another
#   make test    lint, unit tests, and the scenarios against the reference and Ray 2.60.0
#   make bench   measure what the harness costs
#   make lint    style, types, generated code
#   make clean   remove .venv and caches

PYTHON ?= python3
JOBS ?= 3
GCS ?= reference
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test bench lint protos clean

run: $(READY)
	@$(BIN)/gauntlet run --gcs '$(GCS)' -n $(JOBS)

test: $(READY)
	@JOBS=$(JOBS) ci/test

bench: $(READY)
	@$(BIN)/python -m harness.bench

lint: $(READY)
	@ci/lint

protos: $(READY)
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. harness/wire/protos/*.proto

$(READY): pyproject.toml ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gauntlet needs Python >= 3.11; name one: make PYTHON=python3.12"; exit 3; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make a virtual environment: install its venv package (Debian: python3-venv)"; exit 3; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c ci/constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
