"""Passkeys: made, enrolled, confirmed; signing in, and answering an assessment with one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aims_mlops.approvals.approve import Verdict, statement
from aims_mlops.approvals.enrol import confirmation, enrolments, fingerprint, passkey_enrolment
from aims_mlops.approvals.keys.enrolment import Enrolled
from aims_mlops.approvals.keys.passkey import encode
from aims_mlops.approvals.keys.statement import Statement
from aims_mlops.errors import AimsError, GovernanceError, VerificationError
from aims_mlops.server.problems import ProblemError, document
from aims_mlops.web.auth.ceremonies import NOBODY, Ceremonies
from aims_mlops.web.auth.doorkeeper import ABSOLUTE, Doorkeeper
from aims_mlops.web.auth.guard import COOKIE
from aims_mlops.web.auth.permissions import is_allowed
from aims_mlops.web.auth.signing import (
    Asked,
    Site,
    begin,
    chosen_passkey,
    finish,
    passkey_of,
    passkeys,
    signed_in,
)
from aims_mlops.web.pages.assessment.review import context_of
from aims_mlops.web.render.environment import PREFIX, address
from aims_mlops.web.routes.pages import Console, html, json

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.requests import Request
    from starlette.responses import Response

_VERDICTS = ("approve", "reject", "return", "revoke")
_FINISH = address("passkeys", "finish")


def passkeys_router(console: Console, doorkeeper: Doorkeeper) -> APIRouter:
    """The page of one's passkeys, and the steps of every ceremony."""
    from fastapi import APIRouter, Depends, Request

    router = APIRouter()
    ceremonies = Ceremonies(doorkeeper.path)
    steps = _Steps(console, ceremonies)

    def page(request: Request, viewer: Any = Depends(console.may("read"))) -> Any:  # noqa: B008
        return html(request, "passkeys.html.j2", viewer, _page(console, viewer))

    def step(act: Callable[..., Mapping[str, Any]], action: str) -> Callable[..., Any]:
        async def run(request: Request, viewer: Any = Depends(console.may(action))) -> Any:  # noqa: B008
            return await _answer(request, lambda said: json(act(request, viewer, said)))

        run.__annotations__["request"] = Request
        return run

    async def knock(request: Request) -> Any:
        return await _answer(request, lambda _: json(steps.knock(request)))

    async def enter(request: Request) -> Any:
        def act(said: Mapping[str, Any]) -> Response:
            kept = ceremonies.take(NOBODY, str(said.get("ceremony")))
            person = signed_in(console.project(), console.store, kept, said)
            session = doorkeeper.begin(person)
            if session is None:
                raise VerificationError("no confirmed passkey of a person of aims.yaml signed this")
            if before := doorkeeper.session(request.cookies.get(COOKIE, "")):
                doorkeeper.end(before.id)
            answer = json({"go": PREFIX})
            answer.set_cookie(
                COOKIE, session, max_age=int(ABSOLUTE.total_seconds()), httponly=True,
                samesite="lax", secure=request.url.scheme == "https", path="/",
            )  # fmt: skip
            return answer

        return await _answer(request, act, public=True)

    for function in (page, knock, enter):
        function.__annotations__["request"] = Request
    for path, act, method in (
        ("/passkeys", page, "GET"),
        ("/passkeys/add", step(steps.add, "read"), "POST"),
        ("/passkeys/enrol", step(steps.enrol, "read"), "POST"),
        ("/passkeys/confirm", step(steps.confirm, "read"), "POST"),
        ("/passkeys/finish", step(steps.finish, "read"), "POST"),
        ("/models/{model}/answer", step(steps.answer, "approve"), "POST"),
        ("/sign-in/passkey/begin", knock, "POST"),
        ("/sign-in/passkey/finish", enter, "POST"),
    ):
        router.add_api_route(PREFIX + path, act, methods=[method], include_in_schema=False)
    return router


