"""Time runs forward in the log: at append, in both verifiers, in pieces and from a kept state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence
from aims_mlops.store.administration.clock_change import record_clock_change
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.bundle.export import export_bundle
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.verify.times import Times
from aims_mlops.store.verify.verify import Verified, verify_store
from aims_verify.verify import verify

Make = Callable[..., Evidence]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
YEARS = timedelta(days=25 * 365)


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


def test_record_received_before_its_predecessor_is_refused_at_append(
    store: SqlStore, make_evidence: Make
) -> None:
    with at(NOON):
        store.append(make_evidence(1))
    for back in (YEARS, timedelta(minutes=2)):
        with at(NOON - back):
            for write in (
                lambda: store.append(make_evidence(2)),
                lambda: store.append_many([make_evidence(2), make_evidence(3)]),
                lambda: rotate_key(store, actor="keeper"),
            ):
                with pytest.raises(StoreUnavailableError, match="clock-change"):
                    write()
    assert store.status().size == 1
    # What clocks of several writers differ by is taken, at the time of the newest record.
    with at(NOON - timedelta(seconds=30)):
        assert store.append(make_evidence(2)).received_at == stamp(NOON)
    assert verify_store(store).ok


def test_clock_that_was_ahead_is_set_back_on_the_record(
    store: SqlStore, make_evidence: Make, tmp_path: Path
) -> None:
    with at(NOON + YEARS):
        store.append(make_evidence("ahead"))
        with pytest.raises(InputError, match="nothing to put on record"):
            record_clock_change(store, actor="keeper", reason="none")
    with at(NOON):
        with pytest.raises(StoreUnavailableError):
            store.append(make_evidence(1))
        record = record_clock_change(store, actor="keeper", reason="battery")
        assert record.evidence.body["before"] == stamp(NOON + YEARS)
        store.append(make_evidence(1))
    with at(NOON + timedelta(hours=1)):
        store.append(make_evidence(2))
    report = verify_store(store)
    assert report.ok, report.failures
    assert any("clock was set back at record 1" in point for point in report.open_points)
    found = verify(export_bundle(store, tmp_path / "b.aims").path, cores=1)
    assert found.good, list(found.failures())
    assert any("before record 1 were received" in sentence for sentence in found.unchecked)


class Careless(SqlStore):
    """The log as somebody with its key and other code writes it: any time goes."""


@pytest.fixture
def careless(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    from aims_mlops.evidence import clock
    from aims_mlops.store.log.append import Appender

    monkeypatch.setattr(Appender, "_received", lambda self, latest, items: clock.now())
    return store


@pytest.mark.parametrize("place", [1, 255, 256, 300, 600])
def test_back_dated_record_is_told_by_both_verifiers(
    careless: SqlStore, make_evidence: Make, tmp_path: Path, place: int
) -> None:
    """With the log's key, and other code; in any piece of the log, by one process or by two."""
    with at(NOON):
        careless.append_many([make_evidence(i) for i in range(place)])
    with at(NOON - YEARS):
        careless.append(make_evidence("back-dated"))
    with at(NOON + timedelta(hours=1)):
        careless.append_many([make_evidence(f"after {i}") for i in range(300)])
    for workers in (1, 2):
        failures = verify_store(careless, workers=workers).failures
        assert len(failures) == 1
        assert f"record {place}: time runs backward" in failures[0]
    found = verify(export_bundle(careless, tmp_path / "b.aims").path, cores=1)
    assert any(f"record {place}" in text and "backward" in text for text in found.failures())


def test_back_dated_record_is_told_from_a_kept_state(
    careless: SqlStore, make_evidence: Make
) -> None:
    with at(NOON):
        careless.append_many([make_evidence(i) for i in range(3)])
    state = verify_store(careless).verified
    assert state is not None
    kept = Verified.from_json(state.to_json())
    with at(NOON - YEARS):
        careless.append(make_evidence("back-dated"))
    assert any("backward" in text for text in verify_store(careless, since=kept).failures)


def test_times_put_together_from_pieces_find_what_one_pass_finds() -> None:
    base = [NOON + timedelta(minutes=5 * i) for i in range(12)]
    for odd in range(12):
        for reset in (None, 3, 8):
            moments = [*base]
            moments[odd] = NOON - timedelta(days=1)
            kinds = ["clock-change" if i == reset else "run" for i in range(12)]
            rows = list(zip(range(12), map(stamp, moments), kinds, strict=True))
            whole = Times()
            for row in rows:
                whole.take(*row)
            for cut in range(1, 12):
                joined = Times()
                for part in (rows[:cut], rows[cut:]):
                    piece = Times()
                    for row in part:
                        piece.take(*row)
                    joined.then(piece)
                assert bool(joined.failures) is bool(whole.failures), (odd, reset, cut)
                assert joined.high == whole.high
