"""What a policy asks of the keys that people sign with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyRule:
    """When a signature is a person's.

    confirmed : the key was enrolled before, and another person confirmed whose it is (records of
        kind `enrolment`). Otherwise the key that a person signs with first is believed to be
        theirs, which keeps no duties apart.
    listed : the key must also stand in aims.yaml.
    """

    confirmed: bool = True
    listed: bool = False


FIRST_USE = KeyRule(confirmed=False)
