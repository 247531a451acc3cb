"""Figures of the log for Prometheus, counted on from scrape to scrape.

The one place that imports its library.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import MissingExtraError
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.evidence.bodies.operation import MonitoringRunBody
from aims_mlops.evidence.clock import parse
from aims_mlops.operations.alarms.monitoring import alarms_from_log

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore

_COUNTED = ("decision", "monitoring-run", "anchor", "notice")


class Figures:
    """Counts of one log. Each scrape reads the records that came since the one before.

    What a scrape holds does not grow with the log, but with its systems and monitors.
    """

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._next = 0
        self._decisions: Counter[str] = Counter()
        self._notices: Counter[str] = Counter()
        self._windows: dict[tuple[str, str], str] = {}
        self._anchors = 0
        self._anchored = 0

    def text(self, now: datetime | None = None) -> bytes:
        """The exposition format of Prometheus, text version 0.0.4. Raises MissingExtraError."""
        try:
            from prometheus_client import CollectorRegistry, generate_latest
        except ImportError as error:
            raise MissingExtraError(
                "figures for Prometheus", library="prometheus-client", extra="server"
            ) from error
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Snapshot(list(self._families(now or datetime.now(UTC)))))
        found: bytes = generate_latest(registry)
        return found

    def _families(self, now: datetime) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        with self._lock:
            size = self._catch_up()
            decisions, notices = dict(self._decisions), dict(self._notices)
            windows = dict(self._windows)
            anchors, anchored = self._anchors, self._anchored
        yield GaugeMetricFamily("aims_log_size", "Records in the log.", value=size)
        yield GaugeMetricFamily(
            "aims_log_anchored_size", "Records that the newest anchor covers.", value=anchored
        )
        yield CounterMetricFamily("aims_anchors", "Checkpoints given to outsiders.", value=anchors)
        family = CounterMetricFamily(
            "aims_decisions", "Decisions of the gate, by verdict.", labels=["verdict"]
        )
        for verdict in ("allowed", "refused", "undecided"):
            family.add_metric([verdict], decisions.get(verdict, 0))
        yield family
        family = CounterMetricFamily(
            "aims_notices", "Notices to people and systems, by outcome.", labels=["outcome"]
        )
        for outcome in ("sent", "failed"):
            family.add_metric([outcome], notices.get(outcome, 0))
        yield family
        gauge = GaugeMetricFamily(
            "aims_alarms", "What is wrong now, by severity.", labels=["severity"]
        )
        alarms = Counter(alarm.severity for alarm in alarms_from_log(self._store, now))
        for severity in ("minor", "major"):
            gauge.add_metric([severity], alarms.get(severity, 0))
        yield gauge
        gauge = GaugeMetricFamily(
            "aims_last_window_age_seconds",
            "Since the end of the newest window that was measured.",
            labels=["system", "monitor"],
        )
        for (system, monitor), end in sorted(windows.items()):
            gauge.add_metric([system, monitor], max(0.0, (now - parse(end)).total_seconds()))
        yield gauge

    def _catch_up(self) -> int:
        size = self._store.status().size
        for record in self._store.find(kind=_COUNTED, since=self._next):
            if record.sequence >= size:
                break
            self._count(record)
        self._next = max(self._next, size)
        return size

    def _count(self, record: Record) -> None:
        evidence = record.evidence
        if evidence.kind == "decision":
            self._decisions[DecisionBody.of(record).verdict or "undecided"] += 1
        elif evidence.kind == "notice":
            self._notices["sent" if evidence.body.get("outcome") == "sent" else "failed"] += 1
        elif evidence.kind == "anchor":
            self._anchors += 1
            covered = evidence.body.get("size")
            self._anchored = max(self._anchored, covered if isinstance(covered, int) else 0)
        else:
            self._window(record)

    def _window(self, record: Record) -> None:
        body = MonitoringRunBody.of(record)
        end = (body.window or {}).get("end")
        if body.outcome != "measured" or body.monitor is None or not isinstance(end, str):
            return
        try:
            parse(end)
        except ValueError:
            return
        key = (record.evidence.system or "", body.monitor)
        self._windows[key] = max(end, self._windows.get(key, ""))


class _Snapshot:
    """Families that are complete, as a collector."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        """Each family once."""
        yield from self._families
