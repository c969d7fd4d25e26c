"""One stage, two fleets behind it: a real one of llama.cpp servers, and the one in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from examples.fleet.client import Answer, FleetClient
from examples.fleet.fleet import Fleet
from examples.fleet.load import random_prompt
from plugins.base import CallContext
from plugins.serving.access import ServingPlugin
from tests.plugins.serving.fake_gateway import FakeGateway

P = TypeVar("P", bound=ServingPlugin)


def ctx(deadline_s: float = 20.0) -> CallContext:
    return CallContext(run_id="r1", step_key="s1", deadline_s=deadline_s)


class Stage(Protocol):
    """Replicas a, b and c are equal and have two slots each; 'odd' has other weights; one more fits."""

    def plugin(self, kind: type[P]) -> P: ...

    async def open(self, replica: str, count: int) -> list[str]:
        """Long sessions placed there: two of them run, the others wait. Their ids, the running ones first."""
        ...

    async def where(self) -> dict[str, str]:
        """Replica by session, of those that live."""
        ...

    async def drain(self, replica: str) -> None: ...

    async def states(self) -> dict[str, str]: ...

    async def end(self, session: str) -> None:
        """The session's client leaves."""
        ...


class FakeStage:
    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway

    def plugin(self, kind: type[P]) -> P:
        return kind(self.gateway.connect)

    async def open(self, replica: str, count: int) -> list[str]:
        return self.gateway.opens(replica, count)

    async def where(self) -> dict[str, str]:
        return {s.id: s.replica for s in self.gateway.sessions.values() if s.state in ("running", "waiting")}

    async def drain(self, replica: str) -> None:
        self.gateway.replicas[replica].state = "draining"

    async def states(self) -> dict[str, str]:
        return {r.name: r.state for r in self.gateway.replicas.values()}

    async def end(self, session: str) -> None:
        self.gateway.sessions[session].state = "failed"


class RealStage:
    """Sessions of one test; `leave` ends them and puts the fleet back."""

    def __init__(self, fleet: Fleet, client: FleetClient, seed: str) -> None:
        self._fleet = fleet
        self._client = client
        self._rng = random.Random(seed)
        self.answers: dict[str, tuple[Answer, asyncio.Task[Answer]]] = {}

    def plugin(self, kind: type[P]) -> P:
        tokens = self._fleet.card()["tokens"]
        return kind.from_settings(
            {
                "url": self._fleet.url,
                "fleet": "demo",
                "read_token_file": tokens["read"],
                "write_token_file": tokens["change"],
            }
        )

    async def open(self, replica: str, count: int) -> list[str]:
        names = []
        for _ in range(count):
            answer, task = self._client.start(random_prompt(self._rng, 120), 3000, replica)
            await until(lambda answer=answer: _value(answer.session))
            self.answers[answer.session] = (answer, task)
            names.append(answer.session)
        for name in names[:2]:
            await until(lambda name=name: _value(self.answers[name][0].tokens))
        return names

    async def where(self) -> dict[str, str]:
        return {s["id"]: s["replica"] for s in await self._client.sessions() if s["state"] in ("running", "waiting")}

    async def drain(self, replica: str) -> None:
        await self._client.request("POST", f"/admin/replicas/{replica}/drain")

    async def states(self) -> dict[str, str]:
        return {n: r["state"] for n, r in (await self._client.replicas()).items()}

    async def end(self, session: str) -> None:
        _, task = self.answers.pop(session)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        async def over() -> bool:
            return session not in await self.where()

        await until(over)

    async def leave(self) -> None:
        for _, task in self.answers.values():
            task.cancel()
        await asyncio.gather(*(t for _, t in self.answers.values()), return_exceptions=True)

        async def at_rest() -> bool:
            return not any(r["slots_busy"] or r["waiting"] for r in (await self._client.replicas()).values())

        await until(at_rest)
        for name, replica in (await self._client.replicas()).items():
            if replica["state"] == "draining":
                await self._client.request("POST", f"/admin/replicas/{name}/undrain")
            if name not in ("a", "b", "c", "odd"):
                await self._client.request("DELETE", f"/admin/replicas/{name}")


async def _value(value: Any) -> Any:
    return value


async def until(holds: Callable[[], Awaitable[Any]], *, within_s: float = 20.0) -> None:
    """Raises: TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await holds():
            await asyncio.sleep(0.03)
