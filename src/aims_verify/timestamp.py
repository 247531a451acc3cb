"""Check a time-stamp token (RFC 3161) over a checkpoint against an authority's root certificate.

Checked: the token is about this very text; the authority's certificate signed it, is meant for time
stamping, was valid at that time, and leads to the given root. Not checked: revocation, which needs
the network. Sources: RFC 3161, section 2.4; RFC 5652, section 5; RFC 5816.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from aims_verify import der
from aims_verify.ed25519 import is_public_key

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = ("1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47")
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_LONGEST_CHAIN = 6  # certificates


def check_token(token: bytes, text: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """The time at which the authority saw `text`; raises ValueError in words if it does not hold.

    token : the authority's answer (TimeStampResp) in DER.
    """
    try:
        return _check(token, text, roots)
    except ValueError:
        raise
    except Exception as error:
        # A stranger's certificate makes the library raise many errors of its own.
        raise ValueError(f"it is malformed ({type(error).__name__})") from error


def _check(token: bytes, text: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    status, content = der.read(token).expect(der.SEQUENCE).parts()[:2]
    if status.parts()[0].integer() not in (0, 1):
        raise ValueError("the authority refused")
    kind, wrapped = content.parts()
    if kind.oid() != _SIGNED_DATA:
        raise ValueError("it is no signed data")
    signed = wrapped.parts()[0].parts()
    info_kind, info_wrapped = signed[2].parts()
    if info_kind.oid() != _TST_INFO:
        raise ValueError("it is no time-stamp")
    info = info_wrapped.parts()[0].expect(der.OCTETS).content
    certificates = [
        x509.load_der_x509_certificate(value.whole)
        for group in signed[3:]
        if group.tag == 0xA0
        for value in group.parts()
        if value.tag == der.SEQUENCE
    ]
    time = _check_info(info, text)
    signers = signed[-1].expect(der.SET).parts()
    if len(signers) != 1:
        raise ValueError("it has not exactly one signer")
    signer = _check_signer(signers[0], info, certificates)
    check_chain(signer, certificates, roots, time)
    return time


def _check_info(info: bytes, text: bytes) -> datetime:
    parts = der.read(info).parts()
    algorithm, digest = parts[2].parts()
    if _digest(algorithm.parts()[0].oid(), text) != digest.expect(der.OCTETS).content:
        raise ValueError("it is about something else")
    stated = parts[4].expect(der.TIME).content.decode("ascii")
    whole, _, fraction = stated.removesuffix("Z").partition(".")
    moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return moment.replace(microsecond=int((fraction + "000000")[:6]))


def _check_signer(
    signer: der.Value, info: bytes, certificates: Sequence[x509.Certificate]
) -> x509.Certificate:
    parts = signer.parts()
    named, algorithm, attributes = parts[1], parts[2].parts()[0].oid(), parts[3]
    if named.tag != der.SEQUENCE or attributes.tag != 0xA0:
        raise ValueError("it does not name its signer as time-stamps do")
    issuer, serial = named.parts()
    certificate = next(
        (
            c
            for c in certificates
            if c.serial_number == serial.integer() and c.issuer.public_bytes() == issuer.whole
        ),
        None,
    )
    if certificate is None:
        raise ValueError("it lacks its signer's certificate")
    values = {a.parts()[0].oid(): a.parts()[1].parts()[0] for a in attributes.parts()}
    if _CONTENT_TYPE not in values or values[_CONTENT_TYPE].oid() != _TST_INFO:
        raise ValueError("its signature is about something else than a time")
    if _MESSAGE_DIGEST not in values or values[_MESSAGE_DIGEST].content != _digest(algorithm, info):
        raise ValueError("its signature is about another time")
    named_by = [values[oid].whole for oid in _SIGNING_CERTIFICATE if oid in values]
    # RFC 3161 names the certificate by SHA-1, RFC 5816 by SHA-256; the signature rests on neither.
    prints = [certificate.fingerprint(h) for h in (hashes.SHA256(), hashes.SHA1())]  # noqa: S303
    if not any(found in value for value in named_by for found in prints):
        raise ValueError("it does not bind its signer's certificate")
    message = bytes([der.SET]) + attributes.whole[1:]  # signed as a SET, stored as [0]
    _verify(certificate, parts[5].expect(der.OCTETS).content, message, _HASHES[algorithm])
    return certificate


def _verify(
    certificate: x509.Certificate, signature: bytes, message: bytes, digest: hashes.HashAlgorithm
) -> None:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey) and is_public_key(key.public_bytes_raw()):
            key.verify(signature, message)
        else:
            raise ValueError("it is signed with an algorithm that is not known here")
    except InvalidSignature:
        raise ValueError("its signature does not hold") from None


def check_chain(
    signer: x509.Certificate,
    certificates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    time: datetime,
) -> None:
    """Whether a signer was fit to state this time under one of the roots; raises ValueError."""
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("its certificate is not meant for time-stamping alone")
    current = signer
    for _ in range(_LONGEST_CHAIN):
        if not current.not_valid_before_utc <= time <= current.not_valid_after_utc:
            raise ValueError("a certificate was not valid at that time")
        if current in roots:
            return
        root = next((c for c in roots if _issued(current, c)), None)
        above = root or next(
            (c for c in certificates if c != current and _issued(current, c)), None
        )
        if above is None:
            raise ValueError("its certificate does not lead to the root you gave")
        current = above
    raise ValueError("its chain of certificates is too long")


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return bool(constraints.ca)


def _digest(oid: str, content: bytes) -> bytes:
    if oid not in _HASHES:
        raise ValueError("it uses a hash that is not known here")
    return hashlib.new(_HASHES[oid].name, content).digest()
