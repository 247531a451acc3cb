"""Coverage says where the quality of data was only held against what any table should keep to."""

from __future__ import annotations

from datetime import UTC, datetime

from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.report.coverage.coverage import cover

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def record(number: int, kind: str, body: dict[str, object]) -> Record:
    return Record(
        sequence=number,
        id=f"{number:064x}",
        key="",
        received_at="2026-11-21T09:00:00.000000Z",
        evidence=Evidence(
            kind=kind,
            subjects=(Subject("dataset:d", "d" * 64),),
            body=body,
            actor="ana",
            claimed_at="2026-11-21T09:00:00.000000Z",
            system="loans",
        ),
        envelope=b"",
        leaf=b"",
    )


def test_default_expectations_alone_do_not_support_a_7_4_in_full() -> None:
    def row(origin: str):  # type: ignore[no-untyped-def]
        body = {"dataset": {"name": "d"}, "success": True, "expectations": [{"type": "x"}],
                "suite": {"name": origin, "origin": origin, "sha256": "e" * 64}}  # fmt: skip
        records = [record(0, "dataset", {"name": "d"}), record(1, "data-quality", body)]
        (found,) = [c for c in cover(records, NOW).controls if c.control.id == "A.7.4"]
        return found

    said = "default expectations only for 1 dataset"
    assert said in [shortfall.thing for shortfall in row("default").shortfalls]
    assert row("default").state == "supported in part"
    assert said not in [shortfall.thing for shortfall in row("given").shortfalls]
