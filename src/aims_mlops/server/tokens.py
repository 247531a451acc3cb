"""Bearer tokens: hashed at rest, scoped, expiring, revocable.

A token is `aims_<id>_<secret>`; only the SHA-256 of the secret is kept. The secret has 256 random
bits, so a slow password hash would add nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from aims_mlops.errors import EvidenceNotFoundError, InputError, StoreUnavailableError
from aims_mlops.evidence import clock

Scope = Literal["capture", "operate", "approve", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MAX_DAYS = 366
_PREFIX = "aims"

_TABLE = """
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, actor TEXT,
    scopes TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token; the secret is not.

    name : what it is for.  actor : whoever uses it; what it pushes must name the same actor.
    """

    id: str
    name: str
    actor: str | None
    scopes: frozenset[Scope]
    created_at: str
    expires_at: str
    revoked_at: str | None

    def allows(self, scope: Scope) -> bool:
        """Whether it may do this; `admin` may do everything, `operate` all that `capture` may."""
        if scope == "capture" and "operate" in self.scopes:
            return True
        return scope in self.scopes or "admin" in self.scopes

    @property
    def state(self) -> Literal["valid", "expired", "revoked"]:
        """Whether it may be used now."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if clock.parse(self.expires_at) > datetime.now(UTC) else "expired"


class Tokens:
    """The tokens of one server, in an SQLite file of mode 0600 beside the store, not in the log."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=10)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute(_TABLE)
                with connection:
                    yield connection
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailableError(
                f"the tokens in {self.path} cannot be used", got=str(error)
            ) from error

    def create(
        self, name: str, scopes: frozenset[Scope], *, days: float, actor: str | None = None
    ) -> tuple[str, Token]:
        """A new token's text, shown this once, and what is kept of it; raises InputError."""
        if not scopes or not scopes <= set(SCOPES):
            raise InputError(
                "a token needs scopes", got=", ".join(sorted(scopes)), expected=", ".join(SCOPES)
            )
        if not 0 < days <= MAX_DAYS:
            raise InputError(
                "a token cannot live that long",
                got=f"{days:g} days",
                expected=f"more than 0 and at most {MAX_DAYS} days",
            )
        if "approve" in scopes and not actor:
            raise InputError(
                "a token with scope approve belongs to one person",
                next_step="name the person: aims token create NAME --scope approve --actor ID",
            )
        id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        token = Token(
            id=id_,
            name=name,
            actor=actor,
            scopes=scopes,
            created_at=clock.stamp(now),
            expires_at=clock.stamp(now + timedelta(days=days)),
            revoked_at=None,
        )
        with self._open() as connection:
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    id_,
                    _hash(secret),
                    name,
                    actor,
                    " ".join(sorted(scopes)),
                    token.created_at,
                    token.expires_at,
                ),
            )
        return f"{_PREFIX}_{id_}_{secret}", token

    def check(self, text: str) -> Token | None:
        """The token, if it is one of ours and valid now."""
        prefix, _, rest = text.partition("_")
        id_, _, secret = rest.partition("_")
        if prefix != _PREFIX or not id_ or not secret:
            return None
        with self._open() as connection:
            row = connection.execute("SELECT * FROM tokens WHERE id = ?", (id_,)).fetchone()
        # Compared also for an unknown id, so that the time taken does not tell which ids exist.
        if not hmac.compare_digest(_hash(secret), row["hash"] if row else bytes(32)):
            return None
        token = _token(row)
        return token if token.state == "valid" else None

    def all(self) -> list[Token]:
        """Every token, oldest first, dead ones included."""
        with self._open() as connection:
            rows = connection.execute("SELECT * FROM tokens ORDER BY created_at, id").fetchall()
        return [_token(row) for row in rows]

    def revoke(self, id_: str) -> Token:
        """End a token now; EvidenceNotFoundError if there is none of this id."""
        with self._open() as connection:
            connection.execute(
                "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (clock.now(), id_),
            )
            row = connection.execute("SELECT * FROM tokens WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise EvidenceNotFoundError(f"no token {id_[:40]!r}", next_step="aims token list")
        return _token(row)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _token(row: sqlite3.Row) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        actor=row["actor"],
        scopes=frozenset(scope for scope in SCOPES if scope in row["scopes"].split()),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
