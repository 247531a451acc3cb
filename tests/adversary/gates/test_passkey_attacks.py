"""Consent by passkey: what counts, and every way to have one that nobody gave."""

from __future__ import annotations

import copy
import json

import pytest

from aims_mlops.approvals.approve import statement
from aims_mlops.approvals.enrol import confirm, enrolments
from aims_mlops.approvals.keys.signature import verify_consent
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Subject
from aims_mlops.store.bundle.export import export_bundle
from aims_verify.passkey import why_not
from aims_verify.verify import verify
from support.passkey_device import ALGORITHMS, BACKED_UP, MAY_BACK_UP, PRESENT, VERIFIED, Device

BODY = {"verdict": "approve", "approver": "bo", "model": "a" * 64, "n": 1, "text": "Grüße 𝄞 \ue000"}


def to_sign(world, model, person="bo"):
    return statement(
        world.project, world.store, model, world.policy, dossier=world.dossier(model),
        target="production", person=person, verdict="approve", reason="ok", shown="what was shown",
    )  # fmt: skip


def enrol_passkey(world, person, device, *, by="reg", actor=None):
    """A passkey's own record, and another person's confirmation."""
    body = {"step": "enrol", "person": person, "approver": person, "signed_at": now()}
    record = world.store.append(
        _evidence(person, device.sign({**body, "replaces": None, "identity": None}), actor)
    )
    if by is not None:
        known = enrolments(world.project, world.store).entries
        entry = next(e for e in known if e.record.id == record.id)
        confirm(world.project, world.store, entry, by=by)
    return record


def _evidence(person, body, actor=None):
    from aims_mlops.evidence.records import Evidence

    return Evidence(
        kind="enrolment", subjects=(Subject.of_name(f"person:{person}"),), body=body,
        actor=actor or person, claimed_at=now(),
    )  # fmt: skip


@pytest.fixture
def model(world):
    made = world.train()
    world.submit(made)
    return made


def why(world, model):
    decision = world.gate(model)
    assert not decision.allowed
    return " ".join(reason for _, reason in decision.uncounted)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_confirmed_passkey_approves_and_the_verifier_agrees(world, model, tmp_path, algorithm):
    device = Device(algorithm)
    enrol_passkey(world, "bo", device)
    asked = to_sign(world, model)
    world.store.append(asked.signed(device.sign(asked.body)))
    assert world.gate(model).allowed
    export_bundle(world.store, tmp_path / "bundle.aims")
    found = verify(tmp_path / "bundle.aims")
    assert found.good, found.fails
    assert any("2 signatures by passkeys of people hold" in line for line in found.holds)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_foreign_library_agrees_with_both_verifiers(algorithm):
    """`webauthn` takes the same assertions, with the public key in its own encoding."""
    import hashlib

    import cbor2
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from webauthn import verify_authentication_response
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

    from aims_mlops.approvals.keys.signature import signed_bytes

    device = Device(algorithm)
    signed = device.sign(BODY)
    public = device.key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        cose = {1: 2, 3: Algorithm.ECDSA_SHA_256, -1: 1, -2: point.x.to_bytes(32, "big"),
                -3: point.y.to_bytes(32, "big")}  # fmt: skip
    elif isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        cose = {1: 3, 3: Algorithm.RSASSA_PKCS1_v1_5_SHA_256, -1: numbers.n.to_bytes(256, "big"),
                -2: b"\x01\x00\x01"}  # fmt: skip
    else:
        cose = {1: 1, 3: Algorithm.EDDSA, -1: 6, -2: public.public_bytes_raw()}
    raw = base64url_to_bytes(device.passkey["credential"])
    from aims_mlops.approvals.keys.passkey import encode

    found = verify_authentication_response(
        credential={
            "id": encode(raw), "rawId": encode(raw), "type": "public-key",
            "response": {
                "clientDataJSON": signed["assertion"]["client_data"],
                "authenticatorData": signed["assertion"]["authenticator_data"],
                "signature": encode(bytes.fromhex(signed["signature"])),
            },
        },
        expected_challenge=hashlib.sha256(signed_bytes(signed)).digest(),
        expected_rp_id=device.passkey["rp_id"],
        expected_origin=device.passkey["origin"],
        credential_public_key=cbor2.dumps({k: int(v) if k == 3 else v for k, v in cose.items()}),
        credential_current_sign_count=0,
        require_user_verification=True,
    )  # fmt: skip
    assert found.user_verified
    assert verify_consent(signed) == device.id
    assert why_not(signed) is None


