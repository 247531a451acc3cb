"""One life cycle for whatever a record opens and later records carry on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aims_mlops.errors import EvidenceConflictError, EvidenceNotFoundError, InputError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.gates.deployment import find_deployment
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.operations import lifecycle
from aims_mlops.operations.incident import find_incident
from aims_mlops.operations.nonconformity import find_nonconformity

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FIND = {
    "incident": find_incident,
    "nonconformity": find_nonconformity,
    "deployment": find_deployment,
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EvidenceStore]:
    monkeypatch.chdir(tmp_path)
    yield find_project().open_store()
    forget_stores()


def opened(store: EvidenceStore, kind: str) -> Record:
    body = {"event": "deployed", "state": "open", "what": "missed-run", "title": "it happened"}
    subject = Subject.of_name("loans")
    return store.append(
        Evidence(
            kind=kind, subjects=(subject,), body=body, actor="ana", claimed_at=now(), system="loans"
        )
    )


@pytest.mark.parametrize("kind", FIND)
def test_next_step_names_the_first_record_and_is_found_with_it(
    store: EvidenceStore, kind: str
) -> None:
    first = opened(store, kind)
    thing = FIND[kind](store, first.id[:12])
    step = lifecycle.carry_on(store, thing, {"state": "x", "event": "x"}, actor="bo", now=NOW)
    assert step.evidence.body[kind] == first.id
    assert (step.evidence.system, step.evidence.subjects) == ("loans", first.evidence.subjects)
    assert FIND[kind](store, step.id).steps == (first, step)


@pytest.mark.parametrize("kind", FIND)
def test_second_of_two_that_take_the_same_step_at_once_has_to_look_first(
    store: EvidenceStore, kind: str
) -> None:
    thing = FIND[kind](store, opened(store, kind).id)
    lifecycle.carry_on(store, thing, {"event": "x", "state": "x"}, actor="bo", now=NOW)
    with pytest.raises(EvidenceConflictError):
        lifecycle.carry_on(store, thing, {"event": "y", "state": "y"}, actor="cy", now=NOW)


@pytest.mark.parametrize("kind", FIND)
def test_record_of_another_kind_is_none_of_these(store: EvidenceStore, kind: str) -> None:
    other = opened(store, "deployment" if kind == "incident" else "incident")
    with pytest.raises(EvidenceNotFoundError, match=f"is no {kind}") as error:
        FIND[kind](store, other.id)
    assert error.value.next_step == f"aims {kind} list"


def test_step_of_something_that_was_never_opened_here_is_passed_over(store: EvidenceStore) -> None:
    known: dict[str, tuple[Record, ...]] = {}
    step = store.append(
        Evidence(
            kind="incident",
            subjects=(Subject.of_name("loans"),),
            body={"incident": "f" * 64, "state": "closed"},
            actor="ana",
            claimed_at=now(),
        )
    )
    lifecycle.take(known, step, opened=lambda r: (r,), after=lambda old, r: (*old, r))
    assert known == {}


@pytest.mark.parametrize("text", ["", "  \n"])
def test_reason_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="the reason is empty"):
        lifecycle.sentence("the reason", text)
