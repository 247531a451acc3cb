"""A log in memory: records made by hand, really signed, one a minute. For pure functions."""

from datetime import UTC, datetime, timedelta

from aims_mlops.assessments.binding import Binding
from aims_mlops.assessments.signature import sign_consent
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.person import Person
from aims_mlops.store.keys import create_key

THEN = datetime(2026, 1, 1, tzinfo=UTC)
BINDING = Binding(target="production", model="a" * 64, datasets=("d" * 64,), assessment="b" * 64,
                  policy="c" * 64, evidence_root="e" * 64)  # fmt: skip
PEOPLE = (
    Person(id="ana", roles=("developer",)),
    Person(id="bo", roles=("risk-owner",)),
    Person(id="cy", roles=("risk-owner", "security")),
    Person(id="bot", roles=("risk-owner",), acts_for="ana"),
    Person(id="self-bot", roles=("risk-owner",), acts_for="self-bot"),
)


class Log:
    """Records in the order in which they are written, one a minute, signed by each one's key."""

    then, binding, people = THEN, BINDING, PEOPLE

    def __init__(self, folder):
        self.folder = folder
        self.records = []
        self.signers = {}

    def signer(self, person):
        if person not in self.signers:
            self.signers[person] = create_key(self.folder / f"{person}.key", passphrase="")
        return self.signers[person]

    def say(self, person, verdict="approve", *, kind=None, actor=None, key=None, **said):
        kinds = {"approve": "approval", "reject": "rejection", "return": "rejection",
                 "revoke": "revocation"}  # fmt: skip
        roles = {p.id: list(p.roles) for p in PEOPLE}.get(person, [])
        number = len(self.records)
        body = {**BINDING.to_body(), "verdict": verdict, "approver": person, "roles": roles,
                "reason": "", "signed_at": f"{number}", **said}  # fmt: skip
        return self.write(
            kind or kinds[verdict],
            sign_consent(body, self.signer(key or person)),
            actor=actor or person,
        )

    def write(self, kind, body, *digests, actor="ana", run=None, system=None):
        """A record that nobody signs; about the model if it says no digest."""
        number = len(self.records)
        record = Record(
            sequence=number,
            id=f"{number:064x}",
            key="",
            received_at=stamp(THEN + timedelta(minutes=number)),
            evidence=Evidence(
                kind=kind,
                subjects=tuple(Subject("s", digest) for digest in digests or ("a" * 64,)),
                body=body,
                actor=actor,
                claimed_at=stamp(THEN),
                run=run,
                system=system,
            ),
            envelope=b"",
            leaf=b"",
        )
        self.records.append(record)
        return record
