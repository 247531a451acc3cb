"""Who may do what: a bearer token with the scope that a route asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from aims_mlops.evidence.kinds import KINDS
from aims_mlops.server.problems import ProblemError
from aims_mlops.server.tokens import Scope, Token, Tokens


def needs(tokens: Tokens, *scopes: Scope) -> Callable[[Request], Awaitable[Token]]:
    """A dependency: the request's token, if it allows one of the scopes; raises ProblemError."""

    async def check(request: Request) -> Token:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        token = None
        if kind.lower() == "bearer" and text:
            token = await run_in_threadpool(tokens.check, text.strip())
        if token is None:
            raise ProblemError("unauthorised", "the token is missing, unknown, expired or revoked")
        if not any(token.allows(scope) for scope in scopes):
            raise ProblemError("forbidden", f"needs scope {' or '.join(scopes)}")
        request.state.token = token
        place = getattr(request.state, "place", None)  # a server of another make has none
        if place is not None:
            place.leave_unknown()
        return token

    return check


def check_push(token: Token, kind: str, actor: str) -> None:
    """Whether this token may push evidence of this kind by this actor; raises ProblemError."""
    # Consent and what sets rules aside is always one person's, named by the token.
    scope: Scope | None = KINDS[kind].push if kind in KINDS else "capture"
    if scope is None:
        raise ProblemError("forbidden", f"evidence of kind {kind} is only made by the log itself")
    if not token.allows(scope):
        told = f"evidence of kind {kind} needs scope {scope}"
        if scope == "operate":  # which a token of an earlier version cannot have
            told += (
                "; a token for gate, registry or schedule: aims token create NAME --scope operate"
            )
        raise ProblemError("forbidden", told)
    if scope == "approve" and token.actor is None:
        raise ProblemError("forbidden", f"evidence of kind {kind} needs a token of one person")
    if token.actor is not None and actor != token.actor:
        raise ProblemError("forbidden", "the token belongs to another actor than the statement")


def only(*single: str, many: str | None = None) -> Callable[[Request], None]:
    """A dependency: no query parameter but these, and each of `single` at most once.

    The framework would take the last of a repeated parameter and pass over a misspelt one, and a
    filter that is passed over gives an auditor the wrong records.
    """

    def check(request: Request) -> None:
        given = [name for name, _ in request.query_params.multi_items()]
        wrong = sorted({n for n in given if n not in (*single, many)})
        twice = sorted({n for n in given if n in single and given.count(n) > 1})
        if wrong or twice:
            raise ProblemError(
                "invalid",
                "a query parameter is not valid",
                errors=[
                    *({"where": f"query.{n[:100]}", "what": "no such parameter"} for n in wrong),
                    *({"where": f"query.{n}", "what": "given more than once"} for n in twice),
                ],
            )

    return check
