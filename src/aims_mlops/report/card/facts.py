"""The card's plain statements: what the model is, what it is for, its data, its environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record
from aims_mlops.report.coverage.scope import digest_of
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import duration, moment, plural, size

DECLARED = "aims.yaml"  # the source of a fact that only the inventory says
PARAMETERS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement. `values` is empty if nothing was recorded; `source` is a record's id.

    `exact` marks text to be shown as it is, in a fixed width, such as a digest.
    """

    label: str
    values: tuple[str, ...]
    source: str | None
    exact: bool = False

    @property
    def text(self) -> str | None:
        """The values as one text; None without any."""
        return "; ".join(self.values) if self.values else None


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the model; None where nothing was recorded."""

    name: str | None
    role: str | None
    sha256: str | None
    rows: int | None
    columns: int | None
    source: str | None
    licence: str | None
    purpose: str | None
    record: str | None


def newest(records: Iterable[Record], *kinds: str) -> Record | None:
    """The first of these kinds in records that come newest first."""
    return next((record for record in records if record.evidence.kind in kinds), None)


def details(model: ModelReference, records: Sequence[Record]) -> tuple[Fact, ...]:
    """Name, version and what else a card says of the model itself."""
    captured, run = newest(records, "model"), newest(records, "run")
    code = newest(records, "code")
    body = _body(captured)
    registered = reading.mapping(body, "registered")
    name = reading.string(registered, "name") or model.name or reading.string(body, "name")
    version = reading.string(registered, "version") or model.version
    bytes_ = reading.number(body, "size_bytes")
    seconds = reading.number(_body(run), "duration_seconds")
    started = reading.string(_body(run), "started_at")
    source = _id(captured)
    return (
        Fact("Name", _one(name), source),
        Fact("Version", _one(version), source if registered else None),
        Fact("Content SHA-256", (model.sha256,), source, exact=True),
        Fact("Framework", _one(reading.string(body, "framework")), source),
        Fact("Licence", _one(reading.string(body, "licence")), source),
        Fact("Class", _one(reading.string(body, "class")), source, exact=True),
        Fact("Size", _one(None if bytes_ is None else _sized(bytes_, body)), source),
        Fact("Signature", _signature(body), source, exact=True),
        Fact("Settings of the model", _settings(body, "parameters_of_model"), source, exact=True),
        Fact("Run", _one(_run(run)), _id(run)),
        Fact("Trained", _one(moment(started) if started else None), _id(run)),
        Fact("Compute time", _one(None if seconds is None else duration(seconds)), _id(run)),
        Fact("Code", _one(_commit(code)), _id(code)),
        Fact(
            "Source digest",
            _one(reading.string(_body(code), "source_sha256")),
            _id(code),
            exact=True,
        ),
        _parameters(newest(records, "parameters")),
    )


def uses(records: Sequence[Record], declared: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """Purpose and use, from `system` evidence; from aims.yaml, marked so, where that is silent."""
    record = newest(records, "system")
    found = []
    for label, field in (
        ("AI system", "id"),
        ("Purpose", "purpose"),
        ("Intended use", "intended_use"),
        ("Foreseeable misuse", "foreseeable_misuse"),
        ("Affected people", "affected_people"),
        ("Risk tier", "risk_tier"),
        ("Owner", "owner"),
        ("Risk owner", "risk_owner"),
    ):
        values = reading.texts(_body(record), field)
        source = _id(record)
        if not values and declared is not None:
            values = reading.texts(declared, field)
            source = DECLARED
        found.append(Fact(label, values, source if values else None))
    return tuple(found)


def datasets(model: ModelReference, records: Sequence[Record]) -> tuple[Dataset, ...]:
    """Every dataset that the model's runs recorded, or that the model itself names, once."""
    found: dict[str, Dataset] = {}
    for record in records:
        if record.evidence.kind != "dataset":
            continue
        body = record.evidence.body
        columns = body.get("columns")
        entry = Dataset(
            name=reading.string(body, "name"),
            role=reading.string(body, "role"),
            sha256=digest_of(record),
            rows=reading.count(body, "rows"),
            columns=reading.count(body, "column_count")
            or (len(columns) if isinstance(columns, list | dict) else None),
            source=reading.string(body, "source"),
            licence=reading.string(body, "licence"),
            purpose=reading.string(body, "purpose"),
            record=record.id,
        )
        key = entry.sha256 or record.id
        # The newest record that says where the data came from beats a newer one that does not.
        if key not in found or (found[key].source is None and entry.source is not None):
            found[key] = entry
    captured = newest(records, "model")
    for named in reading.sequence(_body(captured), "datasets"):
        if isinstance(named, Mapping):
            digest = reading.string(named, "sha256")
            if digest is not None and digest not in found:
                found[digest] = Dataset(
                    reading.string(named, "name"),
                    reading.string(named, "role"),
                    digest,
                    None,
                    None,
                    None,
                    None,
                    None,
                    _id(captured),
                )
    return tuple(sorted(found.values(), key=lambda d: (d.role or "~", d.name or "~")))


