"""stepfleet's own metrics, in a registry of their own, counted from what the doors accept and runs do."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from agent.run.events import Event, EventKind
from agent.run.fair_queue import Lane


class DoorMetrics:
    """Counters and gauges of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            "stepfleet_notifications_received", "Notifications accepted", ["source"], registry=self.registry
        )
        self.rejected = Counter(
            "stepfleet_notifications_rejected", "Notifications refused", ["source", "reason"], registry=self.registry
        )
        self.decisions = Counter(
            "stepfleet_alert_decisions", "What became of alerts", ["decision"], registry=self.registry
        )
        self.events = Counter("stepfleet_run_events", "Events of runs", ["kind"], registry=self.registry)
        self.ended = Counter("stepfleet_runs_ended", "Runs by outcome", ["outcome"], registry=self.registry)
        self.waiting = Gauge("stepfleet_runs_queued", "Runs that wait for their turn", registry=self.registry)
        self.depth = Gauge(
            "stepfleet_runs_queued_by_guide",
            "Runs that wait for their turn, of each team and guide",
            ["team", "guide"],
            registry=self.registry,
        )

    def watch(self, run_id: str, event: Event) -> None:
        """Count one event; for `build_service(watch=...)`."""
        self.events.labels(str(event.kind)).inc()
        if event.kind is EventKind.RUN_ENDED:
            self.ended.labels(str(event.payload["outcome"])).inc()

    def text(self, waiting: int, depths: Mapping[Lane, int]) -> bytes:
        self.waiting.set(waiting)
        self.depth.clear()  # who no longer waits is gone, not nought
        for lane, runs in depths.items():
            self.depth.labels(*lane).set(runs)
        return generate_latest(self.registry)
