"""The plugin manager: built-in plugins first, then those that entry points name.

The built-in captures, measures, stores and MLflow support come in through the same hooks as a
third party's. Nothing is loaded on import; the first use of `hooks()` loads everything once.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Literal

import pluggy

__all__ = ["LoadedPlugin", "hookimpl", "hooks", "hookspec", "loaded_plugins", "manager"]

hookspec = pluggy.HookspecMarker("aims_mlops")
hookimpl = pluggy.HookimplMarker("aims_mlops")

SPECIFICATIONS = "aims_mlops.hookspecs"  # by name: it types hooks by what higher floors define
ENTRY_POINT_GROUP = "aims_mlops"
ALLOW_VARIABLE = "AIMS_PLUGINS"  # comma-separated names; unset: every installed one; "": none

_BUILT_IN = {
    "aims-stores": "aims_mlops.store.plugin",
    "aims-remote-stores": "aims_mlops.store.remote.plugin",
    "aims-captures": "aims_mlops.capture.plugin",
    "aims-measures": "aims_mlops.measures.plugin",
    "aims-notices": "aims_mlops.operations.plugin",
    "aims-publishers": "aims_mlops.operations.publishing.plugin",
    "aims-mlflow": "aims_mlops.mlflow_plugin.plugin",
}


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """One line of `aims plugins`; `problem` says why a plugin is not loaded."""

    name: str
    version: str
    origin: Literal["built-in", "entry point"]
    hooks: tuple[str, ...]
    problem: str | None = None


@cache
def _load() -> tuple[pluggy.PluginManager, tuple[LoadedPlugin, ...]]:
    manager = pluggy.PluginManager("aims_mlops")
    manager.add_hookspecs(importlib.import_module(SPECIFICATIONS).Hooks)
    loaded: list[LoadedPlugin] = []
    own_version = metadata.version("aims-mlops")
    for name, module in _BUILT_IN.items():
        plugin = importlib.import_module(module)
        manager.register(plugin, name)
        loaded.append(LoadedPlugin(name, own_version, "built-in", _hooks_of(manager, plugin)))
    allowed = _allowed_names()
    for point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        version = point.dist.version if point.dist else "unknown"
        problem: str | None = None
        found: tuple[str, ...] = ()
        if allowed is not None and point.name not in allowed:
            problem = f"not in {ALLOW_VARIABLE}"
        else:
            try:
                plugin = point.load()
                manager.register(plugin, point.name)
                found = _hooks_of(manager, plugin)
            except Exception as error:  # noqa: BLE001  a broken plugin must not break a run
                problem = f"{type(error).__name__}: {error}"
        loaded.append(LoadedPlugin(point.name, version, "entry point", found, problem))
    return manager, tuple(loaded)


def _hooks_of(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    return tuple(sorted(caller.name for caller in manager.get_hookcallers(plugin) or ()))


def _allowed_names() -> frozenset[str] | None:
    value = os.environ.get(ALLOW_VARIABLE)
    if value is None:
        return None
    return frozenset(name.strip() for name in value.split(",") if name.strip())


def hooks() -> pluggy.HookRelay:
    """The hook relay, with every allowed plugin registered."""
    return _load()[0].hook


def manager() -> pluggy.PluginManager:
    """The manager itself, for callers that isolate one plugin's failure from another's."""
    return _load()[0]


def loaded_plugins() -> tuple[LoadedPlugin, ...]:
    """What is loaded, built-in first, with names and versions; broken and barred ones included."""
    return _load()[1]
