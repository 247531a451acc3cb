# Two commands. Each sets up everything it needs in .venv; Python 3.11 or newer and make suffice.
#   make demo   the main job, end to end, on real data, with embedded defaults
#   make test   linters, types, import floors, tests and benchmarks
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := demo
.PHONY: demo test

demo: .venv/.ready-demo
	@$(BIN)/python examples/diabetes_demo.py

test: .venv/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not benchmark"
	@# A ratio that something else on the machine spoiled is taken again, twice at most.
	$(BIN)/python -m pytest -s tests/benchmarks tests/serving -m benchmark --reruns 2 --reruns-delay 5

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "aims-mlops needs Python 3.11 or newer; got %d.%d. Next: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Setting up .venv (once; about two minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip

.venv/.ready-demo: .venv/bin/python pyproject.toml constraints.txt
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

.venv/.ready-test: .venv/.ready-demo
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@touch $@
