"""Roles from an identity provider: what a signed ID token gives, and every way to stretch one."""

import functools
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime

import jwt
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode

from aims_mlops.approvals.idp_roles import proved_people
from aims_mlops.cli.assess import group as assess
from aims_mlops.dossier.query import gather
from aims_mlops.errors import AimsError, DocumentError, GovernanceError, VerificationError
from aims_mlops.gates.decision_validity import valid_decision
from aims_mlops.gates.replay import repeat
from aims_mlops.store.administration.erasure import erase

ISSUER = "https://login.example.org/realms/clinic"
SETTINGS = f"""\
identity_provider:
  issuer: {ISSUER}
  audience: aims
  jwks: idp.json
  roles: {{risk-people: risk-owner}}
"""


@functools.cache
def made_key(whose):
    """An RSA key, made once: that takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """An identity provider with keys of its own; `token` signs really."""

    def __init__(self, world):
        self.world = world
        self.keys = {"k1": made_key("the provider's")}
        self.publish()

    def publish(self):
        keys = []
        for kid, key in self.keys.items():
            is_rsa = isinstance(key, rsa.RSAPrivateKey)
            algorithm = jwt.algorithms.RSAAlgorithm if is_rsa else jwt.algorithms.ECAlgorithm
            keys.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid})
        self.world.write("idp.json", json.dumps({"keys": keys}))

    def token(self, subject="sub-dee", *, key=None, kid="k1", algorithm="RS256", **claims):
        now = int(time.time())
        body = {"iss": ISSUER, "aud": "aims", "sub": subject, "iat": now, "exp": now + 300}
        body |= {"groups": ["risk-people"], **claims}
        body = {name: value for name, value in body.items() if value is not None}
        signer = key if key is not None else self.keys[kid]
        return jwt.encode(body, signer, algorithm, headers={"kid": kid})


@pytest.fixture
def provider(world):
    """dee has no role in aims.yaml and two accounts at the provider; bo's is known as well."""
    text = (world.root / "aims.yaml").read_text()
    text = text.replace("{id: dee,", "{id: dee, subjects: [sub-dee, sub-dee-2],")
    text = text.replace("{id: bo, roles: [risk-owner],", "{id: bo, subjects: [sub-bo],")
    bot = "  - {id: dee-bot, acts_for: dee, subjects: [sub-dee-bot]}\ntargets:"
    world.write("aims.yaml", text.replace("targets:", bot) + SETTINGS)
    return Provider(world)


def submitted(world, **how):
    model = world.train(**how)
    world.submit(model)
    return model


def why_uncounted(decision):
    return " | ".join(why for _, why in decision.uncounted)


@pytest.mark.parametrize("subject", ["sub-dee", "sub-dee-2"])
def test_role_of_a_verified_token_counts_and_the_record_says_where_it_came_from(
    world, provider, subject
):
    model = submitted(world)
    record = world.approve(model, "dee", token=provider.token(subject))
    body = record.evidence.body
    assert body["role_sources"] == {
        "developer": "aims.yaml",
        "risk-owner": f"identity provider {ISSUER}",
    }
    assert (body["identity"]["issuer"], body["identity"]["key_id"]) == (ISSUER, "k1")
    decision = world.gate(model, requester="cy")
    assert decision.allowed
    assert dict(decision.consent) == {"dee": record.id}


def test_token_that_was_erased_proves_no_role_and_leaves_the_decision_repeatable(world, provider):
    model = submitted(world)
    token = world.approve(model, "dee", token=provider.token()).evidence.body["identity"]
    record = world.store.get(world.gate(model, requester="cy").record)
    how = {"project": world.project, "now": datetime.now(UTC)}
    assert valid_decision(world.store, model, "production", **how).stands
    erase(world.store, token["token_blob"], reason="asked for by dee", actor="bo")
    assert not valid_decision(world.store, model, "production", **how).stands
    assert repeat(world.store, record).to_body() == dict(record.evidence.body)
    again = world.gate(model, requester="cy")
    assert not again.allowed
    assert "dee holds none of the roles risk-owner" in why_uncounted(again)


def test_without_a_token_there_is_no_role(world, provider):
    model = submitted(world)
    world.approve(model, "dee")
    assert "dee holds none of the roles risk-owner" in why_uncounted(
        world.gate(model, requester="cy")
    )


def unsigned(provider):
    return jwt.encode(
        jwt.decode(provider.token(), options={"verify_signature": False}), None, "none"
    )


