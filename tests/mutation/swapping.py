"""Putting changed code into modules that are imported already.

Tests hold the functions that they imported, so a function keeps its identity and gets other code.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any


class NothingChangedError(Exception):
    """The change reached nothing that is alive: the mutant would survive whatever tests do."""


def swap(module: str, code: CodeType) -> None:
    """Give the functions, defaults and constants of a module the changed code's."""
    live = sys.modules[module]
    fresh = ModuleType(module)
    fresh.__file__, fresh.__package__ = live.__file__, live.__package__
    exec(code, fresh.__dict__)
    changed = [
        _take(live, name, vars(live)[name], new)
        for name, new in vars(fresh).items()
        if not name.startswith("__") and name in vars(live)
    ]
    if not any(changed):
        raise NothingChangedError(module)


def _take(live: ModuleType, name: str, old: Any, new: Any) -> bool:
    if isinstance(new, type):
        return new.__module__ == live.__name__ and _take_class(old, new)
    if _function(new) is not None:
        return _take_function(_function(old), _function(new), live.__name__)
    if isinstance(new, dict) and all(isinstance(value, int) for value in new.values()):
        changed = old != new
        old.clear()
        old.update(new)
        return changed
    if not isinstance(new, bool | int | float) or old == new:
        return False
    for module in list(sys.modules.values()):  # those that imported the constant by name, too
        if vars(module).get(name) is old and module.__name__.startswith("aims_mlops"):
            setattr(module, name, new)
    return True


def _take_class(old: Any, new: Any) -> bool:
    changed = [
        _take_function(_function(vars(old)[name]), _function(member), new.__module__)
        for name, member in vars(new).items()
        if _function(member) is not None and name in vars(old)
    ]
    fields = getattr(old, "model_fields", {})  # of a pydantic model
    for name, field in fields.items():
        given = new.model_fields[name].default
        if isinstance(given, bool | int) and field.default != given:
            field.default = given
            changed.append(old.model_rebuild(force=True))
    return any(changed)


def _take_function(old: Any, new: Any, module: str) -> bool:
    if old is None or new is None or new.__module__ != module:
        return False
    said = (old.__code__, old.__defaults__, old.__kwdefaults__)
    old.__code__ = new.__code__
    # A default that is no plain value is the fresh module's own object and stays the old one.
    old.__defaults__ = _plain(old.__defaults__, new.__defaults__)
    named = new.__kwdefaults__
    if named is not None:
        known = old.__kwdefaults__
        values = _plain(tuple(known.values()), tuple(named.values()))
        old.__kwdefaults__ = dict(zip(known, values or (), strict=True))
    return said != (old.__code__, old.__defaults__, old.__kwdefaults__)


def _plain(old: tuple[Any, ...] | None, new: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    if old is None or new is None:
        return new
    pairs = zip(old, new, strict=True)
    return tuple(n if isinstance(n, bool | int | float | str) else o for o, n in pairs)


def _function(member: Any) -> Any:
    """The plain function in what a module or class holds; None if there is none."""
    for name in ("fget", "func", "__func__", "__wrapped__"):
        inner = getattr(member, name, None)
        if isinstance(inner, FunctionType):
            return inner
    return member if isinstance(member, FunctionType) else None
