"""One column measured: its figures, the effect, the evidence for it, before any verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.methods.catalogue import GRID_ROWS, METHODS, SMALLEST_NORM
from aims_mlops.measures.drift.methods.choice import EVIDENTLY, evidently_choice
from aims_mlops.measures.drift.methods.grid import grid_gap
from aims_mlops.measures.drift.methods.significance import (
    Test,
    chance_level,
    label_test,
    numeric_test,
    share_test,
)
from aims_mlops.measures.drift.samples.sample import (
    EmbeddingSample,
    Kind,
    NumericSample,
    Sample,
)
from aims_mlops.measures.statistics.multiple_testing import simes

Role = Literal["feature", "target", "prediction"]

_EMBEDDING_THRESHOLD = 0.2  # Evidently's, for both methods; strictly above is drift
_COMPONENT_THRESHOLD = 0.1


@dataclass(kw_only=True)
class ColumnMeasured:
    """What is known of one column before columns are judged together.

    values : {method: value}; the first decides.  effect_method, effect, threshold : the distance
        that decides, and from where on it counts; for a method that gives a p-value, a distance
        beside it.  test : evidence against 'no difference'.  chance : the distance that chance
        alone gives on average.  missing_test, infinite_test : p-values of equal shares of missing
        and of infinite values, if any.
    """

    name: str
    role: Role
    kind: Kind
    family: str
    reference: Sample
    current: Sample
    values: dict[str, float] = field(default_factory=dict)
    effect_method: str = ""
    effect: float | None = None
    threshold: float = 0.1
    test: Test | None = None
    chance: float | None = None
    missing_test: float | None = None
    infinite_test: float | None = None

    @property
    def method(self) -> str:
        """The method whose value decides: the first."""
        return next(iter(self.values))

    @property
    def missing_shares(self) -> tuple[float, float]:
        """Of the rows, in reference and batch."""
        return _share("missing", self.reference), _share("missing", self.current)

    @property
    def infinite_shares(self) -> tuple[float, float]:
        """Of the rows, in reference and batch."""
        return _share("infinite", self.reference), _share("infinite", self.current)


def _share(what: Literal["missing", "infinite"], sample: Sample) -> float:
    return getattr(sample, what) / sample.rows if sample.rows else 0.0


def measure_column(
    name: str,
    role: Role,
    kind: Kind,
    family: str,
    samples: tuple[Sample, Sample],
    methods: tuple[str, ...],
    thresholds: Mapping[str, float],
) -> ColumnMeasured:
    """Measure one column by every method named.

    samples : reference, current; of the same form.  thresholds : {method: limit of the effect}
        where it is not Evidently's.
    """
    reference, current = samples
    column = ColumnMeasured(
        name=name, role=role, kind=kind, family=family, reference=reference, current=current
    )
    # Missing labels are late labels; drift_performance counts them.
    if (reference.missing or current.missing) and role != "target":
        column.missing_test = share_test(
            reference.missing, reference.rows, current.missing, current.rows
        )
    if reference.infinite or current.infinite:
        column.infinite_test = share_test(
            reference.infinite, reference.rows, current.infinite, current.rows
        )
    if not reference.n or not current.n:
        column.values = {method: float("nan") for method in methods if method != EVIDENTLY}
        column.values = column.values or {"": float("nan")}
        return column
    if isinstance(reference, EmbeddingSample) and isinstance(current, EmbeddingSample):
        _measure_embedding(column, reference, current, methods, thresholds)
        return column
    if isinstance(reference, EmbeddingSample) or isinstance(current, EmbeddingSample):
        raise InputError(f"column {name!r} holds vectors on one side only")
    names = [
        evidently_choice(reference, current) if method == EVIDENTLY else method
        for method in methods
    ]
    numeric = isinstance(reference, NumericSample)
    default = "wasserstein" if numeric else "jensenshannon"
    distances = [method for method in names if METHODS[method].gives == "distance"]
    decides = names[0] if METHODS[names[0]].gives == "distance" else (*distances, default)[0]
    gap = None
    large = min(reference.n, current.n) >= GRID_ROWS
    if isinstance(reference, NumericSample) and isinstance(current, NumericSample) and large:
        gap = grid_gap(reference, current)
    for method in dict.fromkeys((*names, decides)):
        if method == "wasserstein" and gap is not None:
            column.values[method] = gap.area / max(reference.std, SMALLEST_NORM)  # type: ignore[union-attr]
        else:
            column.values[method] = METHODS[method].compute(reference, current)
    column.effect_method = decides
    column.effect = column.values[decides]
    column.threshold = thresholds.get(decides, METHODS[decides].threshold)
    column.chance = chance_level(decides, reference, current)
    if isinstance(reference, NumericSample) and isinstance(current, NumericSample):
        column.test = numeric_test(reference, current, gap)
    else:
        column.test = label_test(reference, current)  # type: ignore[arg-type]
    return column


def _measure_embedding(
    column: ColumnMeasured,
    reference: EmbeddingSample,
    current: EmbeddingSample,
    methods: tuple[str, ...],
    thresholds: Mapping[str, float],
) -> None:
    """Evidently's `ratio` (share of components that drift) or `distance` (of the means)."""
    if len(reference.components) != len(current.components):
        raise InputError(
            f"vectors of column {column.name!r} have another length",
            got=f"{len(current.components)} components",
            expected=f"{len(reference.components)}, as in the reference",
        )
    pairs = list(zip(reference.components, current.components, strict=True))
    compute = METHODS["wasserstein"].compute
    for method in methods:
        if method == "ratio":
            above = sum(compute(*pair) >= _COMPONENT_THRESHOLD for pair in pairs)
            column.values[method] = above / len(pairs)
        else:
            steps = [second.mean - first.mean for first, second in pairs]
            column.values[method] = float(np.linalg.norm(steps))
    column.effect_method = methods[0]
    column.effect = column.values[methods[0]]
    column.threshold = thresholds.get(methods[0], _EMBEDDING_THRESHOLD)
    tests = [numeric_test(*pair) for pair in pairs]
    column.test = Test(
        simes([test.p_value for test in tests]),
        f"Simes over the Kolmogorov-Smirnov tests of {len(pairs)} components",
        tests[0].source,
    )


def details(column: ColumnMeasured) -> dict[str, Any]:
    """What the evidence's body says of a column beside its figures."""
    missing_reference, missing_current = column.missing_shares
    return {
        "role": column.role,
        "kind": column.kind,
        "type": column.family,
        "method": column.method or None,
        "values": column.values,
        "effect_method": column.effect_method or None,
        "effect": column.effect,
        "threshold": column.threshold,
        "p_value": None if column.test is None else column.test.p_value,
        "test": None if column.test is None else column.test.method,
        "expected_without_drift": column.chance,
        "n_reference": column.reference.n,
        "n_current": column.current.n,
        "missing_share_reference": missing_reference,
        "missing_share_current": missing_current,
        "infinite_reference": column.reference.infinite,
        "infinite_current": column.current.infinite,
    }
