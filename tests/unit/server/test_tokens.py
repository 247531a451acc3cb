"""Tokens are hashed, scoped, expiring and revocable."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aims_mlops.errors import EvidenceNotFoundError, InputError, StoreUnavailableError
from aims_mlops.server.tokens import SCOPES, Tokens


def test_created_token_is_checked_and_its_secret_is_not_kept(tokens: Tokens) -> None:
    text, token = tokens.create("ci", frozenset({"capture"}), days=1)
    assert tokens.check(text) == token
    assert token.state == "valid"
    content = tokens.path.read_bytes()
    assert text.rpartition("_")[2].encode() not in content
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("change", ["", "x", "aims", "aims__", "aims_{id}_", "aims_{id}_x", "AIMS"])
def test_text_that_is_no_token_is_refused(tokens: Tokens, change: str) -> None:
    _, token = tokens.create("ci", frozenset({"capture"}), days=1)
    assert tokens.check(change.format(id=token.id)) is None


def test_secret_of_another_token_is_refused(tokens: Tokens) -> None:
    one, first = tokens.create("one", frozenset({"capture"}), days=1)
    two, _ = tokens.create("two", frozenset({"admin"}), days=1)
    assert tokens.check(f"aims_{first.id}_{two.split('_', 2)[2]}") is None
    assert tokens.check(one) == first


def test_every_changed_character_of_a_token_is_refused(tokens: Tokens) -> None:
    text, _ = tokens.create("ci", frozenset({"capture"}), days=1)
    wrong = [text[:i] + ("A" if text[i] != "A" else "B") + text[i + 1 :] for i in range(len(text))]
    assert [tokens.check(each) for each in wrong] == [None] * len(text)


def test_expired_token_is_refused(tokens: Tokens) -> None:
    text, _ = tokens.create("ci", frozenset({"capture"}), days=1e-9)
    assert tokens.check(text) is None
    assert tokens.all()[0].state == "expired"


def test_revoked_token_is_refused_at_once_and_stays_listed(tokens: Tokens) -> None:
    text, token = tokens.create("ci", frozenset({"capture"}), days=1)
    first = tokens.revoke(token.id)
    assert tokens.check(text) is None
    assert tokens.revoke(token.id) == first
    assert [t.state for t in tokens.all()] == ["revoked"]
    with pytest.raises(EvidenceNotFoundError):
        tokens.revoke("0" * 12)


def test_admin_allows_everything_and_others_only_their_own(tokens: Tokens) -> None:
    _, admin = tokens.create("a", frozenset({"admin"}), days=1)
    _, reader = tokens.create("r", frozenset({"read"}), days=1)
    assert all(admin.allows(scope) for scope in SCOPES)
    assert [scope for scope in SCOPES if reader.allows(scope)] == ["read"]


@pytest.mark.parametrize(
    ("scopes", "days"),
    [
        (frozenset(), 1.0),
        (frozenset({"root"}), 1.0),
        (frozenset({"read"}), 0.0),
        (frozenset({"read"}), -1.0),
        (frozenset({"read"}), 367.0),
        (frozenset({"read"}), float("nan")),
        (frozenset({"approve"}), 1.0),
    ],
)
def test_token_without_bounds_or_person_is_not_made(
    tokens: Tokens, scopes: frozenset[str], days: float
) -> None:
    with pytest.raises(InputError):
        tokens.create("x", scopes, days=days)  # type: ignore[arg-type]
    assert tokens.all() == []


def test_unreadable_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "tokens.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailableError):
        Tokens(tmp_path / "tokens.db").check("aims_x_y")
