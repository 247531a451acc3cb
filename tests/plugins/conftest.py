import importlib.util
import sys
from pathlib import Path

import pytest

from aims_mlops.inventory.project import forget_stores

ROOT = Path(__file__).parents[2]


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A real project in a folder of its own; see tests/unit/gates/world.py."""
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL", "AIMS_ACTOR", "AIMS_FREEZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    yield _load("gate_world", ROOT / "tests/unit/gates/world.py").World(tmp_path / "project")
    forget_stores()


@pytest.fixture
def freeze_window():
    """The example's plugin, registered for one test."""
    from aims_mlops.plugins import manager

    plugin = _load("freeze_window", ROOT / "examples/objecting_plugin/freeze_window.py")
    manager().register(plugin, "freeze-window")
    yield plugin
    manager().unregister(name="freeze-window")
