"""Writing into the registers: everything is checked first, then all of it is stored, or nothing."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aims_mlops.documents.document import Document
from aims_mlops.documents.metadata import author_of
from aims_mlops.documents.problems import Problem, did_you_mean, problems_in
from aims_mlops.errors import DocumentError, EvidenceConflictError, InputError
from aims_mlops.evidence.bodies.management import PERSON
from aims_mlops.evidence.kinds import ANSWER_KINDS, USE_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.project import Project
from aims_mlops.management.registers.change import Attachment, Change, Step, evidence_of
from aims_mlops.management.registers.checks import Surroundings, problems_of
from aims_mlops.management.registers.entry import Entry, content_of
from aims_mlops.management.registers.grammar import fields_of, model_of, places
from aims_mlops.management.registers.read import open_register
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import REGISTERS, RegisterSpec, spec_of
from aims_mlops.management.reviews.pack import wrong_pack
from aims_mlops.operations.audit_findings import findings_opened

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

LIMIT_BYTES = 50_000_000  # of an attached file


def add(
    project: Project,
    store: EvidenceStore,
    register: str,
    content: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    folder: Path | None = None,
) -> Record:
    """Open an entry. `content` has the fields of the register; `file` is a path in `folder`.

    Raises DocumentError with everything that is wrong, InputError for an id that is taken.
    """
    spec = spec_of(register)
    change = Change(spec, "add", _document(spec, content), folder=folder)
    return enter(project, store, [change], actor=actor, now=now)[0]


def change(
    project: Project,
    store: EvidenceStore,
    entry: Entry,
    content: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
    folder: Path | None = None,
) -> Record:
    """Change an entry; `content` is all of it as it stands after."""
    said = _document(entry.spec, {**content, "id": entry.id})
    step = Change(entry.spec, "change", said, reason=reason, folder=folder)
    return enter(project, store, [step], actor=actor, now=now)[0]


def close(
    project: Project,
    store: EvidenceStore,
    entry: Entry,
    *,
    actor: str,
    now: datetime,
    reason: str,
    reopen: bool = False,
) -> Record:
    """Close an entry, or open a closed one again; a document is withdrawn by it."""
    content = content_of(entry.latest.evidence.body, entry.kind)
    step: Step = "reopen" if reopen else "close"
    said = Change(entry.spec, step, _document(entry.spec, content), reason=reason)
    return enter(project, store, [said], actor=actor, now=now)[0]


def enter(
    project: Project,
    store: EvidenceStore,
    changes: Sequence[Change],
    *,
    actor: str,
    now: datetime,
    register: Register | None = None,
    dry_run: bool = False,
    next_step: str = "put it right and do it again",
) -> list[Record]:
    """Check all steps, then store all of them in one batch.

    register : as the log has it, if somebody has read it.  dry_run : check, and store nothing.
    What an audit found, but observations, is opened as a nonconformity in the same batch.
    Raises DocumentError with every problem of every step, and then nothing was stored;
    EvidenceConflictError if somebody else took one of the steps meanwhile.
    """
    register = register or open_register(project, store)
    acted_on = partial(_acted_on, project, store)
    around = Surroundings(
        project, register, actor, now, acted_on=acted_on, wrong_pack=partial(wrong_pack, store)
    )
    batch = _Batch(around)
    for one in changes:
        batch.take(one)
    refuse(batch.wrong, next_step)
    if dry_run or not batch.ready:
        return []
    for held in batch.files.values():
        store.put_blob(held.content, media_type=held.media_type)
    made = [
        evidence_of(
            ready.change.spec,
            ready.change.step,
            ready.content,
            before=ready.before,
            actor=actor,
            now=now,
            reason=ready.change.reason,
            origin=ready.change.origin,
        )
        for ready in batch.ready
    ]
    entered = len(made)
    made += findings_opened(store, [one for one, _ in made], actor=actor, now=now)
    try:
        records = store.append_many([one for one, _ in made], keys=[key for _, key in made])
    except EvidenceConflictError as error:
        raise EvidenceConflictError(
            "somebody else wrote about the same entry meanwhile, and nothing was stored",
            next_step="look at it with aims record show REGISTER/ID, then do it again",
        ) from error
    return records[:entered]


def _acted_on(project: Project, store: EvidenceStore, system: str) -> frozenset[str]:
    kinds = ("run", *ANSWER_KINDS, *USE_KINDS)
    found = store.find(kind=kinds, system=system)
    return frozenset(project.human(record.evidence.actor) for record in found)


def refuse(
    wrong: Sequence[tuple[Document, Problem]], next_step: str = "put it right and do it again"
) -> None:
    """Raise DocumentError for everything that is wrong, each with file and line."""
    if not wrong:
        return
    source, first = wrong[0]
    raise DocumentError(
        first.text(),
        path=source.path,
        line=source.line(first.place) if source.lines else None,
        problems=tuple(_line(source, problem) for source, problem in wrong[1:]),
        next_step=f"{next_step}; nothing was stored",
    )


@dataclass
class _Ready:
    change: Change
    content: dict[str, Any]
    before: Entry | None


@dataclass
class _Batch:
    around: Surroundings
    ready: list[_Ready] = field(default_factory=list)
    files: dict[str, Attachment] = field(default_factory=dict)
    wrong: list[tuple[Document, Problem]] = field(default_factory=list)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, change: Change) -> None:
        """Check one step; what is wrong is kept until all have been looked at."""
        spec, source = change.spec, change.source
        found = self._before(change)
        if isinstance(found, Problem):
            self.wrong.append((source, found))
            return
        if change.step in ("close", "reopen"):
            if found is not None:
                self.ready.append(_Ready(change, dict(change.data), found))
            return
        data, kept = _kept_file(change.data, found)
        try:
            said = model_of(spec).model_validate_json(json.dumps(data))
        except (ValidationError, TypeError, ValueError) as error:
            self.wrong += ((source, one) for one in problems_in(error, model_of(spec)))
            return
        content = said.model_dump(mode="json", exclude_none=True)
        held, problem = _attachment(change, content)
        content = _with_ids(content, spec, self.around.project)
        if held is not None:
            content["file"] = held.to_body()
        elif kept is not None:
            content["file"] = kept
        problems = [] if problem is None else [problem]
        if problem is None:
            digest = str(kept["sha256"]) if held is None and kept else None
            digest = digest if held is None else held.sha256
            problems += problems_of(spec, content, found, self.around, held=digest)
        if held is not None and content.get("anonymous") and (who := author_of(held.content)):
            problems.append(_names_author(who))
        if problems:
            self.wrong += ((source, one) for one in problems)
            return
        if spec.name == "document":
            self.around.pending[content["id"]] = tuple(content.get("supersedes") or ())
        if held is not None:
            self.files[held.sha256] = held
        self.ready.append(_Ready(change, content, found))

    def _before(self, change: Change) -> Entry | Problem | None:
        data = change.data
        id_ = data.get("id") if isinstance(data, dict) else None
        if not isinstance(id_, str):
            return None  # the model says what is wrong
        spec = change.spec
        first = self.seen.setdefault((spec.name, id_), _where(change.source))
        if first != _where(change.source):
            return Problem(("id",), f"{spec.name} {id_} is there twice", expected=f"once: {first}")
        entry = self.around.register.entry(spec.name, id_)
        if change.step == "add":
            if entry is None:
                return None
            return Problem(
                ("id",),
                f"there is a {spec.name} {id_} already",
                f"record {entry.record_id[:12]}",
                "another id, or aims record change REGISTER/ID",
            )
        if entry is None:
            return Problem(("id",), f"there is no {spec.name} {id_}", expected="aims record add")
        return entry if (why := _why_not_now(entry, change)) is None else why


def _why_not_now(entry: Entry, change: Change) -> Problem | None:
    name = f"{entry.register} {entry.id}"
    if change.step == "reopen" and not entry.is_closed:
        return Problem((), f"{name} is open")
    if change.step != "reopen" and entry.is_closed:
        return Problem(
            (), f"{name} is {entry.state}", expected="aims record reopen REGISTER/ID --reason TEXT"
        )
    if change.step in ("close", "reopen") and not (change.reason or "").strip():
        return Problem((), "no reason is given", expected="--reason TEXT")
    return None


def _kept_file(data: Any, before: Entry | None) -> tuple[Any, dict[str, Any] | None]:
    """The content without a file that the entry has already, and that file."""
    known = None if before is None else before.latest.evidence.body.get("file")
    if isinstance(data, dict) and isinstance(known, dict) and data.get("file") == known:
        return {name: value for name, value in data.items() if name != "file"}, known
    return data, None


def _attachment(
    change: Change, content: Mapping[str, Any]
) -> tuple[Attachment | None, Problem | None]:
    """The file that an entry brings, read; or why it cannot be."""
    named = content.get("file")
    if named is None:
        return change.brings, None
    if change.folder is None:
        return None, Problem(("file",), "no file can be read here", expected="a link")
    path = change.folder / str(named)
    if not _is_inside(path, change.folder):
        return None, Problem(
            ("file",), "the file lies elsewhere", str(named), "a file in the folder of this one"
        )
    try:
        if path.stat().st_size > LIMIT_BYTES:
            return None, Problem(
                ("file",), "the file is too large", expected=f"at most {LIMIT_BYTES:,} bytes"
            )
        held = path.read_bytes()
    except OSError as error:
        return None, Problem(("file",), f"cannot read the file: {error.strerror}", str(named))
    media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Attachment(path.name, held, media), None


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, links followed: whoever writes a file in a repository must
    not be able to have any other file of the machine put into the log."""
    return path.resolve().is_relative_to(folder.resolve())


