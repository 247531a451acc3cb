"""The head of the log as whoever decides, asks a person for consent, or shows evidence reads it.

A row of the database is a claim, the head's too. The head counts when the log's own key signed it:
the key that AIMS_LOG_KEY pins, or else the key at hand, or a root that this machine itself signed
last. The log's key signs no head that does not continue the one before.
"""

from __future__ import annotations

import os

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import EvidenceError, StoreError, VerificationError
from aims_mlops.evidence.transparency.checkpoint import (
    Checkpoint,
    origin_of,
    read_checkpoint,
    unverified_checkpoint,
)
from aims_mlops.evidence.transparency.keychain import ROTATION, Handover, follow
from aims_mlops.evidence.transparency.merkle import EMPTY_ROOT
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.database.database import Database
from aims_mlops.store.database.tables import head, log_keys, records
from aims_mlops.store.log.signing import LogKeys

PIN_VARIABLE = "AIMS_LOG_KEY"  # the log's key as `aims key list` prints it
_VERIFY = "aims evidence verify"

_HEAD = sa.select(  # one statement, so that no writer comes between
    head.c.size,
    head.c.root,
    head.c.checkpoint,
    sa.select(sa.func.min(records.c.sequence)).scalar_subquery().label("first"),
    sa.select(sa.func.max(records.c.sequence)).scalar_subquery().label("last"),
)


class NoKeyError(StoreError):
    """No key at hand, and none pinned, can tell whether records are the log's own."""


class SignedHead:
    """The head of one log, as far as its key vouches for it; threads may share it."""

    def __init__(self, database: Database, keys: LogKeys, log_id: str) -> None:
        self._database = database
        self._keys = keys
        self._log_id = log_id
        self._notes: tuple[str, Checkpoint] | None = None

    def read(self) -> Checkpoint:
        """Size and root of the log now, signed by its key, and not behind what was signed here.

        Raises VerificationError, or NoKeyError where no key can tell.
        """
        seen = self._keys.last_signed(self._log_id)  # before the head, which is then no older
        with self._database.reading() as connection:
            top = connection.execute(_HEAD).one()
            size, root = int(top.size), bytes(top.root)
            if size == 0 and top.checkpoint is None and root == EMPTY_ROOT:
                checkpoint = Checkpoint(origin_of(self._log_id), 0, EMPTY_ROOT)
            else:
                checkpoint = self._opened(connection, top.checkpoint, seen)
        if seen is not None and checkpoint.size < seen[0]:
            raise self.rolled_back(checkpoint.size, seen[0])
        if (checkpoint.size, checkpoint.root) != (size, root):
            raise VerificationError(
                "the head of the log is not the one that its key signed",
                got=f"{size} records",
                expected=f"{checkpoint.size} records, or another root",
                next_step=_VERIFY,
            )
        outside = [n for n in (top.first, top.last) if n is not None and not 0 <= n < size]
        if outside:
            raise VerificationError(
                f"record {outside[0]} is not one that the log's key signed",
                got=f"the log's key signed {size} records",
                next_step=_VERIFY,
            )
        return checkpoint

    def rolled_back(self, size: int, before: int) -> StoreError:
        """The error for a head that is behind what was signed or read here before."""
        return self._keys.rolled_back(self._database.url, size, before)

    def _opened(
        self, connection: sa.Connection, note: str | None, seen: tuple[int, bytes] | None
    ) -> Checkpoint:
        """A checkpoint that the log's key signed; each text is looked at once."""
        if note is None:
            raise VerificationError("the log has no signed head", next_step=_VERIFY)
        if self._notes is None or self._notes[0] != note:
            self._notes = (note, self._trusted(connection, note, seen))
        return self._notes[1]

    def _trusted(
        self, connection: sa.Connection, note: str, seen: tuple[int, bytes] | None
    ) -> Checkpoint:
        origin = origin_of(self._log_id)
        pinned = os.environ.get(PIN_VARIABLE)
        if pinned:  # beside it no key counts that somebody may have put where ours are kept
            return self._followed(connection, VerifierKey.parse(pinned), note)
        said = unverified_checkpoint(note)
        if seen == (said.size, said.root) and said.origin == origin:
            return said  # this machine signed it
        own = [VerifierKey(origin, public) for public in self._keys.at_hand()]
        if not own:
            raise NoKeyError(
                f"whether the records of {self._database.url} are the log's own cannot be told",
                got="no key of the log at hand",
                expected="its key file, or its public key",
                next_step=f"set {PIN_VARIABLE} to what `aims key list` prints where the log is",
            )
        try:
            return read_checkpoint(note, own)
        except EvidenceError:
            raise VerificationError(
                "the head of the log is not signed by the log's key", next_step=_VERIFY
            ) from None

    def _followed(self, connection: sa.Connection, pinned: VerifierKey, note: str) -> Checkpoint:
        """By the chain of handovers from the pinned key to the one that signs now."""
        if pinned.name != origin_of(self._log_id):
            raise VerificationError(
                f"{PIN_VARIABLE} is another log's key",
                got=pinned.name[:120],
                expected=origin_of(self._log_id),
            )
        spans = [
            (int(start), bytes(public))
            for start, public in connection.execute(
                sa.select(log_keys.c.valid_from, log_keys.c.public).order_by(log_keys.c.valid_from)
            )
        ]
        query = sa.select(records.c.sequence, records.c.envelope)
        handovers = []
        for sequence, envelope in connection.execute(query.where(records.c.kind == ROTATION)):
            after = query.where(records.c.sequence == sequence + 1)
            following = connection.execute(after).first()
            handovers.append(
                Handover(sequence, envelope, following.envelope if following else None)
            )
        return follow(pinned, note, spans, handovers).read_head(note)
