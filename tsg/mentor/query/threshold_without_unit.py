"""A number for a latency, size, rate or time without its unit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View
from tsg.mentor.wording import shortened

_LONGEST = 2_000  # characters of a sentence
_ADJECTIVES = (
    r"greater|more|less|higher|lower|larger|longer|shorter|older|newer|younger|bigger|smaller|fuller"
    r"|hotter|cooler|slower|faster|later|sooner|warmer"
)
_COMPARED = re.compile(
    rf"(?P<cmp>\b(?:at or (?:above|below|over|under)|above|over|below|under|exceed(?:s|ed|ing)?"
    rf"|(?:{_ADJECTIVES}) than(?: or equal to)?"
    r"|at least|at most|no more than|beyond|past|reach(?:es|ed)?|hits?|(?:doubled|tripled|risen|grown|dropped"
    r"|fallen) to"
    r"|(?:drops|falls|rises|climbs|grows|goes) (?:up |down )?to|between)|[<>≥≤]=?)\s*(?:about |around |roughly "
    r"|some )?(?P<n>\d[\d.,]*)"
    r"|(?<![\w.,-])(?P<m>\d[\d.,]*)(?=\s+or\s+(?:more|less|higher|lower|longer|shorter|older|above|below|over"
    r"|under|fewer|worse)\b)",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"\b(?:latenc(?:y|ies)|durations?|(?:response|queue|wait(?:ing)?|load|run|round-trip|processing|query"
    r"|execution|start-?up|seek|service)[ -]?times?"
    r"|delays?|lags?|p\d\d(?:\.\d)?|percentiles?|memory|ram|heap|rss|disks?|volumes?|cpu|usage|utili[sz]ation"
    r"|throughput|bandwidth"
    r"|(?<!burn )rate(?! limit)|age|uptime|size|temperature|rtt|jitter|timeouts?|space|skew|offset|drift|clock"
    r"|power|file|files|backlog's age"
    r"|share of|footprint|traffic|swap|cache size|iops)\b"
    r"|\b\w*_(?:for|time|age|lag|delay|duration|latency|size|wait|usage|memory)(?:_(?:avg|max|min|mean|p\d+|sum"
    r"|total))?\b"
    r"|\b(?:duration|latency|lag|size|age|wait|delay)_(?:avg|max|min|mean|p\d+)\b",
    re.IGNORECASE,
)
# Words of a comparison that say by themselves what is measured.
_TELLING = re.compile(
    r"\b(?:longer|shorter|older|younger|newer|slower|faster|later|sooner|fuller|hotter|cooler|warmer) than"
    r"|\b(?:takes?|took|taken|lasts?|lasted|waits?|waited|held|hangs?|run|runs|ran|up|down|idle|old"
    r"|stuck)\s+(?:for\s+)?"
    r"(?:already\s+|been\s+)?(?:more than|less than|longer than|over|under|at least|above|below)",
    re.IGNORECASE,
)
_NO_MEASURE = re.compile(
    r"\b(?:count|number|burn rate|replicas?|score|codes?|status|versions?|release|revision|priority|weight|ratio"
    r"|factor|level|severity"
    r"|rank|index|load average|per (?:second|minute|hour|day|node|core|cpu)|/s|limit of|attempts?|restarts?"
    r"|errors|messages|requests"
    r"|connections|rows|sessions|jobs|pods|nodes|times)\b|\w_(?:seconds|ms|bytes|pct|percent|ratio|count|mb|gb"
    r"|mib|gib|us|ns|minutes|hours)\b",
    re.IGNORECASE,
)
_NO_RATE = re.compile(
    r"\bburn rate|\bper (?:second|minute|hour|day)\b|/s\b|\blimit|\w_(?:ratio|percent|pct)\b", re.IGNORECASE
)
_UNIT = re.compile(
    r"\s*-?(?:%|percent|pct|m?s\b|sec|second|min|minute|h\b|hrs?\b|hour|d\b|day|week|month|[kmgtp]i?b?\b|bytes?"
    r"|bits?|rps|qps|req|requests?|ops"
    r"|iops|x\b|°|c\b|k\b|degrees|celsius|kelvin|bps|[kmg]bps|[kmg]bit|[kmg]i?b/|ms|us|µs|ns|millis?|micros?"
    r"|ratio|cores?|millicores?|cpus?\b|w\b"
    r"|watts?|kw\b|v\b|volts?|a\b|hz|[mg]hz|per\b|/\s?\w|rpm|times?\b|points?\b|times the)",
    re.IGNORECASE,
)
# A noun after the number is what is counted: 2000 records.
_COUNTED = re.compile(
    r"\s+(?:(?!(?:and|or|then|for|in|on|while|go|is|if|when|but|at|so)\b)[a-z-]+\s+)?(?!(?:is|was|has|does|this"
    r"|as|always|unless|less|its)\b)[a-z-]{2,}s\b|\s+(?:people|rows?|of (?:the|them|those|all|these)\b)"
)
_STATED = re.compile(
    r"\b(?:in|as|of)\s+(?:whole\s+)?(?:milliseconds?|microseconds?|nanoseconds?|seconds?|minutes?|hours?|days?|ms"
    r"|us|bytes?|[kmgt]i?b|kilobytes?"
    r"|megabytes?|gigabytes?|percent|degrees|watts|requests per|bits)\b|\((?:ms|s|seconds|milliseconds|minutes"
    r"|bytes|%|percent|[kmgt]i?b)\)",
    re.IGNORECASE,
)
_PAUSE = re.compile(
    r"\b(?:wait|sleep|pause|hold on|give it)\s+(?:for\s+|about\s+|another\s+|at least\s+|up to\s+"
    r"|up\s+)*(?P<n>\d+)(?=\s*(?:[,.;:)]|$|then\b|and\b|before\b|until\b|more,))",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(
    r"[;:—]|,\s(?!(?:in|on|over|for|measured|averaged|as|which)\b)|\s(?:and|or)\s(?=(?:if|when|the|its|a)\b)"
)


@check(
    "threshold-without-unit",
    Category.QUERY,
    Severity.WARNING,
    "a number for a latency, size, rate or time without its unit",
    "500 is half a second or eight minutes: three orders of magnitude decide the branch.",
)
def threshold_without_unit(view: View) -> Iterator[Issue]:
    for part in view.working:
        for prose in part.proses:
            for sentence in prose.sentences:
                if bare := _bare_number(_spoken(sentence.text[:_LONGEST]), part):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(bare)}' has no unit",
                        "write the unit beside the number: 500 ms, 20 GB, 5 %, 30 requests/s",
                    )


def _spoken(text: str) -> str:
    """The sentence without code, names and simple comparisons in code kept."""
    simple = re.compile(r"[\w.%-]+(?:\s*(?:[<>]=?|==?)\s*[\d.]+\s?\w*)?")
    return re.sub(r"`([^`\n]*)`", lambda m: m[1] if simple.fullmatch(m[1].strip()) else " … ", text)


def _bare_number(text: str, part: Part) -> str:
    """The first comparison of a measure with a number that has no unit, or nothing."""
    if found := _PAUSE.search(text):
        return found[0]
    for found in _COMPARED.finditer(text):
        group = "n" if found["n"] else "m"
        number, rest = found[group].rstrip(".,"), text[found.end(group) :]
        if found["n"] and found["n"] != number:
            rest = text[found.start("n") + len(number) :]
        if (other := re.match(r"\s*(?:-|–|to|and|or)\s*\d[\d.,]*", rest)) and (found["cmp"] or "").lower() == "between":
            rest = rest[other.end() :]
        rest = re.sub(
            r"^\s+or\s+(?:more|less|higher|lower|longer|shorter|older|above|below|over|under|fewer|worse)\b", "", rest
        )
        if number in {"0", "0.0"} or "." in number or _UNIT.match(rest) or _COUNTED.match(rest):
            continue
        if re.match(r"[^.;,\n]{0,3}\d", rest):
            continue
        start = max((m.end() for m in _BOUNDARY.finditer(text, 0, found.start())), default=0)
        ends = _BOUNDARY.search(rest)
        before, after = text[start : found.start(group)], rest[: ends.start() if ends else 60][:60]
        if _is_measured(
            before,
            after,
            number,
            "" if found["cmp"] is None else text[start : found.end("cmp")],
            part,
            text[: found.start(group)],
        ):
            return text[max(start, found.start() - 40) : found.end(group)].strip()
    return ""


def _is_measured(before: str, after: str, number: str, compared: str, part: Part, said: str) -> bool:
    """Whether what is compared with the number needs a unit."""
    if _STATED.search(said) or _STATED.search(after):
        return False
    nouns = list(_MEASURE.finditer(before))
    noun = nouns[-1] if nouns else _MEASURE.search(after)
    if noun is None:
        is_told = compared and any(m.end() == len(compared) for m in _TELLING.finditer(compared))
        return bool(is_told) and not _NO_MEASURE.search(before)
    between = before[max(0, noun.start() - 15) :] if nouns else after[: noun.start()]
    word = noun[0].lower()
    if (_NO_RATE if word == "rate" else _NO_MEASURE).search(between):
        return False
    if number == "1" and word != "rate":
        return False
    if word in {"file", "files", "clock", "disk", "disks", "volume", "volumes", "cpu"} and re.search(
        r"\b(?:number|how many|id)\b", before
    ):
        return False
    stem = re.escape(word[:40])
    return re.search(rf"\b{stem}\w*[^.\n]{{0,40}}?(?:{_STATED.pattern})", part.text[:20_000], re.IGNORECASE) is None
