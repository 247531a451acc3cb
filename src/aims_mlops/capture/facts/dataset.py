"""Datasets of a run: digested, profiled and named, and handed back as they came."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aims_mlops.capture.facts.overlap import note_overlaps
from aims_mlops.capture.state.captured import About, CapturedDataset
from aims_mlops.capture.state.current import active_run
from aims_mlops.capture.state.gaps import guarded, note, usable
from aims_mlops.capture.state.settings import switched_off
from aims_mlops.errors import InputError
from aims_mlops.evidence.secrets import scrubbed

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState
    from aims_mlops.measures.fingerprint.table_digest import Fingerprint

T = TypeVar("T")

_SAMPLE_ROWS = 100  # kept in memory until the run ends, to infer a model's signature from
_ROLES = re.compile(
    r"(?:^|_)(?:(train)(?:ing)?|(test)|(val)(?:id|idation)?|(eval)(?:uation)?|(reference))(?:_|$)",
    re.IGNORECASE,
)
_ROLE_NAMES = ("train", "test", "validation", "evaluation", "reference")


def dataset(
    data: T,
    name: str,
    *,
    source: str | None = None,
    licence: str | None = None,
    purpose: str | None = None,
    role: str | None = None,
    derived_from: str | Sequence[str] = (),
    suite: Any = None,
) -> T:
    """Declare a dataset and return it as it came.

    Inside a run it is recorded at once, as it is now. Outside of one the words are remembered for
    the very same object, for when it is passed to a decorated function.

    Parameters
    ----------
    data : a pandas, polars or pyarrow table, a NumPy array, or a path to Parquet, CSV or Arrow.
    name : what people call it.  source : where it comes from.  licence : under which rights.
    purpose : what it may be used for.  role : such as 'train', 'test', 'reference'; told from
        the name if not given.  derived_from : names of the datasets it was made of.
    suite : what its quality is held against, in a form that `measure_quality` takes; without it
        a default that asks little.
    """
    words: dict[str, Any] = {
        "source": source,
        "licence": licence,
        "purpose": purpose,
        "role": role,
        "derived_from": derived_from,
        "suite": suite,
    }
    run = active_run()
    if run is not None:
        if usable(run, "dataset"):
            declare(run, data, name, **words)
    elif not switched_off():
        _remember(data, _about(name, **words))
    return data


def declare(run: RunState, data: Any, name: str, **words: Any) -> None:
    """Record a declared dataset of a run; what goes wrong becomes a gap."""
    with guarded(run, f"dataset {name}"):
        about = _about(name, **words)
        _remember(data, about)
        _capture(run, data, about)


def capture_tables(run: RunState) -> None:
    """Record the tables among a run's parameters as datasets, and say of each what came of it."""
    tables = list(run.parameters.tables)
    run.parameters.tables.clear()
    for name, data in tables:
        done = False
        with guarded(run, f"dataset {name}"):
            known = _declared.get(id(data))
            about = _about(name)
            if known is not None and known[0]() is data:
                # Declared as test data and given as training data: it is used as what it is given.
                about = replace(known[1], role=about.role or known[1].role)
            _capture(run, data, about)
            done = True
        run.parameters.recorded(name, as_dataset=done)


def _capture(run: RunState, data: Any, about: About) -> None:
    given = data
    data, found, odd = _fingerprint(run, data, about.name)
    for place, other in enumerate(run.datasets):
        if other.sha256 == found.sha256 and _same(other.about, about):
            if about.declared:
                run.datasets[place] = replace(other, about=about)
            elif other.about.role is None and about.role is not None:
                known = replace(other.about, role=about.role)
                run.datasets[place] = replace(other, about=known)
            if about.suite is not None:
                _measure_quality(run, data, place)
            _note_overlaps(run, place, given)
            return
    entry = CapturedDataset(
        about=about,
        sha256=found.sha256,
        digest=found.to_body(),
        left_out=odd,
        sample=_sample(given),
    )
    run.datasets.append(entry)
    place = len(run.datasets) - 1
    if found.rows == 0:
        empty = InputError("the dataset is empty", got="0 rows", expected="at least one row")
        note(run, f"dataset {about.name}", empty)
        return
    with guarded(run, f"profile of dataset {about.name}"):
        run.datasets[place] = replace(entry, profile=_profile(data, found.sha256))
    _measure_quality(run, data, place)
    _note_overlaps(run, place, given)


def _same(known: About, said: About) -> bool:
    """Whether words about the same content are about the same dataset of a run.

    What was only an argument takes the name that is declared for it. The same content under two
    declared names, or as training and as test data, is two datasets: an auditor looks for that.
    """
    if known.role is not None and said.role is not None and known.role != said.role:
        return False
    return known.name == said.name or (said.declared and not known.declared)


def _note_overlaps(run: RunState, place: int, data: Any) -> None:
    with guarded(run, f"rows shared with dataset {run.datasets[place].about.name}"):
        note_overlaps(run, run.datasets[place], data)


