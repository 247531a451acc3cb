"""A long log is read in little memory, and coverage says the same of it."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.report.coverage.abridged import Abridged
from aims_mlops.report.coverage.coverage import cover
from aims_mlops.report.coverage.page import as_html
from aims_mlops.report.coverage.scope import digest_of, digests_about
from aims_mlops.report.render import reading

FIXTURES = Path(__file__).parents[2] / "fixtures" / "evidence"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def record(sequence: int, evidence: Evidence) -> Record:
    return Record(
        sequence=sequence,
        id=sha256(str(sequence).encode()).hexdigest(),
        key=f"key-{sequence}",
        received_at="2026-11-20T00:00:00.000000Z",
        evidence=evidence,
        envelope=b"e" * 2_000,
        leaf=b"l" * 600,
    )


def long_log(count: int) -> Iterator[Record]:
    """Runs of ten records each, every one as large as those of a real training run."""
    for n in range(count):
        run = f"run-{n // 10}"
        yield record(
            n,
            Evidence(
                kind=("run", "environment", "parameters", "performance", "bias")[n % 5],
                subjects=(Subject.of_name(f"run:{run}"),),
                body={
                    "name": "train",
                    "packages": {f"package-{i}": f"{n}.{i}" for i in range(30)},
                    "figures": [{"measure": f"m{i}", "value": n + i / 7} for i in range(20)],
                    "parameters": {f"p{i}": n for i in range(10)},
                },
                actor="tester",
                claimed_at="2026-11-20T00:00:00.000000Z",
                system="loans",
                run=run,
            ),
        )


def test_coverage_of_a_long_log_keeps_little_of_each_record() -> None:
    peaks = []
    for count in (500, 4_500):
        tracemalloc.start()
        found = cover(long_log(count), NOW)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.records == count
    assert (peaks[1] - peaks[0]) / 4_000 < 1_500  # bytes a record; whole it has some 10,000


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_abridged_record_says_the_same_to_coverage(path: Path) -> None:
    envelope = json.loads(json.loads(path.read_text())["envelope"])
    given = Evidence.from_statement(json.loads(base64.b64decode(envelope["payload"])))
    whole = record(0, given)
    short = Abridged().record(whole)
    assert digests_about(short) == digests_about(whole)
    assert digest_of(short) == digest_of(whole)
    assert short.evidence.body.keys() == given.body.keys()
    for name in given.body:
        assert reading.present(short.evidence.body, name) == reading.present(given.body, name)
        assert reading.string(short.evidence.body, name) == reading.string(given.body, name)
        assert reading.number(short.evidence.body, name) == reading.number(given.body, name)
    assert (short.sequence, short.id, short.received_at) == (0, whole.id, whole.received_at)


def test_true_and_one_stay_apart_in_what_records_share() -> None:
    abridged = Abridged()
    for n, value in enumerate((True, 1, 1.0, False, 0)):
        given = Evidence(
            kind="data-quality",
            subjects=(Subject.of_name("d"),),
            body={"success": value},
            actor="a",
            claimed_at="",
        )
        short = abridged.record(record(n, given)).evidence.body["success"]
        assert type(short) is type(value)
        assert short == value


def test_page_tells_of_whole_records_however_they_were_read() -> None:
    records = list(long_log(50))
    whole = {one.id: one for one in records}
    from_list = as_html(cover(records, NOW))
    from_stream = as_html(cover(iter(records), NOW, in_full=lambda one: whole[one.id]))
    assert from_list == from_stream
    assert "30 packages" in from_list
