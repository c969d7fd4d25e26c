"""How long a client waits while its session moves, against computing its KV anew at the target.

Both are seen by a client of the gateway, in one run, in turns, on the same replicas. The gap is the silence
between the last tokens from the source and the first from the target. Recompute is the time to the first
tokens of a new session with as many prompt tokens, less that of a session with almost none: what opening a
session costs is not what computing costs.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from examples.fleet.client import Answer, FleetClient
from examples.fleet.fleet import Fleet, FleetOptions
from examples.fleet.load import random_prompt

CONTEXTS = (500, 1500, 3000)  # prompt tokens
REPEATS = 5
LENGTH = 400  # tokens of a moved session
MOVE_AFTER = 40  # tokens


def run() -> dict[str, Any]:
    """Return medians over the repeats, a row for each context length."""
    rows = asyncio.run(_run())
    ratios = [row["recompute / gap"] for row in rows]
    return {
        "title": "Moving a session between replicas",
        "verdict": f"A moved session's client waits {rows[0]['gap ms']} to {rows[-1]['gap ms']} ms; computing the KV "
        f"anew takes {min(ratios)} to {max(ratios)} times as long. "
        f"{sum(r['sessions lost'] for r in rows)} sessions lost in {sum(r['moves'] for r in rows)} moves.",
        "conditions": "llama.cpp servers with a random model of 675,200 parameters on one host, one thread each, so "
        "both sides are small: the ratio is of this engine on this machine, not of a GPU. Seen by the client of the "
        f"gateway; medians of {REPEATS} moves, measured in turns.",
        "rows": rows,
    }


async def _run() -> list[dict[str, Any]]:
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        # A pace that the engine can just hold: pauses between chunks must not pass for gaps.
        options = FleetOptions(state_dir=Path(folder) / "fleet", tokens_per_s=1000)
        async with Fleet(options) as fleet, fleet.client() as client:
            return [await _row(client, rng, context) for context in CONTEXTS]


async def _row(client: FleetClient, rng: random.Random, context: int) -> dict[str, Any]:
    gaps, recomputes, records, lost = [], [], [], 0
    for repeat in range(REPEATS):
        answer, record = await _moved(client, random_prompt(rng, context), key=f"{context}-{repeat}")
        lost += not answer.done
        gaps.append(_gap(answer))
        records.append(record)
        opening = await _first_tokens(client, random_prompt(rng, 2))
        recomputes.append(await _first_tokens(client, random_prompt(rng, record["kv_tokens"] + 1)) - opening)
    gap, recompute = median(gaps), median(recomputes)
    return {
        "KV tokens": round(median(r["kv_tokens"] for r in records)),
        "slot file MB": round(median(r["file_bytes"] for r in records) / 1e6, 2),
        "tokens evaluated at the target": max(r["evaluated_tokens"] for r in records),
        "gap ms": round(gap * 1e3, 1),
        "longest gap ms": round(max(gaps) * 1e3, 1),
        "recompute ms": round(recompute * 1e3, 1),
        "recompute / gap": round(recompute / gap, 1),
        "moves": len(records),
        "sessions lost": lost,
    }


async def _moved(client: FleetClient, prompt: list[int], *, key: str) -> tuple[Answer, dict[str, Any]]:
    """A session that was moved from a to b once, and the move's record."""
    answer, task = client.start(prompt, LENGTH, "a")
    while len(answer.tokens) < MOVE_AFTER:  # noqa: ASYNC110 - the answer fills while its task runs
        await asyncio.sleep(0.001)
    status, record = await client.migrate(key, answer.session, "a", "b")
    if status != 200:
        raise RuntimeError(f"the move was refused: {record}")
    return await task, record


def _gap(answer: Answer) -> float:
    """Seconds between the last arrival from the source and the first from the target."""
    pairs = zip(answer.arrivals, answer.arrivals[1:], strict=False)
    return next(late.at - early.at for early, late in pairs if late.replica != early.replica)


async def _first_tokens(client: FleetClient, prompt: list[int]) -> float:
    """Seconds from asking for a session on an empty slot to its first tokens."""
    began = time.monotonic()
    answer, task = client.start(prompt, 4, "c")
    await task
    return answer.arrivals[0].at - began


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
