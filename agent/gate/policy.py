"""The autonomy ladder: what may be done to which target, by whom agreed, within which bounds.

Rules come from a reviewed file. A ruling is a pure function of the exact call, the rule and a few
facts; what a model or a log line says about a call is no input.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.errors import SettingsError
from dag.model import Effect, sha256_json


class Rung(StrEnum):
    """How far an action may go on its own, lowest first."""

    OBSERVE = "observe"  # never
    SUGGEST = "suggest"  # show the exact call, do nothing
    APPROVE = "approve"  # ask people first
    AUTO = "auto"  # within the rule's bounds


class Rule(BaseModel):
    """One line of the ladder. For each key that a call writes, the first rule that covers it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str
    target: str = "*"  # glob over the resource keys that the call writes
    rung: Rung
    guides: tuple[str, ...] = ()  # sha256 of the guides reviewed for `auto`
    role: str = "operator"
    approvers: Annotated[int, Field(ge=1, le=10)] = 1
    expires_s: Annotated[float, Field(gt=0, le=86_400)] = 900
    max_per_hour: Annotated[int, Field(ge=0)] | None = None
    max_blast_radius: Annotated[int, Field(ge=0)] | None = None  # of one call
    max_blast_radius_per_hour: Annotated[int, Field(ge=0)] | None = None  # of all its calls together
    reversible_only: bool = False
    window_utc: tuple[time, time] | None = None  # may wrap over midnight

    @model_validator(mode="after")
    def _auto_is_bounded(self) -> Rule:
        if self.rung is Rung.AUTO and (not self.guides or self.max_per_hour is None or self.max_blast_radius is None):
            raise ValueError(
                "rung 'auto' needs 'guides' (sha256 of reviewed guides), 'max_per_hour' and 'max_blast_radius'"
            )
        return self


class Policy(BaseModel):
    """The rules in order. Without a rule, nothing is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """The exact call that somebody wants made."""

    action: str
    version: str
    arguments: Mapping[str, Any]
    effect: Effect
    reversible: bool
    blast_radius: int
    plan_digest: str
    guide_sha256: str

    @property
    def digest(self) -> str:
        """What an approval is bound to: this call, with these arguments, in this plan."""
        return sha256_json(
            {
                "action": self.action,
                "version": self.version,
                "arguments": dict(self.arguments),
                "writes": None if self.effect.writes is None else sorted(self.effect.writes),
                "plan": self.plan_digest,
            }
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that some run has begun, whatever became of it."""

    action: str
    writes: frozenset[str] | None
    blast_radius: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a ruling needs of the world at this moment."""

    now: datetime
    last_hour: Sequence[Begun] = ()  # over all runs and processes
    writes_stopped: str | None = None  # the kill switch's reason, when engaged


@dataclass(frozen=True, slots=True)
class Ruling:
    """May the call be made? `reason` is the sentence for people, whatever the answer."""

    allowed: bool
    reason: str
    rung: Rung
    rule: Rule | None = None

    @property
    def needs_approval(self) -> bool:
        return self.allowed and self.rung is Rung.APPROVE


def rule_on(request: ActionRequest, policy: Policy, facts: Facts) -> Ruling:
    """Decide on one exact call."""
    if facts.writes_stopped is not None:
        return Ruling(False, f"all writes are stopped: {facts.writes_stopped}", Rung.OBSERVE)
    rules = _rules_for(request, policy)
    if not rules:
        return Ruling(False, f"no rule of the policy covers {describe(request)}", Rung.OBSERVE)
    for rule in rules:
        refusal = _refusal(request, rule, facts)
        if refusal is not None:
            return Ruling(False, refusal, rule.rung, rule)
    asking = [r for r in rules if r.rung is Rung.APPROVE]
    if len({r.role for r in asking}) > 1:
        roles = " and ".join(sorted({r.role for r in asking}))
        return Ruling(False, f"it touches what {roles} each approve: split the call, or let one role do", Rung.APPROVE)
    rule = max(asking, key=lambda r: (r.approvers, -r.expires_s)) if asking else rules[0]
    return Ruling(True, f"rule '{rule.action} on {rule.target}: {rule.rung}' covers it", rule.rung, rule)


def describe(request: ActionRequest) -> str:
    writes = "an unknown resource" if request.effect.writes is None else ", ".join(sorted(request.effect.writes))
    return f"{request.action} on {writes or 'nothing'}"


def load_policy(path: Path) -> Policy:
    """Read the policy file. Raises SettingsError naming the file, the rule and what to write."""
    try:
        with path.open("rb") as f:
            return Policy.model_validate(tomllib.load(f))
    except OSError as exc:
        raise SettingsError(
            f"{path}: the policy cannot be read: {exc.strerror}",
            hint="set [policy] file to an existing file; an empty one allows nothing",
        ) from exc
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{path}: not TOML: {exc}", hint="see docs/policy.md for an example") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise SettingsError(f"{path}: {where}: {first['msg']}", hint="see docs/policy.md") from exc


def _rules_for(request: ActionRequest, policy: Policy) -> tuple[Rule, ...]:
    """The rules that must all allow the call: for each key that it writes, the first that covers the key.

    Empty when some key has none. So no key carries a call past the rule of another. Unknown writes might be
    any: all rules down to the first for every target must allow them.
    """
    rules = [r for r in policy.rule if fnmatchcase(request.action, r.action)]
    writes = request.effect.writes
    if writes is None:
        end = next((i for i, r in enumerate(rules) if r.target == "*" and r.rung is not Rung.AUTO), None)
        return () if end is None else tuple(r for r in rules[: end + 1] if r.rung is not Rung.AUTO)
    found = {key: _first(request, [r for r in rules if fnmatchcase(key, r.target)]) for key in sorted(writes or {"*"})}
    return () if None in found.values() else tuple(dict.fromkeys(r for r in found.values() if r is not None))


def _first(request: ActionRequest, covering: Sequence[Rule]) -> Rule | None:
    """An automatic rule is for its reviewed guides; other guides' calls go on to the next rule."""
    return next((r for r in covering if _is_for_guide(r, request)), covering[0] if covering else None)


