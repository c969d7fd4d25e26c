"""The guards that the attacks are stopped by, and how each is taken out, so that every test can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import Request

import agent.doors.escape
import agent.doors.guard
import agent.doors.render
import agent.gate.policy
import agent.model.prompt
import agent.redact
import agent.service
import plugins.http
from agent.gate.principals import Principal, Principals, Role
from plugins.base import bind


@dataclass(frozen=True)
class Guard:
    """`holds` says what stops the attack; `take_out` removes that and nothing else."""

    holds: str
    where: str
    take_out: Callable[[pytest.MonkeyPatch], None]


def _approval(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.gate.policy.Ruling, "needs_approval", property(lambda _: False))


def _boundary(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.model.prompt, "draw_boundary", lambda texts, rng: "#=0000000000000000=#")


def _visible(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.redact, "visible", lambda text: text)


def _redacted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.redact, "redacted", lambda text, is_manifest=False: text)
    patch.setattr(agent.redact, "is_sensitive_name", lambda name: False)


def _bounded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.redact, "bounded", lambda text, limit, unseen=0: text)
    patch.setattr(agent.redact, "_window", lambda text, limit: (text, 0))
    patch.setattr(agent.model.prompt, "bounded", lambda text, limit, unseen=0: text)
    for name in ("TEXT_CHARS", "LABEL_CHARS", "ALERT_CHARS", "VALUE_CHARS", "VALUES_CHARS"):
        patch.setattr(agent.model.prompt, name, 10**9)


def _encoded(patch: pytest.MonkeyPatch) -> None:
    def as_they_are(request: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(bind(dict(request), values))

    patch.setattr(plugins.http, "bind_request", as_they_are)


def _escaped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.doors.render, "markdown", lambda text: str(text))


def _token(patch: pytest.MonkeyPatch) -> None:
    everyone = Principal("anybody", frozenset({Role.OPERATOR}))
    real = Principals.who
    patch.setattr(Principals, "who", lambda self, token: real(self, token) or everyone)

    class Anybody:
        credentials = ""

    async def given(self: Any, request: Request) -> Any:
        return Anybody()

    patch.setattr(type(agent.doors.guard.BEARER), "__call__", given)


def _may_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Principal, "may_read", property(lambda _: True))


def _may_approve(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Principal, "may_approve", lambda self, role: True)


def _may_operate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Principal, "may_operate", property(lambda _: True))


def _waiting(patch: pytest.MonkeyPatch) -> None:
    """A step need not wait for what is said to it."""
    real = agent.service.waiting_step

    def any_step(view: Any, why: str | None, step: str | None) -> Any:
        acted = [k for k in view.state.steps if view.state.step(k).action.asked]
        return acted[0] if acted else real(view, why, step)

    patch.setattr(agent.service, "waiting_step", any_step)


def _fits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.service, "check_answer", lambda parked, answer: None)


def _digest(patch: pytest.MonkeyPatch) -> None:
    real = agent.service.Service.approve

    async def without(self: Any, run_id: str, principal: Any, **how: Any) -> Any:
        return await real(self, run_id, principal, **{**how, "digest": None})

    patch.setattr(agent.service.Service, "approve", without)


def _host(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent.doors.guard.HostAndOrigin, "_refusal", lambda self, headers: None)


def _options(patch: pytest.MonkeyPatch) -> None:
    """Any letter is the first option's, whatever the client, the schema and the executor's check say."""
    real = agent.model.prompt.build

    class Every(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:
            return super().get(key, next(iter(self.values())))

        def __contains__(self, key: object) -> bool:
            return True

    def build(question: Any, rng: Any = None) -> Any:
        asked = real(question, rng)
        return replace(asked, schema=agent.model.prompt.Choice, edges=Every(asked.edges))

    patch.setattr(agent.model.prompt, "build", build)


GUARDS: dict[str, Guard] = {
    "approval": Guard("the policy asks a person for the exact call", "`agent.gate.policy.Ruling`", _approval),
    "boundary": Guard("no text holds the marker that is drawn", "`agent.model.prompt.draw_boundary`", _boundary),
    "visible": Guard("control and format characters are written out", "`agent.redact.visible`", _visible),
    "redacted": Guard("what has the shape of a secret goes", "`agent.redact.redacted`", _redacted),
    "bounded": Guard("every text has a length", "`agent.redact.bounded`", _bounded),
    "encoded": Guard("a value is one piece of an address", "`plugins.http_binding.bind_request`", _encoded),
    "escaped": Guard("no markup of others is live", "`agent.doors.escape.markdown`", _escaped),
    "token": Guard("a principal is known by its token alone", "`agent.gate.principals.Principals.who`", _token),
    "may read": Guard("a webhook's token reads nothing", "`Principal.may_read`", _may_read),
    "may approve": Guard("an approver has the rule's role", "`Principal.may_approve`", _may_approve),
    "may operate": Guard("commands are an operator's", "`Principal.may_operate`", _may_operate),
    "waiting": Guard("only a step that waits is spoken to", "`agent.service.waiting_step`", _waiting),
    "fits": Guard("an answer is one that was asked for", "`agent.service.check_answer`", _fits),
    "digest": Guard("an approval is for the call looked at", "`agent.service.Service.approve`", _digest),
    "host": Guard("foreign Host and Origin are refused", "`agent.doors.guard.HostAndOrigin`", _host),
    "options": Guard("the answer is one of the options", "`agent.model.prompt.Choice`, `wrong_choice`", _options),
}
