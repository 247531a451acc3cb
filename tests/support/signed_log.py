"""A log in memory: records made by hand, really signed, one a minute. For pure functions."""

from datetime import UTC, datetime, timedelta

from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.dossier.binding import Binding
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.person import EnrolledKey, Person
from aims_mlops.store.disk.key_file import create_key

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

    then, binding = THEN, BINDING

    def __init__(self, folder):
        self.folder = folder
        self.records = []
        self.signers = {}
        self.registrar = Person(
            id="reg", keys=(EnrolledKey(public_key=self.signer("reg").public.hex()),)
        )
        self.people = (*PEOPLE, self.registrar)
        self.enrolments = []  # before the first record of the log
        for person in ("ana", "bo", "cy"):
            self.enrol(person)

    def enrol(self, person, *, by="reg", key=None):
        """A person's key, enrolled and confirmed, before everything else in the log."""
        signer = self.signer(key or person)
        number = len(self.enrolments) - 100
        said = {"person": person, "signed_at": f"{number}"}
        enrolled = self._record(
            number,
            "enrolment",
            sign_consent({**said, "step": "enrol", "approver": person}, signer),
            actor=person,
        )
        body = {**said, "step": "confirm", "approver": by, "enrolment": enrolled.id,
                "key": signer.public.hex()}  # fmt: skip
        confirmed = self._record(
            number + 1, "enrolment", sign_consent(body, self.signer(by)), actor=by
        )
        self.enrolments += [enrolled, confirmed]

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
        record = self._record(
            len(self.records), kind, body, *digests, actor=actor, run=run, system=system
        )
        self.records.append(record)
        return record

    def _record(self, number, kind, body, *digests, actor="ana", run=None, system=None):
        return Record(
            sequence=number,
            id=f"{number % 2**32:064x}",
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
