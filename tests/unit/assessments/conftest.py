"""The world of the gate's own tests, and its figures."""

import importlib.util
import sys
from pathlib import Path


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_gate = _load("gate_conftest", Path(__file__).parents[1] / "gates" / "conftest.py")
world, good, bad, log = _gate.world, _gate.good, _gate.bad, _gate.log
