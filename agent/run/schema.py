"""The journal's tables. `run_event` is the truth; `run` is its index; the rest is intake and ownership."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

SCHEMA_VERSION = 3


def _time(*, nullable: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=nullable)


class RunRow(SQLModel, table=True):
    """One run. `outcome` repeats the last event for lists; it is written in the same transaction.

    So are `parked` (what the run waits for; null while something is at work or could be) and `wake_at` (when a
    parked run is due by itself, or at once since somebody spoke to it; null: only a command wakes it).
    """

    __tablename__ = "run"
    __table_args__ = (Index("run_by_key", "source", "group_key", "guide"), Index("run_by_wake", "outcome", "wake_at"))
    id: str = Field(primary_key=True)
    source: str
    group_key: str
    guide: str
    title: str
    guide_sha256: str
    plan_digest: str
    plan: str = Field(sa_column=Column(Text, nullable=False))
    opened_at: datetime = Field(sa_column=_time())
    deadline_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    outcome: str | None = None
    team: str = ""  # whose alert it was, by its label `team`; turns are fair among teams
    parked: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    wake_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class RunEventRow(SQLModel, table=True):
    """One event, append-only. `fence` is the lease under which it was written."""

    __tablename__ = "run_event"
    __table_args__ = (Index("event_by_kind", "kind", "at"),)
    run_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    step_key: str | None = None
    attempt: int = 0
    payload: str = Field(sa_column=Column(Text, nullable=False))
    fence: int
    at: datetime = Field(sa_column=_time())


class ArtifactRow(SQLModel, table=True):
    """A large result, kept by content hash; the journal holds its reference, schema and sample."""

    __tablename__ = "artifact"
    sha256: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class LeaseRow(SQLModel, table=True):
    """Who advances a run. The fence grows with each owner; a write under an older one is refused."""

    __tablename__ = "lease"
    run_id: str = Field(primary_key=True)
    owner: str
    fence: int
    expires_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))  # by the database's clock


class ResourceLeaseRow(SQLModel, table=True):
    """Which step of which run may write a resource now."""

    __tablename__ = "resource_lease"
    key: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    step_key: str
    at: datetime = Field(sa_column=_time())


class ResourceWaitRow(SQLModel, table=True):
    """One key that a step waits for. Its rows are written together: the lower `id` asked first."""

    __tablename__ = "resource_wait"
    __table_args__ = (Index("wait_by_step", "run_id", "step_key"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    run_id: str
    step_key: str
    at: datetime = Field(sa_column=_time())
    seen_at: datetime = Field(sa_column=_time())  # by the database's clock: when it last asked


class CommandRow(SQLModel, table=True):
    """What people and alerts say to a run; its advancer folds it into the journal.

    Kinds: alert_joined, alert_resolved, approve, reject, answer, cancel.
    """

    __tablename__ = "run_command"
    id: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(index=True)
    kind: str
    payload: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=_time())


class IntakeRow(SQLModel, table=True):
    """One accepted alert notification and what became of it."""

    __tablename__ = "intake"
    id: int | None = Field(default=None, primary_key=True)
    source: str
    group_key: str
    body: str = Field(sa_column=Column(Text, nullable=False))
    decision: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=_time())


class SeenAlertRow(SQLModel, table=True):
    """Alerts that have had their run: the same (fingerprint, startsAt) starts no second one."""

    __tablename__ = "seen_alert"
    __table_args__ = (UniqueConstraint("source", "guide", "fingerprint", "starts_at"),)
    id: int | None = Field(default=None, primary_key=True)
    source: str
    guide: str
    fingerprint: str
    starts_at: str
    run_id: str


class SwitchRow(SQLModel, table=True):
    """The kill switch: persistent, so that a restart does not release it."""

    __tablename__ = "switch"
    name: str = Field(primary_key=True)
    engaged: bool
    by: str
    reason: str
    at: datetime = Field(sa_column=_time())


class AuditRow(SQLModel, table=True):
    """One entry of the audit's hash chain, append-only. `entry` is the text that is hashed; kind and run find it."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_kind", "kind", "number"),)
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: str
    run_id: str | None = Field(default=None, index=True)
    entry: str = Field(sa_column=Column(Text, nullable=False))
    hash: str


class AuditHeadRow(SQLModel, table=True):
    """The chain's end, in one row: who holds its lock appends."""

    __tablename__ = "audit_head"
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    hash: str


class IncidentRow(SQLModel, table=True):
    """What is remembered of an ended run: made from its events, and made again when it is lost."""

    __tablename__ = "incident"
    run_id: str = Field(primary_key=True)
    account: str = Field(sa_column=Column(Text, nullable=False))
    words: str = Field(sa_column=Column(Text, nullable=False))


class IncidentFactRow(SQLModel, table=True):
    """What a remembered run was about: its guide, an alert, a target."""

    __tablename__ = "incident_fact"
    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    run_id: str = Field(primary_key=True)


# The same tables for SQLAlchemy Core, which the hot paths use: an ORM object per event costs too much.
RUN: Table = SQLModel.metadata.tables["run"]
EVENT: Table = SQLModel.metadata.tables["run_event"]
ARTIFACT: Table = SQLModel.metadata.tables["artifact"]
LEASE: Table = SQLModel.metadata.tables["lease"]
RESOURCE_LEASE: Table = SQLModel.metadata.tables["resource_lease"]
RESOURCE_WAIT: Table = SQLModel.metadata.tables["resource_wait"]
COMMAND: Table = SQLModel.metadata.tables["run_command"]
INTAKE: Table = SQLModel.metadata.tables["intake"]
SEEN_ALERT: Table = SQLModel.metadata.tables["seen_alert"]
SWITCH: Table = SQLModel.metadata.tables["switch"]
AUDIT: Table = SQLModel.metadata.tables["audit"]
AUDIT_HEAD: Table = SQLModel.metadata.tables["audit_head"]
INCIDENT: Table = SQLModel.metadata.tables["incident"]
INCIDENT_FACT: Table = SQLModel.metadata.tables["incident_fact"]
