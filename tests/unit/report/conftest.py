"""Evidence and records as a store would give them, built without one."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Record, Subject

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class Log:
    """Appends records with the ids and sequences that a log gives; `days` is their age."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(
        self,
        kind: str,
        body: dict | None = None,
        *,
        about: str | None = None,
        days: float = 1,
        run: str | None = None,
        system: str | None = "loans",
        controls: tuple[str, ...] = (),
        actor: str = "ci",
    ) -> Record:
        sequence = len(self.records)
        received = clock.stamp(NOW - timedelta(days=days))
        subject = Subject(about, digest(about)) if about else Subject.of_name(f"{kind} {sequence}")
        evidence = Evidence(
            kind=kind,
            subjects=(subject,),
            body=body or {},
            actor=actor,
            claimed_at=received,
            system=system,
            run=run,
            controls=controls,
        )
        record = Record(
            sequence=sequence,
            id=digest(f"envelope {sequence}"),
            key=f"key-{sequence}",
            received_at=received,
            evidence=evidence,
            envelope=b"{}",
            leaf=b"{}",
        )
        self.records.append(record)
        return record


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def digest_of():
    return digest


@pytest.fixture
def new_log():
    return Log
