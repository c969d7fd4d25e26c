"""What a scenario file says: what a guide's run is told, and what must come of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agent.gate.policy import Rung

ABSTAIN = "abstain"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

Seconds = Annotated[float, Field(ge=0, le=10_000_000)]
Names = tuple[str, ...]
Word = Literal["approve", "reject", "done", "not_done", "retry", "happened", "not_happened", "silent", "cancel"]


def _as_text(value: Any) -> Any:
    """YAML reads `replica: 1` as a number; labels and inputs are texts."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _is_json(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"no JSON value: {exc}; quote a date, and write null for what is no number") from exc
    return value


Text = Annotated[str, BeforeValidator(_as_text)]
Json = Annotated[Any, AfterValidator(_is_json)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def has(self, name: str) -> bool:
        return name in self.model_fields_set

    def _exactly_one(self, *names: str) -> None:
        given = [n for n in names if self.has(n)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(names)} ({' and '.join(given) or 'none'} given)")


class Turn(_Part):
    """One answer: a value, an error, or none at all. It takes `after_s`."""

    gives: Json = None
    fails: str = ""
    hangs: Literal[True] = True
    after_s: Seconds = 0.0

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        self._exactly_one("gives", "fails", "hangs")
        return self


class TimedTurn(Turn):
    """The answer from `from_s` on, counted from the run's beginning."""

    from_s: Seconds


class Answer(_Part):
    """What a read answers: always the same, `each` time the next, or by the `timeline`.

    It is for the calls that all of `step`, `as` (the block's name), `query` (the plugin) and `where` (arguments) fit.
    """

    step: str | None = None
    as_: str | None = Field(default=None, alias="as")
    query: str | None = None
    where: dict[str, Any] = {}
    gives: Json = None
    fails: str = ""
    hangs: Literal[True] = True
    after_s: Seconds = 0.0
    each: tuple[Turn, ...] = ()
    timeline: tuple[TimedTurn, ...] = ()

    @model_validator(mode="after")
    def _is_for_something(self) -> Self:
        if self.step is None and self.as_ is None and self.query is None:
            raise ValueError("say which reads it is for: step, as (the block's name) or query (the plugin)")
        self._exactly_one("gives", "fails", "hangs", "each", "timeline")
        if list(self.timeline) != sorted(self.timeline, key=lambda t: t.from_s):
            raise ValueError("the timeline goes back in time")
        return self

    @property
    def always(self) -> Turn | None:
        """The one answer to every call; None when there are several."""
        if self.has("each") or self.has("timeline"):
            return None
        return Turn(**{n: getattr(self, n) for n in Turn.model_fields if self.has(n)})


class Change(_Part):
    """What becomes of one call of an action. Each entry is for one call, in their order.

    `refuses`: its precheck does; `fails`: the target says so, nothing changed; `applies`: done, with this value;
    `loses_answer`: what the target says when it is asked afterwards. `verified` and `undone` are true or
    false, or the reason why not; a change that was done counts as verified by its action when nothing is said.
    """

    step: str | None = None
    action: str | None = None
    where: dict[str, Any] = {}
    refuses: str = ""
    fails: str = ""
    applies: Json = None
    loses_answer: Literal["happened", "not_happened", "unknown"] = "unknown"
    verified: bool | str = True
    undone: bool | str | None = None
    after_s: Seconds = 0.0

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.step is None and self.action is None:
            raise ValueError("say which change it is: step or action (the plugin)")
        self._exactly_one("refuses", "fails", "applies", "loses_answer")
        return self


class Said(_Part):
    """What one person says to a step that waits, `after_s` after it began to; `silent`: until the question expires.

    `cancel` is said to the run, without being asked, `after_s` after its beginning.
    """

    step: str | None = None
    says: Word | None = None
    choose: str | None = None
    by: str = "a person"
    reason: str = ""
    after_s: Seconds = 0.0

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.says is None) == (self.choose is None):
            raise ValueError("give exactly one of says, choose")
        if (self.step is None) != (self.says == "cancel"):
            raise ValueError("name the step that waits (only cancel has none)")
        return self


class Firing(_Part):
    """The alert that starts the run."""

    labels: dict[str, Text] = {}
    annotations: dict[str, Text] = {}


class Expected(_Part):
    """One action that must be begun. Arguments, where given, are all of them."""

    action: str
    step: str | None = None
    arguments: dict[str, Any] | None = None
    ends: Literal["verified", "not verified", "not applied", "undone", "not undone"] | None = None


class Expect(_Part):
    """What must come of it. `actions` are all there may be, in their order; the rest as far as it is written."""

    outcome: Literal["resolved", "escalated", "not_applicable", "failed", "cancelled", "waiting"]
    actions: tuple[Expected, ...] | Literal["none"] = "none"
    in_any_order: bool = False
    ran: Names = ()
    order: Names = ()  # these ran, and began in this order
    skipped: Names = ()
    failed: Names = ()
    edges: tuple[Annotated[str, Field(pattern=r"^\S+ -> \S+$")], ...] = ()
    waits: Names | None = None

    @model_validator(mode="after")
    def _only_a_waiting_run_waits(self) -> Self:
        if self.waits and self.outcome != "waiting":
            raise ValueError("a run that has ended waits for nobody: waits goes with outcome: waiting")
        return self


class Common(_Part):
    """What a file's scenarios share, unless they say otherwise; a scenario's own answers come first.

    `policy` is a policy file, or a rung by action; without one, the guide may do all it wants.
    """

    alert: Firing | None = None
    inputs: dict[str, Text] = {}
    policy: dict[str, Rung] | Path | None = None
    answers: tuple[Answer, ...] = ()


class Scenario(Common):
    """One run of the guide. Without an alert a person starts it, with the inputs."""

    name: str = Field(min_length=1)
    at: datetime = BEGAN
    actions: tuple[Change, ...] = ()
    judgements: dict[str, str | Names] = {}
    people: tuple[Said, ...] = ()
    expect: Expect

    @model_validator(mode="after")
    def _starts_one_way(self) -> Self:
        if self.alert is not None and self.inputs:
            raise ValueError("an alert brings the inputs: give alert or inputs, not both")
        if self.at.tzinfo is None:
            raise ValueError("at needs its zone, as in 2026-01-01T00:00:00Z")
        return self


class ScenarioFile(Common):
    """All scenarios of one guide."""

    scenarios: tuple[Scenario, ...]
