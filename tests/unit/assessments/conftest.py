import importlib.util
import sys
from pathlib import Path

import pytest

from aims_mlops.inventory.project import forget_stores

_WORLD = Path(__file__).parents[1] / "gates" / "world.py"


def _load(name="gate_world", path=_WORLD):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A real project in a folder of its own; see world.py."""
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL", "AIMS_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("AIMS_PLUGINS", "")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    yield _load().World(tmp_path / "project")
    forget_stores()


@pytest.fixture
def good():
    return _load().GOOD


@pytest.fixture
def bad():
    return _load().BAD


@pytest.fixture
def log(tmp_path):
    """Signed records in memory; see signed_log.py."""
    return _load("signed_log", Path(__file__).parent / "signed_log.py").Log(tmp_path)
