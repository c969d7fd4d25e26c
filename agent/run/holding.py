"""A step's hold on the resources it writes: queue for them, take them all, give them back.

Within the process whoever is next is told at once; what another process gives back is noticed by asking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from agent.run import leases
from agent.run.events import EventKind, StepKey
from agent.run.journal import check_fence
from agent.run.leases import Blocker, Claimant
from agent.run.schema import EVENT

if TYPE_CHECKING:
    from agent.run.advance import Advance

POLL_S = 1.0  # how soon a lease that another process gave back is seen; well below leases.FORGOTTEN_S


class Bells:
    """Wakes the steps of this process that wait for a resource. A lost ring only costs a poll."""

    def __init__(self) -> None:
        self._waiting: dict[Claimant, asyncio.Event] = {}

    @contextmanager
    def listen(self, who: Claimant) -> Iterator[asyncio.Event]:
        bell = self._waiting[who] = asyncio.Event()
        try:
            yield bell
        finally:
            del self._waiting[who]

    def ring(self, whom: Iterable[Claimant]) -> None:
        for who in whom:
            if who in self._waiting:
                self._waiting[who].set()


class Holding:
    """The leases of one step of a run at work in this process."""

    def __init__(self, advance: Advance, key: StepKey) -> None:
        self.advance = advance
        self.key = key
        self.who = Claimant.of(advance.lease.run_id, key)
        self.journal = advance.engine.journal
        self.bells = advance.engine.bells

    async def ask(self, writes: Iterable[str]) -> Blocker | None:
        """Take the resources, or a place in the queue for them: then who comes before."""
        run, now = self.advance.lease, self.advance.engine.now()
        state = self.advance.state
        # A step that neither runs nor has an open intent holds and waits for nothing: a dead process left its rows.
        at_work = state.running | state.unsettled
        over = frozenset(str(k) for k in state.steps if k not in at_work)

        def work(conn: Connection) -> Blocker | None:
            check_fence(conn, run)
            return leases.take(conn, self.who, writes, now, over=over)

        # An intent is durable, and with it what was committed before: a lease without one protects nothing yet.
        return await self.journal.write(work, durable=False)

    async def give_back(self) -> None:
        """Free what the step holds or waits for."""
        await self._free(unless_intended=False)

    async def give_up(self) -> None:
        """The same for a step that did not come to its intent; one that was cut off may have, and keeps its hold."""
        await self._free(unless_intended=True)

    async def _free(self, *, unless_intended: bool) -> None:
        run, attempt = self.advance.lease, self.advance.state.step(self.key).attempt
        mine = (EVENT.c.run_id == run.run_id, EVENT.c.step_key == str(self.key), EVENT.c.attempt == attempt)
        intent = select(EVENT.c.seq).where(*mine, EVENT.c.kind == str(EventKind.INTENT))

        def work(conn: Connection) -> list[Claimant]:
            check_fence(conn, run)
            if unless_intended and conn.execute(intent).first() is not None:
                return []
            return leases.give_back(conn, self.who)

        self.bells.ring(await self.journal.write(work, durable=False, alone=False))
