"""A file as a step of an entry: YAML, or Markdown with front matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aims_mlops.documents.document import Document
from aims_mlops.documents.front_matter import parse_markdown
from aims_mlops.documents.problems import did_you_mean
from aims_mlops.documents.reading import read_text, read_yaml
from aims_mlops.documents.yaml_events import parse_yaml
from aims_mlops.errors import DocumentError, InputError
from aims_mlops.management.registers.change import Attachment, Change, Step
from aims_mlops.management.registers.entry import Entry, content_of
from aims_mlops.management.registers.grammar import fields_of
from aims_mlops.management.registers.spec import REGISTERS, RegisterSpec, spec_of

SUFFIXES = (".yaml", ".yml", ".md", ".markdown")
_MARKDOWN = (".md", ".markdown")


def read_change(
    path: Path,
    *,
    register: str | None = None,
    step: Step = "add",
    reason: str | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Change:
    """A file as a step; the key `register` in it says of which register, unless the caller does.

    A Markdown file of a document is the document itself: its text below the front matter is kept.
    Raises DocumentError with file and line.
    """
    document, text = _read(path)
    data = document.data
    if not isinstance(data, dict):
        raise DocumentError("not keys and values", path=path, line=1, next_step=_TEMPLATE)
    named = data.get("register")
    spec = _spec(document, register, named)
    content = {name: value for name, value in data.items() if name != "register"}
    brings = None
    if spec.name == "document" and text is not None:
        front = _front_only(content, document, text)
        if "file" not in front and "link" not in front and text.body.strip():
            brings = Attachment(path.name, text.body.encode(), "text/markdown; charset=utf-8")
        content = front
    source = Document(document.path, content, document.lines, document.text)
    return Change(
        spec, step, source, reason=reason, folder=path.parent, brings=brings, origin=origin
    )


def changed_by(entry: Entry, fields: Sequence[str], *, reason: str | None = None) -> Change:
    """The step that sets some fields of an entry: each `name=value`, the value as YAML.

    `a.b=value` sets a field inside one; null takes a field away. Raises InputError.
    """
    content = content_of(entry.latest.evidence.body, entry.kind)
    for said in fields:
        name, equals, text = said.partition("=")
        if not equals or not name.strip():
            raise InputError(
                "not a field and its value", got=repr(said)[:60], expected="NAME=VALUE"
            )
        value = parse_yaml(text + "\n", path=f"--set {name}").data
        _set(content, name.strip().split("."), value, entry.spec)
    source = Document(f"{entry.register} {entry.id}", content, {}, "")
    return Change(entry.spec, "change", source, reason=reason, folder=Path.cwd())


def _set(content: dict[str, Any], parts: list[str], value: Any, spec: RegisterSpec) -> None:
    known = [field.name for field in fields_of(spec)]
    if parts[0] not in known:
        near = did_you_mean(parts[0], known)
        raise InputError(
            f"{spec.name} has no field {parts[0]!r}",
            expected=f"{near}?" if near else "one of " + ", ".join(known),
        )
    if parts == ["id"]:
        raise InputError("the id of an entry stays", next_step="close it, and add another")
    here = content
    for part in parts[:-1]:
        inner = here.get(part)
        here[part] = dict(inner) if isinstance(inner, dict) else {}
        here = here[part]
    if value is None:
        here.pop(parts[-1], None)
    else:
        here[parts[-1]] = value


class _Text:
    """A Markdown file cut in two: the front matter, and the text below it."""

    def __init__(self, text: str) -> None:
        rows = text.splitlines(keepends=True)
        end = next((i for i, row in enumerate(rows[1:], 1) if row.rstrip() == "---"), len(rows))
        self.front = "".join(rows[: end + 1])
        self.body = "".join(rows[end + 1 :]).lstrip("\r\n")


def _read(path: Path) -> tuple[Document, _Text | None]:
    if path.suffix.lower() not in _MARKDOWN:
        return read_yaml(path), None
    text = read_text(path)
    return parse_markdown(text, path=str(path)), _Text(text)


def _front_only(content: dict[str, Any], document: Document, text: _Text) -> dict[str, Any]:
    """Without the keys that headings gave: the prose of a document is the document."""
    front = parse_markdown(text.front, path=document.path).data
    return {name: content[name] for name in front if name in content}


def _spec(document: Document, register: str | None, named: object) -> RegisterSpec:
    if register is None and named is None:
        raise DocumentError(
            "no register is named",
            path=document.path,
            line=1,
            expected="register: one of " + ", ".join(REGISTERS),
            next_step=_TEMPLATE,
        )
    if named is not None and (not isinstance(named, str) or named not in REGISTERS):
        hint = did_you_mean(str(named), REGISTERS)
        raise DocumentError(
            "no such register",
            path=document.path,
            line=document.line(("register",)),
            got=repr(named)[:60],
            expected=f"{hint}?" if hint else "one of " + ", ".join(REGISTERS),
        )
    spec = spec_of(register or str(named))
    if named is not None and spec.name != named:
        raise DocumentError(
            "the file is of another register",
            path=document.path,
            line=document.line(("register",)),
            got=repr(named),
            expected=spec.name,
        )
    return spec


_TEMPLATE = "aims record add --template REGISTER"
