"""The example of a plugin that objects: it can refuse, and it cannot allow."""


def refusals(decision):
    return {reason.rule: reason for reason in decision.refusals}


def test_freeze_window_refuses_with_its_reason(world, freeze_window, monkeypatch):
    model = world.ready()
    monkeypatch.setenv("AIMS_FREEZE", "2000-01-01/2999-12-31")
    decision = world.gate(model)
    (rule,) = refusals(decision)
    assert rule == "plugin.freeze-window.window"
    assert "lies in the freeze" in refusals(decision)[rule].observed
    body = world.store.get(decision.record).evidence.body
    assert body["request"]["objections"][0]["plugin"] == "freeze-window"


def test_outside_the_window_it_says_nothing_and_allows_nothing(world, freeze_window, monkeypatch):
    monkeypatch.setenv("AIMS_FREEZE", "2000-01-01/2000-01-02")
    assert world.gate(world.ready("good")).allowed
    assert not world.gate(world.train("not approved")).allowed


def test_window_that_can_not_be_read_refuses(world, freeze_window, monkeypatch):
    monkeypatch.setenv("AIMS_FREEZE", "soon")
    assert set(refusals(world.gate(world.ready()))) == {"plugin.freeze-window.failed"}
