"""What exports are made of: a small world, and a project with a fully recorded model."""

import pytest

from aims_mlops.inventory.project import find_project, forget_stores
from support.exported import recorded_project
from support.gate import world as world


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """A project whose log has one model with everything about it; nobody writes to it."""
    return recorded_project(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def store(recorded, monkeypatch):
    """Its log, opened in this process."""
    monkeypatch.setenv("AIMS_PROJECT", str(recorded.root))
    yield find_project().open_store()
    forget_stores()
