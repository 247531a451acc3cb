"""What a run read and made: datasets, a model and its documentation."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from aims_mlops.evidence.bodies.body import (
    REQUIRED,
    Body,
    Later,
    Must,
    Object,
    Objects,
    Sha256,
    body_of,
    says,
)
from aims_mlops.evidence.bodies.figure import WithFigures


@body_of("data-quality")
class DataQualityBody(WithFigures, frozen=True):
    """Quality expectations and their results."""

    dataset: Must[Object] = None
    suite: Annotated[Any, REQUIRED, says(type="object")] = None
    success: Must[bool] = None
    expectations: Must[Objects] = None
    left_out: Objects | None = None
    libraries: Object | None = None
    notes: Objects | None = None
    settings: Object | None = None


@body_of("dataset")
class DatasetBody(Body, frozen=True):
    """A dataset: digest, schema, profile, origin."""

    schema_title: ClassVar[str | None] = "a data set: digest, schema, profile, origin"

    name: Must[str] = None
    sha256: Must[Sha256] = None
    rows: Must[int] = None
    columns: Must[Objects] = None
    scheme: Must[str] = None
    derived_from: Objects | None = None
    licence: str | None = None
    ordered: bool | None = None
    profile: Object | None = None
    purpose: str | None = None
    role: str | None = None
    source: str | None = None


@body_of("model-card")
class ModelCardBody(Body, frozen=True):
    """The technical documentation of a model."""

    facts: Must[Object] = None
    markdown: Any = None


@body_of("model")
class ModelBody(Body, frozen=True, rename={"class_": "class"}):
    """A model: digest, signature, framework, size."""

    name: Must[str] = None
    sha256: Must[Sha256] = None
    class_: str | None = None
    content: str | None = None
    datasets: Objects | None = None
    files: Objects | None = None
    framework: str | None = None
    parameters_of_model: Object | None = None
    registered: Object | None = None
    signature: Object | None = None
    size_bytes: int | None = None
    uri: str | None = None
    canonical: Later[Object] = None
    loads: Later[Object] = None
    licence: Later[str] = None
