"""Incidents and the words in which somebody asks for them later: how often the right one is among the first three.

`python -m tests.memory.paraphrases` prints it for words alone and for words ordered by meaning. All of it is made up.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, text

from agent.memory.incident import Incident
from agent.memory.meaning import meaning
from agent.memory.recall import Facts, Nearness, rebuild, recall
from agent.run.journal import Journal
from agent.run.schema import INCIDENT, INCIDENT_FACT

FIRST = 3
# What the memory holds, and what is asked. They share few words, as the words of two people on call do.
PAIRS = (
    ("requests pile up at one replica while others are idle", "one server is overloaded, its neighbours have room"),
    ("KV cache full, sequences preempted and recomputed", "the engine throws work away, attention's memory is short"),
    ("GPU fell off the bus, Xid 79", "card vanished from the machine and the driver lost it"),
    ("all ranks wait in an all-reduce that never ends", "training froze, every process hangs in a collective"),
    ("data loader starved, object store answers slow down", "job idles because batches do not arrive from storage"),
    ("checkpoint write stalls on a full filesystem", "saving the model state blocks, the disk has no space left"),
    ("thermal slowdown, clocks at half", "the accelerator gets too hot and runs slower"),
    ("InfiniBand link flaps between leaf and spine", "network port goes down and up again in the fabric"),
    ("expert 17 gets a fifth of all tokens", "routing in the mixture is badly skewed towards one expert"),
    ("loss became NaN after the learning rate warmup", "training diverged into not a number"),
    ("autoscaler added replicas that never became ready", "new instances start but fail their health checks"),
    ("tokenizer service returns 502", "gateway errors from the text splitting backend"),
    ("certificate of the model registry expired", "TLS failure when pulling weights, the cert ran out"),
    ("node drained for maintenance, its job not requeued", "scheduler forgot to restart work after planned downtime"),
    ("prefill pool starves decode of bandwidth", "transfer of caches between phases saturates the wire"),
    ("speculative decoding acceptance fell to a tenth", "draft model proposals are almost always rejected"),
    ("alert storm of a flapping exporter", "monitoring agent restarts and fires hundreds of notifications"),
    ("memory leak in the router, killed by the kernel", "load balancer process grows until the OOM killer takes it"),
    ("clock skew between nodes breaks leases", "time differs across machines and locks are lost"),
    ("database failover left runs without owner", "postgres switched primary and work was orphaned"),
    ("long prompts from one tenant block all others", "a noisy customer with huge contexts starves everybody"),
    ("quantized weights loaded with the wrong scale", "outputs are garbage after a deploy with int8"),
    ("NFS stale file handle on the dataset mount", "shared directory of samples is gone under the workers"),
    ("power brake asserted by the rack", "electrical limit of the cabinet throttles the cards"),
)  # fmt: skip


def found(nearness: Nearness | None, journal: Journal) -> int:
    """How many of the questions have their incident among the first."""

    def right(conn: Connection) -> int:
        hits = 0
        for nth, (_, question) in enumerate(PAIRS):
            answers = recall(conn, Facts("serving.md"), question, limit=FIRST, nearness=nearness)
            hits += f"run-{nth:02}" in [a.incident.run_id for a in answers]
        return hits

    return journal.read_now(right)


def remembered(folder: Path) -> Journal:
    """A memory of these incidents, all of one guide."""
    journal = Journal(f"sqlite:///{folder}/journal.db")
    rebuild(journal)
    empty: dict[str, Sequence[str]] = dict.fromkeys(("alerts", "targets", "asked", "decided", "changed", "refused"), ())

    def keep(conn: Connection) -> None:
        for nth, (words, _) in enumerate(PAIRS):
            about = {
                "run_id": f"run-{nth:02}",
                "guide": "serving.md",
                "title": words,
                "opened_at": "",
                "outcome": "resolved",
            }
            incident = Incident.model_validate({**about, "reason": "", **empty})
            conn.execute(
                insert(INCIDENT).values(run_id=incident.run_id, account=incident.model_dump_json(), words=words)
            )
            conn.execute(insert(INCIDENT_FACT).values(kind="guide", name="serving.md", run_id=incident.run_id))
            row = {"run_id": incident.run_id, "words": words}
            conn.execute(text("INSERT INTO incident_words (run_id, words) VALUES (:run_id, :words)"), row)

    journal.write_soon(keep).result()
    return journal


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = remembered(Path(folder))
        for name, nearness in (("words", None), ("meaning", meaning().nearness)):
            sys.stdout.write(f"{name}: {found(nearness, journal)} of {len(PAIRS)} among the first {FIRST}\n")
        journal.close()


if __name__ == "__main__":
    main()
