"""Values in an HTTP request stay in the place the guide gave them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plugins.errors import BadArguments
from plugins.http_binding import bind_request, bind_url

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

INJECTIONS = [
    pytest.param("../../admin", id="another path"),
    pytest.param("a/b?force=true#x", id="a query and a fragment"),
    pytest.param("x&role=admin", id="another parameter"),
    pytest.param("@evil.example/", id="another host"),
    pytest.param("%2e%2e%2f", id="encoded already"),
    pytest.param('", "admin": true, "x": "', id="another member"),
    pytest.param("a\r\nX-Admin: 1", id="another header"),
    pytest.param("é\u2028\U0001f600", id="other scripts"),
]


@pytest.mark.parametrize("value", INJECTIONS)
def test_in_a_path_a_value_is_one_segment(value: str) -> None:
    bound = bind_url("https://host/sessions/{{ v }}/stop", {"v": value})
    parts = urlsplit(bound)
    assert (parts.netloc, parts.query, parts.fragment) == ("host", "", "")
    assert [unquote(p) for p in parts.path.split("/")] == ["", "sessions", value, "stop"]


@pytest.mark.parametrize("value", INJECTIONS)
def test_in_a_query_a_value_is_one_parameter(value: str) -> None:
    bound = bind_url("https://host/find?name={{ v }}&all=no", {"v": value})
    assert parse_qs(urlsplit(bound).query) == {"name": [value], "all": ["no"]}


@given(TEXT)
def test_any_value_stays_in_its_segment_or_is_refused(value: str) -> None:
    assume(value not in {".", ".."})
    path = urlsplit(bind_url("https://host/a/{{ v }}/b", {"v": value})).path
    assert [unquote(p) for p in path.split("/")] == ["", "a", value, "b"]


@given(TEXT)
def test_any_value_stays_in_its_json_string(value: str) -> None:
    body = '{"session": "s-{{ v }}", "note": "{{v}}", "n": 1}'
    assert bind_request({"body": body}, {"v": value})["body"] == {"session": f"s-{value}", "note": value, "n": 1}


def test_in_json_a_value_alone_keeps_its_type_and_in_a_string_is_text() -> None:
    body = '{"n": {{ n }}, "text": "{{ n }}", "doc": {{ doc }}, "{{ key }}": null}'
    bound = bind_request({"body": body}, {"n": 3.5, "doc": [{"a": 1}], "key": 'k"'})["body"]
    assert bound == {"n": 3.5, "text": "3.5", "doc": [{"a": 1}], 'k"': None}


@pytest.mark.parametrize("value", INJECTIONS)
def test_in_a_form_a_value_is_one_field(value: str) -> None:
    bound = bind_request({"body": "name={{ v }}&all=no", "headers": FORM}, {"v": value})["body"]
    assert parse_qs(bound) == {"name": [value], "all": ["no"]}


def test_nested_requests_and_documents_are_bound_too() -> None:
    request: dict[str, Any] = {
        "url": "http://h/a/{{ v }}",
        "status_url": "http://h/s/{{ v }}/{key}",
        "body": {"x": "{{ n }}"},
        "headers": {"X-Name": "n-{{ n }}"},
        "undo": {"url": "http://h/u/{{ v }}", "body": '{"x": "{{ v }}"}'},
    }
    assert bind_request(request, {"v": "a/b", "n": 2}) == {
        "url": "http://h/a/a%2Fb",
        "status_url": "http://h/s/a%2Fb/{key}",
        "body": {"x": 2},
        "headers": {"X-Name": "n-2"},
        "undo": {"url": "http://h/u/a%2Fb", "body": {"x": "a/b"}},
    }


def test_a_body_without_values_is_sent_as_it_is_written() -> None:
    assert bind_request({"body": "<x/> {}"}, {}) == {"body": "<x/> {}"}


@pytest.mark.parametrize(
    ("request_", "value", "says"),
    [
        pytest.param({"url": "https://{{ v }}/x"}, "h", "must not come from a value", id="the host"),
        pytest.param({"url": "https://h{{ v }}/x"}, "h", "must not come from a value", id="a part of the host"),
        pytest.param({"url": "{{ v }}"}, "https://h", "must not come from a value", id="the whole address"),
        pytest.param({"url": "{{ v }}://h/x"}, "https", "must not come from a value", id="the scheme"),
        pytest.param({"url": "https://h/a/{{ v }}"}, "..", "would lead out of its place", id="the folder above"),
        pytest.param({"url": "https://h/a/.{{ v }}/x"}, ".", "would lead out of its place", id="half of it"),
        pytest.param({"url": "https://h/a/{{ v }}"}, "", "'v' is empty", id="nothing: the collection itself"),
        pytest.param({"url": "https://h/a/{{ v }}"}, [1], "a document and no plain text", id="a document"),
        pytest.param({"url": "https://h/a/{{ w }}"}, "x", "no value is named 'w'", id="an unknown name"),
        pytest.param({"body": '{"a": "x{{ v }}'}, '"}', "the body is no JSON", id="a value that would mend the JSON"),
        pytest.param({"body": '{"a": {{ v }}'}, 1, "the body is no JSON", id="JSON that is none"),
        pytest.param({"body": '{"a": "{{ v }}"}'}, [1], "a document and no plain text", id="a document in a string"),
        pytest.param(
            {"body": "<a>{{ v }}</a>", "headers": {"content-type": "text/xml"}}, "x", "of the type 'text/xml'", id="XML"
        ),
        pytest.param({"body": "a {{ v }}"}, "x", "the body is no JSON", id="a text of no type"),
    ],
)
def test_a_value_that_would_change_the_request_is_refused(request_: dict[str, Any], value: object, says: str) -> None:
    with pytest.raises(BadArguments, match=re.escape(says)) as refused:
        bind_request(request_, {"v": value})
    assert refused.value.hint


def test_a_bound_body_is_json_again() -> None:
    bound = bind_request({"body": '{"a": "{{ v }}"}'}, {"v": "\u0000\u2028"})["body"]
    assert json.loads(json.dumps(bound)) == {"a": "\u0000\u2028"}
