"""Reading a policy and what it extends, with the file and line of everything that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem, did_you_mean, refuse, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.errors import DocumentError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.kinds import FIGURE_KINDS, KINDS
from aims_mlops.policy.grammar import PolicyDocument, Requirement, Rule
from aims_mlops.policy.packs import pack_names, pack_path
from aims_mlops.policy.policy import Policy
from aims_mlops.policy.vocabulary import known_measures

MAX_DEPTH = 8  # of `extends`
_SINGLE = (
    "pinned",
    "assessment",
    "approvals",
    "waivers",
    "break_glass",
    "oversight",
    "impact_scale",
)

_LIMIT_PARSED = 64  # files
_parsed: dict[Path, tuple[tuple[int, int, int], Document]] = {}

R = TypeVar("R", Requirement, Rule)


def load_policy(source: Path | str) -> Policy:
    """The policy of a file, or of a shipped pack by its name.

    Raises DocumentError with every problem and its line.
    """
    name = str(source)
    path = pack_path(name) or Path(name)
    if not path.is_file():
        hint = did_you_mean(name, pack_names())
        raise DocumentError(
            "there is no such policy" + (f"; did you mean the pack {hint!r}" if hint else ""),
            path=name,
            expected="a file, or one of the packs " + ", ".join(pack_names()),
            next_step="aims init",
        )
    document, bases = _load(path, ())
    policy = Policy(document, str(path), bases)
    if policy.is_empty:
        raise DocumentError(
            "the policy asks for nothing and would allow everything",
            path=path,
            line=1,
            expected="a blocking requirement or rule, an assessment or approvals",
            next_step=f"aims policy lint {path}",
        )
    return policy


def _load(path: Path, above: tuple[Path, ...]) -> tuple[PolicyDocument, tuple[str, ...]]:
    """One file merged onto what it extends, and the ids of all of them."""
    path = path.resolve()
    file = _read(path)
    next_step = f"aims policy lint {path}"
    document = validated(file, PolicyDocument, next_step=next_step, checks=(_mistakes,))
    bases: list[PolicyDocument] = []
    ids: list[str] = []
    for i, name in enumerate(document.extends):
        base_path = _base_path(file, i, name, path, above, next_step)
        base, base_ids = _load(base_path, (*above, path))
        bases.append(base)
        ids.extend((*base_ids, base.id))
    inherited = {row.id for base in bases for row in (*base.requires, *base.rules)}
    strangers = [
        Problem(
            ("without", i, "id"),
            f"nothing inherited has the id {entry.id!r}",
            hint=did_you_mean(entry.id, inherited),
        )
        for i, entry in enumerate(document.without)
        if entry.id not in inherited
    ]
    merged = _merged(document, bases)
    if problems := [*strangers, *_tolerance(merged)]:
        refuse(file, problems, next_step)
    return merged, tuple(dict.fromkeys(ids))


def _tolerance(merged: PolicyDocument) -> list[Problem]:
    """A tolerance keeps what was approved, so that somebody has to approve."""
    assessment = merged.assessment
    if assessment is None or assessment.tolerance is None:
        return []
    place = ("assessment", "tolerance")
    known = known_measures()
    problems = [
        problem
        for measure in assessment.tolerance.measures
        for problem in _unknown((*place, "measures", measure), "measure", measure, known)
    ]
    if merged.approvals is None or not assessment.required:
        needed = "required: true and approvals"
        problems.append(Problem(place, "nothing that could be kept is approved", None, needed))
    return problems


def _read(path: Path) -> Document:
    """The file as it is now; parsed again only when it changed, for servers decide often."""
    try:
        stat = path.stat()
    except OSError:
        return read_yaml(path)  # which says what is wrong
    version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    known = _parsed.get(path)
    if known is None or known[0] != version:
        if len(_parsed) >= _LIMIT_PARSED:
            _parsed.clear()
        known = _parsed[path] = (version, read_yaml(path))
    return known[1]


def _base_path(
    file: Document, index: int, name: str, path: Path, above: tuple[Path, ...], next_step: str
) -> Path:
    place = ("extends", index)
    is_file = name.endswith((".yaml", ".yml"))
    found = (path.parent / name) if is_file else pack_path(name)
    if found is None or not found.is_file():
        hint = did_you_mean(name, pack_names())
        expected = None if hint else "one of " + ", ".join(pack_names())
        refuse(
            file, [Problem(place, f"nothing to extend: {name!r}", None, expected, hint)], next_step
        )
    if found.resolve() in (*above, path):
        refuse(file, [Problem(place, f"{name!r} extends itself in a circle")], next_step)
    if len(above) >= MAX_DEPTH:
        refuse(file, [Problem(place, "extends too deep", None, f"at most {MAX_DEPTH}")], next_step)
    return found


def _merged(document: PolicyDocument, bases: list[PolicyDocument]) -> PolicyDocument:
    dropped = {entry.id for entry in document.without}
    chain = [*bases, document]
    fields: dict[str, Any] = {
        "version": 1,
        "id": document.id,
        "title": document.title,
        "date": document.date,
        "without": [entry for part in chain for entry in part.without],
        "targets": document.targets or [match for base in bases for match in base.targets],
        "sources": [source for part in chain for source in part.sources],
        "requires": _by_id([part.requires for part in chain], dropped),
        "rules": _by_id([part.rules for part in chain], dropped),
    }
    for name in _SINGLE:
        given = [getattr(part, name) for part in chain if getattr(part, name) is not None]
        fields[name] = given[-1] if given else None
    return PolicyDocument.model_validate_json(json.dumps(fields, default=_plain))


def _by_id(groups: list[tuple[R, ...]], dropped: set[str]) -> list[R]:
    """Rows of all groups, a later one in place of an earlier one; the file's own never drop."""
    found: dict[str, R] = {}
    for rows in groups[:-1]:
        found.update({row.id: row for row in rows if row.id not in dropped})
    found.update({row.id: row for row in groups[-1]})
    return [found[id_] for id_ in sorted(found)]


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")


def _mistakes(document: PolicyDocument) -> Iterable[Problem]:
    """What is well-formed and still wrong: ids, controls, kinds, measures."""
    seen: set[str] = set()
    for field in ("requires", "rules"):
        for i, row in enumerate(getattr(document, field)):
            if row.id in seen:
                yield Problem((field, i, "id"), f"id {row.id!r} is used twice")
            seen.add(row.id)
            for j, control in enumerate(row.controls):
                if control not in CONTROLS:
                    hint = did_you_mean(control, CONTROLS)
                    yield Problem(
                        (field, i, "controls", j), f"unknown control {control!r}", hint=hint
                    )
    for i, requirement in enumerate(document.requires):
        yield from _unknown(("requires", i, "kind"), "evidence kind", requirement.kind, KINDS)
    for i, rule in enumerate(document.rules):
        yield from _unknown(("rules", i, "measure"), "measure", rule.measure, known_measures())
        if rule.kind is not None:
            yield from _unknown(("rules", i, "kind"), "kind with figures", rule.kind, FIGURE_KINDS)


def _unknown(
    place: tuple[str | int, ...], what: str, word: str, known: Iterable[str]
) -> Iterable[Problem]:
    known = tuple(known)
    plain = word.partition("[")[0]  # `recall_score[a]` is the figure of one class
    if plain not in known and "." not in word and not word.startswith(("x-", "expect_")):
        hint = did_you_mean(word, known)
        expected = None if hint else "one of docs/policies.md, or a plugin's: x-… or plugin.name"
        yield Problem(place, f"unknown {what} {word!r}", None, expected, hint)
