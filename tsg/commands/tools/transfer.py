"""Files and requests sent over the network: the method and the body decide."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Rule, plain_words
from tsg.commands.tools.writing import is_scratch
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words

_CURL_SENDS = ("-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--data-ascii", "-F", "--form", "--form-string",
               "-T", "--upload-file", "--json")  # fmt: skip


def _curl(call: Call) -> Verdict:
    """The method and the body decide; `-K` reads further options from a file."""
    url = next((a for a in call.args if "://" in a or a.startswith(("localhost", "$", "<", "{"))), "")
    method = (call.value("-X", "--request") or "").upper()
    if method == "":
        method = next((m[1].upper() for a in call.args if (m := re.fullmatch(r"-[a-zA-Z]*X([A-Za-z]+)", a))), "")
    cluster = next((at for at, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-WYZ]+X", a)), None)
    if cluster is not None and not method and cluster + 1 < len(call.args):
        method = call.args[cluster + 1].upper()
    if call.has("--config", "--quote", "--next") or _in_cluster(call, "K") or _in_cluster(call, "Q"):
        return unknown("curl takes further orders from elsewhere")
    if call.has("--upload-file") or _in_cluster(call, "T"):
        return changes("curl sends a file out")
    sends = any(call.has(o) for o in _CURL_SENDS if o.startswith("--")) or any(_in_cluster(call, o) for o in "dF")
    as_get = call.grants("--get") or _in_cluster(call, "G")
    if call.has("--remote-name", "--remote-name-all", "--output-dir") or _in_cluster(call, "O"):
        return _downloads(call, "a file")
    verdict = READS
    output = call.value("-o", "--output")
    if output is None:
        at = next((i for i, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-Z]*o", a)), None)
        output = call.args[at + 1] if at is not None and at + 1 < len(call.args) else None
    if output is not None and output not in {"/dev/null", "-"} and not is_scratch(output):
        verdict = _downloads(call, output)
    for option in (
        "-D",
        "--dump-header",
        "-c",
        "--cookie-jar",
        "--trace",
        "--trace-ascii",
        "--stderr",
        "--libcurl",
        "--etag-save",
    ):
        name = call.value(option)
        if name is not None and name not in {"-", "/dev/null", "/dev/stdout", "/dev/stderr"} and not is_scratch(name):
            verdict = _downloads(call, name)
    if method in {"POST", "PUT", "PATCH", "DELETE"} or (method and method not in {"GET", "HEAD", "OPTIONS"}):
        if method in {"POST", "GET"} and _asks_only(url):
            return replace(verdict, touches=(f"url:{url}",))
        return replace(
            changes(f"curl sends {method}", destructive=method == "DELETE", reversible=None),
            touches=(f"url:{url}",) if url else (),
        )
    if sends and not as_get and not method:
        if _asks_only(url):
            return verdict
        return replace(changes("curl sends data"), touches=(f"url:{url}",) if url else ())
    if sends and method in {"GET", "HEAD"} and not as_get and not _asks_only(url):
        return unknown("curl sends a body with GET")
    if re.search(r"/(?:-/(?:reload|quit)|shutdown|restart|delete|reset|flush)\b", url):
        return unknown(f"curl asks for {url}")
    return verdict


def _asks_only(url: str) -> bool:
    """Whether an address takes questions by POST: queries of Prometheus and Loki, searches of Elasticsearch."""
    return re.search(r"/api/v1/(?:query|query_range|series|labels)\b|/_search\b|/_count\b|/_cat/", url) is not None


def _downloads(call: Call, name: str) -> Verdict:
    return replace(changes(f"{call.name} writes {name}", reversible=True), touches=(f"file:{name}",))


def _in_cluster(call: Call, letter: str) -> bool:
    """Whether a cluster of short options holds a letter before one that takes the rest as its value."""
    for word in call.args:
        if word.startswith("--") or not word.startswith("-"):
            continue
        for char in word[1:]:
            if char == letter:
                return True
            if char in "AbcCdDeEFHhKmoPQrtTuUwxXyYz":
                break
    return False


def _wget(call: Call) -> Verdict:
    if call.has("--post-data", "--post-file", "--body-data", "--body-file"):
        return changes("wget sends data")
    method = (call.value("--method") or "GET").upper()
    if method not in {"GET", "HEAD"}:
        return changes(f"wget sends {method}")
    name = call.value("-O", "--output-document")
    if (
        call.grants("--spider")
        or name in {"-", "/dev/null", "/dev/stdout"}
        or any(re.fullmatch(r"-[a-zA-Z]*O-", a) for a in call.args)
    ):
        return READS
    cluster = next((i for i, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-Z]*O", a)), None)
    if cluster is not None and call.args[cluster + 1 : cluster + 2] == ("-",):
        return READS
    return READS if name and is_scratch(name) else _downloads(call, name or "a file")


def _scp(call: Call) -> Verdict:
    plain = plain_words(call.args, words("-P -i -o -F -J -l -S -c -e --rsh --exclude --include --bwlimit --port"))
    if call.has("-S") or (call.name == "rsync" and call.has("--rsync-path")):
        return unknown(f"{call.name} runs a program of its own")
    remote = bool(plain) and re.match(r"[\w.@<>${}-]+:", plain[-1]) is not None
    if call.grants("--dry-run") or (call.name == "rsync" and _in_cluster(call, "n")):
        return READS
    if call.has("--delete", "--remove-source-files", "--delete-after", "--delete-before", "--delete-excluded"):
        return changes(f"{call.name} removes files", destructive=True)
    if remote:
        return changes(f"{call.name} sends files out")
    if plain and is_scratch(plain[-1]):
        return READS
    return _downloads(call, plain[-1] if plain else "files")


TOOLS: dict[str, Rule] = {
    "curl": _curl,
    "wget": _wget,
    "http": lambda c: READS if not ({"POST", "PUT", "PATCH", "DELETE"} & set(c.args)) and not any(re.match(r"[\w-]+:?=", a) for a in c.args) else changes("sends data"),
    "grpcurl": lambda c: READS if c.args[-1:] == ("list",) or "describe" in c.args or "list" in c.args else unknown("grpcurl calls a method"),
    **dict.fromkeys(("scp", "rsync", "sftp"), _scp),
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words("curl wget rsync scp")
