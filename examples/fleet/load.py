"""Requests for a fleet, the same for the same seed: a light background, and long sessions on one replica.

`python -m examples.fleet.load --dir STATE background --rate 0.3` or `... pin --replica a --sessions 5`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from examples.fleet.client import Answer, FleetClient
from examples.fleet.errors import FleetError

BEGIN_OF_TEXT = 1
FIRST_CHARACTER, LAST_CHARACTER = 259, 328  # the tiny model's ordinary tokens


def random_prompt(rng: random.Random, tokens: int) -> list[int]:
    """A prompt of that many tokens, begin-of-text included."""
    return [BEGIN_OF_TEXT, *(rng.randint(FIRST_CHARACTER, LAST_CHARACTER) for _ in range(tokens - 1))]


async def background(client: FleetClient, *, seed: int, rate_per_s: float, for_s: float | None = None) -> list[Answer]:
    """Open short sessions at random times (a Poisson stream), placed by the gateway, for `for_s` seconds.

    Returns all of them, after the last one ended. Raises: FleetError of the first that was refused.
    """
    rng, end = random.Random(seed), None if for_s is None else time.monotonic() + for_s
    sessions: list[asyncio.Task[Answer]] = []
    try:
        while end is None or time.monotonic() < end:
            prompt = random_prompt(rng, rng.randint(20, 200))
            sessions.append(client.start(prompt, rng.randint(20, 80))[1])
            await asyncio.sleep(rng.expovariate(rate_per_s))
        return list(await asyncio.gather(*sessions))
    finally:
        for session in sessions:
            session.cancel()


async def long_sessions(
    client: FleetClient, *, replica: str, sessions: int, max_tokens: int, seed: int = 0
) -> list[tuple[Answer, asyncio.Task[Answer]]]:
    """Pin long sessions to one replica; more than it has slots wait there. They run in the background."""
    rng = random.Random(seed)
    return [client.start(random_prompt(rng, rng.randint(200, 400)), max_tokens, replica) for _ in range(sessions)]


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.fleet.load", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="the running fleet's state folder")
    parser.add_argument("--seed", type=int, default=0)
    kinds = parser.add_subparsers(dest="kind", required=True)
    light = kinds.add_parser("background", help="short sessions, placed by the gateway")
    light.add_argument("--rate", type=float, default=0.3, help="sessions a second")
    light.add_argument("--seconds", type=float, default=None, help="without it: until interrupted")
    pin = kinds.add_parser("pin", help="long sessions on one replica, until slots are full and requests wait")
    pin.add_argument("--replica", default="a")
    pin.add_argument("--sessions", type=int, default=5)
    pin.add_argument("--max-tokens", type=int, default=1500)
    return parser.parse_args(argv)


async def _run(options: argparse.Namespace) -> list[Answer]:
    card: dict[str, Any] = json.loads((options.dir / "fleet.json").read_text())
    async with FleetClient(card["gateway"]) as client:
        if options.kind == "background":
            return await background(client, seed=options.seed, rate_per_s=options.rate, for_s=options.seconds)
        pinned = await long_sessions(
            client,
            replica=options.replica,
            sessions=options.sessions,
            max_tokens=options.max_tokens,
            seed=options.seed,
        )
        return list(await asyncio.gather(*(task for _, task in pinned)))


def main(argv: list[str]) -> int:
    options = _arguments(argv)
    try:
        answers = asyncio.run(_run(options))
    except FileNotFoundError as exc:
        sys.stderr.write(f"{exc.filename}: no fleet runs there\n  hint: python -m examples.fleet up --dir ...\n")
        return 2
    except FleetError as exc:
        sys.stderr.write(f"{exc}\n" + (f"  hint: {exc.hint}\n" if exc.hint else ""))
        return 1
    except KeyboardInterrupt:
        return 0
    lost = [a for a in answers if not a.done]
    sys.stdout.write(
        json.dumps({"sessions": len(answers), "lost": len(lost), "tokens": sum(len(a.tokens) for a in answers)}) + "\n"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
