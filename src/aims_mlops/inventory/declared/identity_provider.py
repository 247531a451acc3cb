"""Roles from an identity provider: an ID token, verified against keys that the project keeps.

Nothing is fetched: the provider's key set (JWKS) is a file beside aims.yaml, reviewed like it. A
token says who somebody is by its `sub`, and which groups that account had when it was issued.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from aims_mlops.documents.problems import Section
from aims_mlops.errors import InputError, MissingExtraError, VerificationError

_LEEWAY = timedelta(seconds=60)  # between the provider's clock and the store's
_LIMIT_TOKEN = 32_000  # characters
# By kind of key; never `none`, never a secret that both sides know.
_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}


class IdentityProvider(Section):
    """Whose tokens count, and which role a group stands for.

    issuer, audience : exactly as in the token's `iss` and `aud`.
    jwks : path of the provider's key set, relative to aims.yaml.
    roles_claim : the claim with the groups; `a.b` looks into an object.
    roles : {group: role}; a group without an entry gives no role.
    """

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks: str
    roles_claim: str = "groups"
    roles: dict[str, str]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says. subject : `sub`.  expires_at : when the token ends."""

    issuer: str
    subject: str
    roles: tuple[str, ...]
    key_id: str | None
    expires_at: datetime


def read_jwks(provider: IdentityProvider, root: Path) -> str:
    """The key set that the project keeps; raises InputError if it cannot be read."""
    path = root / provider.jwks
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the key set of the identity provider cannot be read: {path}",
            got=type(error).__name__,
            expected="the provider's JWKS, saved as a file",
            next_step="save what the provider's jwks_uri gives, and have it reviewed",
        ) from error


def verify_token(token: str, provider: IdentityProvider, jwks: str, moment: datetime) -> Identity:
    """Who a token is about, and the roles that its groups stand for.

    moment : aware; the token must be good then.
    Raises VerificationError, in words, for a token of another issuer or audience, one that is
    expired, not yet good, not signed by a key of the set, or of another shape.
    """
    try:
        import jwt
    except ImportError as error:
        raise MissingExtraError("an ID token", library="PyJWT", extra="oidc") from error

    token = token.strip()
    if len(token) > _LIMIT_TOKEN:
        raise VerificationError("the ID token is too long", got=f"{len(token)} characters")
    try:
        header = jwt.get_unverified_header(token)
        key, algorithms = _key(jwt, jwks, header)
        claims = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=provider.audience,
            issuer=provider.issuer,
            # Times are held against `moment`, not against this computer's clock.
            options={
                "require": ["iss", "aud", "sub", "exp", "iat"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise VerificationError(f"the ID token does not hold: {error}") from error
    expires_at = _hold_times(claims, moment)
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != provider.audience:
        raise VerificationError("the ID token was issued to another party", got="azp of its own")
    return Identity(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        roles=_roles(claims, provider),
        key_id=header.get("kid"),
        expires_at=expires_at,
    )


def _key(jwt: Any, jwks: str, header: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The key of the set that the token names, and what it may be used for."""
    if str(header.get("typ", "JWT")).casefold() != "jwt":
        raise VerificationError("this is no ID token", got=f"typ {header['typ']}")
    try:
        entries = json.loads(jwks)["keys"]
        entries = [e for e in entries if e.get("kty") in _ALGORITHMS and e.get("use") != "enc"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError("the key set of the identity provider is no JWKS") from error
    named = header.get("kid")
    found = [e for e in entries if named is None or e.get("kid") == named]
    if len(found) != 1:
        raise VerificationError(
            "the ID token is not signed with a key of the identity provider's set",
            got=f"kid {named!r}, which {len(found)} keys have",
            expected="one key",
            next_step="save the provider's key set again, if it has changed its keys",
        )
    entry, used = found[0], header.get("alg")
    if used not in _ALGORITHMS[entry["kty"]] or entry.get("alg", used) != used:
        raise VerificationError(
            "the ID token is not signed as its key is meant to be used", got=f"alg {used!r}"
        )
    return jwt.PyJWK.from_dict(entry, algorithm=used).key, [used]


def _hold_times(claims: Mapping[str, Any], moment: datetime) -> datetime:
    try:
        times = {
            name: datetime.fromtimestamp(float(claims[name]), UTC)
            for name in ("iat", "nbf", "exp")
            if name in claims
        }
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise VerificationError("the ID token's times are no times") from error
    if moment > times["exp"] + _LEEWAY:
        raise VerificationError("the ID token had expired", got=times["exp"].isoformat())
    for name in ("iat", "nbf"):
        if name in times and moment < times[name] - _LEEWAY:
            raise VerificationError("the ID token was not good yet", got=times[name].isoformat())
    return times["exp"]


def _roles(claims: Mapping[str, Any], provider: IdentityProvider) -> tuple[str, ...]:
    groups: Any = claims.get(provider.roles_claim)
    if groups is None:
        groups = claims
        for part in provider.roles_claim.split("."):
            groups = groups.get(part) if isinstance(groups, Mapping) else None
    if not isinstance(groups, list):
        return ()
    names = {group for group in groups if isinstance(group, str)}
    return tuple(sorted({role for group, role in provider.roles.items() if group in names}))
