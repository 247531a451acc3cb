# Two commands. Each sets up everything it needs in .venv; Python 3.11 or newer and make suffice.
#   make demo   the main job, end to end, on real data, with embedded defaults
#   make test   linters, types, import floors and tests; make test K=expression runs some tests
#   make mlflow the tests of tests/mlflow against the oldest and the newest MLflow that is supported
#   make flavours   the table in docs/flavours.md, with every framework (8 GB in .venv-flavours)
#   make docs   the documentation site, built strictly into site/
#   make coverage   how much of the code the tests run, with a floor
#   make bench  figures of speed and memory, printed and kept under benchmarks/
PYTHON ?= python3
BIN := .venv/bin
COVERAGE_FLOOR := 70

.DEFAULT_GOAL := demo
.PHONY: demo test bench coverage docs flavours mlflow

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

coverage: .venv/.ready-test
	@# TESTS names what is run. The floor is a first one, to be raised to what a whole run reports.
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q -n 2 --dist worksteal -m "not benchmark" $(or $(TESTS),tests/unit)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report --fail-under $(COVERAGE_FLOOR)

docs: .venv/.ready-test
	@# Without the advice of its theme about other generators.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# MLflow itself comes from a small venv of its own, all else from .venv. Its whole wheel holds what
# mlflow-skinny and mlflow-tracing hold, so that none of its dependencies is installed twice.
# constraints.txt stays at 3.17: MLflow 3.18 requires an mlflow-skinny 3.18 that is not published.
OLDEST := 3.16.0
NEWEST := 3.18.0
# What changes from version to version: routes, methods, answers, files. FULL=1 runs all of tests/mlflow
# but the client without our package, which is made from the folder that MLflow lies in.
MLFLOW_TESTS := $(if $(FULL),tests/mlflow --ignore tests/mlflow/gate/test_client_without_package.py,\
    $(wildcard tests/mlflow/test_*.py) $(addprefix tests/mlflow/gate/test_,known_routes.py \
    unchanged_registry.py unreadable_requests.py gate_routes.py server_app.py))

mlflow: .venv-oldest/.ready .venv-newest/.ready
	.venv-oldest/bin/python -m pytest -q -n 2 --dist worksteal -m "not benchmark" $(MLFLOW_TESTS) $(if $(K),-k "$(K)")
	.venv-newest/bin/python -m pytest -q -n 2 --dist worksteal -m "not benchmark" $(MLFLOW_TESTS) $(if $(K),-k "$(K)")

.venv-oldest/.ready: MLFLOW := $(OLDEST)
.venv-newest/.ready: MLFLOW := $(NEWEST)
.venv-oldest/.ready .venv-newest/.ready: .venv/.ready-test Makefile
	@$(BIN)/python -m venv --without-pip $(@D)
	@$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --no-deps mlflow==$(MLFLOW)
	@$(@D)/bin/python -c 'import sys, sysconfig as s; open(s.get_path("purelib") + "/base.pth", "w").write("import site; site.addsitedir(%r)" % sys.argv[1])' \
	    "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

flavours: .venv-flavours/.ready
	@# docs/flavours.md must say what is found; WRITE=1 writes it anew.
	AIMS_WRITE_FLAVOURS=$(WRITE) KERAS_BACKEND=torch MPLBACKEND=Agg .venv-flavours/bin/python -m pytest -q tests/flavours/check_flavours.py tests/flavours/check_tensors.py

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