def forged():
    """Name -> a body that no verifier may take."""
    device, other = Device(), Device()
    honest = device.sign(BODY)

    def changed(**fields):
        return {**copy.deepcopy(honest), **fields}

    wrong_client = json.dumps({"type": "webauthn.get"}).encode().hex()
    yield "consent replayed for another model", changed(model="b" * 64)
    yield "text changed after signing", changed(text="other")
    yield "missing user verification", device.sign(BODY, flags=PRESENT)
    yield "missing user presence", device.sign(BODY, flags=VERIFIED)
    yield "contradicting backup flags", device.sign(BODY, flags=PRESENT | VERIFIED | BACKED_UP)
    yield "wrong origin", device.sign(BODY, origin="https://evil.example.org")
    yield "wrong relying party", device.sign(BODY, rp_id="evil.example")
    yield "in a frame of another site", device.sign(BODY, crossOrigin=True)
    yield "a registration, not a signature", device.sign(BODY, type="webauthn.create")
    yield "challenge of somebody's choice", device.sign(BODY, challenge="AAAA")
    yield (
        "edited client data",
        changed(assertion={**honest["assertion"], "client_data": wrong_client}),
    )
    yield "somebody else's passkey named", changed(passkey=other.passkey, public_key=other.id)
    yield "key of another name", changed(public_key=other.id)
    yield "passkey with a field more", changed(passkey={**device.passkey, "more": "x"})
    yield "assertion of another signature", changed(assertion=device.sign(BODY)["assertion"])
    yield "no assertion", {k: v for k, v in honest.items() if k != "assertion"}
    yield "page without TLS", Device(origin="http://aims.example.org").sign(BODY)
    yield "page of another domain", Device(origin="https://example.com").sign(BODY)
    yield "an algorithm that is not taken", Device("ES384").sign(BODY)
    yield "signature that is no hex", changed(signature="zz")
    yield "assertion of numbers", changed(assertion={"authenticator_data": 1, "client_data": 2})
    yield "public key that is none", changed(passkey={**device.passkey, "public_key": "AAAA"})


@pytest.mark.parametrize(("name", "body"), [pytest.param(n, b, id=n) for n, b in forged()])
def test_forged_passkey_signature_is_refused_by_both_verifiers(name, body):
    with pytest.raises(VerificationError):
        verify_consent(body)
    assert why_not(body) is not None


def test_backup_flags_are_kept_and_taken():
    signed = Device().sign(BODY, flags=PRESENT | VERIFIED | MAY_BACK_UP | BACKED_UP)
    assert verify_consent(signed)
    assert why_not(signed) is None


def test_assertion_added_to_a_key_signature_breaks_it(world, model):
    body = {**world.approve(model).evidence.body, "assertion": {}}
    with pytest.raises(VerificationError):
        verify_consent(body)


def test_key_never_confirmed_approves_nothing(world, model):
    device = Device()
    enrol_passkey(world, "bo", device, by=None)
    asked = to_sign(world, model)
    world.store.append(asked.signed(device.sign(asked.body)))
    assert "nobody has confirmed" in why(world, model)


def test_passkey_of_somebody_else_approves_nothing(world, model):
    device = Device()
    enrol_passkey(world, "cy", device)
    asked = to_sign(world, model)
    world.store.append(asked.signed(device.sign(asked.body)))
    assert "first used by cy" in why(world, model)


def test_enrolment_planted_by_another_actor_is_none(world, model):
    """Whoever may write to the log writes an enrolment of bo: it is not bo's own record."""
    device = Device()
    enrol_passkey(world, "bo", device, by=None, actor="cy")
    assert device.id not in {e.key for e in enrolments(world.project, world.store).entries}


def test_passkey_moved_to_another_site_is_another_key(world, model):
    """A confirmed passkey with another origin written beside it is not the one confirmed."""
    device = Device()
    enrol_passkey(world, "bo", device)
    device.passkey = {**device.passkey, "origin": "https://evil.aims.example.org"}
    asked = to_sign(world, model)
    world.store.append(asked.signed(device.sign(asked.body)))
    assert "never enrolled" in why(world, model)


def test_same_words_signed_twice_bring_nothing_back(world, model):
    device = Device()
    enrol_passkey(world, "bo", device)
    asked = to_sign(world, model)
    world.store.append(asked.signed(device.sign(asked.body)))
    world.approve(model, verdict="revoke", reason="no")
    world.store.append(asked.signed(device.sign(asked.body)))
    assert "repeats the signed words" in why(world, model)


def test_forged_passkey_in_a_bundle_fails_it(world, model, tmp_path):
    device = Device()
    asked = to_sign(world, model)
    world.store.append(asked.signed(device.sign(asked.body, flags=PRESENT)))
    export_bundle(world.store, tmp_path / "bundle.aims")
    found = verify(tmp_path / "bundle.aims")
    assert not found.good
    assert "did not verify the person" in " ".join(found.failures())