def _is_for_guide(rule: Rule, request: ActionRequest) -> bool:
    return rule.rung is not Rung.AUTO or request.guide_sha256 in rule.guides


def _refusal(request: ActionRequest, rule: Rule, facts: Facts) -> str | None:
    if rule.rung is Rung.OBSERVE:
        return f"the policy only observes {rule.action} on {rule.target}"
    if rule.rung is Rung.SUGGEST:
        return f"the policy only suggests {rule.action} on {rule.target}: the exact call is shown, nothing is done"
    if rule.reversible_only and not request.reversible:
        return "the rule covers reversible actions only"
    if rule.max_blast_radius is not None and request.blast_radius > rule.max_blast_radius:
        return f"{request.blast_radius} units would stop serving, the rule allows {rule.max_blast_radius}"
    under = [b for b in facts.last_hour if _counts(b, rule)]
    if rule.max_per_hour is not None and len(under) >= rule.max_per_hour:
        return f"{len(under)} in the last hour, the rule allows {rule.max_per_hour}"
    total = request.blast_radius + sum(b.blast_radius for b in under)
    if rule.max_blast_radius_per_hour is not None and total > rule.max_blast_radius_per_hour:
        return f"{total} units would stop serving within an hour, the rule allows {rule.max_blast_radius_per_hour}"
    if rule.window_utc is not None and not _inside(facts.now.time(), rule.window_utc):
        return f"outside the rule's window {rule.window_utc[0]:%H:%M}-{rule.window_utc[1]:%H:%M} UTC"
    if not _is_for_guide(rule, request):
        return (
            f"guide {request.guide_sha256[:12]} is not among the guides reviewed for automatic runs: "
            "review it and add its sha256 to the rule"
        )
    return None


def _counts(begun: Begun, rule: Rule) -> bool:
    """Whether a call uses up a rule's bounds: it writes what the rule is about, or might."""
    if not fnmatchcase(begun.action, rule.action):
        return False
    return not begun.writes or any(fnmatchcase(key, rule.target) for key in begun.writes)


def _inside(now: time, window: tuple[time, time]) -> bool:
    first, last = window
    return first <= now < last if first <= last else now >= first or now < last
