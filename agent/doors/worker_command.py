"""`stepfleet worker`: advances runs of a shared journal until SIGTERM. It listens nowhere."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import structlog

from agent.doors.serve_command import log_to_stderr
from agent.doors.signals import on_stop
from agent.errors import SettingsError
from agent.service import build_service
from agent.settings import Settings, load_settings

log = structlog.get_logger()


def worker(config: Path | None, concurrency: int | None, *, as_json: bool) -> int:
    """Raises SettingsError: the journal is not one that processes of several machines can share."""
    settings = load_settings(config)
    if not settings.journal.is_shared:
        raise SettingsError(
            "workers share a journal in PostgreSQL, and [journal] url names another",
            hint="set it to postgresql://USER@HOST/DATABASE; for a SQLite file, `stepfleet serve` does the work",
        )
    if concurrency is not None:
        engine = settings.engine.model_copy(update={"runs_at_once": concurrency})
        settings = settings.model_copy(update={"engine": engine})
    log_to_stderr()
    asyncio.run(_work(settings, as_json=as_json))
    return 0


async def _work(settings: Settings, *, as_json: bool) -> None:
    service = build_service(settings)
    stopped = asyncio.Event()
    with on_stop(stopped.set):
        async with service:
            owner = service.engine.owner
            said = json.dumps({"worker": owner}) if as_json else f"stepfleet advances runs as {owner}"
            sys.stdout.write(said + "\n")
            sys.stdout.flush()
            await stopped.wait()
            log.info("stopping")
    log.info("stopped")
