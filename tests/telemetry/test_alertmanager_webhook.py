"""Alertmanager's webhook: what is understood, and what is refused and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.alertmanager import parse_v4
from telemetry.alerts import Alert, AlertStatus, Notification
from telemetry.errors import BadAlert

ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "ReplicaHotspot", "fleet": "demo", "replica": "a"},
    "annotations": {"summary": "a is hot"},
    "startsAt": "2026-01-02T03:04:05.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://127.0.0.1:9090/graph",
    "fingerprint": "1f2e3d",
}
NOTIFICATION: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="ReplicaHotspot"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "stepfleet",
    "groupLabels": {"alertname": "ReplicaHotspot"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://127.0.0.1:9093",
    "alerts": [ALERT],
}


def body(*, without: str = "", **changes: Any) -> bytes:
    document = {k: v for k, v in {**NOTIFICATION, **changes}.items() if k != without}
    return json.dumps(document).encode()


def one(*, without: str = "", **changes: Any) -> bytes:
    return body(alerts=[{k: v for k, v in {**ALERT, **changes}.items() if k != without}])


def test_a_notification_keeps_what_a_run_needs() -> None:
    assert parse_v4(body()) == Notification(
        source="alertmanager",
        group_key='{}:{alertname="ReplicaHotspot"}',
        external_url="http://127.0.0.1:9093",
        alerts=(
            Alert(
                name="ReplicaHotspot",
                status=AlertStatus.FIRING,
                fingerprint="1f2e3d",
                starts_at=datetime(2026, 1, 2, 3, 4, 5, 123456, UTC),
                ends_at=None,
                labels={"alertname": "ReplicaHotspot", "fleet": "demo", "replica": "a"},
                annotations={"summary": "a is hot"},
                generator_url="http://127.0.0.1:9090/graph",
            ),
        ),
    )


def test_each_alert_has_its_own_status_whatever_the_group_says() -> None:
    resolved = {**ALERT, "status": "resolved", "fingerprint": "2", "endsAt": "2026-01-02T05:00:00+02:00"}
    notification = parse_v4(body(status="firing", alerts=[ALERT, resolved]))
    assert [a.status for a in notification.alerts] == [AlertStatus.FIRING, AlertStatus.RESOLVED]
    assert [a.ends_at for a in notification.alerts] == [None, datetime(2026, 1, 2, 3, 0, tzinfo=UTC)]
    assert [a.fingerprint for a in notification.firing] == ["1f2e3d"]


@pytest.mark.parametrize(
    ("sent", "want"),
    [
        pytest.param(one(endsAt="2026-01-02T04:00:00Z"), None, id="a firing alert's expiry is no end"),
        pytest.param(one(status="resolved"), None, id="Go's zero time is no end"),
        pytest.param(one(without="endsAt"), None, id="no endsAt is no end"),
        pytest.param(one(endsAt=None), None, id="null is no end"),
    ],
)
def test_when_an_alert_has_not_ended(sent: bytes, want: datetime | None) -> None:
    (alert,) = parse_v4(sent).alerts
    assert alert.ends_at is want


def test_a_newer_alertmanager_s_fields_are_ignored() -> None:
    assert parse_v4(body(notificationReason="repeat", alerts=[{**ALERT, "silencedBy": []}])) == parse_v4(body())


def test_left_out_alerts_are_counted() -> None:
    assert parse_v4(body(truncatedAlerts=7)).truncated == 7


def test_an_alert_without_a_name_is_still_an_alert() -> None:
    (alert,) = parse_v4(one(labels={"team": "serving"})).alerts
    assert alert.name == ""


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        pytest.param(b"", "the notification has no body", id="no body"),
        pytest.param(b" \n", "the notification has no body", id="a blank body"),
        pytest.param(b'{\n "version"', "Invalid JSON: .* at line 2 column 10", id="cut off: the position is named"),
        pytest.param(b"<html>", "Invalid JSON: expected value at line 1 column 1", id="a page"),
        pytest.param(b'"\xff"', "Invalid JSON: invalid unicode", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "Invalid JSON: recursion limit exceeded", id="nested without end"),
        pytest.param(b"[]", "the notification: Input should be an object", id="a list"),
        pytest.param(body(version="3"), "version: Input should be '4'", id="an older version"),
        pytest.param(body(version=4), "version: Input should be '4'", id="a version that is a number"),
        pytest.param(body(without="version"), "version: Field required", id="no version"),
        pytest.param(body(without="groupKey"), "groupKey: Field required", id="no group"),
        pytest.param(body(groupKey=""), "groupKey: String should have at least 1", id="an empty group"),
        pytest.param(body(without="alerts"), "alerts: Field required", id="no alerts"),
        pytest.param(body(alerts=[]), "alerts: List should have at least 1 item", id="no alert in alerts"),
        pytest.param(body(truncatedAlerts=-1), "truncatedAlerts: Input should be greater", id="fewer than none"),
        pytest.param(one(status="burning"), r"alerts\[0\].status: Input should be 'firing'", id="another status"),
        pytest.param(one(without="fingerprint"), r"alerts\[0\].fingerprint: Field required", id="no fingerprint"),
        pytest.param(one(without="startsAt"), r"alerts\[0\].startsAt: Field required", id="no start"),
        pytest.param(one(startsAt="2026-01-02T03:04:05"), r"startsAt: Input should have timezone", id="no zone"),
        pytest.param(one(startsAt=1_700_000_000), r"startsAt: Input should be a valid datetime", id="a number"),
        pytest.param(one(startsAt="0001-01-01T00:00:00+09:00"), "a time that no calendar has", id="before year 1"),
        pytest.param(
            one(labels={"a": 1}), r"alerts\[0\].labels.a: Input should be a valid string", id="a number label"
        ),
        pytest.param(one(labels={"a": "\ud800"}), "Invalid JSON", id="half a surrogate pair"),
        pytest.param(one(without="labels", status="x"), r"status: .* \(and 1 more\)", id="two faults are counted"),
    ],
)
def test_what_is_no_notification_is_refused_with_a_reason(sent: bytes, says: str) -> None:
    with pytest.raises(BadAlert, match=says) as refused:
        parse_v4(sent)
    assert "version 4" in refused.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from([*NOTIFICATION, *ALERT])


@given(st.binary() | JSON.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_end_in_a_notification_or_a_refusal(sent: bytes) -> None:
    with pytest.raises(BadAlert):
        parse_v4(sent)


@given(st.dictionaries(KEYS, JSON, max_size=3), st.dictionaries(KEYS, JSON, max_size=3))
def test_any_change_to_a_notification_ends_in_one_or_a_refusal(group: dict[str, Any], alert: dict[str, Any]) -> None:
    sent = json.dumps({**NOTIFICATION, "alerts": [{**ALERT, **alert}], **group}).encode()
    try:
        notification = parse_v4(sent)
    except BadAlert:
        return
    assert notification.alerts
    assert all(a.starts_at.tzinfo is UTC for a in notification.alerts)
