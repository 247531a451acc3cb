"""A day of an inference log is one line of the history, whatever was lost has its own."""

from __future__ import annotations

from aims_mlops.report.history import tell

MADE = "2026-11-21T12:00:00.000000Z"


def test_day_of_an_inference_log_is_one_line_with_its_sums(log):
    for days, rows, written in ((2.0, 10, 8), (2.0, 5, 5), (1.0, 7, 7)):
        dropped = {"queue full": rows - written} if rows > written else {}
        body = {"event": "written", "rows": rows, "written": written, "dropped": dropped}
        log.add("inference-log", body, days=days)
    log.add("inference-log", {"event": "lost", "rows": 9, "written": 6, "lost": 3}, days=1)
    history = tell(log.records, "loans", MADE)
    assert [(event.says, event.also) for event in history.events] == [
        ("written, 15 rows answered, 13 written, 2 dropped: queue full", "2 inference-log"),
        ("written, 7 rows answered, 7 written", None),
        ("lost, 9 rows answered, 6 written, 3 lost with a process that was killed", None),
    ]


def test_what_was_served_refused_and_overridden_is_told(log):
    log.add("inference-log", {"event": "served", "model_uri": "models:/loans/3", "reasons": []})
    reasons = [{"rule": "decision.not-demoted"}]
    log.add(
        "inference-log", {"event": "refused", "model_uri": "models:/loans/3", "reasons": reasons}
    )
    log.add("inference-log", {"event": "labels", "rows": 4, "unknown": 1})
    log.add("inference-log", {"event": "pruned", "before": "2026-05-20"})
    log.add("override", {"who": "cleo", "request_id": "r-1"})
    assert [event.says for event in tell(log.records, "loans", MADE).events] == [
        "served, models:/loans/3",
        "refused, models:/loans/3, decision.not-demoted",
        "4 labels, 1 of no known prediction",
        "pruned, days before 2026-05-20",
        "cleo decided otherwise than the model",
    ]
