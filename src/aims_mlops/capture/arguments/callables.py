"""What a callable is called and made of: functions, partials and objects with `__call__`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any


def name_of(function: Callable[..., Any]) -> str:
    """The qualified name of a callable; of a partial that of its function, else of its class."""
    plain = unbound(function)
    name = getattr(plain, "__qualname__", None)
    return name if isinstance(name, str) else type(plain).__qualname__


def module_of(function: Callable[..., Any]) -> str:
    """The module in which a callable, or the class of it, was made."""
    plain = unbound(function)
    module = getattr(plain, "__module__", None) or type(plain).__module__
    return str(module)


def unbound(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function inside partials; anything else as it is."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def source_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose source is the code of a call."""
    plain = unbound(function)
    if inspect.isroutine(plain) or hasattr(inspect.unwrap(plain), "__code__"):
        return plain
    return type(plain).__call__


def acts_like(check: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    """Whether `check` of `inspect`, such as `iscoroutinefunction`, holds of what is called."""
    plain = unbound(function)
    if check(plain):
        return True
    return not inspect.isroutine(plain) and check(getattr(type(plain), "__call__", None))  # noqa: B004


def call_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name, defaults and those of partials included, without `self`.

    By position where a function written in C does not say its names. Empty when they do not fit:
    the call itself will say so in the user's own traceback.
    """
    while isinstance(function, functools.partial):
        args, kwargs = (*function.args, *args), {**function.keywords, **kwargs}
        function = function.func
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return {**{f"args.{i}": item for i, item in enumerate(args)}, **kwargs}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return {}
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for index, (name, value) in enumerate(bound.arguments.items()):
        kind = signature.parameters[name].kind
        if index == 0 and name in ("self", "cls", "mcs"):
            continue
        if kind is inspect.Parameter.VAR_POSITIONAL:
            found.update({f"{name}.{i}": item for i, item in enumerate(value)})
        elif kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = value
    return found
