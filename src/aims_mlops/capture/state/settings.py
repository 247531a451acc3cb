"""What a run is asked to capture: the decorator's arguments and the switches around them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aims_mlops.errors import InputError

ERRORS_VARIABLE = "AIMS_CAPTURE_ERRORS"  # "raise" or "warn"; unset: raise under pytest only
CAPTURE_VARIABLE = "AIMS_CAPTURE"  # "off" switches capture off altogether


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How one decorated function or `aims.run` block is captured.

    activity : 'training', 'evaluation' or another word for what goes on.
    system : id of the AI system in aims.yaml; None leaves it to a project with one system.
    name : of the run; the qualified name of the function when None.
    quality, bias : whether to measure them where there is something to measure.
    register : name of a registered model to put a captured model under, with MLflow.
    mlflow : whether to use MLflow; None leaves it to AIMS_MLFLOW.
    tags, parameters : declared by hand; secrets are scrubbed from both.
    licence : of the models of the run, unless `run.model` names another.
    """

    activity: str
    system: str | None = None
    name: str | None = None
    quality: bool = True
    bias: bool = True
    register: str | None = None
    mlflow: bool | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    licence: str | None = None

    def __post_init__(self) -> None:
        for label, value in (
            ("system", self.system),
            ("name", self.name),
            ("licence", self.licence),
        ):
            if value is not None and not isinstance(value, str):
                raise InputError(
                    f"{label} of a run is not a name",
                    got=type(value).__name__,
                    expected="a string",
                    next_step="write @aims.training(system='…')",
                )


def raises() -> bool:
    """Whether an error of capture is raised (under pytest) or becomes a gap and a warning."""
    choice = os.environ.get(ERRORS_VARIABLE)
    if choice in ("raise", "warn"):
        return choice == "raise"
    return "PYTEST_CURRENT_TEST" in os.environ


def switched_off() -> bool:
    """Whether capture is switched off for this process."""
    return os.environ.get(CAPTURE_VARIABLE, "").lower() in ("off", "0", "false")
