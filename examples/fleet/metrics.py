"""The fleet in Prometheus' text format, read from its state at every scrape: no second set of counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from examples.fleet.dispatch import Dispatcher
from examples.fleet.moves import Mover
from examples.fleet.roster import Roster
from examples.fleet.supervisor import Replica

GAUGES: dict[str, tuple[str, Callable[[Replica], float]]] = {
    "vllm:num_requests_waiting": ("Requests that wait for a slot.", lambda r: len(r.seats.waiting)),
    # A ratio despite the name: the name is vLLM's.
    "vllm:kv_cache_usage_perc": ("KV tokens held of those that fit, 0 to 1.", lambda r: r.kv_ratio),
    "fleet_slots_total": ("Decoding slots.", lambda r: len(r.seats.holders)),
    "fleet_slots_free": (
        "Slots a new session could take; 0 while draining or down.",
        lambda r: r.seats.free if r.accepts else 0,
    ),
    "fleet_replica_up": ("1 when the replica answers.", lambda r: int(r.answers)),
    "fleet_replica_draining": ("1 when the replica takes nothing new.", lambda r: int(r.draining)),
}


class FleetCollector(Collector):
    """Gauges and counters of one fleet."""

    def __init__(self, fleet: str, roster: Roster, dispatcher: Dispatcher, mover: Mover) -> None:
        self._fleet = fleet
        self._roster = roster
        self._dispatcher = dispatcher
        self._mover = mover

    def collect(self) -> Iterable[Metric]:
        replicas = tuple(self._roster.replicas.values())
        for name, (text, read) in GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=("fleet", "replica"))
            for replica in replicas:
                gauge.add_metric((self._fleet, replica.name), read(replica))
            yield gauge
        running = GaugeMetricFamily(
            "vllm:num_requests_running", "Sessions that hold a slot.", labels=("fleet", "replica")
        )
        placed = Counter(s.replica for s in self._dispatcher.live.values() if s.slot is not None)
        for replica in replicas:
            running.add_metric((self._fleet, replica.name), placed[replica.name])
        yield running
        tokens = CounterMetricFamily("vllm:generation_tokens", "Tokens given to clients.", labels=("fleet", "replica"))
        for replica in replicas:
            tokens.add_metric((self._fleet, replica.name), replica.generated)
        yield tokens
        yield self._outcomes("fleet_migrations", "Moves that ended.", ("done", "failed"), self._mover.outcomes)
        yield self._outcomes(
            "fleet_sessions",
            "Sessions that ended.",
            ("done", "failed", "client_left"),
            self._dispatcher.outcomes,
        )

    def _outcomes(self, name: str, text: str, known: tuple[str, ...], counts: Counter[str]) -> CounterMetricFamily:
        family = CounterMetricFamily(name, text, labels=("fleet", "outcome"))
        for outcome in known:  # all of them from the start: a rate needs the zero before the one
            family.add_metric((self._fleet, outcome), counts[outcome])
        return family


def registry(collector: FleetCollector) -> CollectorRegistry:
    """A registry of its own: two gateways in one process do not mix."""
    own = CollectorRegistry()
    own.register(collector)
    return own


def render(own: CollectorRegistry) -> bytes:
    return generate_latest(own)
