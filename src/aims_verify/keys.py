"""Whose keys signed the log, and how the auditor can know.

A key counts forward from where it begins: it signed the newest checkpoint, the log begins with it,
or it signed a checkpoint that the auditor kept and the log continues. That it stands in the list is
nothing. The log's own code has the same rule, written apart, in
`aims_mlops.evidence.transparency.keychain`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from aims_verify.bundle import Header, LogKey
from aims_verify.ed25519 import is_public_key
from aims_verify.findings import Findings, counted
from aims_verify.note import Checkpoint

Pinned = Sequence[tuple[str, ...] | tuple[str, bytes] | tuple[str, bytes, str]]


def check_keys(
    header: Header,
    findings: Findings,
    handovers: Sequence[tuple[int, dict[str, Any], bool]],
    begun: Collection[int],
) -> None:
    """Check the checkpoint's signature and the chain of keys.

    handovers : every record of one: (sequence, body, whether the next key signed it too).
    begun : the first record of each key, where the bundle has it and the key signed it.
    """
    top = header.checkpoint
    if top.origin != f"aims-mlops/log/{header.log}":
        findings.fail("the checkpoint is of another log than the records")
    newest = header.key_at(top.size)
    findings.expect(
        top.signed_by([newest.public]) is not None,
        f"the checkpoint of {counted(top.size, 'record')} is signed by the log",
        "the checkpoint is not signed by the log's key that signs next",
    )
    if header.signed is False:
        findings.fail("the header's signature does not hold")
    for key in header.keys:
        if not is_public_key(key.public):
            findings.fail("a key under which one signature may hold for many messages", key.id[:16])
    if len({key.public for key in header.keys}) != len(header.keys):
        findings.fail("a key of the log comes twice")
    problems = list(_chain_problems(header, handovers, begun))
    for what, place in problems:
        findings.fail(what, place)
    if len(header.keys) > 1 and not problems:
        findings.holds.append(
            f"each of the log's {len(header.keys)} keys was announced by the one before it and "
            "took over itself"
        )


def _chain_problems(
    header: Header,
    handovers: Sequence[tuple[int, dict[str, Any], bool]],
    begun: Collection[int],
) -> Iterator[tuple[str, str]]:
    given = {sequence: (body, taken_over) for sequence, body, taken_over in handovers}
    starts = {key.valid_from for key in header.keys[1:]}
    for sequence in sorted(given.keys() - {start - 1 for start in starts}):
        yield (
            "a record says that the log's key was handed over, and the key did not change there",
            f"record {sequence}",
        )
    for before, after in zip(header.keys, header.keys[1:], strict=False):
        place = f"record {after.valid_from}"
        body, taken_over = given.get(after.valid_from - 1, (None, False))
        if body is None or not _names(body, before, after, header.log):
            yield f"key {after.id[:16]} signs, and the key before it did not hand over", place
        elif not taken_over and ("log" in body or after.valid_from not in begun):
            # Older versions wrote no `log`: the new key's first record stands for its consent.
            yield f"key {after.id[:16]} signs, and it did not sign the handover", place


def _names(body: dict[str, Any], before: LogKey, after: LogKey, log: str) -> bool:
    return (
        body.get("public") == after.public.hex()
        and body.get("key_id") == after.id
        and body.get("previous") == before.id
        and body.get("log", log) == log
    )


def check_pinned(
    header: Header, findings: Findings, pinned: Pinned, kept: Checkpoint | None
) -> None:
    """Check that a key which the auditor knows vouches for this log.

    pinned : (key id, raw key or b'', perhaps the key's name).  kept : the auditor's checkpoint,
    None unless it is proved that the log continues it.
    """
    if not pinned:
        return
    ways = [
        _vouches(header, str(key[0]), str(key[2]) if len(key) > 2 else "", kept) for key in pinned
    ]
    if good := [text for true, text in ways if true]:
        findings.holds.append(f"the log's key is the one you gave: {good[0]}")
        return
    for _, text in ways:
        findings.fail(text)


def _vouches(header: Header, wanted: str, name: str, kept: Checkpoint | None) -> tuple[bool, str]:
    top = header.checkpoint
    if name and name != top.origin:
        return False, "the key you gave is another log's"
    if header.keys[0].id == wanted:
        return True, "the log begins with it"
    if _signed(header, wanted, top):
        return True, "it signed the newest checkpoint"
    if kept is not None and _signed(header, wanted, kept):
        return True, "it signed the checkpoint you kept"
    if any(key.id == wanted for key in header.keys):
        return False, (
            "the key you gave only stands in the log's chain of keys and vouches for nothing: the "
            "log does not begin with it, and it did not sign the newest checkpoint or the one you "
            "kept"
        )
    return False, "none of the log's keys is the one you gave: this is another log, or a forgery"


def _signed(header: Header, wanted: str, checkpoint: Checkpoint) -> bool:
    publics = [key.public for key in header.in_force(checkpoint.size) if key.id == wanted]
    return checkpoint.signed_by(publics) is not None