def _fingerprint(run: RunState, data: Any, name: str) -> tuple[Any, Fingerprint, Mapping[str, str]]:
    """The digest of a table; where columns have none, of the others, which are then the table."""
    from aims_mlops.measures.fingerprint.odd_columns import in_words, without_odd_columns
    from aims_mlops.measures.fingerprint.table_digest import fingerprint

    try:
        return data, fingerprint(data), {}
    except Exception:
        rest, odd = without_odd_columns(data)
        if not odd:
            raise
        found = fingerprint(rest)
    problem = InputError(
        f"columns are left out of the dataset: {in_words(odd)}",
        got=f"{len(odd)} of {len(odd) + len(found.columns)} columns",
        next_step="convert them, such as with .astype(str), or give each a name of its own",
    )
    note(run, f"dataset {name}", problem)
    return rest, found, odd


def _measure_quality(run: RunState, data: Any, place: int) -> None:
    entry = run.datasets[place]
    if run.settings.quality and _quality_installed():
        from aims_mlops.capture.facts.wide import COLUMNS_LIMIT

        columns = len(entry.digest["columns"])
        if columns > COLUMNS_LIMIT and entry.about.suite is None:
            wide = InputError(
                "quality is not measured without a suite",
                got=f"{columns} columns",
                expected=f"at most {COLUMNS_LIMIT}",
                next_step="declare what is expected: aims.dataset(data, name, suite=…)",
            )
            note(run, f"quality of dataset {entry.about.name}", wide)
            return
        with guarded(run, f"quality of dataset {entry.about.name}"):
            run.datasets[place] = replace(entry, quality=_quality(data, entry))


def _profile(data: Any, sha256: str) -> Mapping[str, Any]:
    from aims_mlops.measures.fingerprint.profile import profile_table

    if sha256 not in _profiles:
        profile = profile_table(data)
        _keep(_profiles, sha256, profile.to_body())
    return _profiles[sha256]


def _quality(data: Any, entry: CapturedDataset) -> Mapping[str, Any]:
    from aims_mlops.measures.quality.measure import measure_quality

    if entry.about.suite is not None:
        measured = measure_quality(data, entry.about.suite, name=entry.about.name)
        return {**measured.to_body(), "dataset": entry.reference}
    if entry.sha256 not in _qualities:
        _keep(_qualities, entry.sha256, measure_quality(data).to_body())
    return {**_qualities[entry.sha256], "dataset": entry.reference}


def _quality_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("great_expectations") is not None


# Results that depend on nothing but content, by its digest, for the life of the process.
_profiles: dict[str, Mapping[str, Any]] = {}
_qualities: dict[str, Mapping[str, Any]] = {}
_KEPT = 64

# id of an object -> (weak reference to it, what was declared of it)
_declared: dict[int, tuple[weakref.ref[Any], About]] = {}


def _keep(results: dict[str, Mapping[str, Any]], sha256: str, body: Mapping[str, Any]) -> None:
    while len(results) >= _KEPT:
        results.pop(next(iter(results)), None)
    results[sha256] = body


def _remember(data: Any, about: About) -> None:
    key = id(data)
    try:
        reference = weakref.ref(data, partial(_forget, key))
    except TypeError:
        return  # a path, or an object that cannot be told apart later
    _declared[key] = (reference, about)


def _forget(key: int, reference: weakref.ref[Any]) -> None:
    known = _declared.get(key)
    if known is not None and known[0] is reference:
        del _declared[key]


def _about(
    name: str,
    *,
    source: str | None = None,
    licence: str | None = None,
    purpose: str | None = None,
    role: str | None = None,
    derived_from: str | Sequence[str] = (),
    suite: Any = None,
) -> About:
    names = (derived_from,) if isinstance(derived_from, str) else tuple(derived_from)
    return About(
        name=scrubbed(str(name)),
        source=None if source is None else scrubbed(str(source)),
        licence=None if licence is None else scrubbed(str(licence)),
        purpose=None if purpose is None else scrubbed(str(purpose)),
        role=role if role is not None else _role_in(name),
        derived_from=tuple(scrubbed(str(parent)) for parent in names),
        suite=suite,
    )


def _role_in(name: str) -> str | None:
    match = _ROLES.search(re.sub(r"[-. ]", "_", name))
    if match is None:
        return None
    return next(role for role, part in zip(_ROLE_NAMES, match.groups(), strict=True) if part)


def _sample(data: Any) -> Any:
    """The first rows as a table of the same library, a copy; None where that is not possible."""
    shape = getattr(data, "shape", None)
    if shape is None or len(shape) != 2:
        return None
    try:
        head = data[:_SAMPLE_ROWS] if hasattr(data, "__array_interface__") else None
        if head is None:
            head = data.head(_SAMPLE_ROWS) if hasattr(data, "head") else data.slice(0, _SAMPLE_ROWS)
        return head.copy() if hasattr(head, "copy") else head
    except (AttributeError, TypeError, ValueError):
        return None
