"""A model and its documentation."""

from __future__ import annotations

from typing import Any

from aims_mlops.evidence.bodies.body import (
    Body,
    Later,
    Must,
    Object,
    Objects,
    Sha256,
    body_of,
)


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