def secret_of_the_public_key(provider):
    """By hand: the library refuses to make one."""
    public = (
        provider.keys["k1"]
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    header = base64url_encode(b'{"alg": "HS256", "typ": "JWT", "kid": "k1"}')
    signed = header + b"." + provider.token().split(".")[1].encode()
    mark = hmac.new(public, signed, hashlib.sha256).digest()
    return (signed + b"." + base64url_encode(mark)).decode()


HOUR = 3600
ATTACKS = {
    "expired": (lambda p: p.token(exp=int(time.time()) - 120), "had expired"),
    "not good yet": (lambda p: p.token(nbf=int(time.time()) + HOUR), "not good yet"),
    "issued in the future": (lambda p: p.token(iat=int(time.time()) + HOUR), "not good yet"),
    "another issuer": (lambda p: p.token(iss="https://evil.example"), "issuer"),
    "another audience": (lambda p: p.token(aud="another-app"), "[Aa]udience"),
    "issued to another party": (lambda p: p.token(aud=["aims", "x"], azp="x"), "another party"),
    "another key under the same name": (
        lambda p: p.token(key=made_key("somebody else's")),
        "[Ss]ignature",
    ),
    "a key that the set does not have": (
        lambda p: p.token(key=made_key("somebody else's"), kid="k9"),
        "not signed with a key of the identity provider",
    ),
    "no signature": (unsigned, "not signed as its key"),
    "a secret made of the public key": (
        secret_of_the_public_key,
        "not signed as its key",
    ),
    "no subject": (lambda p: p.token(subject=None), "sub"),
    "no expiry": (lambda p: p.token(exp=None), "exp"),
    "times that are no times": (lambda p: p.token(nbf="soon"), "no times|not hold"),
    "an access token": (
        lambda p: jwt.encode(
            jwt.decode(p.token(), options={"verify_signature": False}),
            p.keys["k1"],
            "RS256",
            headers={"kid": "k1", "typ": "at+jwt"},
        ),
        "no ID token",
    ),
    "somebody else's token": (lambda p: p.token("sub-bo"), "is bo's and not dee's"),
    "the token of ones own service account": (
        lambda p: p.token("sub-dee-bot"),
        "is of dee-bot, which is a service account",
    ),
    "a stranger's token": (lambda p: p.token("sub-eve"), "nobody's under people"),
    "text": (lambda p: "let me in", "not hold"),
    "far too much": (lambda p: "a" * 40_000, "too long"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_token_that_does_not_hold_is_refused_when_approving(world, provider, name):
    make, words = ATTACKS[name]
    model = submitted(world)
    with pytest.raises(VerificationError, match=words):
        world.approve(model, "dee", token=make(provider))
    assert list(world.store.find(kind="approval")) == []


@pytest.mark.parametrize("name", ATTACKS)
def test_token_that_does_not_hold_gives_no_role_to_an_approval_written_past_our_code(
    world, provider, name
):
    """Signed by dee's own key, with every role that dee likes in it."""
    make, words = ATTACKS[name]
    model = submitted(world)
    blob = world.store.put_blob(make(provider).encode(), media_type="application/jwt")
    forged = world.forge_approval(
        model,
        "dee",
        roles=["risk-owner"],
        role_sources={"risk-owner": "aims.yaml"},
        identity={"issuer": ISSUER, "roles": ["risk-owner"], "token_blob": blob.sha256},
    )
    decision = world.gate(model, requester="cy")
    assert not decision.allowed
    assert dict(decision.uncounted)[forged.id].startswith("dee holds none of the roles")
    assert re.search(words, dict(decision.uncounted)[forged.id])
    stored = world.store.get(decision.record).evidence.body["uncounted"]
    assert [entry["record"] for entry in stored] == [forged.id]


def test_group_without_a_role_in_aims_yaml_and_claim_that_is_missing_give_nothing(world, provider):
    for groups in (["admins"], None, "risk-people", {"risk-people": True}):
        model = submitted(world, name=str(groups))
        world.approve(model, "dee", token=provider.token(groups=groups))
        assert not world.gate(model, requester="cy").allowed


def test_role_in_a_nested_claim_counts(world, provider):
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml", text.replace("jwks: idp.json", "jwks: idp.json\n  roles_claim: realm.roles")
    )
    model = submitted(world)
    world.approve(model, "dee", token=provider.token(realm={"roles": ["risk-people"]}))
    assert world.gate(model, requester="cy").allowed


def test_role_given_at_the_provider_after_the_approval(world, provider):
    model = submitted(world)
    world.approve(model, "dee", token=provider.token(groups=[]))
    other = submitted(world, name="other")
    world.approve(other, "dee", token=provider.token())
    assert world.gate(other, requester="cy").allowed
    assert not world.gate(model, requester="cy").allowed


def test_token_of_an_earlier_approval_reused_after_it_expired(world, provider):
    first = submitted(world, name="first")
    token = provider.token(exp=int(time.time()) - 59, iat=int(time.time()) - 300)
    identity = world.approve(first, "dee", token=token).evidence.body["identity"]
    time.sleep(2)
    second = submitted(world, name="second")
    forged = world.forge_approval(second, "dee", roles=["risk-owner"], identity=identity)
    assert world.gate(first, requester="cy").allowed
    decision = world.gate(second, requester="cy")
    assert "the ID token had expired" in dict(decision.uncounted)[forged.id]


def test_key_that_the_provider_took_out_of_its_set(world, provider):
    model = submitted(world)
    world.approve(model, "dee", token=provider.token())
    assert world.gate(model, requester="cy").allowed
    provider.keys = {"k2": ec.generate_private_key(ec.SECP256R1())}
    provider.publish()
    assert "not signed with a key" in why_uncounted(world.gate(model, requester="cy"))
    world.approve(model, "dee", token=provider.token(kid="k2", algorithm="ES256"))
    assert world.gate(model, requester="cy").allowed


def test_provider_that_aims_yaml_no_longer_names(world, provider):
    model = submitted(world)
    world.approve(model, "dee", token=provider.token())
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace(SETTINGS, ""))
    assert "names no identity provider" in why_uncounted(world.gate(model, requester="cy"))
    with pytest.raises(GovernanceError, match="names no identity provider"):
        world.approve(model, "dee", token=provider.token())


def test_second_account_of_the_author_at_the_provider(world, provider):
    """ana wrote and trained it; another account of hers has the role there."""
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("{id: ana,", "{id: ana, subjects: [s1, s2],"))
    model = submitted(world)
    world.approve(model, "ana", token=provider.token("s2"))
    assert "ana is the author" in why_uncounted(world.gate(model, requester="cy"))


