"""The whole fleet as one thing: gateway with replicas, and Prometheus with Alertmanager when wanted."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from filelock import FileLock, Timeout

from examples.fleet.client import FleetClient
from examples.fleet.config import GatewayConfig, ReplicaSpec
from examples.fleet.errors import FleetError
from examples.fleet.files import private_folder, project_cache, write_whole
from examples.fleet.observability import Monitoring, Webhook, start_monitoring
from examples.fleet.processes import Child

CHECKOUT = Path(__file__).resolve().parents[2]  # `python -m` finds the packages from here
READY_S = 60.0  # replicas start side by side in about a second; a busy machine takes longer
CARD = "fleet.json"


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What to start. Sizes and pacing: see `GatewayConfig`."""

    state_dir: Path
    fleet: str = "demo"
    replicas: tuple[ReplicaSpec, ...] = tuple(ReplicaSpec(name=n) for n in ("a", "b", "c"))
    slots: int = 2
    slot_tokens: int = 4096
    max_replicas: int = 5
    tokens_per_s: float = 20.0
    chunk_tokens: int = 4
    call_timeout_s: float = 5.0
    faults: bool = False
    monitoring: bool = False
    webhook: Webhook | None = None  # where Alertmanager sends to; needs monitoring
    cache_dir: Path = field(default_factory=project_cache)

    def gateway(self, port: int) -> GatewayConfig:
        return GatewayConfig(
            fleet=self.fleet,
            state_dir=self.state_dir.resolve(),
            cache_dir=self.cache_dir.resolve(),
            port=port,
            replicas=self.replicas,
            slots=self.slots,
            slot_tokens=self.slot_tokens,
            max_replicas=self.max_replicas,
            tokens_per_s=self.tokens_per_s,
            chunk_tokens=self.chunk_tokens,
            call_timeout_s=self.call_timeout_s,
            faults=self.faults,
        )


class Fleet:
    """`async with Fleet(options) as fleet:` runs one and stops all of its processes at the end.

    Raises on entry: ChildFailed, ToolMissing; FleetError when one runs in the folder already.
    """

    def __init__(self, options: FleetOptions) -> None:
        self.options = options
        self.url = ""
        self.monitoring: Monitoring | None = None
        self._config = options.gateway(0)
        self._gateway: Child | None = None
        # Two gateways must not write one ledger. Held by this process, so it outlives a gateway's restart.
        self._lock = FileLock(self._config.state_dir / "lock")

    async def __aenter__(self) -> Self:
        private_folder(self._config.state_dir)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as exc:
            raise FleetError(
                f"a fleet runs in {self._config.state_dir} already", hint="stop it, or choose another folder"
            ) from exc
        try:
            await self.start_gateway()
            if self.options.monitoring:
                self.monitoring = await start_monitoring(
                    folder=private_folder(self._config.state_dir / "monitoring"),
                    cache=self._config.cache_dir,
                    logs=self._config.logs_dir,
                    gateway_url=self.url,
                    webhook=self.options.webhook,
                )
            write_whole(self._config.state_dir / CARD, json.dumps(self.card(), indent=2) + "\n")
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def gateway(self) -> Child:
        assert self._gateway is not None, "the fleet is entered before it is used"
        return self._gateway

    @property
    def read_token(self) -> str:
        return self._config.read_token_file.read_text().strip()

    @property
    def change_token(self) -> str:
        return self._config.change_token_file.read_text().strip()

    @property
    def state_dir(self) -> Path:
        return self._config.state_dir

    def client(self, *, token: str | None = None) -> FleetClient:
        """A client that may change the fleet, or one with another token."""
        return FleetClient(self.url, token=self.change_token if token is None else token)

    async def start_gateway(self) -> None:
        """Start the gateway and its replicas; after one has ended, again at the same address."""
        state = private_folder(self._config.state_dir)
        self._config.logs_dir.mkdir(exist_ok=True)
        self._config.address_file.unlink(missing_ok=True)  # of one that was killed
        config_file = state / "gateway.json"
        write_whole(config_file, self._config.model_dump_json())
        self._gateway = await Child.start(
            "the gateway",
            [sys.executable, "-m", "examples.fleet.gateway", config_file],
            log=self._config.logs_dir / "gateway.log",
            cwd=CHECKOUT,
        )
        await self._gateway.ready(self._answers, within_s=READY_S)
        self._config = self.options.gateway(int(self.url.rsplit(":", 1)[1]))

    async def _answers(self) -> bool:
        address = self._config.address_file
        if not address.exists():
            return False
        self.url = address.read_text()
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=1.0) as http:
                return (await http.get(f"{self.url}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    def card(self) -> dict[str, Any]:
        """Addresses, token files and process ids: what `fleet.json` holds."""
        running = self.monitoring
        return {
            "fleet": self.options.fleet,
            "gateway": self.url,
            "metrics": f"{self.url}/metrics",
            "prometheus": running.prometheus_url if running else None,
            "alertmanager": running.alertmanager_url if running else None,
            "replicas": [r.name for r in self.options.replicas],
            "tokens": {
                "read": str(self._config.read_token_file),
                "change": str(self._config.change_token_file),
            },
            "faults": self.options.faults,
            "logs": str(self._config.logs_dir),
            "pids": {
                "gateway": self.gateway.pid,
                **({"prometheus": running.prometheus.pid, "alertmanager": running.alertmanager.pid} if running else {}),
            },
        }

    async def _stop(self) -> None:
        if self.monitoring is not None:
            await self.monitoring.stop()
        if self._gateway is not None:
            await self._gateway.stop(grace_s=10.0)
        (self._config.state_dir / CARD).unlink(missing_ok=True)
        self._lock.release()
