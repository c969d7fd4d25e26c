"""One action, at most once in effect: ask, lease, precheck, intend, apply, observe, verify, compensate.

Every stage is journalled before the next begins, and the runner starts from what the journal holds:
the same code runs live, after an approval days later, and after the process died in between.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel, ValidationError

from agent.gate.approval import Agreement, agreement, is_asked
from agent.gate.policy import ActionRequest, Rule, Ruling
from agent.run import values
from agent.run.commands import objection
from agent.run.events import Event, EventKind, StepKey
from agent.run.holding import POLL_S, Holding
from agent.run.reads import within
from agent.run.state import ActionState
from dag.conditions import Truth, decide
from dag.model import Call, Step
from plugins.base import Action, CallContext, Observation, Result, Verdict, bind, effect_of
from plugins.errors import ApplyFailed, BadArguments, NoData, PluginError, PrecheckFailed

if TYPE_CHECKING:
    from agent.run.advance import Advance

OBSERVE_PAUSE_S = 0.5
VERIFY_PAUSE_S = 1.0


class ActionEnd(Exception):
    """The action cannot go on; `cause` says why in one word."""

    def __init__(self, cause: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.cause = cause
        self.hint = hint


class StepLeft(Exception):
    """The step is left where its journal stands: parked for a person, or for another process."""


@dataclass(frozen=True, slots=True)
class _Exact:
    """The call as it will be made: bound arguments, and the request the policy rules on."""

    action: Action
    call: Call
    args: BaseModel
    request: ActionRequest

    def shown(self) -> dict[str, Any]:
        """The call as people see it and as approvals are bound to it."""
        r = self.request
        return {
            "action": r.action,
            "version": r.version,
            "arguments": dict(r.arguments),
            "writes": None if r.effect.writes is None else sorted(r.effect.writes),
            "reversible": r.reversible,
            "blast_radius": r.blast_radius,
        }


class ActionRun:
    """Takes one action step from where its journal stands to its end."""

    def __init__(self, advance: Advance, key: StepKey, step: Step) -> None:
        self.advance = advance
        self.key = key
        self.step = step
        self.engine = advance.engine
        self.holding = Holding(advance, key)

    @property
    def state(self) -> ActionState:
        return self.advance.state.step(self.key).action

    async def run(self) -> dict[str, values.Stored]:
        """Return the values the step produces.

        Raises: ActionEnd when it failed, was refused or was not verified; StepLeft when it parked.
        """
        if self.state.intent is None:
            try:
                exact = await self._prepare()
            except BaseException:
                await self.holding.give_up()  # a former process of the run may have left a lease, too
                raise
            await self._apply(exact)
        else:
            exact = await self._exact()
            if self.state.applied is None and self.state.not_applied is None:
                await self._settle_after_crash(exact)
        try:
            if self.state.not_applied is not None:
                raise ActionEnd("failed", self.state.not_applied)
            await self._verify(exact)
        except ActionEnd:
            await self.holding.give_back()
            raise
        await self.holding.give_back()  # only now: while an undo's outcome is unknown, nobody else may write there
        return dict((self.state.applied or {}).get("values", {}))

    async def _prepare(self) -> _Exact:
        """Everything up to the intent."""
        exact = await self._exact()
        await self._agree(exact)
        await self._lease(exact)
        await self._precheck(exact)
        await self._intend(exact)
        return exact

    # -- before -------------------------------------------------------------------------------

    async def _exact(self) -> _Exact:
        (call,) = self.step.calls
        action = self.engine.registry.action(call.plugin)
        intent = self.state.intent
        try:
            # A crash must not change the call: once intended, the arguments are the journal's.
            # An action that writes values into a syntax of its own (an address) encodes them for where they stand.
            put = getattr(action, "bind_arguments", bind)
            values_ = await self.advance.load(self.step.consumes)
            bound = intent["call"]["arguments"] if intent else put(dict(call.arguments), values_)
            args = action.Args.model_validate(bound)
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ActionEnd("failed", f"{action.name}: argument '{where}': {first['msg']}") from exc
        except BadArguments as exc:
            raise ActionEnd("failed", f"{action.name}: {exc}", exc.hint) from exc
        arguments = args.model_dump(mode="json")
        request = ActionRequest(
            action=action.name,
            version=action.version,
            arguments=arguments,
            effect=effect_of(action, arguments),
            reversible=action.reversible,
            blast_radius=action.blast_radius(args),
            plan_digest=self.advance.plan.digest,
            guide_sha256=self.advance.plan.guide_sha256,
        )
        return _Exact(action, call, args, request)

    async def _agree(self, exact: _Exact) -> None:
        ruling = await self.engine.gate.rule_on(exact.request)
        if not ruling.allowed:
            self._refused(exact, ruling.reason)
        if not ruling.needs_approval or ruling.rule is None:
            return
        rule = ruling.rule
        if not is_asked(self.state.asked, exact.request.digest, rule):
            expires = self.engine.now() + timedelta(seconds=rule.expires_s)
            await self.advance.commit(
                EventKind.APPROVAL_ASKED,
                self.key,
                digest=exact.request.digest,
                plan_digest=exact.request.plan_digest,
                call=exact.shown(),
                role=rule.role,
                approvers=rule.approvers,
                expires_at=expires.isoformat(),
            )
        assert self.state.asked is not None
        agreed = self._agreement(self.state.asked, rule)
        if agreed.holds:
            return
        if agreed.rejected or agreed.expired:
            raise ActionEnd("refused", agreed.lack)
        await self.advance.commit(
            EventKind.PARKED,
            self.key,
            why="approval",
            reason=f"{agreed.missing} approval(s) by role '{rule.role}' needed for {exact.action.name}",
            ask={"digest": exact.request.digest, "call": exact.shown(), "expires_at": self.state.asked["expires_at"]},
        )
        raise StepLeft

    def _agreement(self, asked: Mapping[str, Any], rule: Rule) -> Agreement:
        return agreement(asked, self.state.approvals, self.state.rejections, rule, self.engine.now())

    def _refused(self, exact: _Exact, reason: str) -> None:
        self.advance.emit(EventKind.REFUSED, self.key, reason=reason, call=exact.shown())
        raise ActionEnd("refused", reason)

    async def _lease(self, exact: _Exact) -> None:
        """Wait for the turn to write, until the run ends."""
        writes = exact.request.effect.writes or frozenset()
        told = False
        with self.engine.bells.listen(self.holding.who) as bell:
            while True:
                self._stop_if_ending()
                bell.clear()
                before = await self.holding.ask(writes)
                if before is None:
                    return
                if not told:
                    self.advance.emit(
                        EventKind.LEASE_WAITED,
                        self.key,
                        keys=sorted(writes),
                        resource=before.key,
                        holder=before.who.run_id,
                        step=before.who.step,
                        holds=before.holds,
                    )
                    self.advance.flush()
                    told = True
                try:
                    async with asyncio.timeout(POLL_S):
                        await bell.wait()
                except TimeoutError:
                    pass

    async def _precheck(self, exact: _Exact) -> None:
        try:
            before = await within(exact.action.precheck(exact.args, self._ctx()), self.step.timeout_s, "precheck")
        except PrecheckFailed as exc:
            raise ActionEnd("failed", f"precheck of {exact.action.name}: {exc}", exc.hint) from exc
        except PluginError as exc:
            raise ActionEnd("failed", f"precheck of {exact.action.name} failed: {exc}", exc.hint) from exc
        except Exception as exc:
            raise ActionEnd("failed", f"precheck of {exact.action.name}: {type(exc).__name__}: {exc}") from exc
        self.advance.emit(EventKind.PRECHECKED, self.key, before=dict(before))

    async def _intend(self, exact: _Exact) -> None:
        """Write the intent in the same transaction as the last word of policy, approvals and people.

        So no rate slot is used twice, and what was said before, and acknowledged, holds for this call.
        """
        self._stop_if_ending()
        if (await self.engine.gate.rule_on(exact.request)).needs_approval:
            await self._agree(exact)  # an approval may have expired while the lease was waited for
        self._stop_if_ending()  # another branch may have ended the run meanwhile; from here to the intent none can
        step = self.advance.state.step(self.key)
        seed = f"{self.advance.lease.run_id}|{self.key}|{step.attempt}|{self.advance.state.seq}"

        def decide_(conn: Any, make: Callable[..., Event]) -> Event:
            ruling = self.engine.gate.rule_within(conn, exact.request)
            lack = None if ruling.allowed else ruling.reason
            lack = lack or self._lack(exact, ruling)
            lack = lack or objection(conn, self.advance.lease.run_id, self.key, self.advance.state)
            if lack is not None:
                return make(EventKind.REFUSED, reason=lack, call=exact.shown())
            return make(
                EventKind.INTENT,
                key=hashlib.sha256(seed.encode()).hexdigest()[:32],
                call=exact.shown(),
                digest=exact.request.digest,
                rule=ruling.reason,
                deadline_s=self._deadline_s(exact),
            )

        event = await self.advance.commit_decided(self.key, decide_)
        if event.kind is EventKind.REFUSED:
            raise ActionEnd("refused", event.payload["reason"])

    def _lack(self, exact: _Exact, ruling: Ruling) -> str | None:
        """What the call's agreement lacks at this moment; None where none is needed, or it holds."""
        if not ruling.needs_approval or ruling.rule is None:
            return None
        asked = self.state.asked
        if asked is None or not is_asked(asked, exact.request.digest, ruling.rule):
            return "nobody was asked about exactly this call"
        agreed = self._agreement(asked, ruling.rule)
        return None if agreed.holds else agreed.lack

    # -- doing --------------------------------------------------------------------------------

    async def _apply(self, exact: _Exact) -> None:
        assert self.state.intent is not None
        key, deadline_s = self.state.intent["key"], float(self.state.intent["deadline_s"])
        stopped = await self.engine.gate.switch()  # thrown since the intent: nothing is sent yet
        if stopped.engaged:
            error = f"not begun: all writes are stopped: {stopped.reason} (by {stopped.by})"
            await self.advance.commit(EventKind.NOT_APPLIED, self.key, error=error, hint="")
            return
        self.advance.require_lease()
        try:
            result = await within(exact.action.apply(exact.args, key, self._ctx()), deadline_s, exact.action.name)
        except ApplyFailed as exc:
            await self.advance.commit(EventKind.NOT_APPLIED, self.key, error=str(exc), hint=exc.hint)
        except Exception as exc:
            await self._find_out(exact, f"{type(exc).__name__}: {exc}")
        else:
            await self._applied(exact, result)

    async def _applied(self, exact: _Exact, result: Result | None) -> None:
        stored: dict[str, values.Stored] = {}
        if exact.call.bind and result is not None:
            stored[exact.call.bind] = values.store(self.engine.journal, self.advance.lease, result)
        await self.advance.commit(
            EventKind.APPLIED,
            self.key,
            values=stored,
            observed=result is None,
            evidence=result.evidence if result else "the target was asked and says that it happened",
        )

    async def _find_out(self, exact: _Exact, error: str) -> None:
        """The answer was lost: ask the target. Only what it says for certain moves the run."""
        seen = await self._observe(exact, patience_s=self._deadline_s(exact))
        if seen is Observation.NOT_HAPPENED:
            # The request may still be on its way; what it does after its deadline, no target promises.
            await self._wait_out_intent()
            seen = await self._observe(exact, patience_s=0.0)
        if seen is Observation.HAPPENED:
            await self._applied(exact, None)
        elif seen is Observation.NOT_HAPPENED and exact.action.idempotent:
            await self._reissue(exact, error)
        elif seen is Observation.NOT_HAPPENED:
            await self.advance.commit(EventKind.NOT_APPLIED, self.key, error=error, hint="")
        else:
            await self._park_unknown(exact, error)

    async def _settle_after_crash(self, exact: _Exact) -> None:
        """Between intent and outcome the process died, or a person was asked what came of it."""
        answer = self._person_says("apply")
        if answer is True:
            await self._applied(exact, None)
        elif answer is False:
            await self.advance.commit(EventKind.NOT_APPLIED, self.key, error="a person says that it did not happen")
        else:
            await self._find_out(exact, "the process died before the target answered")

    def _person_says(self, about: str) -> bool | None:
        """What a person answered to the question whether the change, or its undo, happened."""
        step = self.advance.state.step(self.key)
        if (step.parked or {}).get("ask", {}).get("about") != about:
            return None
        answer = step.answer
        happened = answer["answer"].get("happened") if answer else None
        return happened if isinstance(happened, bool) else None

    async def _wait_out_intent(self) -> None:
        assert self.state.intent is not None
        assert self.state.intent_at is not None
        deadline_s = float(self.state.intent["deadline_s"])
        left_s = deadline_s - (self.engine.now() - self.state.intent_at).total_seconds()
        # A former owner on another machine may have sent it as late as the moment its lease ran out.
        since_lease_s = asyncio.get_running_loop().time() - self.advance.lease.grip.since
        await asyncio.sleep(min(deadline_s, max(0.0, left_s, deadline_s - since_lease_s)))

    async def _reissue(self, exact: _Exact, error: str) -> None:
        """Ask again under the same key: the target does it once, whether or not the first request arrives."""
        assert self.state.intent is not None
        ruling = await self.engine.gate.rule_on(exact.request, counted=True)
        if not ruling.allowed:  # the kill switch, or a policy that has changed since the intent
            await self._park_unknown(exact, f"{error}; not asked again: {ruling.reason}")
        key, deadline_s = self.state.intent["key"], float(self.state.intent["deadline_s"])
        self.advance.require_lease()
        try:
            result = await within(exact.action.apply(exact.args, key, self._ctx()), deadline_s, exact.action.name)
        except ApplyFailed as exc:
            await self.advance.commit(EventKind.NOT_APPLIED, self.key, error=str(exc), hint=exc.hint)
        except Exception as exc:
            if await self._observe(exact, patience_s=deadline_s) is not Observation.HAPPENED:
                await self._park_unknown(exact, f"{type(exc).__name__}: {exc}")
            await self._applied(exact, None)
        else:
            await self._applied(exact, result)

    async def _observe(self, exact: _Exact, *, patience_s: float) -> Observation:
        assert self.state.intent is not None
        end = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                seen = await within(
                    exact.action.observe(exact.args, self.state.intent["key"], self._ctx()),
                    self._deadline_s(exact),
                    f"{exact.action.name}.observe",
                )
            except Exception:
                seen = Observation.UNKNOWN  # a target that cannot be asked has said nothing
            if seen is not Observation.UNKNOWN or asyncio.get_running_loop().time() >= end:
                return seen
            await asyncio.sleep(OBSERVE_PAUSE_S)

    async def _park_unknown(self, exact: _Exact, error: str, *, about: str = "apply") -> NoReturn:
        what = exact.action.name if about == "apply" else f"the undo of {exact.action.name}"
        await self.advance.commit(EventKind.OUTCOME_UNKNOWN, self.key, error=error)
        await self.advance.commit(
            EventKind.PARKED,
            self.key,
            why="unknown_outcome",
            reason=f"whether {what} happened cannot be told: {error}",
            ask={"call": exact.shown(), "about": about, "answers": ["happened", "not_happened"]},
        )
        raise StepLeft

    # -- after --------------------------------------------------------------------------------

    async def _verify(self, exact: _Exact) -> None:
        if self.state.verified is None:
            verdict = await self._verdict(exact)
            await self.advance.commit(EventKind.VERIFIED, self.key, **_plain(verdict))
        assert self.state.verified is not None
        if self.state.verified["ok"]:
            return
        reason = f"not verified: {self.state.verified['reason']}"
        if not exact.action.reversible:
            raise ActionEnd("unverified", f"{reason}; {exact.action.name} cannot be undone")
        if self.state.compensated is None:
            await self._compensate(exact, reason)
        assert self.state.compensated is not None
        raise ActionEnd("unverified", f"{reason}; undo: {self.state.compensated['reason']}")

    async def _verdict(self, exact: _Exact) -> Verdict:
        try:
            own = await within(
                exact.action.verify(exact.args, self.state.before or {}, self._ctx(since=self.state.applied_at)),
                self._deadline_s(exact),
                f"{exact.action.name}.verify",
            )
        except Exception as exc:
            own = Verdict(False, f"the target could not be read back: {exc}")
        if not own.ok or self.step.verify is None:
            return own
        return await self._guides_verdict(own)

    async def _guides_verdict(self, own: Verdict) -> Verdict:
        """Read the guide's own post-condition until it holds, from samples newer than the effect."""
        verify = self.step.verify
        assert verify is not None
        loop = asyncio.get_running_loop()
        end = loop.time() + verify.within_s
        reason = ""
        while True:
            ctx = self._ctx(since=self.state.applied_at, deadline_s=max(0.1, end - loop.time()))
            try:
                results = await self.engine.reader.read(self.step, verify.calls, ctx)
                seen = await self.advance.load(verify.condition.names)
                seen.update({name: r.value for name, r in results.items()})
                decision = decide(verify.condition, seen, self.advance.plan.types)
                if decision.truth is Truth.TRUE:
                    evidence = {n: r.value for n, r in results.items()}
                    return Verdict(True, f"{own.reason}; {decision.reason}", {**own.evidence, **evidence})
                reason = decision.reason
            except NoData as exc:
                reason = str(exc)
            except PluginError as exc:
                reason = f"{exc}"
            if loop.time() + VERIFY_PAUSE_S >= end:
                return Verdict(False, f"within {verify.within_s:g} s: {reason}")
            await asyncio.sleep(VERIFY_PAUSE_S)

    async def _compensate(self, exact: _Exact, reason: str) -> None:
        assert self.state.intent is not None
        said = self._person_says("undo")
        if said is True:
            undone = Verdict(True, "a person says that it was undone")
            await self.advance.commit(EventKind.COMPENSATED, self.key, **_plain(undone))
            return
        if self.state.compensating and not exact.action.idempotent and said is None:
            died = "the process died while the change was being undone"
            await self._park_unknown(exact, died, about="undo")
        stopped = await self.engine.gate.switch()
        if stopped.engaged:
            verdict = Verdict(False, f"not tried: all writes are stopped: {stopped.reason} (by {stopped.by})")
        else:
            if not self.state.compensating:
                await self.advance.commit(EventKind.COMPENSATING, self.key, reason=reason)
            verdict = await self._undo(exact)
        await self.advance.commit(EventKind.COMPENSATED, self.key, **_plain(verdict))

    async def _undo(self, exact: _Exact) -> Verdict:
        assert self.state.intent is not None
        self.advance.require_lease()
        try:
            return await within(
                exact.action.compensate(exact.args, self.state.intent["key"], self._ctx()),
                self._deadline_s(exact),
                f"{exact.action.name}.compensate",
            )
        except Exception as exc:
            return Verdict(False, f"the undo failed: {exc}")

    # -- small --------------------------------------------------------------------------------

    def _ctx(self, *, since: datetime | None = None, deadline_s: float | None = None) -> CallContext:
        return self.advance.context(
            self.key, newer_than=since, deadline_s=self.step.timeout_s if deadline_s is None else deadline_s
        )

    def _deadline_s(self, exact: _Exact) -> float:
        return exact.call.timeout_s or self.step.timeout_s

    def _stop_if_ending(self) -> None:
        if self.advance.paused:
            raise StepLeft  # nothing intended yet: whoever goes on with the run begins this step anew
        if self.advance.stopping:
            raise ActionEnd("cancelled", "the run ended before the action began")


def _plain(verdict: Verdict) -> Mapping[str, Any]:
    return {**asdict(verdict), "evidence": dict(verdict.evidence)}
