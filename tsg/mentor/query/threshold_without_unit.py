"""A number for a latency, size, rate or time without its unit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

_MEASURE = re.compile(
    r"\b(?:latency|duration|response times?|delay|lag|p\d\d|percentile|memory|disk|cpu|usage|"
    r"utili[sz]ation|throughput|bandwidth|rate|age|uptime|size|temperature|queue time|wait time|"
    r"runtime|rtt|jitter|timeouts?|free space|space|load time|skew|offset|drift|"
    r"power)\b[^.;,\n]{0,50}?"
    r"(?P<cmp>\b(?:is |are |stays |remains |goes |rises |climbs |gets |grows |falls |drops )?(?:above|"
    r"over|below|under|exceeds?|greater than|more than|less than|higher than|lower than|larger than|"
    r"longer than|at least|at most|beyond|past|reaches|>=?|<=?)|"
    r"[<>]=?)\s*(?P<n>\d[\d.,]*)(?P<unit>\s*(?:%|[°A-Za-zµ]+)?)",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"^\s*(?:%|percent|pct|m?s\b|sec|second|min|minute|h\b|hour|d\b|day|week|[kmgtp]i?b?\b|bytes?|rps|"
    r"qps|req|requests?|ops|iops|x\b|times|°|c\b|degrees|celsius|bps|[kmg]bps|[kmg]bit|ms|us|µs|ns|"
    r"ratio|cores?|millicores?|w\b|watts?|ratio|per|messages?|errors?|connections?|of\b)",
    re.IGNORECASE,
)


# Comparisons whose words already say that a time, or an amount that is left, is meant.
_TIMED = re.compile(
    r"\b(?:(?:longer|older|sooner|later|newer|younger) than"
    r"|(?:takes?|took|taken|lasts?|lasted|waits?|waited|held|hangs?|runs?|ran)"
    r"\s+(?:for\s+)?(?:more|less|longer|over|under) (?:than )?)\s*(?P<n>\d[\d.,]*)(?P<rest>.{0,14})",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"\b(?:less|more|fewer) than (?P<n>\d[\d.,]*)"
    r"(?P<rest>\s+(?:is|are|remains?)\s+(?:left|free|available|unused)\b.{0,4})",
    re.IGNORECASE,
)
_OR_LESS = re.compile(
    r"(?:\b(?:latency|duration|lag|delay|wait(?:ing)?(?: time)?(?: for [\w ]{1,30})?|time|age|size|usage|space|memory"
    r"|rate)"
    r"\b[^.;,\n]{0,40}?|`\w*(?:_for|_time|_age|_lag|_delay|_duration|_latency|_size|_wait)`[^.;,\n]{0,30}?)"
    r"\s(?:is|are|was|stays)\s+(?P<n>\d[\d.,]*)(?P<rest>\s+or\s+(?:less|more|fewer|higher|lower|above|below)\b.{0,4})",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"\b(?:rate|usage|utili[sz]ation|share|ratio)\b[^.;,\n]{0,40}?\b(?:above|over|below|under|more than|less than)\s+"
    r"(?P<n>\d+)(?P<rest>[^\w%.].{0,8}|$)",
    re.IGNORECASE,
)


def _bare_numbers(text: str) -> Iterator[str]:
    for pattern in (_TIMED, _LEFT, _OR_LESS, _RATE):
        for found in pattern.finditer(text):
            rest = re.sub(r"^\s+or\s+(?:less|more|fewer|higher|lower|above|below)\b", "", found["rest"])
            unit = _UNITS.match(rest) or re.match(r"\s*(?:-\s*)?\d|\s*`", rest)
            if unit is None and found["n"].rstrip(".,") != "0" and "." not in found["n"].rstrip(".,"):
                yield found[0].strip()


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
                if bare := next(_bare_numbers(sentence.text), None):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(bare)}' has no unit",
                        "write the unit beside the number: 500 ms, 20 GB, 5 %, 30 requests/s",
                    )
                    continue
                plain = re.sub(r"`([^`\n]*)`", r"\1", sentence.text)
                for found in _MEASURE.finditer(plain):
                    number = found["n"].rstrip(".,")
                    rest = plain[found.end("n") :]
                    if (
                        _UNITS.match(rest)
                        or number in {"0", "1", "0.0"}
                        or re.match(r"\s*-\s*\d", rest)
                        or (number.startswith("0."))
                    ):
                        continue
                    if re.match(r"[^.;,\n]{0,4}\d", rest) or re.search(
                        r"\b(?:count|number of|burn rate|replicas?|pods|score|code|status|version)\b",
                        found[0],
                        re.IGNORECASE,
                    ):
                        continue
                    yield Issue(
                        sentence.line,
                        f"'{shortened(found[0])}' has no unit",
                        "write the unit beside the number: 500 ms, 20 GB, 5 %, 30 requests/s",
                    )
                    break
