"""The gateway's process: `python -m examples.fleet.gateway CONFIG.json`.

Starts the replicas, listens on loopback, writes its address when it is ready, and takes the replicas with
it when it ends, however it ends.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from examples.fleet.config import GatewayConfig
from examples.fleet.dispatch import Dispatcher
from examples.fleet.errors import FleetError
from examples.fleet.faults import Faults
from examples.fleet.files import private_folder, secret_file, write_whole
from examples.fleet.ledger import Ledger
from examples.fleet.metrics import FleetCollector, registry
from examples.fleet.moves import Mover
from examples.fleet.roster import Roster, Tasks
from examples.fleet.routes import Gateway, build_app


class _Server(uvicorn.Server):
    """Ends the clients' streams itself when told to stop; uvicorn would wait for the last token."""

    def __init__(self, config: uvicorn.Config, dispatcher: Dispatcher) -> None:
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self._dispatcher = dispatcher

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._dispatcher.dismiss)


async def run(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT. Raises: ChildFailed, StateDamaged."""
    private_folder(config.state_dir)
    config.logs_dir.mkdir(exist_ok=True)
    ledger, tasks = Ledger(config.ledger_file), Tasks()
    await ledger.settle_interrupted()
    faults = Faults(tasks)
    roster = Roster(config, ledger, tasks)
    dispatcher = Dispatcher(config, roster, tasks)
    mover = Mover(roster, dispatcher, ledger, tasks, faults)
    gateway = Gateway(
        fleet=config.fleet,
        roster=roster,
        dispatcher=dispatcher,
        mover=mover,
        ledger=ledger,
        metrics=registry(FleetCollector(config.fleet, roster, dispatcher, mover)),
        faults=faults if config.faults else None,
        read_token=secret_file(config.read_token_file),
        change_token=secret_file(config.change_token_file),
    )
    try:
        await roster.start()
        await _serve(config, gateway)
    finally:
        await tasks.cancel()
        await roster.stop()


async def _serve(config: GatewayConfig, gateway: Gateway) -> None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", config.port))
    listener.listen(128)
    settings = uvicorn.Config(
        build_app(gateway),
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=5,
        ws="none",
    )
    # uvicorn raises the signal that ended it once more when it is done; without a handler of ours that
    # would end this process before it has stopped its replicas.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    write_whole(config.address_file, f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        await _Server(settings, gateway.dispatcher).serve(sockets=[listener])
    finally:
        config.address_file.unlink(missing_ok=True)


def main() -> int:
    config = GatewayConfig.model_validate_json(Path(sys.argv[1]).read_text())
    try:
        asyncio.run(run(config))
    except FleetError as exc:
        sys.stderr.write(f"{exc}\n" + (f"  hint: {exc.hint}\n" if exc.hint else ""))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
