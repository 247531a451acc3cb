"""`@aims.deployment`: a function that deploys a model, held against the valid decision."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from aims_mlops.errors import CaptureWarning, InputError, StoreError
from aims_mlops.gates.check_model import ModelCheck, check_model
from aims_mlops.gates.deployment import record_deployment

F = TypeVar("F", bound=Callable[..., Any])


def deployment(
    *,
    target: str,
    where: str,
    system: str | None = None,
    configuration: str | Path | None = None,
    rollback_plan: str | None = None,
) -> Callable[[F], F]:
    """Decorate a plain or async function whose argument `model` names the model that it deploys.

    Before the function runs, exactly this content must have a valid decision for the target,
    else ModelRefusedError is raised and the function does not run. Afterwards the deployment is
    recorded, also a failed one; an error of the function's own is raised unchanged. If the log
    cannot be written then, the model runs already: a CaptureWarning says what is not on record.

    target : such as 'production'.  where : such as the name of a cluster.
    """

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        if "model" not in signature.parameters:
            raise InputError(
                f"{function.__qualname__} cannot be a deployment",
                got=f"the arguments {', '.join(signature.parameters) or 'none'}",
                expected="an argument named model: a path or URI",
            )

        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> ModelCheck:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return check_model(bound.arguments["model"], target)

        def after(check: ModelCheck, error: BaseException | None) -> None:
            try:
                record_deployment(
                    check.model_uri,
                    target=target,
                    where=where,
                    system=system,
                    configuration=None if configuration is None else Path(configuration),
                    rollback_plan=rollback_plan,
                    check=check,
                    failed=None if error is None else type(error).__name__,
                )
            except StoreError as trouble:
                warnings.warn(
                    f"the deployment of {check.model_uri} to {where} is not on record: {trouble}",
                    CaptureWarning,
                    stacklevel=3,
                )

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def deploy_async(*args: Any, **kwargs: Any) -> Any:
                check = before(args, kwargs)
                try:
                    result = await function(*args, **kwargs)
                except BaseException as error:
                    after(check, error)
                    raise
                after(check, None)
                return result

            return cast("F", deploy_async)

        @functools.wraps(function)
        def deploy(*args: Any, **kwargs: Any) -> Any:
            check = before(args, kwargs)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                after(check, error)
                raise
            after(check, None)
            return result

        return cast("F", deploy)

    return decorate
