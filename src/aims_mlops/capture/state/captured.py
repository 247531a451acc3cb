"""What a run has gathered, as plain data: code, datasets, overlaps, models, checks, gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.personal import is_identifier
from aims_mlops.evidence.records import Subject


@dataclass(frozen=True, slots=True)
class Code:
    """The decorated function, so that its source can be digested after the run."""

    function: Callable[..., Any]
    qualified_name: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be captured: where, the class of the error, a safe message."""

    where: str
    error: str
    message: str

    def body(self) -> dict[str, Any]:
        """What stands in the evidence of the gap."""
        return {"where": self.where, "error": self.error, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a person says of a dataset; texts are recorded as given, secrets scrubbed."""

    name: str
    source: str | None = None
    licence: str | None = None
    purpose: str | None = None
    role: str | None = None
    derived_from: tuple[str, ...] = ()
    suite: Any = None  # what is expected of it; the evidence of its quality says it, not this

    @property
    def declared(self) -> bool:
        """Whether anything was said about the dataset beside its name and role."""
        return any((self.source, self.licence, self.purpose, self.derived_from, self.suite))


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedDataset:
    """A dataset as it was when it was captured.

    digest : fields of the fingerprint.  left_out : {column: why it is not in the digest}.
    profile : counts and ranges, no row values.
    quality : the body of data-quality evidence, if it was measured.
    sample : the first rows, in memory only, never recorded.
    """

    about: About
    sha256: str
    digest: Mapping[str, Any]
    left_out: Mapping[str, str] = field(default_factory=dict)
    profile: Mapping[str, Any] | None = None
    quality: Mapping[str, Any] | None = None
    sample: Any = field(default=None, repr=False)

    @property
    def subject(self) -> Subject:
        """The dataset as a subject: its name and the digest of its content."""
        return Subject(f"dataset:{self.about.name}", self.sha256)

    @property
    def reference(self) -> dict[str, Any]:
        """How other evidence names this dataset."""
        return {"name": self.about.name, "role": self.about.role, "sha256": self.sha256}

    def body(self) -> dict[str, Any]:
        """What stands in its `dataset` evidence."""
        about = self.about
        return {
            **self.digest,
            "name": about.name,
            "role": about.role,
            "profile": self.profile,
            "source": about.source,
            "licence": about.licence,
            "purpose": about.purpose,
            "derived_from": list(about.derived_from),
            **({"left_out": dict(self.left_out)} if self.left_out else {}),
        }


_TOLERATED = 0.01  # share of rows that may be the same by chance, as for repeated rows
_FINDING = "aims_rows_shared"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Rows of a test set that are in a training set of the same run.

    rows, of : how many rows of the test set, and how many it has.
    columns : those that make two rows the same; None where the whole content is the same.
    """

    train: CapturedDataset
    test: CapturedDataset
    rows: int
    of: int
    columns: tuple[str, ...] | None = None

    @property
    def is_finding(self) -> bool:
        """Whether more rows are shared than is tolerated."""
        return self.rows > self.of * _TOLERATED

    def in_words(self) -> str:
        """What is shared, in a sentence for people."""
        test, train = self.test.about, self.train.about
        same = "the same content as" if self.columns is None else f"{self.rows} rows in common with"
        return (
            f"dataset {test.name!r} ({test.role}, {self.of} rows) has {same} {train.name!r}, "
            "which the run trains on"
        )

    def figure(self) -> dict[str, Any]:
        """The share of rows that are shared, in the shape of all figures."""
        return {
            "measure": "rows_shared",
            "group": None,
            "value": self.rows / self.of if self.of else None,
            "low": None,
            "high": None,
            "numerator": self.rows,
            "denominator": self.of,
            "n": self.of,
            "method": None,
            "source": "aims-mlops: row digests of aims-table-v1",
        }

    def expectation(self) -> dict[str, Any]:
        """The same as the result of an expectation of data quality."""
        return {
            "type": _FINDING,
            "column": None,
            "kwargs": {"in": self.train.about.name, "mostly": 1 - _TOLERATED},
            "severity": "critical",
            "status": "fail" if self.is_finding else "pass",
            "element_count": self.of,
            "missing_count": None,
            "unexpected_count": self.rows,
            "observed": None,
            "problem": None,
        }


@dataclass(slots=True, kw_only=True)
class CapturedModel:
    """A model of a run; plugins that save it fill in what they learn.

    reference : its content digest and names.  content : what the digest is over, in words.
    named : it was named by URI or path, and only its files are known.
    signature : inputs and outputs, as MLflow writes them.  registered : name and version.
    register_as : the name that it was to be registered under, where it is registered nowhere.
    inputs : names and types of columns that MLflow has no type for, so that it is told none.
    canonical : scheme and digest of the content without what is new at each writing, where its
        files are kept.  loads : what was checked of loading it elsewhere.
    licence : under which rights it may be used, as declared.
    model : the object itself until the run ends; None for one that was named by URI or path.
    """

    name: str
    reference: ModelReference
    content: str = "files"
    named: bool = False
    framework: str | None = None
    klass: str | None = None
    signature: Mapping[str, Any] | None = None
    registered: Mapping[str, Any] | None = None
    register_as: str | None = None
    inputs: list[dict[str, Any]] | None = None
    canonical: Mapping[str, Any] | None = None
    loads: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    licence: str | None = None
    model: Any = field(default=None, repr=False)

    def body(self, datasets: Sequence[CapturedDataset]) -> dict[str, Any]:
        """The body of `model` evidence; `datasets` are those of its run."""
        files = self.reference.files
        return {
            "name": self.name,
            "record_format": 2,  # 1 had neither `canonical` nor `loads`
            "sha256": self.reference.sha256,
            "canonical": None if self.canonical is None else dict(self.canonical),
            "loads": None if self.loads is None else dict(self.loads),
            "content": self.content,
            "uri": self.reference.uri,
            "files": [{"path": f.path, "size": f.size, "sha256": f.sha256} for f in files],
            "size_bytes": sum(f.size for f in files),
            "framework": self.framework,
            "class": self.klass,
            "signature": self.signature,
            "registered": self.registered,
            **({} if self.register_as is None else {"register_as": self.register_as}),
            **({} if self.licence is None else {"licence": self.licence}),
            "datasets": [entry.reference for entry in datasets],
            "parameters_of_model": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One measured thing: the kind of evidence, its figures, the dataset it is about."""

    kind: str
    measured: Mapping[str, Any]
    dataset: CapturedDataset | None

    def body(self) -> dict[str, Any]:
        """What stands in its `performance` or `bias` evidence."""
        reference = None if self.dataset is None else self.dataset.reference
        return {**self.measured, "dataset": reference}


def class_name(error: BaseException) -> str:
    """The class of an error; one that was made at run time can be named after anything."""
    name = type(error).__qualname__.replace("<locals>.", "")
    return name if is_identifier(name) else "Exception"
