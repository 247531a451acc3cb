"""`aims.run`: a block of code as a run, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from aims_mlops.capture.recording import begin, finish
from aims_mlops.capture.run import Run
from aims_mlops.capture.state.current import enter, leave
from aims_mlops.capture.state.settings import RunSettings


class _Block:
    """`with` and `async with` around one run; not to be entered twice."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._run: Run | None = None
        self._token: object = None

    def __enter__(self) -> Run:
        self._run = begin(self._settings)
        self._token = enter(self._run)
        return self._run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._run is not None:
            leave(self._token)
            finish(self._run, error=error)

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


def run(
    name: str = "run",
    *,
    activity: str = "training",
    system: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    quality: bool = True,
    bias: bool = True,
    register: str | None = None,
    mlflow: bool | None = None,
    tags: Mapping[str, Any] | None = None,
    licence: str | None = None,
) -> _Block:
    """A block to use as `with aims.run('…', system='…') as run:`, or with `async with`.

    Parameters
    ----------
    name : of the run.  activity : 'training', 'evaluation' or another word.
    parameters : recorded as those of a decorated function are, secrets scrubbed.
    system, quality, bias, register, mlflow, tags, licence : as for `aims.training`.
    """
    return _Block(
        RunSettings(
            activity=activity,
            system=system,
            name=name,
            quality=quality,
            bias=bias,
            register=register,
            mlflow=mlflow,
            tags=dict(tags or {}),
            licence=licence,
            parameters=dict(parameters or {}),
        )
    )
