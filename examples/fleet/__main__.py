"""`python -m examples.fleet up --dir STATE`: start the fleet and run it until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import string
import sys
from pathlib import Path

from examples.fleet.config import ReplicaSpec
from examples.fleet.errors import FleetError
from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.observability import Webhook


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.fleet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything; stop it with Ctrl-C or SIGTERM")
    up.add_argument("--dir", type=Path, required=True, help="state folder: records, tokens, logs, fleet.json")
    up.add_argument("--fleet", default="demo", help="the fleet's name, a label of all its metrics")
    up.add_argument("--replicas", type=int, default=3, choices=range(1, 6))
    up.add_argument("--slots", type=int, default=2, help="decoding slots of each replica")
    up.add_argument("--tokens-per-s", type=float, default=20.0, help="how fast a session decodes")
    up.add_argument("--webhook", help="where Alertmanager sends alerts, e.g. .../webhooks/alertmanager")
    up.add_argument("--webhook-token-file", type=Path, help="the bearer token that goes with them")
    up.add_argument("--no-monitoring", action="store_true", help="without Prometheus and Alertmanager")
    up.add_argument("--faults", action="store_true", help="let POST /admin/faults break things")
    up.add_argument("--json", action="store_true", help="print the addresses as JSON")
    options = parser.parse_args(argv)
    if bool(options.webhook) != bool(options.webhook_token_file):
        parser.error("--webhook and --webhook-token-file go together")
    if options.webhook and options.no_monitoring:
        parser.error("--webhook needs monitoring: it is Alertmanager that sends")
    return options


def _fleet_options(options: argparse.Namespace) -> FleetOptions:
    hook = Webhook(options.webhook, options.webhook_token_file) if options.webhook else None
    return FleetOptions(
        state_dir=options.dir,
        fleet=options.fleet,
        replicas=tuple(ReplicaSpec(name=n) for n in string.ascii_lowercase[: options.replicas]),
        slots=options.slots,
        tokens_per_s=options.tokens_per_s,
        faults=options.faults,
        monitoring=not options.no_monitoring,
        webhook=hook,
    )


async def _up(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Fleet(_fleet_options(options)) as fleet:
        card = fleet.card()
        if options.json:
            sys.stdout.write(json.dumps(card) + "\n")
        else:
            addresses = (f"{k}: {card[k]}\n" for k in ("gateway", "prometheus", "alertmanager") if card[k])
            sys.stdout.write("".join(addresses) + "running; stop it with Ctrl-C\n")
        sys.stdout.flush()
        ended = asyncio.create_task(fleet.gateway.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if ended.done() and not stop.is_set():
            raise FleetError(f"the gateway ended with code {ended.result()}", hint=f"see {card['logs']}")
        ended.cancel()


def main(argv: list[str]) -> int:
    options = _arguments(argv)
    try:
        asyncio.run(_up(options))
    except FleetError as exc:
        sys.stderr.write(f"{exc}\n" + (f"  hint: {exc.hint}\n" if exc.hint else ""))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
