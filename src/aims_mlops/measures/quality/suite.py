"""A quality suite: Great Expectations' own JSON, or a short YAML of ours that becomes one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import rfc8785
from pydantic import Field

from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Section, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.errors import DocumentError, InputError

TypeWord = Literal["integer", "number", "text", "boolean", "time"]

_INTEGERS = [f"{u}{n}{w}" for n in ("int", "Int") for u in ("", "u") for w in (8, 16, 32, 64)]
_INTEGERS = [name.replace("uInt", "UInt") for name in _INTEGERS]

# What Great Expectations calls the types of pandas columns, by our word.
TYPE_LISTS: dict[str, list[str]] = {
    "integer": _INTEGERS,
    "number": [*_INTEGERS, "float16", "float32", "float64", "Float32", "Float64"],
    "text": ["str", "string"],
    "boolean": ["bool", "boolean"],
    "time": ["datetime64", "datetime64[ns]", "datetime64[us]", "Timestamp"],
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation as Great Expectations configures it; `aims_…` types are checked by us."""

    type: str
    kwargs: Mapping[str, Any]
    severity: str = "critical"

    @property
    def column(self) -> str | None:
        """The column that it is about; None if it is about the table."""
        column = self.kwargs.get("column")
        return None if column is None else str(column)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as Great Expectations writes it."""
        return {"type": self.type, "kwargs": dict(self.kwargs), "severity": self.severity}


@dataclass(frozen=True, slots=True)
class Suite:
    """A named list of expectations; `origin` says in a word where it comes from."""

    name: str
    expectations: tuple[Expectation, ...]
    origin: str = field(default="given")

    def to_dict(self) -> dict[str, Any]:
        """The suite in Great Expectations' JSON."""
        return {"name": self.name, "expectations": [e.to_dict() for e in self.expectations]}

    def to_json(self) -> str:
        """The suite as JSON text that Great Expectations reads, for a file to keep and edit."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, default=str)

    @property
    def sha256(self) -> str:
        """Digest of the canonical JSON of the suite."""
        plain = json.loads(json.dumps(self.to_dict(), default=str))
        return hashlib.sha256(rfc8785.dumps(plain)).hexdigest()


class Between(Section):
    """Limits that an inferred suite sets around the values of a column."""

    min: float | None = None
    max: float | None = None


class Duplicates(Section):
    """When an inferred suite expects rows or values to be unique."""

    max_share: float = Field(default=0.0, ge=0, le=1)
    columns: tuple[str, ...] | None = None


class LabelRule(Section):
    """When an inferred suite expects a column to keep to its labels."""

    column: str
    min_share: float = Field(gt=0, le=0.5)


class ColumnRules(Section):
    """What must hold of one column; every rule looks at the values that are there."""

    type: TypeWord | None = None
    max_missing: float | None = Field(default=None, ge=0, le=1)
    unique: bool = False
    min: float | None = None
    max: float | None = None
    one_of: tuple[str | int | float | bool, ...] | None = Field(default=None, alias="in")
    matches: str | None = None
    length: Between | None = None
    max_age_days: float | None = Field(default=None, gt=0)
    mostly: float = Field(default=1.0, gt=0, le=1)
    distinct: Between | None = None


class SuiteDocument(Section):
    """The short form of a suite."""

    suite: str = "suite"
    rows: Between | None = None
    duplicates: Duplicates | None = None
    label: LabelRule | None = None
    columns: dict[str, ColumnRules] = Field(default_factory=dict)
    only_these_columns: bool = False


def read_suite(given: Any) -> Suite:
    """A suite from a path (.json, .yaml), a mapping in either form, or a GX ExpectationSuite.

    Raises DocumentError with path and line for a file that is wrong, InputError for the rest.
    """
    if isinstance(given, Suite):
        return given
    if isinstance(given, str | Path):
        path = Path(given)
        if path.suffix.lower() == ".json":
            return _from_json(path)
        return _from_document(read_yaml(path))
    if hasattr(given, "to_json_dict"):
        given = given.to_json_dict()
    if isinstance(given, Mapping):
        if "expectations" in given:
            return _from_gx(given, "suite")
        return _from_document(Document("suite", dict(given), {}, ""))
    raise InputError(
        "not a quality suite",
        got=type(given).__qualname__,
        expected="a path to JSON or YAML, a mapping, or an ExpectationSuite",
    )


def _from_json(path: Path) -> Suite:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DocumentError("cannot be read", path=path, got=error.strerror) from error
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise DocumentError("not valid JSON", path=path, line=line) from error
    if not isinstance(content, dict) or "expectations" not in content:
        raise DocumentError("not a suite of Great Expectations", path=path, expected="expectations")
    return _from_gx(content, path.stem)


def _from_gx(content: Mapping[str, Any], fallback: str) -> Suite:
    name = content.get("name") or content.get("expectation_suite_name") or fallback
    found: list[Expectation] = []
    listed = content["expectations"]
    for place, entry in enumerate(listed if isinstance(listed, Sequence) else ()):
        kind = entry.get("type") or entry.get("expectation_type")
        if not isinstance(kind, str):
            raise InputError(f"expectation {place} of suite {name!r} has no type")
        kwargs = {k: v for k, v in (entry.get("kwargs") or {}).items() if k != "batch_id"}
        found.append(Expectation(kind, kwargs, str(entry.get("severity", "critical"))))
    if not found:
        raise InputError(
            f"suite {name!r} expects nothing",
            next_step="add an expectation; an empty suite would always pass",
        )
    return Suite(str(name), tuple(found))


def _from_document(document: Document) -> Suite:
    rules = validated(document, SuiteDocument, next_step="see docs/measures-quality.md")
    found = list(_expectations(rules))
    if not found:
        raise DocumentError(
            f"suite {rules.suite!r} expects nothing",
            path=document.path,
            next_step="add a rule; an empty suite would always pass",
        )
    return Suite(rules.suite, tuple(found))


def _expectations(rules: SuiteDocument) -> Iterable[Expectation]:
    if rules.rows is not None:
        yield Expectation("expect_table_row_count_to_be_between", _bounds(rules.rows, whole=True))
    if rules.only_these_columns:
        yield Expectation(
            "expect_table_columns_to_match_set",
            {"column_set": list(rules.columns), "exact_match": True},
        )
    if rules.duplicates is not None:
        yield duplicates(rules.duplicates.columns, rules.duplicates.max_share)
    if rules.label is not None:
        yield label_balance(rules.label.column, rules.label.min_share)
    for column, rule in rules.columns.items():
        yield from _of_column(column, rule)


def _of_column(column: str, rule: ColumnRules) -> Iterable[Expectation]:
    of: dict[str, Any] = {"column": column}
    mostly = {} if rule.mostly == 1 else {"mostly": rule.mostly}
    if rule.type is not None:
        yield Expectation(
            "expect_column_values_to_be_in_type_list", {**of, "type_list": TYPE_LISTS[rule.type]}
        )
    if rule.max_missing is not None:
        yield missing(column, rule.max_missing)
    if rule.unique:
        yield Expectation("expect_column_values_to_be_unique", {**of, **mostly})
    if rule.min is not None or rule.max is not None:
        limits = _bounds(Between(min=rule.min, max=rule.max))
        yield Expectation("expect_column_values_to_be_between", {**of, **limits, **mostly})
    if rule.one_of is not None:
        values = {"value_set": list(rule.one_of)}
        yield Expectation("expect_column_values_to_be_in_set", {**of, **values, **mostly})
    if rule.matches is not None:
        yield Expectation(
            "expect_column_values_to_match_regex", {**of, "regex": rule.matches, **mostly}
        )
    if rule.length is not None:
        limits = _bounds(rule.length, whole=True)
        yield Expectation("expect_column_value_lengths_to_be_between", {**of, **limits, **mostly})
    if rule.distinct is not None:
        limits = _bounds(rule.distinct, whole=True)
        yield Expectation("expect_column_unique_value_count_to_be_between", {**of, **limits})
    if rule.max_age_days is not None:
        yield Expectation("aims_newest_row_age", {**of, "max_age_days": rule.max_age_days})
    if [*rule.model_fields_set] == [] or rule.model_fields_set == {"mostly"}:
        yield Expectation("expect_column_to_exist", of)


def _bounds(between: Between, *, whole: bool = False) -> dict[str, Any]:
    found = {"min_value": between.min, "max_value": between.max}
    return {k: int(v) if whole else v for k, v in found.items() if v is not None}


def missing(column: str, max_share: float) -> Expectation:
    """At most this share of missing values."""
    mostly = {} if max_share == 0 else {"mostly": round(1 - max_share, 6)}
    return Expectation("expect_column_values_to_not_be_null", {"column": column, **mostly})


def duplicates(columns: Sequence[str] | None, max_share: float) -> Expectation:
    """At most this share of rows that occur more than once; None means over all columns."""
    mostly = {} if max_share == 0 else {"mostly": round(1 - max_share, 6)}
    listed = None if columns is None else list(columns)
    if listed is not None and len(listed) == 1:  # the library wants two for the other one
        return Expectation("expect_column_values_to_be_unique", {"column": listed[0], **mostly})
    return Expectation(
        "expect_compound_columns_to_be_unique",
        {"column_list": listed, "ignore_row_if": "never", **mostly},
    )


def label_balance(column: str, min_share: float) -> Expectation:
    """Every class of a label has at least this share of the rows that have a label."""
    return Expectation("aims_label_balance", {"column": column, "min_share": min_share})
