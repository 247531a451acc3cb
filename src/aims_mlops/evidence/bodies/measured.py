"""What was measured: figures and what they were measured against."""

from __future__ import annotations

from typing import Any

from aims_mlops.evidence.bodies.body import (
    Body,
    Must,
    Object,
    Objects,
    Sha256,
    body_of,
)
from aims_mlops.evidence.bodies.figure import WithFigures


class EvaluationBody(WithFigures, frozen=True):
    """What performance and bias have in common."""

    task: Must[str] = None
    libraries: Must[Object] = None
    settings: Must[Object] = None
    curves: Objects | None = None
    dataset: Object | None = None
    left_out: Objects | None = None
    notes: Objects | None = None
    rows: int | None = None


@body_of("bias")
class BiasBody(EvaluationBody, frozen=True):
    """Bias figures between groups."""


@body_of("drift")
class DriftBody(WithFigures, frozen=True):
    """Drift of a batch against a reference."""

    reference: Must[Object] = None
    current: Must[Object] = None
    columns: Must[Object] = None
    methods: Must[Object] = None
    verdict: Must[str] = None
    libraries: Must[Object] = None
    findings: Objects | None = None
    left_out: Objects | None = None
    notes: Objects | None = None
    performance: Any = None
    settings: Object | None = None


@body_of("performance")
class PerformanceBody(EvaluationBody, frozen=True):
    """Performance figures, overall and by group."""


@body_of("reference-profile")
class ReferenceProfileBody(Body, frozen=True):
    """The reference that drift is measured against."""

    columns: Must[Object] = None
    rows: Must[int] = None
    sha256: Must[Sha256] = None
    variant: Must[str] = None
    blob: Any = None
    labels: str | None = None
    methods: Any = None
    name: str | None = None
    order: Objects | None = None
    performance: Any = None
    prediction: Any = None
    schema: str | None = None
    target: Any = None
    version: int | None = None
