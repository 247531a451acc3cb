"""Which documents are in force and under control: clause 7.5, rule by rule. Pure."""

from __future__ import annotations

from aims_mlops.management.readiness.checks import (
    Found,
    in_force,
    met,
    missing,
    named,
    partly,
)
from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.readiness.requirements import DOCUMENTS


def documents(picture: Picture) -> Found:
    """R28: every document that the clauses ask for is in force."""
    lacking: list[str] = []
    ids: list[str] = []
    step = ""
    for type_ in DOCUMENTS:
        version, found = in_force(picture, type_)
        ids += found.records
        if version is None:
            lacking.append(type_)
            step = step or found.next_step
    if not lacking:
        return met(f"{len(DOCUMENTS)} types of documents are in force", ids)
    words = f"not in force: {named(lacking)}"
    return missing(words, step) if len(lacking) == len(DOCUMENTS) else partly(words, step, ids)


def documents_described(picture: Picture) -> Found:
    """R29: each document says title, author, version and the day from which it holds."""
    found = [entry for entry in picture.register.documents if entry.is_open]
    if not found:
        return missing("no document was recorded", "aims record add --template document")
    short = [entry for entry in found if not (entry.title and entry.effective)]
    ids = [entry.latest.id for entry in found]
    if short:
        words = f"no day from which it holds: {named([entry.id for entry in short])}"
        return partly(words, f"aims record change document/{short[0].id} --from FILE", ids)
    return met(f"{len(found)} documents", ids)


def documents_controlled(picture: Picture) -> Found:
    """R30: the log keeps documents, by digest, with every version."""
    found = [entry for entry in picture.register.documents if entry.is_open]
    kept = [e for e in found if getattr(e.body, "file", None) or getattr(e.body, "link", None)]
    if not found:
        return missing("no document was recorded", "aims record add --template document")
    ids = [entry.latest.id for entry in found]
    if len(kept) < len(found):
        left = [entry.id for entry in found if entry not in kept]
        words = f"neither a file nor a link with digest: {named(left)}"
        return partly(words, f"aims record change document/{left[0]} --from FILE", ids)
    return met("each version is in the log by digest, with who approved it", ids)
