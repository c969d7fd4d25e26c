"""What goes over the HTTP door's wire: requests and answers, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from agent.memory.incident import Incident


class Problem(BaseModel):
    """What was wrong, and what to do."""

    message: str
    hint: str


class ProblemOut(BaseModel):
    """Every error, whatever its status."""

    error: Problem


class AcceptedOut(BaseModel):
    """What became of alerts."""

    decision: str
    reason: str
    guide: str | None
    run_id: str | None
    alerts: int


class NotificationOut(BaseModel):
    """One entry a decision; several alerts may share one."""

    accepted: list[AcceptedOut]


class RunOut(BaseModel):
    """A run in a list."""

    id: str
    guide: str
    title: str
    source: str
    opened_at: str
    ended_at: str | None
    outcome: str | None


class RunsOut(BaseModel):
    """Newest first."""

    runs: list[RunOut]


class StepOut(BaseModel):
    """Where one execution of a step stands."""

    status: str
    error: str


class RunDetailOut(RunOut):
    """A run, its plan as `stepfleet compile --json` prints it, and its steps as far as they were looked at."""

    status: str
    steps: dict[str, StepOut]
    plan: dict[str, Any]


class IncidentOut(Incident):
    """An ended run, and why it came to mind."""

    why: list[str]


class PastOut(BaseModel):
    """Likest first."""

    incidents: list[IncidentOut]


class ClaimOut(BaseModel):
    """A step that holds a resource, or waits for it."""

    run_id: str
    step: str
    since: str


class LeaseOut(BaseModel):
    """One resource; who waits is in the order of asking."""

    key: str
    holder: ClaimOut | None
    waiting: list[ClaimOut]


class LeasesOut(BaseModel):
    """Every resource that is written now, or waited for."""

    leases: list[LeaseOut]


class _Said(BaseModel):
    """Who says it is known by the token; a body cannot name anybody."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=10_000)] = ""


class ApproveIn(_Said):
    """With `digest`, only the call that has it is meant: what was looked at is what is approved."""

    step: str | None = None
    reject: StrictBool = False
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] | None = None


class PersonsAnswer(BaseModel):
    """Exactly one of them, as the parked step asks for."""

    model_config = ConfigDict(extra="forbid")

    edge: str | None = None
    done: StrictBool | None = None
    retry: Literal[True] | None = None
    happened: StrictBool | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.given()) != 1:
            raise ValueError("give exactly one of edge, done, retry and happened")
        return self

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class AnswerIn(_Said):
    """A person's word on a parked step; `step` may be left out where only one waits."""

    answer: PersonsAnswer
    step: str | None = None


class ReasonIn(_Said):
    """A reason and nothing else."""


class SwitchIn(_Said):
    """The kill switch as it should be."""

    engaged: StrictBool


class CallOut(BaseModel):
    """One exact call."""

    action: str
    version: str
    arguments: dict[str, Any]
    writes: list[str] | None
    reversible: bool
    blast_radius: int


class ApprovedOut(BaseModel):
    """What was agreed to, or rejected, and by whom."""

    step: str
    digest: str
    call: CallOut
    by: str
    rejected: bool


class AnsweredOut(BaseModel):
    """The step that was answered."""

    step: str
    by: str


class CancelledOut(BaseModel):
    """The run that was asked to end."""

    run_id: str
    by: str


class SwitchOut(BaseModel):
    """While engaged, no write starts anywhere."""

    engaged: bool
    by: str
    reason: str


class HealthOut(BaseModel):
    """The journal takes writes."""

    status: Literal["ok"]
    writes_stopped: bool
