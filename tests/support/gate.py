"""The fixtures of whoever asks the gate: a world, its figures, a log in memory."""

import contextlib

import pytest

from aims_mlops.inventory.project import forget_stores
from support.signed_log import Log
from support.world import BAD, GOOD, World


@contextlib.contextmanager
def made_world(folder, monkeypatch, *, plugins=""):
    """A real project below a folder; `plugins`: what AIMS_PLUGINS says, None leaves it as it is."""
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL", "AIMS_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMS_KEYS", str(folder / "keys"))
    if plugins is not None:
        monkeypatch.setenv("AIMS_PLUGINS", plugins)
    (folder / "project").mkdir()
    monkeypatch.chdir(folder / "project")
    yield World(folder / "project")
    forget_stores()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A real project in a folder of its own; see `support.world`."""
    with made_world(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def good():
    return GOOD


@pytest.fixture
def bad():
    return BAD


@pytest.fixture
def log(tmp_path):
    """Signed records in memory; see `support.signed_log`."""
    return Log(tmp_path)
