"""`@aims.monitored`: a predict function whose calls are logged, and who else notices nothing."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from time import perf_counter_ns, time_ns
from typing import Any, TypeVar, cast

from aims_mlops.errors import InputError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.inference_log.recorder.recorders import LazyRecorder
from aims_mlops.inference_log.recorder.request import begin

F = TypeVar("F", bound=Callable[..., Any])

_KEYWORD = "request_id"


def monitored(
    *,
    system: str,
    model: ModelReference | str | None = None,
    target: str | None = None,
    features: str | None = None,
) -> Callable[[F], F]:
    """Decorate a plain or async function that predicts one row or a batch of them.

    It returns and raises what it did before. What it was given and gave back is held for a thread
    that writes it to the inference log of the system; see docs/inference.md for which features are
    kept. Give `request_id=` with a call to name it; the function gets it only if it has such an
    argument. `aims.request_id()` tells the id after the call.

    model : what predicts; its digest is in the log. A reference, such as `check_model(…).model`, or
        a URI or path, which the first call resolves and digests.
    target : such as 'production'.
    features : name of the argument with the features; the first one by default.
    Raises InputError for a generator, or a function without such an argument.
    """

    def decorate(function: F) -> F:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InputError(
                f"{function.__qualname__} cannot be monitored",
                got="a generator",
                expected="a function that returns its predictions",
            )
        place, name, takes_id = _features(function, features)
        recorder_of = LazyRecorder(system, model=model, target=target)

        def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return args[place] if len(args) > place else kwargs.get(name)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def predict_async(*args: Any, **kwargs: Any) -> Any:
                said = kwargs.get(_KEYWORD) if takes_id else kwargs.pop(_KEYWORD, None)
                recorder = recorder_of()
                if recorder is None:
                    return await function(*args, **kwargs)
                id_ = begin(said)
                held = recorder.inputs(id_, given(args, kwargs))
                started, clock = time_ns(), perf_counter_ns()
                try:
                    output = await function(*args, **kwargs)
                except BaseException as error:
                    recorder.failed(error)
                    raise
                recorder.take(id_, held, output, started, perf_counter_ns() - clock)
                return output

            return cast("F", predict_async)

        @functools.wraps(function)
        def predict(*args: Any, **kwargs: Any) -> Any:
            said = kwargs.get(_KEYWORD) if takes_id else kwargs.pop(_KEYWORD, None)
            recorder = recorder_of()
            if recorder is None:
                return function(*args, **kwargs)
            id_ = begin(said)
            held = recorder.inputs(id_, given(args, kwargs))
            started, clock = time_ns(), perf_counter_ns()
            try:
                output = function(*args, **kwargs)
            except BaseException as error:
                recorder.failed(error)
                raise
            recorder.take(id_, held, output, started, perf_counter_ns() - clock)
            return output

        return cast("F", predict)

    return decorate


def _features(function: Callable[..., Any], wanted: str | None) -> tuple[int, str, bool]:
    """Place and name of the argument with the features, and whether there is a request_id."""
    names = list(inspect.signature(function).parameters)
    method = bool(names) and names[0] in ("self", "cls")
    name = wanted or next(iter(names[1:] if method else names), None)
    if name is None or name not in names:
        raise InputError(
            f"{function.__qualname__} cannot be monitored",
            got=f"the arguments {', '.join(names) or 'none'}",
            expected=f"an argument {wanted or 'with the features'}",
        )
    return names.index(name), name, _KEYWORD in names
