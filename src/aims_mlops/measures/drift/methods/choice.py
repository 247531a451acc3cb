"""Which method measures a column: pinned by argument or policy, and Evidently's own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.methods.catalogue import METHODS
from aims_mlops.measures.drift.samples.sample import (
    KINDS,
    Kind,
    NumericSample,
    Sample,
    aligned_counts,
)

MethodNames = str | Sequence[str]

EVIDENTLY = "evidently"  # as a method: whatever Evidently would choose for these data
EMBEDDING_METHODS = ("ratio", "distance")

# Distances whose scale does not depend on the number of rows, so that windows of different size
# can be compared. Evidently itself takes them from 1,001 reference rows on.
DEFAULTS: dict[Kind, str] = {
    "numeric": "wasserstein",
    "datetime": "wasserstein",
    "text": "wasserstein",
    "categorical": "jensenshannon",
    "embedding": "ratio",
}


def methods_for(
    name: str, kind: Kind, methods: MethodNames | Mapping[str, MethodNames] | None
) -> tuple[str, ...]:
    """The methods of one column; the first decides, the others only give figures.

    methods : None for the defaults; a name, for every column that it fits (others keep their
        default); {column or kind: name or names}, where a column goes before its kind. A method
        named for a column or kind that it does not fit raises InputError, as does an unknown one.
    """
    if methods is None:
        return (DEFAULTS[kind],)
    if isinstance(methods, Mapping):
        given = methods.get(name, methods.get(kind))
        if given is None:
            return (DEFAULTS[kind],)
        names = _names(given)
        unfit = [method for method in names if not fits(method, kind)]
        if unfit:
            raise InputError(
                f"method {unfit[0]!r} cannot measure column {name!r}",
                got=f"a column measured as {kind}",
                expected=", ".join(
                    method for method in (*METHODS, *EMBEDDING_METHODS) if fits(method, kind)
                ),
            )
        return names
    return tuple(method for method in _names(methods) if fits(method, kind)) or (DEFAULTS[kind],)


def check_methods(
    methods: MethodNames | Mapping[str, MethodNames] | None, columns: Sequence[str]
) -> None:
    """Raise InputError for a method nobody knows, or one given to a column that is not there."""
    if methods is None:
        return
    if isinstance(methods, Mapping):
        for key, given in methods.items():
            if key not in columns and key not in KINDS:
                raise InputError(
                    f"methods names {key!r}, which is no column and no kind",
                    expected=f"a column, or one of {', '.join(KINDS)}",
                )
            _names(given)
        return
    _names(methods)


def _names(given: MethodNames) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    known = (*METHODS, *EMBEDDING_METHODS, EVIDENTLY)
    for name in names:
        if name not in known:
            raise InputError(
                "unknown drift method", got=repr(name), expected=f"one of {', '.join(known)}"
            )
    if not names:
        raise InputError("a column needs a drift method", got="none")
    return names


def fits(method: str, kind: Kind) -> bool:
    """Whether a method can measure columns of a kind."""
    if kind == "embedding":
        return method in EMBEDDING_METHODS
    if method == EVIDENTLY:
        return True
    if method not in METHODS:
        return False
    return METHODS[method].labels if kind == "categorical" else METHODS[method].numbers


def evidently_choice(reference: Sample, current: Sample) -> str:
    """The method that Evidently takes for one column when none is named.

    Up to 1,000 reference rows: z for one or two different values, chisquare for three to five
    (for any more too, if the column is categorical), else ks. Above: wasserstein for numbers of
    more than five different values, else jensenshannon. Rows are those with a value.
    Source: evidently 0.7, stattests.registry._get_default_stattest.
    """
    if not (isinstance(reference, NumericSample) and isinstance(current, NumericSample)):
        different = aligned_counts(reference, current)[0].size  # type: ignore[arg-type]
        if reference.n > 1000:
            return "jensenshannon"
        return "chisquare" if different > 2 else "z"
    many = reference.more_distinct_than(5) or current.more_distinct_than(5)
    if not many:
        different = aligned_counts(reference, current)[0].size
        many = different > 5
    if reference.n > 1000:
        return "wasserstein" if many else "jensenshannon"
    if many:
        return "ks"
    return "chisquare" if different > 2 else "z"
