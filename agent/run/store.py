"""What the journal needs of a database: transactions, reads, and who may advance a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
LEASE_S = 30.0  # how long a run stays with an owner that is not heard of, where an OS lock cannot tell


class Grip(Protocol):
    """A held right to advance a run."""

    @property
    def since(self) -> float:
        """Monotonic seconds: requests of an earlier owner were sent before; -inf where it is surely gone."""

    def is_held(self) -> bool:
        """Whether nobody else can have the run now. False may be early, true is never late."""

    def release(self, *, left: bool = False) -> None:
        """Let others have the run; `left`: it waits for nobody, so somebody should go on with it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write events of one run, as long as no later fence exists."""

    run_id: str
    fence: int
    grip: Grip

    def is_held(self) -> bool:
        """Ask right before a write to the world: what the fence refuses afterwards has happened already."""
        return self.grip.is_held()


Commit = Callable[[Callable[["Connection"], int]], int]


class Store(Protocol):
    """A database that holds a journal. Its methods block, and raise SQLAlchemyError when it does not answer."""

    place: str  # names it in messages, without a password
    hint: str  # what to do when it takes no writes

    def commit(self, work: Callable[[Connection], T], *, durable: bool, alone: bool) -> T:
        """Run `work` in one transaction; again only when the database kept nothing of it.

        `durable`: survives a power cut before this returns. `alone`: no other such transaction of any
        process runs beside it, so that it may decide by what it reads.
        """

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a reading transaction."""

    def seize(self, run_id: str, owner: str, commit: Commit) -> Lease | None:
        """The run's next fence, or None while another owner is alive. `commit` is the journal's own queue."""

    def close(self) -> None:
        """Let go of the database."""
