import importlib.util
import sys
from pathlib import Path

import pytest

from support.gate import made_world

ROOT = Path(__file__).parents[2]


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def world(monkeypatch, tmp_path):
    """The gate's world, with plugins, and without a freeze."""
    monkeypatch.delenv("AIMS_FREEZE", raising=False)
    with made_world(tmp_path, monkeypatch, plugins=None) as made:
        yield made


@pytest.fixture
def freeze_window():
    """The example's plugin, registered for one test."""
    from aims_mlops.plugins import manager

    plugin = _load("freeze_window", ROOT / "examples/objecting_plugin/freeze_window.py")
    manager().register(plugin, "freeze-window")
    yield plugin
    manager().unregister(name="freeze-window")


@pytest.fixture
def energy_plugin():
    """The example beside this file, registered for one test."""
    from aims_mlops.plugins import manager

    plugin = _load("energy_plugin", Path(__file__).parent / "energy_plugin.py")
    manager().register(plugin, "energy")
    yield plugin
    plugin.without_meter.clear()
    manager().unregister(name="energy")
