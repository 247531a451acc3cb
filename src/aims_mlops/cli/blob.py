"""`aims evidence blob`: content that stands beside a record, such as a picture of drift."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.plain import plain_lines
from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMES = ("_blob", "people_sha256")  # fields that name content by its digest alone


@click.command("blob")
@click.argument("id_", metavar="ID")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it here.")
def show_blob(id_: str, out: Path | None) -> None:
    """Open content by its digest, or what belongs to the record ID (listed, if it is more)."""
    from aims_mlops.cli.table import table
    from aims_mlops.errors import EvidenceNotFoundError
    from aims_mlops.evidence.transparency.leaf import Leaf
    from aims_mlops.inventory.project import find_project

    store = find_project().open_store()
    digest = id_.removeprefix("sha256:").casefold()
    record = None
    try:
        record = store.get(digest)
    except EvidenceNotFoundError:
        if not _DIGEST.fullmatch(digest):
            raise
    if record is not None:
        about = dict(_described(record))
        named = [name for name, words in about.items() if words.endswith(_NAMES)]
        blobs = list(dict.fromkeys((*Leaf.from_bytes(record.leaf).blobs, *named)))
        if not blobs:
            raise InputError(f"record {record.id[:12]} has no content beside it")
        if len(blobs) > 1:
            rows = [(name, about.get(name, "-")) for name in blobs]
            click.echo(table(("DIGEST", "WHAT"), rows))
            click.echo("Next: aims evidence blob DIGEST --out FILE")
            return
        digest = blobs[0]
    content = store.get_blob(digest)
    if out is not None:
        out.write_bytes(content)
        click.echo(f"✓ wrote {len(content)} bytes to {out}")
        return
    try:
        click.echo(plain_lines(content.decode()))
    except UnicodeDecodeError:
        raise InputError(
            "the content is no text", got=f"{len(content)} bytes", next_step="--out FILE"
        ) from None


def _described(record: Record) -> Iterator[tuple[str, str]]:
    """What a record says of each content that it names."""

    def walk(value: Any, key: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            if isinstance(digest := value.get("sha256"), str):
                words = (key, value.get("of"), value.get("media_type"))
                yield digest, ", ".join(str(word) for word in words if word)
            for name, inner in value.items():
                yield from walk(inner, str(name))
        elif isinstance(value, (list, tuple)):
            for inner in value:
                yield from walk(inner, key)
        elif key != "sha256" and isinstance(value, str) and _DIGEST.fullmatch(value):
            yield value, key

    yield from walk(dict(record.evidence.body), "")
