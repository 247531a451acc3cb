# Two commands. Each sets up everything it needs in .venv; Python 3.11 or newer and make suffice.
#   make demo   the main job, end to end, on real data, with embedded defaults
#   make test   linters, types, import floors and tests; make test K=expression runs some tests
#   make flavours   the table in docs/flavours.md, with every framework (8 GB in .venv-flavours)
#   make bench  figures of speed and memory, printed and kept under benchmarks/
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := demo
.PHONY: demo test bench flavours

demo: .venv/.ready-demo
	@$(BIN)/python examples/diabetes_demo.py

test: .venv/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not benchmark" $(if $(K),-k "$(K)")

bench: .venv/.ready-test
	@# What misses half of its goal is taken again: it fails where it does so three times in a row.
	$(BIN)/python -m pytest -s tests/benchmarks tests/serving -m benchmark --reruns 2 --reruns-delay 5 $(if $(K),-k "$(K)")

flavours: .venv-flavours/.ready
	@# docs/flavours.md must say what is found; WRITE=1 writes it anew.
	AIMS_WRITE_FLAVOURS=$(WRITE) KERAS_BACKEND=torch MPLBACKEND=Agg .venv-flavours/bin/python -m pytest -q tests/flavours/check_flavours.py

.venv-flavours/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv-flavours
	@.venv-flavours/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@.venv-flavours/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[mlflow,performance]' --group flavours
	@touch $@

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