async def _answer(
    request: Request, act: Callable[[Mapping[str, Any]], Response], *, public: bool = False
) -> Response:
    """What a step comes to; what goes wrong as a problem document that the script shows."""
    from starlette.concurrency import run_in_threadpool

    if public and request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return document(ProblemError("forbidden", "the request came from another site"))
    try:
        said = await request.json()
        if not isinstance(said, dict):
            raise ValueError
    except (ValueError, RecursionError):
        return document(ProblemError("invalid", "the request is not a JSON object"))
    try:
        return await run_in_threadpool(act, said)
    except VerificationError as error:
        return document(ProblemError("forbidden", error.thing))
    except AimsError as error:
        got = f": {error.got}" if error.got else ""
        return document(ProblemError("invalid", f"{error.thing}{got}"))


class _Steps:
    """What each step does: a viewer and what the script said -> what the script does next."""

    def __init__(self, console: Console, ceremonies: Ceremonies) -> None:
        self._console, self._ceremonies = console, ceremonies

    def knock(self, request: Request) -> dict[str, Any]:
        import secrets

        site, challenge = Site.of(str(request.base_url)), secrets.token_bytes(32)
        kept = {"origin": site.origin, "challenge": challenge.hex()}
        secret = self._ceremonies.begin(NOBODY, kept)
        sign = {"challenge": encode(challenge), "credential": "", "rp_id": site.rp_id}
        return {"sign": sign, "ceremony": secret, "to": address("sign-in", "passkey", "finish")}

    def add(self, request: Request, viewer: Any, _: Mapping[str, Any]) -> dict[str, Any]:
        import orjson
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers import base64url_to_bytes
        from webauthn.helpers import structs as w
        from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

        project, site = self._console.project(), Site.of(str(request.base_url))
        passkey_enrolment(project, person=viewer.person)
        known = [passkey_of(e) for e in passkeys(project, self._console.store, viewer.person)]
        options = generate_registration_options(
            rp_id=site.rp_id,
            rp_name="AIMS",
            user_id=hashlib.sha256(viewer.person.encode()).digest(),
            user_name=viewer.person,
            user_display_name=viewer.name,
            attestation=w.AttestationConveyancePreference.NONE,
            authenticator_selection=w.AuthenticatorSelectionCriteria(
                resident_key=w.ResidentKeyRequirement.REQUIRED,
                user_verification=w.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                w.PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey["credential"]))
                for passkey in known
                if passkey and passkey["rp_id"] == site.rp_id
            ],
            supported_pub_key_algs=[
                Algorithm.ECDSA_SHA_256,
                Algorithm.EDDSA,
                Algorithm.RSASSA_PKCS1_v1_5_SHA_256,
            ],
        )
        kept = {"challenge": options.challenge.hex(), "origin": site.origin, "rp_id": site.rp_id}
        secret = self._ceremonies.begin(viewer.session, kept)
        return {
            "create": orjson.loads(options_to_json(options)),
            "ceremony": secret,
            "to": address("passkeys", "enrol"),
        }

    def enrol(self, _: Request, viewer: Any, said: Mapping[str, Any]) -> dict[str, Any]:
        """The authenticator made a passkey: now the person signs the enrolment with it."""
        kept = self._ceremonies.take(viewer.session, str(said.get("ceremony")))
        passkey = _registered(kept, said.get("credential"))
        to_sign = passkey_enrolment(self._console.project(), person=viewer.person)
        return _next(begin(self._ceremonies, viewer.session, to_sign, passkey, does="enrol"))

    def confirm(self, request: Request, viewer: Any, said: Mapping[str, Any]) -> dict[str, Any]:
        project, store = self._console.project(), self._console.store
        entry = self._entry(said.get("enrolment"))
        site = Site.of(str(request.base_url))
        passkey = chosen_passkey(project, store, viewer.person, site)
        to_sign = confirmation(project, entry, by=viewer.person)
        asked = begin(
            self._ceremonies, viewer.session, to_sign, passkey, does="confirm",
            enrolment=entry.record.id,
        )  # fmt: skip
        return _next(asked)

    def answer(self, request: Request, viewer: Any, said: Mapping[str, Any]) -> dict[str, Any]:
        """Approve, reject, return or revoke: the text of the page is the one that is signed."""
        verdict = str(said.get("verdict"))
        if verdict not in _VERDICTS:
            raise GovernanceError("an answer is one of " + ", ".join(_VERDICTS))
        how = {
            "model": request.path_params["model"],
            "target": str(said.get("for", "")),
            "verdict": verdict,
            "reason": str(said.get("reason", ""))[:4_000],
        }
        to_sign = self._statement(request, viewer, how)
        if to_sign.body["shown_sha256"] != said.get("shown_sha256"):
            raise GovernanceError(
                "what was shown is no longer so, and nothing was signed: read the page again"
            )
        project, site = self._console.project(), Site.of(str(request.base_url))
        passkey = chosen_passkey(project, self._console.store, viewer.person, site)
        return _next(
            begin(self._ceremonies, viewer.session, to_sign, passkey, does="answer", **how)
        )

    def finish(self, request: Request, viewer: Any, said: Mapping[str, Any]) -> dict[str, Any]:
        kept = self._ceremonies.take(viewer.session, str(said.get("ceremony")))
        project = self._console.project()
        again: dict[str, Callable[[], Statement]] = {
            "enrol": lambda: passkey_enrolment(project, person=viewer.person),
            "confirm": lambda: confirmation(
                project, self._entry(kept.get("enrolment")), by=viewer.person
            ),
            "answer": lambda: self._statement(request, viewer, kept),
        }
        made = again.get(str(kept.get("does")))
        if made is None:
            raise GovernanceError("this ceremony is finished elsewhere")
        if kept["does"] == "answer" and not is_allowed("approve", viewer.roles):
            raise GovernanceError("your role does not allow this any more")
        record = finish(self._console.store, kept, said, made)
        return {"go": address("records", record.id)}

    def _statement(self, request: Request, viewer: Any, how: Mapping[str, Any]) -> Statement:
        reading = replace(
            self._console.reading(request, viewer),
            path={"model": str(how["model"])},
            query={"for": str(how["target"])},
        )
        case = context_of(reading)
        return statement(
            case.project, self._console.store, case.model, case.policy, dossier=case.dossier,
            target=case.target, person=viewer.person, verdict=cast("Verdict", how["verdict"]),
            reason=str(how["reason"]), shown=case.shown,
        )  # fmt: skip

    def _entry(self, record: Any) -> Enrolled:
        found = enrolments(self._console.project(), self._console.store)
        for entry in found.entries:
            if entry.record.id == record and found.ended(entry) is None:
                return entry
        raise GovernanceError("there is no such enrolled key")


