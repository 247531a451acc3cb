"""A function of any kind, wrapped so that each call is a run.

The wrapper of a generator function is one too, of a coroutine function likewise, so that
whoever inspects them sees no difference. Wrappers close over nothing that cannot be pickled and
name only importable globals: joblib and cloudpickle send them to worker processes by value.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

from aims_mlops.capture.arguments.callables import acts_like, module_of, name_of
from aims_mlops.capture.recording import begin, finish
from aims_mlops.capture.run import Run
from aims_mlops.capture.state.current import activated
from aims_mlops.capture.state.settings import RunSettings, switched_off
from aims_mlops.errors import InputError

W = TypeVar("W", bound=Callable[..., Any])


def wrapped(function: Any, settings: RunSettings) -> Any:
    """`function` with every call captured; raises InputError for what is not a function."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(wrapped(function.__func__, settings))
    if inspect.isclass(function) or not callable(function):
        raise InputError(
            "only a function or method can be decorated",
            got=f"the class {function.__name__}"
            if inspect.isclass(function)
            else type(function).__name__,
            expected="a def or async def, a functools.partial, an object with __call__",
            next_step="decorate the method that does the work",
        )
    if acts_like(inspect.isasyncgenfunction, function):
        return _around_async_generator(function, settings)
    if acts_like(inspect.iscoroutinefunction, function):
        return _around_coroutine(function, settings)
    if acts_like(inspect.isgeneratorfunction, function):
        return _around_generator(function, settings)
    return _around_call(function, settings)


def _wraps(function: Callable[..., Any]) -> Callable[[W], W]:
    """`functools.wraps`, also of partials and callable objects, whose attributes stay theirs."""

    def named(wrapper: W) -> W:
        whole = hasattr(function, "__qualname__")
        updated = functools.WRAPPER_UPDATES if whole else ()
        functools.update_wrapper(wrapper, function, updated=updated)
        if not whole:
            wrapper.__qualname__ = name_of(function)
            wrapper.__name__ = wrapper.__qualname__.rpartition(".")[2]
            wrapper.__module__ = module_of(function)
        return wrapper

    return named


def _around_call(function: Callable[..., Any], settings: RunSettings) -> Callable[..., Any]:
    @_wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # pytest and IPython leave our frame out
        if switched_off():
            return function(*args, **kwargs)
        run = begin(settings, function, args, kwargs)
        try:
            with activated(run):
                result = function(*args, **kwargs)
        except BaseException as error:
            finish(run, error=error)
            raise
        finish(run, result=result)
        return result

    return wrapper


def _around_generator(function: Callable[..., Any], settings: RunSettings) -> Callable[..., Any]:
    @_wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True
        if switched_off():
            return (yield from function(*args, **kwargs))
        run = begin(settings, function, args, kwargs)
        try:
            result = yield from _stepped(function(*args, **kwargs), run)
        except BaseException as error:
            finish(run, error=error)
            raise
        finish(run, result=result)
        return result

    return wrapper


def _around_coroutine(function: Callable[..., Any], settings: RunSettings) -> Callable[..., Any]:
    @_wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if switched_off():
            return await function(*args, **kwargs)
        run = begin(settings, function, args, kwargs)
        try:
            result = await _Stepped(function(*args, **kwargs), run)
        except BaseException as error:
            finish(run, error=error)
            raise
        finish(run, result=result)
        return result

    return wrapper


def _around_async_generator(
    function: Callable[..., Any], settings: RunSettings
) -> Callable[..., Any]:
    @_wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        __tracebackhide__ = True
        inner: AsyncGenerator[Any, Any] = function(*args, **kwargs)
        run = None if switched_off() else begin(settings, function, args, kwargs)
        step: Callable[..., Coroutine[Any, Any, Any]] = inner.asend
        given: tuple[Any, ...] = (None,)
        try:
            while True:
                try:
                    item = await (step(*given) if run is None else _Stepped(step(*given), run))
                except StopAsyncIteration:
                    break
                try:
                    given = ((yield item),)
                    step = inner.asend
                except GeneratorExit:
                    await (inner.aclose() if run is None else _Stepped(inner.aclose(), run))
                    raise
                except BaseException as thrown:  # noqa: BLE001  handed on to the user's code
                    step, given = inner.athrow, (thrown,)
        except BaseException as error:
            if run is not None:
                finish(run, error=error)
            raise
        if run is not None:
            finish(run)

    return wrapper


class _Stepped:
    """An awaitable that makes `run` the current one exactly while the user's code runs."""

    __slots__ = ("_inner", "_run")

    def __init__(self, inner: Any, run: Run) -> None:
        self._inner = inner
        self._run = run

    def __await__(self) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True
        return (yield from _stepped(self._inner.__await__(), self._run))


def _stepped(inner: Generator[Any, Any, Any], run: Run) -> Generator[Any, Any, Any]:
    """Delegate to `inner` as `yield from` does (PEP 380), with `run` current only inside it."""
    __tracebackhide__ = True
    with activated(run):
        try:
            item = next(inner)
        except StopIteration as stop:
            return stop.value
    while True:
        try:
            sent = yield item
        except GeneratorExit:
            with activated(run):
                close = getattr(inner, "close", None)
                if close is not None:
                    close()
            raise
        except BaseException as thrown:  # noqa: BLE001  handed on to the user's code
            with activated(run):
                try:
                    item = inner.throw(thrown)
                except StopIteration as stop:
                    return stop.value
        else:
            with activated(run):
                try:
                    item = next(inner) if sent is None else inner.send(sent)
                except StopIteration as stop:
                    return stop.value
