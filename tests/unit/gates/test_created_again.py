"""When a version was created again, told from records in memory."""

import pytest

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.decision.recreated_version import created_again

MODEL = "a" * 64
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
SAME = {"name": "loans", "version": "1", "created_at": EARLY, "registry": "sqlite:///a.db"}


def look(log, **changes):
    said = {"name": "loans", "version": "1", "created_at": LATE, "registry": "sqlite:///a.db"}
    model = ModelReference(uri="m", sha256=MODEL, **{**said, **changes})
    return created_again(Dossier.of(MODEL, None, log.records), model)


def met(log, kind="promotion", **changes):
    body = {**SAME, **changes}
    if kind == "decision":
        body = {"request": {"model": body}}
    elif kind == "approval":
        body = {"registered": body}
    log.write(kind, body)


@pytest.mark.parametrize("kind", ["promotion", "decision", "approval"])
def test_other_creation_of_the_same_name_and_number_is_told(log, kind):
    met(log, kind)
    assert look(log) == parse(LATE)


@pytest.mark.parametrize(
    "known",
    [{"name": "toys"}, {"version": "2"}, {"created_at": LATE}, {"created_at": None},
     {"registry": "sqlite:///b.db"}],
)  # fmt: skip
def test_other_version_the_same_creation_or_another_registry_is_none(log, known):
    met(log, **known)
    assert look(log) is None
    met(log)  # and hides none that is
    assert look(log) == parse(LATE)


@pytest.mark.parametrize("lacking", ["name", "version", "created_at"])
def test_model_that_does_not_say_what_it_is_called_was_not_created_again(log, lacking):
    met(log)
    assert look(log, **{lacking: None}) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, "sqlite:///b.db", True),
        ("sqlite:///a.db", None, True),
        (7, "sqlite:///b.db", True),
        ("sqlite:///a.db", "http://x", True),
        ("databricks", "sqlite:///a.db", True),
        ("sqlite:///a.db", "sqlite:///b.db", False),
        ("sqlite+pysqlite:///a.db", "sqlite:///a.db", True),
        ("a.db", "b.db", False),
    ],
)
def test_address_may_be_of_one_registry_unless_both_name_databases(log, one, other, same):
    met(log, registry=one)
    assert (look(log, registry=other) is not None) is same


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("decision", {"request": None}),
        ("decision", {"request": "x"}),
        ("decision", {"request": {"model": "x"}}),
        ("approval", {"registered": "x"}),
        ("approval", {}),
    ],
)
def test_record_that_says_nothing_of_a_registration_tells_nothing(log, kind, body):
    log.write(kind, body)
    assert look(log) is None
