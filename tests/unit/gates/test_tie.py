"""A decision and its write: both or neither, and nothing in between."""

import pytest

from aims_mlops import plugins
from aims_mlops.errors import LogChangedError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.gates.atomic_promotion import AtomicPromotion, WriteFailedError
from aims_mlops.plugins import hookimpl
from aims_mlops.store.administration.anchors import anchor_to_file


class Written:
    """A write that counts, and can fail."""

    def __init__(self, error=None):
        self.times = 0
        self.error = error

    def __call__(self):
        if self.error is not None:
            raise self.error
        self.times += 1


class WithoutLock:
    """A store as it looks over HTTP: no way to write inside an append."""

    def __init__(self, store):
        self.append, self.find = store.append, store.find


@pytest.fixture(params=["lock", "without lock"])
def store(world, request):
    return world.store if request.param == "lock" else WithoutLock(world.store)


def evidence(kind="decision", system="loans"):
    return Evidence(kind=kind, subjects=(Subject.of_name("x"),), body={}, actor="ana",
                    claimed_at=now(), system=system)  # fmt: skip


def test_write_is_done_once_with_its_record(world, store):
    write = Written()
    record = AtomicPromotion(store, world.store.status().size, "loans", write).append(evidence())
    assert write.times == 1
    assert world.store.get(record.id).evidence.kind == "decision"


@pytest.mark.parametrize(
    ("kind", "system"),
    [("performance", "loans"), ("performance", None), ("approval", "toys"), ("rejection", None),
     ("revocation", "toys"), ("waiver", "toys"), ("delegation", None), ("policy", "toys")],
)  # fmt: skip
def test_record_that_may_matter_stops_the_write(world, store, kind, system):
    size, write = world.store.status().size, Written()
    world.store.append(evidence(kind, system))
    with pytest.raises(LogChangedError, match="the log changed"):
        AtomicPromotion(store, size, "loans", write).append(evidence())
    assert write.times == 0


@pytest.mark.parametrize(
    ("kind", "system"),
    [("performance", "toys"), ("decision", "loans"), ("promotion", None), ("gap", "loans")],
)  # fmt: skip
def test_record_that_can_not_matter_stops_nothing(world, store, kind, system):
    size, write = world.store.status().size, Written()
    world.store.append(evidence(kind, system))
    AtomicPromotion(store, size, "loans", write).append(evidence())
    assert write.times == 1


def test_record_of_the_log_itself_stops_nothing(world, store, tmp_path):
    size, write = world.store.status().size, Written()
    anchor_to_file(world.store, tmp_path / "checkpoint", actor="ana")
    assert world.store.status().size == size + 1
    AtomicPromotion(store, size, "loans", write).append(evidence())
    assert write.times == 1


def test_record_before_the_evidence_was_read_stops_nothing(world, store):
    world.store.append(evidence("approval"))
    write = Written()
    AtomicPromotion(store, world.store.status().size, "loans", write).append(evidence())
    assert write.times == 1


def test_write_that_fails_says_so(world, store):
    tied = AtomicPromotion(store, world.store.status().size, "loans", Written(OSError("disk full")))
    with pytest.raises(WriteFailedError, match="OSError: disk full") as failed:
        tied.append(evidence())
    assert isinstance(failed.value.__cause__, OSError)


def test_write_that_fails_takes_the_record_with_it_where_there_is_a_lock(world):
    size = world.store.status().size
    tied = AtomicPromotion(world.store, size, "loans", Written(OSError("disk full")))
    with pytest.raises(WriteFailedError):
        tied.append(evidence())
    assert world.store.status().size == size


def test_store_that_can_do_both_at_once_is_asked_to(world):
    """As a server may offer it: then nothing is read again from here."""
    asked = []

    class Server:
        def append_if_unchanged(self, item, *, since, matters, write):
            asked.append((since, matters("approval", None), matters("gap", "loans")))
            write()
            return world.store.append(item)

    write = Written()
    record = AtomicPromotion(Server(), 7, "loans", write).append(evidence())
    assert world.store.get(record.id).evidence.kind == "decision"
    assert (write.times, asked) == (1, [(7, True, False)])


def test_gate_writes_where_it_allows_and_only_there(world, bad):
    write = Written()
    assert world.gate(world.ready(), write=write).allowed
    assert write.times == 1
    assert not world.gate(world.ready("weak", figures=bad), write=write).allowed
    assert world.gate(world.models["one"], record=False, write=write).allowed
    assert write.times == 1


def test_registry_that_fails_leaves_the_gate_undecided(world):
    decision = world.gate(world.ready(), write=Written(RuntimeError("gone")))
    assert decision.verdict == "undecided"
    assert "the registry then failed; got RuntimeError: gone" in decision.refusals[0].observed
    verdicts = [r.evidence.body["verdict"] for r in world.store.find(kind="decision")]
    assert verdicts == ["undecided"]


class Busy:
    """Somebody who writes to the log while the gate decides, so many times."""

    def __init__(self, store, times):
        self.store, self.times, self.asked = store, times, 0

    @hookimpl
    def before_promotion_decided(self, request):
        self.asked += 1
        if self.asked <= self.times:
            self.store.append(evidence("drift", system="loans"))
        return []


@pytest.mark.parametrize(("times", "verdict", "asked"), [(0, "allowed", 1), (19, "allowed", 20),
                                                         (20, "undecided", 20)])  # fmt: skip
def test_gate_decides_anew_while_the_log_changes_and_gives_up_in_the_end(
    world, times, verdict, asked
):
    busy, write = Busy(world.store, times), Written()
    model = world.ready()
    plugins.manager().register(busy, "busy")
    try:
        decision = world.gate(model, write=write)
    finally:
        plugins.manager().unregister(name="busy")
    assert (decision.verdict, busy.asked) == (verdict, asked)
    assert write.times == (verdict == "allowed")
    if verdict == "undecided":
        assert "the log kept changing while the gate decided" in decision.refusals[0].observed
        assert "20 tries" in decision.refusals[0].observed


def test_gate_that_only_records_decides_anew_too_when_the_log_changed(world):
    busy = Busy(world.store, 1)
    model = world.ready()
    plugins.manager().register(busy, "busy")
    try:
        assert world.gate(model).allowed
    finally:
        plugins.manager().unregister(name="busy")
    assert busy.asked == 2
