"""Personal data that has a form: mail addresses, card and account numbers, phone numbers.

A person's name has none. So text that is no identifier never enters evidence as a parameter, and
what has one of these forms is taken out of every text that does.
"""

from __future__ import annotations

import re
from itertools import pairwise

PERSONAL = "[left out: personal data]"

# fmt: off
_PERSONAL_WORDS = frozenset((
    "surname", "surnames", "lastname", "firstname", "fullname", "forename", "birthdate", "birthday",
    "dob", "email", "emails", "mail", "phone", "telephone", "iban", "ssn", "passport", "patient",
    "cardnumber", "creditcard",
))
_PERSONAL_PAIRS = frozenset((
    "last name", "first name", "full name", "given name", "family name", "maiden name",
    "customer name", "person name", "client name", "birth date", "birth day", "date birth",
    "card number", "credit card", "account number", "customer id", "person id", "client id",
    "national id", "tax id", "home address", "mail address", "street address", "social security",
))
# fmt: on
_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MAIL = re.compile(
    r"(?<![\w.+%@-])(?!git@)[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}(?![\w@])"
)
_DIGITS = re.compile(
    r"(?<![0-9A-Za-z.])(?:[3-6]\d{3}|2[2-7]\d\d)(?:[ -]?\d){9,15}(?![0-9A-Za-z]|\.\d)"
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
_PHONE = re.compile(r"(?<![\w+])\+\d{1,3}[ .-]?\(?\d{2,4}\)?(?:[ .-]?\d{2,4}){2,4}(?![\w.])")
_SOCIAL = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/\\+\-=~*()\[\]%@#|<>]+")


def says_personal(name: str) -> bool:
    """Whether the name of a value says that it is about a person: `surname`, `customer_id`."""
    words = [part.lower() for part in _NAME_PARTS.findall(name)]
    return bool(
        _PERSONAL_WORDS.intersection(words)
        or _PERSONAL_PAIRS.intersection(f"{a} {b}" for a, b in pairwise(words))
    )


def looks_personal(text: str) -> bool:
    """Whether a text holds something in the form of personal data."""
    return without_personal(text) != text


def without_personal(text: str) -> str:
    """`text` with a mark in place of each mail address, card, account and phone number."""
    if "@" in text:
        text = _MAIL.sub(PERSONAL, text)
    if not any(map(str.isdigit, text)):
        return text
    text = _DIGITS.sub(lambda m: PERSONAL if _is_card(m[0]) else m[0], text)
    text = _IBAN.sub(lambda m: PERSONAL if _is_iban(m[0]) else m[0], text)
    return _SOCIAL.sub(PERSONAL, _PHONE.sub(PERSONAL, text))


def is_identifier(text: str) -> bool:
    """Whether a text names something in a program: a word, a path, an option; no prose."""
    return bool(_IDENTIFIER.fullmatch(text)) and not looks_personal(text)


def name_of_code(thing: object, *, module: bool = False) -> str:
    """The name of a class or function; one that was made at run time can be named after anything.

    module : with that of its module before it.
    """
    name = str(getattr(thing, "__qualname__", type(thing).__qualname__))
    if module:
        name = f"{getattr(thing, '__module__', '?')}.{name}"
    return name if is_identifier(name) else "(a name that is no identifier)"


def _is_card(text: str) -> bool:
    """Thirteen to nineteen digits whose last one is right by the rule of ISO/IEC 7812 (Luhn)."""
    digits = ""
    for group in re.split("[ -]", text):  # other numbers may follow: 4111 1111 1111 1111 12
        digits += group
        if 13 <= len(digits) <= 19 and _luhn(digits) == 0:
            return True
    return False


def _luhn(digits: str) -> int:
    numbers = [int(c) for c in reversed(digits)]
    return sum(d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(numbers)) % 10


def _is_iban(text: str) -> bool:
    """An account number whose check digits are right by ISO 13616."""
    code = text.replace(" ", "")
    if not 15 <= len(code) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1
