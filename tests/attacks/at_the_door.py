"""Requests to the HTTP door by those who have no right to what they ask."""

from __future__ import annotations

from tests.attacks.attack import Attack, Harm, Request

APPROVE, ANSWER, CANCEL = "/runs/{run}/approve", "/runs/{run}/answer", "/runs/{run}/cancel"
SWITCH = "/kill-switch"
STOP = {"engaged": True, "reason": "x"}
AGREED = Request(APPROVE, token="olga")


def _door(name: str, by: str, guard: str, request: Request, harm: Harm = Harm.FORGED) -> Attack:
    return Attack(name, by, harm, (guard,), request=request)


AT_THE_DOOR = (
    _door("approving without a token", "anybody", "token", Request(APPROVE)),
    _door("approving with a guessed token", "anybody", "token", Request(APPROVE, token="Bearer operator")),
    _door("approving with a header of a name", "anybody", "token", Request(APPROVE, headers={"X-User": "olga"})),
    _door(
        "approving with a forwarded name", "anybody", "token", Request(APPROVE, headers={"X-Forwarded-User": "olga"})
    ),
    _door(
        "approving with a look-alike of a token",
        "anybody",
        "token",
        Request(APPROVE, token="Bearer operator-token-O123456789"),
    ),
    _door("approving as a viewer", "viewer", "may approve", Request(APPROVE, token="vera")),
    _door(
        "approving as a viewer with the digest",
        "viewer",
        "may approve",
        Request(APPROVE, {"digest": "{digest}"}, "vera"),
    ),
    _door("rejecting as a viewer", "viewer", "may approve", Request(APPROVE, {"reject": True}, "vera")),
    _door("cancelling as a viewer", "viewer", "may operate", Request(CANCEL, {"reason": "x"}, "vera")),
    _door("stopping all writes as a viewer", "viewer", "may operate", Request(SWITCH, STOP, "vera")),
    _door(
        "reading a run with the webhook's token",
        "alert sender",
        "may read",
        Request("/runs/{run}", "", "alertmanager", method="GET"),
        Harm.ACCEPTED,
    ),
    _door(
        "reading a report with the webhook's token",
        "alert sender",
        "may read",
        Request("/runs/{run}/report", "", "alertmanager", method="GET"),
        Harm.ACCEPTED,
    ),
    _door("reading runs without a token", "anybody", "token", Request("/runs", "", method="GET"), Harm.ACCEPTED),
    _door("approving another call's digest", "chat user", "digest", Request(APPROVE, {"digest": "0" * 64}, "olga")),
    _door(
        "replaying an approval",
        "chat user",
        "waiting",
        Request(APPROVE, {"digest": "{digest}"}, "olga", before=(Request(APPROVE, {"reject": True}, "olga"),)),
        Harm.ACCEPTED,
    ),
    _door(
        "answering an edge instead of approving",
        "chat user",
        "fits",
        Request(ANSWER, {"answer": {"edge": "x"}}, "olga"),
        Harm.ACCEPTED,
    ),
    _door(
        "saying it is done instead of approving",
        "chat user",
        "fits",
        Request(ANSWER, {"answer": {"done": True}}, "olga"),
        Harm.ACCEPTED,
    ),
    _door(
        "approving from a rebound name", "a web page", "host", Request(APPROVE, {}, "olga", {"Host": "evil.example"})
    ),
    _door(
        "approving from a foreign page",
        "a web page",
        "host",
        Request(APPROVE, {}, "olga", {"Origin": "https://evil.example"}),
    ),
    _door(
        "stopping writes from a foreign page", "a web page", "host", Request(SWITCH, STOP, "olga", {"Origin": "null"})
    ),
)