def _next(asked: Asked) -> dict[str, Any]:
    sign = {"challenge": asked.challenge, "credential": asked.credential, "rp_id": asked.rp_id}
    return {"sign": sign, "ceremony": asked.ceremony, "to": _FINISH}


def _registered(kept: Mapping[str, Any], credential: Any) -> dict[str, str]:
    """The passkey that an authenticator made, as the library reads it; VerificationError."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from webauthn import verify_registration_response
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=bytes.fromhex(kept["challenge"]),
            expected_rp_id=kept["rp_id"],
            expected_origin=kept["origin"],
            require_user_verification=True,
        )
        key = decoded_public_key_to_cryptography(
            decode_credential_public_key(found.credential_public_key)
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise VerificationError("the browser made no passkey that counts here") from error
    public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "credential": encode(found.credential_id),
        "origin": kept["origin"],
        "public_key": encode(public),
        "rp_id": kept["rp_id"],
    }


def _page(console: Console, viewer: Any) -> dict[str, Any]:
    """One's own passkeys, and those of others that wait to be confirmed."""
    project = console.project()
    found = enrolments(project, console.store)
    human = project.human(viewer.person)

    def row(entry: Enrolled) -> dict[str, Any]:
        passkey = passkey_of(entry)
        return {
            "enrolment": entry.record.id,
            "page": address("records", entry.record.id),
            "person": entry.human,
            "origin": passkey["origin"] if passkey else "",
            "fingerprint": fingerprint(entry.key),
            "at": entry.record.received_at,
            "good": found.is_good(entry.human, entry.key),
        }

    open_ = [e for e in reversed(found.entries) if found.ended(e) is None]
    return {
        "mine": [row(e) for e in open_ if e.human == human and passkey_of(e)],
        "waiting": [row(e) for e in open_ if e.human != human and not e.confirmations],
    }
