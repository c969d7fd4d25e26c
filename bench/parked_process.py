"""A process that is measured with parked runs: it fills a journal, or starts over one; figures as JSON lines."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from agent.gate.principals import Principal
from agent.run.schema import RUN
from agent.service import Service, build_service
from agent.settings import Settings
from bench.guides import ASK
from telemetry.alerts import Alert, AlertStatus, Notification

AT_ONCE = 64
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def service_in(folder: Path) -> Service:
    guides = folder / "guides"
    guides.mkdir(exist_ok=True)
    (guides / "ask.md").write_text(ASK, encoding="utf-8")
    return build_service(
        Settings.model_validate({"journal": {"url": f"sqlite:///{folder}/journal.db"}, "library": {"path": guides}})
    )


async def fill(folder: Path, first: int, last: int, traced: bool) -> None:
    """Park `first` runs, then up to `last`; says the memory at both, and stays alive until it is killed."""
    async with service_in(folder) as service:
        if traced:
            tracemalloc.start()
        began = time.perf_counter()
        await _park(service, 0, first)
        say(await _memory(service))
        await _park(service, first, last)
        say({**await _memory(service), "fill s": time.perf_counter() - began})
        await asyncio.Event().wait()


async def restart(folder: Path, started: float) -> None:
    """Be ready over the journal there; answer one run and wait until it has gone on to its end."""
    async with service_in(folder) as service:
        ready = time.time() - started
        facts = await _memory(service)
        going_on = None
        live = await service.runs(limit=1, only_live=True)
        if live:
            await service.answer(live[0].id, Principal("bench", frozenset({"operator"})), answer={"done": True})
            while (row := service.journal.run(live[0].id)) is None or row.outcome is None:  # noqa: ASYNC110 - as users see
                await asyncio.sleep(0.005)
            going_on = time.time() - started
        say({**facts, "ready s": ready, "answered run ended s": going_on})


async def _park(service: Service, begin: int, end: int) -> None:
    numbers = iter(range(begin, end))

    async def sender() -> None:
        for i in numbers:
            while service.dispatcher.waiting >= AT_ONCE:  # noqa: ASYNC110 - as a sender that is told to come again
                await asyncio.sleep(0.005)
            alert = Alert("Hot", AlertStatus.FIRING, f"{i:016x}", BEGAN, labels={"team": f"team-{i % 3}"})
            await service.accept(Notification("bench", f"group-{i}", (alert,)))
            if i % 1_000 == 999:
                print(f"   {i + 1} runs", file=sys.stderr, flush=True)

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    while await asyncio.to_thread(_parked, service) < end:  # noqa: ASYNC110 - the database knows it alone
        await asyncio.sleep(0.05)
    await asyncio.sleep(2)  # two looks at who is due: what is kept only for a moment is gone


def _parked(service: Service) -> int:
    count = select(func.count()).select_from(RUN).where(RUN.c.parked.is_not(None), RUN.c.outcome.is_(None))
    return int(service.journal.read_now(lambda conn: conn.execute(count).scalar() or 0))


async def _memory(service: Service) -> dict[str, Any]:
    gc.collect()
    return {
        "parked": await asyncio.to_thread(_parked, service),
        "rss": _resident(),
        "traced": tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else None,
    }


def _resident() -> int:
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def say(facts: dict[str, Any]) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "fill":
        asyncio.run(fill(Path(where), int(rest[0]), int(rest[1]), rest[2] == "traced"))
    else:
        asyncio.run(restart(Path(where), float(rest[0])))
