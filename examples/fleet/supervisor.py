"""One replica as the gateway knows it: its process, its client, its slots, and whether it answers."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path
from typing import Any, Literal

from examples.fleet.config import GatewayConfig, ReplicaSpec
from examples.fleet.files import private_folder, secret_file, write_whole
from examples.fleet.placement import Seats
from examples.fleet.processes import Child
from examples.fleet.replica import KV_LAYOUT, ReplicaLaunch, engine
from examples.fleet.tiny_gguf import tiny_model
from plugins.errors import PluginError
from plugins.serving.llamacpp import Fingerprint, Launch, SlotServer, sha256_file

CHECKOUT = Path(__file__).resolve().parents[2]  # `python -m` finds the packages from here
READY_S = 30.0
PROBE_TIMEOUT_S = 1.0
MISSES_ALLOWED = 1  # a probe may be late once; two in a row: it does not answer

State = Literal["starting", "up", "draining", "down"]


class Replica:
    """A replica that is being started, serves, or has ended."""

    def __init__(self, spec: ReplicaSpec, config: GatewayConfig) -> None:
        self.spec = spec
        self.seats = Seats([None] * config.slots)
        self.draining = False
        self.generated = 0  # tokens, ever
        self.delay_s = 0.0  # a fault: added to every chunk
        self.kv_tokens = 0
        self.kv_capacity = config.slots * config.slot_tokens
        self.model_sha256 = ""
        self._config = config
        self._child: Child | None = None
        self._server: SlotServer | None = None
        self._fingerprint = Fingerprint("", "", "")
        self._misses = 0
        self._started = False

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def server(self) -> SlotServer:
        assert self._server is not None, "a replica has its client before it has sessions"
        return self._server

    @property
    def child(self) -> Child:
        assert self._child is not None, "a replica has its process before it is used"
        return self._child

    @property
    def fingerprint(self) -> Fingerprint:
        return self._fingerprint

    @property
    def answers(self) -> bool:
        return self._started and self.child.alive and self._misses <= MISSES_ALLOWED

    @property
    def kv_ratio(self) -> float:
        return self.kv_tokens / self.kv_capacity if self.answers else 0.0

    @property
    def accepts(self) -> bool:
        """May a new session be placed here?"""
        return self.answers and not self.draining

    @property
    def state(self) -> State:
        if not self._started and (self._child is None or self._child.alive):
            return "starting"
        if not self.answers:
            return "down"
        return "draining" if self.draining else "up"

    async def start(self) -> None:
        """Start the process and return once it answers. Raises: ChildFailed."""
        folder = private_folder(self._config.state_dir / "replicas" / self.name)
        slot_dir = private_folder(folder / "slots")
        model = await asyncio.to_thread(_prepare, slot_dir, self._config.cache_dir, self.spec.seed)
        self.model_sha256 = await asyncio.to_thread(sha256_file, model)
        launch = ReplicaLaunch(
            model=model,
            slot_dir=slot_dir,
            # A name of its own per start: the address of a process that has ended is never read.
            address_file=folder / f"address.{secrets.token_hex(4)}",
            api_key_file=folder / "api-key",
            slots=self._config.slots,
            slot_tokens=self._config.slot_tokens,
        )
        api_key = secret_file(launch.api_key_file)
        write_whole(folder / "launch.json", launch.model_dump_json())
        program: list[str | Path] = [sys.executable, "-m", "examples.fleet.replica", folder / "launch.json"]
        self._child = await Child.start(
            f"replica {self.name}",
            program,
            log=self._config.logs_dir / f"replica-{self.name}.log",
            cwd=CHECKOUT,
        )
        try:
            await self._connect(launch, api_key)
        except BaseException:
            await self.stop()
            raise
        finally:
            launch.address_file.unlink(missing_ok=True)

    async def _connect(self, launch: ReplicaLaunch, api_key: str) -> None:
        async def listens() -> bool:
            return launch.address_file.exists()

        await self.child.ready(listens, within_s=READY_S)
        server = SlotServer(
            launch.address_file.read_text(),
            api_key=api_key,
            slot_dir=launch.slot_dir,
            launch=Launch(self.model_sha256, engine(), KV_LAYOUT),
            timeout_s=self._config.call_timeout_s,
        )
        self._server = server
        await self.child.ready(server.healthy, within_s=READY_S)
        self._fingerprint = await server.fingerprint()
        await self.probe()
        self._started = True

    async def probe(self) -> None:
        """Ask the server for its slots; remember what they hold, or that it did not answer."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                slots = await self.server.slots()
        except (PluginError, TimeoutError):
            self._misses += 1
        else:
            self._misses = 0
            self.kv_tokens = sum(s.tokens for s in slots)

    def doubt(self) -> None:
        """A call was not answered: send nothing new here until a probe is."""
        self._misses = MISSES_ALLOWED + 1

    async def stop(self) -> None:
        if self._child is not None:
            # Nothing is lost by killing it: sessions have ended or moved before, slots are copies.
            await self._child.stop(grace_s=1.0)
        if self._server is not None:
            await self._server.close()

    def describe(self) -> dict[str, Any]:
        """The Replica of the admin interface."""
        return {
            "name": self.name,
            "url": self._server.url if self._server else "",
            "state": self.state,
            "slots_total": len(self.seats.holders),
            "slots_busy": self.seats.busy,
            "waiting": len(self.seats.waiting),
            "kv_tokens_used": self.kv_tokens if self.answers else 0,
            "kv_tokens_total": self.kv_capacity,
            "model_sha256": self._fingerprint.model_sha256,
            "build": self._fingerprint.build,
            "kv_layout": self._fingerprint.kv_layout,
        }


def _prepare(slot_dir: Path, cache: Path, seed: int) -> Path:
    for left_over in slot_dir.glob("*.bin"):  # of a process that was killed inside a move
        left_over.unlink()
    return tiny_model(cache, seed=seed)