def _with_ids(content: dict[str, Any], spec: RegisterSpec, project: Project) -> dict[str, Any]:
    """People by their id and not by the address under which somebody wrote them."""
    for place, name in list(places(content, fields_of(spec), PERSON)):
        person = project.person(name)
        if person is None or person.id == name:
            continue
        here: Any = content
        for part in place[:-1]:
            here = here[part]
        here[place[-1]] = person.id
    return content


def _names_author(who: str) -> Problem:
    return Problem(
        ("file",),
        "the concern is anonymous, and the file says who wrote it",
        f"an author of {len(who)} characters in its properties",
        "a file without author, or its text in `about`",
    )


def _document(spec: RegisterSpec, content: Mapping[str, Any]) -> Document:
    return Document(f"{spec.name} {content.get('id', '')}".strip(), dict(content), {}, "")


def _where(source: Document) -> str:
    return f"{source.path}:{source.line(('id',))}" if source.lines else source.path


def _line(source: Document, problem: Problem) -> str:
    place = f"{source.path}:{source.line(problem.place)}" if source.lines else source.path
    return f"{place}: {problem.text()}"


def find_entry(register: Register, name: str | None, wanted: str) -> Entry:
    """The entry that somebody names: REGISTER/ID, ID, or the beginning of a record's id.

    Raises InputError if there is none or several.
    """
    kind, _, rest = wanted.partition("/")
    if rest and name is None:
        name, wanted = spec_of(kind).name, rest
    entries: Iterable[Entry] = register.all() if name is None else register.of_register(name)
    candidates = list(entries)
    names = REGISTERS if name is None else (name,)
    found = [entry for one in names if (entry := register.entry(one, wanted)) is not None]
    if not found and len(wanted) >= 8:
        found = [e for e in candidates if any(i.startswith(wanted) for i in e.record_ids)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{wanted!r} is in several registers",
            expected=" or ".join(f"{entry.register}/{entry.id}" for entry in found[:5]),
        )
    near = did_you_mean(wanted, (entry.id for entry in candidates))
    raise InputError(
        f"no entry {wanted!r}" + (f" in the register {name}" if name else ""),
        expected=f"{near}?" if near else "an id of an entry",
        next_step="aims record list",
    )
