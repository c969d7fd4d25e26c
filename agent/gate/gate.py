"""The gate: gathers the facts a ruling needs, from the journal, each time anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from agent.gate.policy import ActionRequest, Begun, Facts, Policy, Ruling, rule_on
from agent.run.audit import Note, last_of, note
from agent.run.events import EventKind
from agent.run.journal import Journal
from agent.run.schema import EVENT, SWITCH
from dag.model import sha256_json

KILL_SWITCH = "writes"


@dataclass(frozen=True, slots=True)
class SwitchState:
    """The kill switch: while engaged, no write starts anywhere."""

    engaged: bool
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class Gate:
    """Rules on exact calls, over all runs and processes that share the journal."""

    def __init__(self, policy: Policy, journal: Journal, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.policy = policy
        self.journal = journal
        self.now = clock

    async def rule_on(self, request: ActionRequest, *, counted: bool = False) -> Ruling:
        """The ruling at this moment; ask again right before acting. `counted`: its intent is in the journal already."""
        return await self.journal.read(lambda conn: self.rule_within(conn, request, counted=counted))

    def rule_within(self, conn: Connection, request: ActionRequest, *, counted: bool = False) -> Ruling:
        """The ruling inside a transaction: with the intent's own write, no two runs share one rate slot."""
        return rule_on(request, self.policy, self._facts(conn, request, counted=counted))

    def _facts(self, conn: Connection, request: ActionRequest, *, counted: bool) -> Facts:
        now = self.now()
        recent = select(EVENT.c.payload).where(
            EVENT.c.kind == EventKind.INTENT.value, EVENT.c.at > now - timedelta(hours=1)
        )
        begun = [_begun(json.loads(payload)["call"]) for payload in conn.execute(recent).scalars()]
        own = Begun(request.action, request.effect.writes, request.blast_radius)
        if counted and own in begun:
            begun.remove(own)
        switch = read_switch(conn)
        stopped = f"{switch.reason} (by {switch.by})" if switch.engaged else None
        return Facts(now=now, last_hour=begun, writes_stopped=stopped)

    async def switch(self) -> SwitchState:
        return await self.journal.read(read_switch)

    async def tell_policy(self) -> None:
        """Let the audit know under which rules calls are made from now on, where they are others than before."""
        rules = self.policy.model_dump(mode="json")
        digest = sha256_json(rules)

        def work(conn: Connection) -> None:
            last = last_of(conn, "policy")
            if last is None or last.told["facts"]["sha256"] != digest:
                note(conn, Note("policy", self.now(), {"sha256": digest, **rules}))

        await self.journal.write(work)

    async def set_switch(self, *, engaged: bool, by: str, reason: str) -> SwitchState:
        """Stop or allow all writes. Durable before it returns; holds over restarts."""
        state = SwitchState(engaged, by, reason, self.now())

        def work(conn: Connection) -> None:
            values = {"engaged": engaged, "by": by, "reason": reason, "at": state.at}
            where = SWITCH.c.name == KILL_SWITCH
            if conn.execute(update(SWITCH).where(where).values(**values)).rowcount == 0:
                conn.execute(insert(SWITCH).values(name=KILL_SWITCH, **values))
            note(conn, Note("switch", self.now(), {"engaged": engaged, "by": by, "reason": reason}))

        await self.journal.write(work)
        return state


def _begun(call: Mapping[str, Any]) -> Begun:
    writes = call["writes"]
    return Begun(call["action"], None if writes is None else frozenset(writes), call["blast_radius"])


def read_switch(conn: Connection) -> SwitchState:
    row = conn.execute(
        select(SWITCH.c.engaged, SWITCH.c.by, SWITCH.c.reason, SWITCH.c.at).where(SWITCH.c.name == KILL_SWITCH)
    ).first()
    return SwitchState(row[0], row[1], row[2], row[3].replace(tzinfo=UTC)) if row else SwitchState(engaged=False)
