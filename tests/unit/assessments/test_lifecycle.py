"""Where an assessment stands, computed from records."""

from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.approvals.consent import Consent
from aims_mlops.assessments.lifecycle import current_state


@pytest.fixture
def submitted(world):
    return world.submit(world.train())


NOBODY = Consent({}, (), ())


def state(record, consent=NOBODY, *, days=0, changes=(), newer=(), needed=1):
    return current_state(
        record,
        newer,
        consent,
        needed=needed,
        max_age_days=365,
        changes=changes,
        now=datetime.now(UTC) + timedelta(days=days),
    )


def test_states_follow_from_the_records(submitted):
    approved = Consent({"bo": submitted}, (), ())
    rejected = Consent({"bo": submitted}, (), (("cy", "unfair"),))
    assert state(None).state == "draft"
    assert state(submitted).state == "submitted"
    assert state(submitted).why == "1 more approval needed"
    assert state(submitted, approved).state == "approved"
    assert state(submitted, approved, needed=2).state == "submitted"
    assert state(submitted, rejected).state == "rejected"
    assert state(submitted, rejected).why == "by cy: unfair"
    assert state(submitted, approved, days=366).state == "expired"
    assert state(submitted, approved, days=364).state == "approved"
    assert state(submitted, approved, newer=[submitted]).state == "superseded"
    found = state(submitted, approved, changes=["another intended use"])
    assert (found.state, found.why) == ("re-opened", "another intended use")


def test_approval_that_does_not_count_is_explained(submitted):
    consent = Consent({}, ((submitted, "ana is the author"),), ())
    assert state(submitted, consent).why.endswith("one does not count: ana is the author")