def environment(records: Sequence[Record]) -> tuple[Fact, ...]:
    """Python, platform and libraries of the run."""
    record = newest(records, "environment")
    body = _body(record)
    memory = reading.number(body, "memory_bytes")
    packages = reading.mapping(body, "packages")
    listed = tuple(f"{name} {version}" for name, version in sorted(packages.items()))
    cpu = body.get("cpu")
    processor = reading.string(body, "cpu")
    if isinstance(cpu, Mapping):
        count = reading.count(cpu, "usable") or reading.count(cpu, "count")
        model = reading.string(cpu, "model") or "unknown model"
        processor = f"{model}, {plural(count, 'processor')}" if count else model
    return (
        Fact("Python", _one(reading.string(body, "python")), _id(record)),
        Fact("Platform", _one(reading.string(body, "platform")), _id(record)),
        Fact("Processor", _one(processor), _id(record)),
        Fact(
            "GPU",
            reading.texts(body, "gpu") or (("none",) if body.get("gpu") == [] else ()),
            _id(record),
        ),
        Fact("Memory", _one(None if memory is None else size(memory)), _id(record)),
        Fact("Packages", listed, _id(record)),
    )


def _body(record: Record | None) -> Mapping[str, Any]:
    return record.evidence.body if record is not None else {}


def _id(record: Record | None) -> str | None:
    return record.id if record is not None else None


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


def _sized(bytes_: float, body: Mapping[str, Any]) -> str:
    files = len(reading.sequence(body, "files"))
    return f"{size(bytes_)} in {plural(files, 'file')}" if files else size(bytes_)


def _signature(body: Mapping[str, Any]) -> tuple[str, ...]:
    signature = body.get("signature")
    if isinstance(signature, Mapping):
        return tuple(f"{name}: {_columns(value)}" for name, value in signature.items() if value)
    return _one(reading.string(body, "signature"))


def _columns(value: Any) -> str:
    """A schema as 'age double, sex string'; MLflow writes a list of {name, type, …}."""
    if isinstance(value, list | tuple) and all(
        isinstance(entry, Mapping) and "type" in entry for entry in value
    ):
        pairs = ((reading.string(entry, "name"), _flat(entry["type"])) for entry in value)
        return _flat([" ".join(part for part in pair if part) for pair in pairs])
    return _flat(value)


def _flat(value: Any) -> str:
    """A nested value on one line, cut; only for schemas and settings, never for rows of data."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{k}: {_flat(v)}" for k, v in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(_flat(entry) for entry in value)
    else:
        text = str(value)
    return text if len(text) <= reading.TEXT_LIMIT else text[: reading.TEXT_LIMIT] + " …"


def _settings(body: Mapping[str, Any], field: str) -> tuple[str, ...]:
    entries = sorted(reading.mapping(body, field).items())
    shown = [f"{name} = {_flat(value)}" for name, value in entries[:PARAMETERS_SHOWN]]
    if len(entries) > PARAMETERS_SHOWN:
        shown.append(f"and {len(entries) - PARAMETERS_SHOWN} more in the record")
    return tuple(shown)


def _parameters(record: Record | None) -> Fact:
    values = _settings(_body(record), "parameters")
    return Fact("Parameters of the run", values, _id(record), exact=True)


def _run(record: Record | None) -> str | None:
    body = _body(record)
    parts = [reading.string(body, n) for n in ("activity", "name", "status", "error")]
    return ", ".join(part for part in parts if part) or None


def _commit(record: Record | None) -> str | None:
    body = _body(record)
    commit = reading.string(body, "commit")
    if commit is None:
        return None
    return f"commit {commit}" + (", with uncommitted changes" if body.get("dirty") is True else "")
