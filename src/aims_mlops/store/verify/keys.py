"""Check whose keys signed a log: the chain of handovers, and what the trusted keys vouch for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from aims_mlops.errors import EvidenceError, VerificationError
from aims_mlops.evidence.transparency.checkpoint import origin_of
from aims_mlops.evidence.transparency.keychain import KeyChain, KeySpan
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.administration.key_rotation import handovers
from aims_mlops.store.log.signed_head import PIN_VARIABLE
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.verify.report import Report


def check_keys(
    store: SqlStore,
    report: Report,
    spans: Sequence[KeySpan],
    note: str | None,
    trusted: Sequence[VerifierKey],
    kept: Sequence[str],
    *,
    continues: bool,
) -> None:
    """Hold the log's keys against the rule of `evidence.transparency.keychain`.

    note : the log's checkpoint, None while it is empty.  kept : checkpoints from outside.
    continues : whether the log is shown to continue what this machine itself signed.
    """
    try:
        chain = KeyChain(origin_of(report.log_id), spans)
    except VerificationError as error:
        report.failures.append(str(error))
        return
    report.failures.extend(chain.failures(handovers(store)))
    for record in store.find(kind="key-revocation"):
        body = record.evidence.body
        report.open_points.append(
            f"key {str(body.get('key_id'))[:16]} was revoked: what it signed from record "
            f"{body.get('since')} on is in doubt unless an anchor is older"
        )
    pinned = os.environ.get(PIN_VARIABLE, "").strip()
    trusted = [*trusted, *([VerifierKey.parse(pinned)] if pinned else [])]
    own = [VerifierKey(chain.origin, public) for public in store.signing.at_hand()]
    if own and not continues and not any(_is_vouched(chain, key, note, kept) for key in own):
        report.failures.append(
            "the log is not signed by the log's key at hand: it was rewritten, or "
            f"{store.key_folder} holds the key of another log"
        )
    if not trusted:
        report.open_points.append(
            "the first key is the store's own word: compare it with one handed over by another way"
        )
        return
    problems = []
    for key in trusted:
        try:
            report.holds.append(_vouched(chain, key, note, kept))
        except EvidenceError as error:
            problems.append(str(error))
    if len(problems) == len(trusted):
        report.failures.extend(problems)


def last_signed(store: SqlStore) -> tuple[int, bytes] | None:
    """Size and root that this machine itself signed last in this log, if it ever did."""
    return store.signing.last_signed(store.log_id)


def _is_vouched(chain: KeyChain, key: VerifierKey, note: str | None, kept: Sequence[str]) -> bool:
    try:
        _vouched(chain, key, note, kept)
    except EvidenceError:
        return False
    return True


def _vouched(chain: KeyChain, key: VerifierKey, note: str | None, kept: Sequence[str]) -> str:
    if note is None:  # an empty log has nothing but its first key
        if (chain.origin, chain.spans[0].public) != (key.name, key.public):
            raise VerificationError("the log does not begin with the key that was handed over")
        return "the log begins with the key that was handed over"
    why = chain.check_pinned(key, note, kept=kept)
    return why.replace("the key", "the key that was handed over", 1)
