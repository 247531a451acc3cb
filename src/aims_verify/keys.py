"""Whose keys signed the log, and how the auditor can know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aims_verify.bundle import Header
from aims_verify.findings import Findings, counted
from aims_verify.note import Checkpoint


def check_keys(
    header: Header,
    findings: Findings,
    pinned: Sequence[tuple[str, bytes]],
    kept: Checkpoint | None,
    special: Sequence[tuple[str, int, dict[str, Any]]],
) -> None:
    """Check the checkpoint's signature, the chain of keys, and the keys that the auditor knows.

    pinned : (key id, raw key or b'').  special : records about the log itself.
    """
    top = header.checkpoint
    if top.origin != f"aims-mlops/log/{header.log}":
        findings.fail("the checkpoint is of another log than the records")
    signer = top.signed_by(key.public for key in header.keys if key.valid_from <= top.size)
    if findings.expect(
        signer is not None,
        f"the checkpoint of {counted(top.size, 'record')} is signed by the log",
        "the checkpoint is not signed by a key of the log",
    ):
        newest = header.key_at(top.size)
        before = header.key_at(max(top.size - 1, 0))
        if signer not in (newest.public, before.public):
            findings.fail("the checkpoint is signed by a key that the log no longer used")
    _check_chain(header, findings, special)
    known = {key_id for key_id, _ in pinned}
    if known:
        findings.expect(
            any(key.id in known for key in header.keys),
            "the log's key is the one you gave",
            "none of the log's keys is the one you gave: this is another log, or a forgery",
        )
    elif kept is None:
        findings.unchecked.append(
            "whose log this is: its key is not pinned. Compare "
            + ", ".join(key.id for key in header.keys)
            + " with what you got by another way, or give it with --key"
        )


def _check_chain(
    header: Header, findings: Findings, special: Sequence[tuple[str, int, dict[str, Any]]]
) -> None:
    """Each later key must be handed over to by the record before its first, signed by the last."""
    for kind, _, body in special:
        if kind == "key-revocation":
            findings.unchecked.append(
                f"key {str(body.get('key_id'))[:16]} was revoked: what it signed from record "
                f"{body.get('since')} on is in doubt unless an anchor is older"
            )
    if len(header.keys) == 1:
        return
    handed = {
        (sequence + 1, str(body.get("public")))
        for kind, sequence, body in special
        if kind == "key-rotation"
    }
    missing = [key for key in header.keys[1:] if (key.valid_from, key.public.hex()) not in handed]
    for key in missing:
        findings.fail(
            f"key {key.id[:16]} signs, and the key before it did not hand over",
            f"record {key.valid_from}",
        )
    if not missing:
        findings.holds.append(
            f"each of the log's {len(header.keys)} keys was announced by the one before it"
        )
