"""With Prometheus down nothing is guessed: the run waits for a person, who is told which address did not answer."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from agent.gate.principals import Principal
from agent.run.events import EventKind, Outcome
from agent.run.state import RunStatus
from agent.service import build_service
from agent.settings import Settings

GUIDES = Path(__file__).resolve().parents[2] / "examples" / "guides"
OLGA = Principal("olga", frozenset({"operator"}))


async def test_the_run_waits_and_names_the_address_and_a_person_ends_it(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = Settings.model_validate(
        {
            "journal": {"url": f"sqlite:///{tmp_path}/journal.db"},
            "library": {"path": GUIDES},
            "plugins": {"promql": {"url": address, "timeout_s": 2}},
        }
    )
    async with build_service(settings) as service:
        run_id = await service.start_run("replica-hotspot", {"fleet": "demo", "replica": "a"}, by="test")
        advanced = await asyncio.wait_for(service.wait(run_id), 60)
        assert advanced.status is RunStatus.PARKED
        assert address in advanced.reason
        view = await service.run_view(run_id)
        assert EventKind.INTENT not in {e.kind for e in view.events}
        await service.cancel(run_id, OLGA, reason="Prometheus is being restarted")
        assert (await asyncio.wait_for(service.wait(run_id), 60)).outcome is Outcome.CANCELLED