def test_one_account_claimed_by_two_people(world, provider):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("{id: ana,", "{id: ana, subjects: [sub-dee],"))
    with pytest.raises(DocumentError, match="belongs to 'ana' already"):
        _ = world.project.people


def test_key_set_with_a_secret_or_of_another_shape_verifies_nothing(world, provider):
    model = submitted(world)
    token = provider.token()
    for text in ("{}", "[]", "no", '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}]}'):
        world.write("idp.json", text)
        with pytest.raises(VerificationError):
            world.approve(model, "dee", token=token)
    (world.root / "idp.json").unlink()
    with pytest.raises(AimsError, match="cannot be read"):
        world.approve(model, "dee", token=token)


def test_command_takes_a_token_from_a_file(world, provider):
    model = submitted(world)
    world.write("token.jwt", provider.token() + "\n")
    arguments = ["approve", "--model", model.uri, "--as", "dee", "--yes"]
    result = CliRunner().invoke(assess, arguments)
    assert result.exit_code == 1
    result = CliRunner().invoke(assess, [*arguments, "--token", "token.jwt"])
    assert result.exit_code == 0, result.output
    assert world.gate(model, requester="cy").allowed


def test_only_approvals_of_the_model_that_is_decided_are_proved(world, provider):
    model, other = submitted(world, name="one"), submitted(world, name="two")
    record = world.approve(model, "dee", token=provider.token())
    world.approve(model, "cy")
    stranger = world.train("three", system=None)
    said = record.evidence.body
    world.record("approval", [stranger.subject], {**said, "model": stranger.sha256}, actor="dee")
    world.record("rejection", [model.subject], {**said, "verdict": "reject"}, actor="dee")
    for about, proved in ((model, [record.id]), (other, [record.id]), (stranger, 1)):
        system = None if about is stranger else "loans"
        people = proved_people(
            world.project, world.store, gather(world.store, about.sha256, system)
        )
        found = [proof.record for proof in people.proofs]
        assert found == proved if isinstance(proved, list) else len(found) == proved
    assert people.known == world.project.humans.known
