"""Values bound into an HTTP request: percent-encoded in its address, encoded in its body, plain in its headers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from plugins.base import PLACEHOLDER, bind, placeholders
from plugins.errors import BadArguments
from plugins.plain_text import plain_text

FORM = "application/x-www-form-urlencoded"
_JSON_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)


def bind_request(request: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Bind the arguments of one request: `url`, `headers`, `body` and nested requests; the rest as anywhere.

    Raises: BadArguments for an unknown name, a value that is no text where text is needed, or one that
    would lead to another address.
    """
    bound: dict[str, Any] = {}
    for key, value in request.items():
        match key, value:
            case _, str() if key == "url" or key.endswith("_url"):
                bound[key] = bind_url(value, values)
            case "body", str():
                bound[key] = _bind_body(value, request.get("headers") or {}, values)
            case "undo", Mapping():
                bound[key] = bind_request(value, values)
            case _:
                bound[key] = bind(value, values)
    return bound


def bind_url(url: str, values: Mapping[str, Any]) -> str:
    """Every value is one path segment, or one piece of one, or one piece of the query; never the host."""
    if not PLACEHOLDER.search(url):
        return url
    try:
        host = urlsplit(url).netloc
    except ValueError as exc:
        raise BadArguments(f"'{url}' is no address: {exc}", hint="write https://host/path") from exc
    if PLACEHOLDER.search(host) or not host or not url.startswith(("http://", "https://")):
        raise BadArguments(f"the host of '{url}' must not come from a value", hint="write the host in the guide")
    bound = PLACEHOLDER.sub(lambda m: _piece(m[1], values), url)
    path = bound.partition("?")[0]
    if any(unquote(part) in {".", ".."} for part in path.split("/")):
        raise BadArguments(f"a value would lead out of its place: {bound}", hint="look at what the values hold")
    return bound


def _piece(name: str, values: Mapping[str, Any]) -> str:
    text = plain_text(name, values)
    if not text:
        raise BadArguments(f"'{name}' is empty and stands in an address", hint="another thing would be addressed")
    return quote(text, safe="")


def _bind_body(body: str, headers: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    """A JSON body becomes its document, bound with types; a form is encoded; other text takes no values."""
    if not placeholders(body):
        return body
    kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "").partition(";")[0].strip().lower()
    if kind == FORM:
        return PLACEHOLDER.sub(lambda m: quote_plus(plain_text(m[1], values), safe=""), body)
    if kind and not kind.endswith("json"):
        raise BadArguments(
            f"values cannot be bound in a body of the type '{kind}'", hint=f"use application/json or {FORM}"
        )
    try:
        # As the guide wrote it, with harmless values: no value may repair or break it.
        json.loads(_with_json(body, lambda _: "null", lambda _: ""))
        return json.loads(
            _with_json(body, lambda n: json.dumps(_value(n, values)), lambda n: json.dumps(plain_text(n, values))[1:-1])
        )
    except (ValueError, RecursionError) as exc:
        raise BadArguments(f"the body is no JSON: {exc}", hint="values are bound in JSON and in forms only") from exc


def _with_json(body: str, alone: Callable[[str], str], in_string: Callable[[str], str]) -> str:
    """The body with each `{{ name }}` replaced: one way where it stands for a JSON value, another inside a string."""
    out: list[str] = []
    end = 0
    for string in _JSON_STRING.finditer(body):
        out.append(PLACEHOLDER.sub(lambda m: alone(m[1]), body[end : string.start()]))
        out.append(PLACEHOLDER.sub(lambda m: in_string(m[1]), string[0]))
        end = string.end()
    return "".join([*out, PLACEHOLDER.sub(lambda m: alone(m[1]), body[end:])])


def _value(name: str, values: Mapping[str, Any]) -> Any:
    return bind(f"{{{{ {name} }}}}", values)
