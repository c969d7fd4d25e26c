"""Leases by the database's clock: a row that runs out, and a thread that renews it in time.

An owner counts its own time from before it asked, so it gives up before the database lets others in.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import structlog
from sqlalchemy import Engine, bindparam, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from agent.run.schema import LEASE
from agent.run.store import Lease

RENEWALS = 3  # in a lease's time: two may be lost

log = structlog.get_logger()

_MINE = (LEASE.c.run_id == bindparam("of")) & (LEASE.c.fence == bindparam("under"))


class ClockGrip:
    """Held until its time runs out, counted from before the database was last asked for more."""

    def __init__(self, keeper: LeaseKeeper, run_id: str, fence: int, asked: float) -> None:
        self.run_id, self.fence = run_id, fence
        self.since = time.monotonic()
        self.until = asked + keeper.lease_s
        self.writing = threading.Lock()
        self._keeper = keeper

    def is_held(self) -> bool:
        return time.monotonic() < self.until

    def release(self, *, left: bool = False) -> None:
        self._keeper.release(self, left=left)


class LeaseKeeper:
    """The leases of one process, each renewed in its own transaction: none waits for another's row."""

    def __init__(self, engine: Engine, lease_s: float) -> None:
        self.lease_s = lease_s
        self._engine = engine
        self._grips: set[ClockGrip] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._expiry = func.clock_timestamp() + timedelta(seconds=lease_s)
        self._thread = threading.Thread(target=self._renew_all, name="leases", daemon=True)
        self._thread.start()

    def seize(self, run_id: str, owner: str) -> Lease | None:
        """Take a run that nobody has, or whose owner's time has run out. Raises SQLAlchemyError."""
        asked = time.monotonic()
        free = or_(LEASE.c.expires_at.is_(None), LEASE.c.expires_at <= func.clock_timestamp())
        values = {"owner": owner, "expires_at": self._expiry}
        query = (
            insert(LEASE)
            .values(run_id=run_id, fence=1, **values)
            .on_conflict_do_update(index_elements=["run_id"], set_={**values, "fence": LEASE.c.fence + 1}, where=free)
            .returning(LEASE.c.fence)
        )
        with self._engine.begin() as conn:
            fence = conn.execute(query).scalar()
        if fence is None:
            return None
        grip = ClockGrip(self, run_id, fence, asked)
        with self._lock:
            self._grips.add(grip)
        return Lease(run_id, fence, grip)

    def release(self, grip: ClockGrip, *, left: bool) -> None:
        """A lease that runs out now is seen as left behind; one without an end, as a run that waits."""
        grip.until = 0.0
        with grip.writing:
            with self._lock:
                self._grips.discard(grip)
            self._set(grip, func.clock_timestamp() if left else None)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _renew_all(self) -> None:
        while not self._closed.wait(self.lease_s / RENEWALS):
            with self._lock:
                grips = list(self._grips)
            for grip in grips:
                with grip.writing:  # not beside its release, which must have the last word
                    asked = time.monotonic()
                    if grip in self._grips and self._set(grip, self._expiry):
                        grip.until = asked + self.lease_s

    def _set(self, grip: ClockGrip, expiry: object) -> bool:
        """Write the row if it is still ours; whether that is known to have happened."""
        query = update(LEASE).where(_MINE).values(expires_at=expiry)
        try:
            with self._engine.begin() as conn:
                return conn.execute(query, {"of": grip.run_id, "under": grip.fence}).rowcount == 1
        except SQLAlchemyError as exc:
            log.warning("lease_unwritten", run=grip.run_id, error=str(getattr(exc, "orig", None) or exc))
            return False
