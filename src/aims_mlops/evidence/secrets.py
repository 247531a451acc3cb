"""What looks like a secret stays out of evidence: by its name, by known forms, by randomness.

When in doubt a value is scrubbed: a parameter too few can be asked for, a token in a log that
nobody may rewrite cannot be taken back.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from aims_mlops.evidence.personal import without_personal
from aims_mlops.evidence.urls import without_credentials

SCRUBBED = "[scrubbed: looks like a secret]"

_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# fmt: off
_SECRET_WORDS = frozenset((
    "password", "passwd", "pwd", "passphrase", "secret", "secrets", "credential", "credentials",
    "apikey", "authorization", "bearer", "cookie", "dsn", "privatekey", "accesskey", "secretkey",
    "authkey", "sshkey", "connstr", "jwt", "otp", "pass", "pw", "pswd", "passcode", "passphrases",
    "passwords",
))
_SECRET_ENDS = (  # of words written together: dbpassword, userpwd, clientsecret
    "password", "passwd", "passphrase", "pwd", "secret", "apikey", "credentials",
)
_SECRET_STARTS = ("password", "passwd", "passphrase")
_SECRET_PAIRS = frozenset((
    "api key", "access key", "private key", "secret key", "auth key", "ssh key", "signing key",
    "encryption key", "account key", "master key", "service key", "shared key", "session id",
    "connection string", "conn str", "sas url", "db url", "database url", "webhook url",
))
_TOKEN_WORDS = frozenset(("token", "auth"))  # of a text only: max_tokens=512 is no secret
_DIGEST_WORDS = frozenset((
    "sha", "sha1", "sha256", "sha512", "md5", "hash", "digest", "checksum", "commit", "revision",
    "uuid", "fingerprint",
))
# fmt: on

_KNOWN_FORMS = re.compile(
    r"""
      (?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{12,}     # AWS key ids
    | gh[pousr]_[A-Za-z0-9]{16,} | github_pat_\w{20,}                # GitHub
    | gl(?:pat|dt|rt|cbt|ptt|soat|ft)-[\w-]{16,}                     # GitLab
    | xox[a-z]-[\w-]{10,} | xapp-[\w-]{10,}                          # Slack
    | hooks\.slack\.com/services/\S+ | discord(?:app)?\.com/api/webhooks/\S+
    | \b(?:sk|pk|rk|whsec)[-_](?:live|test|proj|ant|or|svcacct)?[-_\w]{16,}   # Stripe, model APIs
    | AIza[\w-]{30,} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}          # Google
    | \bhf_[A-Za-z0-9]{16,} | \bnpm_[A-Za-z0-9]{20,} | \bpypi-[\w-]{16,} | \bdapi[0-9a-f]{16,}
    | \bSG\.[\w-]{10,}\.[\w-]{10,} | \bdo[po]_v1_[a-f0-9]{20,} | \bshp(?:at|ca|pa|ss)_[a-f0-9]{16,}
    | \bAGE-SECRET-KEY-1\w{20,} | \bhvs\.[\w-]{16,} | \bs\.[A-Za-z0-9]{24}\b  # age, Vault
    | \bey[JI][\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?                      # JSON web tokens
    | -----BEGIN\ [A-Z0-9 ]*(?:PRIVATE\ KEY|SECRET)                  # PEM, PGP
    | [a-z][a-z0-9+.-]*://[^\s/@?\#:]*:\S+@                          # scheme://user:password@
    | (?<![\w:/.-])[\w.+-]+:(?!/)\S+@[\w-]+(?:\.[\w-]+)*[:/]          # the same, no scheme
    | \b(?:bearer|basic|digest)\s+[A-Za-z0-9+/=._~-]{8,}             # Authorization headers
    | (?:pass(?:word|wd|phrase|code)?|pwd|pswd|\bpw|secret|token|(?:api|access|account)[-_ ]?key
        |shared[-_ ]?access[-_ ]?(?:key|signature)|client[-_ ]?secret|credentials?)
        ["']?\s*[:=]\s*\S{3,}                                       # password=…, in any notation
    | (?<![\w-])--?(?:[\w.]+[-_])*(?:pass(?:word|wd|phrase|code)?|pwd|pswd|pw|secret|token
        |credentials?|(?:api|access|account|private|secret|auth|ssh|signing|encryption)[-_]?key)
        (?:\s+|\s*=\s*)["']?(?!-)\S+                                  # --password X
    | [?&](?:sig|signature|x-amz-signature|x-goog-signature|access_token|code|key|auth)
        =[\w%+/=.-]{8,}                                              # signed URLs
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TOKEN = re.compile(r"[A-Za-z0-9+/=_\-~.$!@#%^&*]{16,}")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{24,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SEPARATORS = re.compile(r"[/_\-.=+~@:%$!#^&*]+")
_WORD = re.compile(
    r"(?:[A-Za-z]?[a-z]+|[A-Z]+|[a-z]+\d{1,4}|[A-Z]+\d{1,4}|v?\d+|\d{1,4}[a-z]{1,3})\Z"
)
_CAMEL = re.compile(r"(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}(?=[A-Z][a-z]|\Z))+\d{0,4}\Z")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{7,}", re.IGNORECASE)


def is_secret(name: str, value: object) -> bool:
    """Whether a parameter of this name and plain value must stay out of evidence."""
    if value is None or isinstance(value, bool):
        return False
    words = _words(name)
    if _are_secret(words):
        return True
    if not isinstance(value, str):
        return False
    if _TOKEN_WORDS.intersection(words) and len(value) >= 8:
        return True
    return looks_secret(value, digest=bool(_DIGEST_WORDS.intersection(words)))


def names_secret(name: str) -> bool:
    """Whether a text or a container under this name is a secret, whatever it holds."""
    words = _words(name)
    return _are_secret(words) or bool(_TOKEN_WORDS.intersection(words))


def known_secret(text: str) -> bool:
    """Whether a text holds a secret of a known form; randomness alone does not count."""
    return bool(_KNOWN_FORMS.search(text))


def looks_secret(text: str, *, digest: bool = False) -> bool:
    """Whether a text holds something in the form of a secret.

    digest : the text is said to be a digest, so long hexadecimal numbers in it are none.
    """
    if _KNOWN_FORMS.search(text):
        return True
    for token in _TOKEN.findall(text):
        if _HEX.search(token):
            if not digest:
                return True
        elif _random(token):
            return True
    return False


def scrubbed(text: str) -> str:
    """`text` as it may be recorded: a mark for all of it when something in it looks like a secret,
    and one for each mail address, card, account or phone number in it.
    """
    return SCRUBBED if looks_secret(text, digest=True) else without_personal(text)


def cleaned(body: Any) -> Any:
    """JSON without secrets and personal data of a known form in any text or name in it.

    The last gate: whatever a run's evidence says, whoever said it, passes here. An address loses
    what opens it, any other text with a secret becomes the mark. Randomness alone does not count,
    because digests and signatures are random.
    """
    if isinstance(body, str):
        return _cleaned_text(body)
    if isinstance(body, Mapping):
        return {_cleaned_text(str(key)): cleaned(value) for key, value in body.items()}
    if isinstance(body, list | tuple):
        return [cleaned(item) for item in body]
    return body


def _cleaned_text(text: str) -> str:
    if text == SCRUBBED or (text.isalnum() and len(text) in (40, 64)):  # a digest
        return text
    if not known_secret(text):
        return without_personal(text)
    if "://" in text and len(text.split()) == 1 and not known_secret(without_credentials(text)):
        return without_credentials(text)
    return SCRUBBED


def _words(name: str) -> list[str]:
    return [part.lower() for part in _NAME_PARTS.findall(name)]


def _are_secret(words: list[str]) -> bool:
    if _SECRET_WORDS.intersection(words):
        return True
    if any(word.endswith(_SECRET_ENDS) or word.startswith(_SECRET_STARTS) for word in words):
        return True
    return bool(_SECRET_PAIRS & {f"{a} {b}" for a, b in pairwise(words)})


def _random(token: str) -> bool:
    """Whether a long token is neither words nor numbers: many characters, in no order.

    Words come apart at separators, capitals and trailing digits ('train_2024-11-21_v2',
    'HistGradientBoosting'); what does not is weighed by its entropy in bits a character.
    """
    parts = [part for part in _SEPARATORS.split(token) if part]
    odd = [part for part in parts if not (_WORD.match(part) or _CAMEL.match(part))]
    unread = "".join(odd)
    if len(unread) >= 8 and len(unread) * 2 >= len(token) - len(parts) and len(token) >= 16:
        return _entropy(unread) >= 2.5
    if any(len(part) >= 20 and _unpronounceable(part) for part in parts):
        return True
    return len(token) >= 20 and _changes(token) >= 0.35 * (len(token) - 1)


def _changes(token: str) -> int:
    """How often a capital, small letter or digit is followed by one of another class.

    In random texts of all three that is at six in ten places, in names at one in ten.
    """
    classes = [
        "a" if c.islower() else "A" if c.isupper() else "0" if c.isdigit() else "" for c in token
    ]
    if not {"a", "A", "0"} <= set(classes):
        return 0
    return sum(a != b and a != "" and b != "" for a, b in pairwise(classes))


def _unpronounceable(word: str) -> bool:
    """Whether letters follow each other as in no language: of random ones a fifth are vowels."""
    vowels = sum(c in "aeiouyAEIOUY" for c in word)
    return bool(_CONSONANTS.search(word)) or vowels * 5 < len(word)


def _entropy(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
