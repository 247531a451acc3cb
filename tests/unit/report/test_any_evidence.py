"""Whatever a record holds, a report is made, and nothing of the record becomes markup."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.report.card import page as card_page
from aims_mlops.report.card.card import write_card
from aims_mlops.report.coverage import page as coverage_page
from aims_mlops.report.coverage.coverage import cover

WORDS = (
    "name role sha256 rows columns source licence purpose suite success expectations figures "
    "dataset model datasets signature parameters left_out notes verdict reasons allowed policy "
    "cpu gpu packages memory_bytes facts registered current files size_bytes task alias outcome"
)
FIELDS = WORDS.split()
TEXT = st.one_of(
    st.text(max_size=20), st.sampled_from(["<i id=mark>", "{{1}}", "`|", "\x00\u202e"])
)
LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=True), TEXT
)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(TEXT, st.sampled_from(FIELDS)), inner, max_size=3),
        st.fixed_dictionaries(
            {"measure": TEXT, "value": LEAF, "group": inner, "n": LEAF, "low": LEAF, "high": LEAF}
        ),
    ),
    max_leaves=8,
)
BODY = st.dictionaries(st.sampled_from(FIELDS), VALUE, max_size=8)
RECORDS = st.lists(st.tuples(st.sampled_from([*KINDS, "other"]), BODY), max_size=6)


@pytest.mark.parametrize("report", ["coverage", "card"])
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(given_records=RECORDS)
def test_any_evidence_makes_a_report_without_markup_of_its_own(
    new_log, now, digest_of, report, given_records
):
    log = new_log()
    for kind, body in given_records:
        log.add(kind, body, about="m", run="r1", actor="<i id=mark>")
    if report == "coverage":
        coverage = cover(log.records, now)
        page = coverage_page.as_html(coverage)
        coverage_page.as_text(coverage)
        json.dumps(coverage_page.as_json(coverage), allow_nan=False)
    else:
        card = write_card(ModelReference(uri="m", sha256=digest_of("m")), log.records, now)
        page = card_page.as_html(card)
        card_page.as_markdown(card)
        json.dumps(card_page.as_json(card), allow_nan=False)
    assert "<i id=mark" not in page
    assert not re.search("[\x00-\x08\u202a-\u202e]", page)
