"""Calling hooks so that one plugin's failure is its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.state import gaps
from aims_mlops.plugins import manager

if TYPE_CHECKING:
    from pluggy import HookImpl

    from aims_mlops.capture.state.run_state import RunState


def each_plugin(run: RunState, hook: str, /, **arguments: Any) -> list[Any]:
    """What every plugin's implementation returns, None left out; generators are read to the end.

    A failure becomes a gap of the run that names hook and plugin.
    """
    results: list[Any] = []
    for implementation in _implementations(hook):
        try:
            found = _call(implementation, arguments)
        except Exception as error:  # noqa: BLE001  a plugin must not break a run
            where = f"{hook} of plugin {implementation.plugin_name}"
            gaps.note(run, where, error)
        else:
            if found is not None:
                results.append(found)
    return results


def first_plugin(run: RunState, hook: str, /, **arguments: Any) -> Any:
    """The first answer that is not None, plugins that came last asked first, as pluggy does.

    A plugin that fails becomes a gap, and the next one is asked.
    """
    for implementation in reversed(list(_implementations(hook))):
        where = f"{hook} of plugin {implementation.plugin_name}"
        with gaps.guarded(run, where):
            found = _call(implementation, arguments)
            if found is not None:
                return found
    return None


def _implementations(hook: str) -> Iterator[HookImpl]:
    for implementation in getattr(manager().hook, hook).get_hookimpls():
        if not (implementation.wrapper or implementation.hookwrapper):
            yield implementation


def _call(implementation: HookImpl, arguments: dict[str, Any]) -> Any:
    found = implementation.function(*(arguments[name] for name in implementation.argnames))
    return list(found) if isinstance(found, Iterator) else found
