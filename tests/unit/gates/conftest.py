import contextlib
import importlib.util
import sys
from pathlib import Path

import pytest

from aims_mlops.inventory.project import forget_stores


def _load(name="gate_world", file="world.py"):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


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
    yield _load().World(folder / "project")
    forget_stores()


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A real project in a folder of its own; see world.py."""
    with made_world(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def good():
    return _load().GOOD


@pytest.fixture
def bad():
    return _load().BAD


@pytest.fixture
def log(tmp_path):
    """Signed records in memory; see signed_log.py."""
    return _load("signed_log", "signed_log.py").Log(tmp_path)
