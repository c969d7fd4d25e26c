"""A condition that nothing follows, or a fault that is named without what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.compile.headings import ending_of
from tsg.findings import Severity
from tsg.guide import BlockKind
from tsg.mentor.cases import LEADS, OVER, Case, groups_of, sentence_cases
from tsg.mentor.code import Code
from tsg.mentor.deeds import is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import instructions_in, shortened

_CONDITION_ONLY = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:if|when|whenever|in case|should|unless|once)\b(?P<body>[^,;:→]*?)(?P<end>[.:!…]*)\s*[*_]*$",
    re.IGNORECASE,
)
_HAS_MAIN = re.compile(
    r",|;|:|→|->|=>|—|–| - |\bthen\b|\bdo\b|\bmeans\b|\bindicates?\b|\bsuggests?\b|\bplease\b", re.IGNORECASE
)
_FINDINGS = re.compile(
    r"\b(?:look for|watch for|look out for|check for|common (?:errors?|issues?|problems?|messages?)|"
    r"possible (?:errors?|issues?|problems?|findings?)|check)\s*:?\s*$",
    re.IGNORECASE,
)


@check(
    "condition-without-action",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "a condition that nothing follows, or a fault that is named without what to do about it",
    "The reader knows that it is so, and not what to do.",
)
def condition_without_action(view: View) -> Iterator[Issue]:
    for part in view.working:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        for at, f in enumerate(flow):
            if not isinstance(f, Prose) or f.block.kind == "row":
                continue
            for i, sentence in enumerate(f.sentences):
                last = i + 1 == len(f.sentences)
                if _has_no_action(
                    sentence,
                    last=last,
                    after=flow[at + 1] if at + 1 < len(flow) else None,
                    prose=f,
                    part=part,
                    view=view,
                ):
                    yield Issue(
                        sentence.line,
                        f"nothing follows from '{shortened(sentence.text)}'",
                        "say what to do then: a command, a step to go to, or whom to call",
                    )
        if (
            part.section.level >= 2
            and not part.flow
            and part.end == part.index + 1
            and re.match(r"\W*(?:\d+\w?[.)]\s*)?(?:if|when|in case)\b", part.title, re.IGNORECASE)
        ):
            yield Issue(
                part.section.lines.first,
                f"nothing follows from '{shortened(part.title)}'",
                "say what to do then, or remove the heading",
            )
    yield from _findings_without_fix(view)
    yield from _cases_without_action(view)
    yield from _answers_without_action(view)


# A case that is well is an end, and is told by the check of ends.
_WELL = re.compile(
    r"\b(?:healthy|normal|fine|ok(?:ay)?|expected|good|resolved|recovered|well|harmless|benign|again|works?|over|gone"
    r"|done|none|no longer|below|within|up to date|succeed\w*|success\w*|passed|automatically"
    r"|by (?:it|them)sel(?:f|ves)|not (?:needed|affected))\b",
    re.IGNORECASE,
)
# The same of a case that has no more than its condition.
_FINE = re.compile(
    r"\b(?:healthy|normal|fine|ok(?:ay)?|good|resolved|recovered|harmless|benign|works?|over|gone|done"
    r"|up to date|succeed\w*"
    r"|success\w*|passed|automatically|by (?:it|them)sel(?:f|ves)|not (?:needed|affected))\b",
    re.IGNORECASE,
)
# `Same error everywhere? → A fault of the network`
_ANSWER = re.compile(r"^[^\w\n]*(?P<asked>\w[^?→\n]{4,160}\?)[^\w\n]*?(?:→|->|=>)[ ]*(?P<then>\S[^\n]*)$", re.MULTILINE)
_POINTS = re.compile(
    r"\b(?:steps?|see|section|go|below|above|page|call|contact|tell|ask|no action)\b|`|\d", re.IGNORECASE
)


def _answers_without_action(view: View) -> Iterator[Issue]:
    """Questions whose answers name a cause and leave the reader there."""
    for part in view.working:
        for prose in part.proses:
            silent = [
                m
                for m in _ANSWER.finditer(prose.text)
                if not instructions_in(m["then"]) and not _POINTS.search(m["then"]) and not _WELL.search(m["then"])
            ]
            if silent:
                first = silent[0]
                yield Issue(
                    prose.line_of(first.start("asked")),
                    f"'{shortened(first['asked'])}' leads to a cause, and nothing says what to do about it",
                    "say what to do then: a command, a step to go to, or whom to call",
                )


MOST_SILENT = 0.5  # of a list's cases; where more say nothing, it is no list of cases
FEWEST_LED = 5  # conditions of a guide that send somewhere, before one that does not is an oversight
MOST_UNTOLD = 0.25  # of the conditions of such a guide


def _cases_without_action(view: View) -> Iterator[Issue]:
    """A case whose siblings say what to do, and which only says that it is so."""
    found: dict[int, Case] = {}
    # The words of an end of a guide for stepfleet are its report, and decide nothing.
    working = [p for p in view.working if not (view.native and ending_of(p.section) is not None)]
    for part in working:
        for cases in groups_of(part):
            silent = [c for c in cases if not c.says and not _is_well(c) and not _WHEN.match(c.text)]
            leading = [c for c in cases if c.says and _leads(c)]
            if cases[0].prose is cases[-1].prose:
                leading = [c for c in cases if c.says]
            if not silent or not leading or len(silent) > len(cases) * MOST_SILENT:
                continue
            if cases[0].prose is not cases[-1].prose and len(leading) * 2 < len(cases):
                continue
            found |= {c.sentence.line: c for c in silent}
    told = [c for part in working for prose in part.proses for c in sentence_cases(part, prose)]
    silent = [c for c in told if not c.says and _IF.match(c.text)]
    if sum(c.says and _leads(c) for c in told) >= FEWEST_LED and len(silent) <= len(told) * MOST_UNTOLD:
        found |= {c.sentence.line: c for c in silent if not _is_well(c)}
    for line, case in sorted(found.items()):
        yield Issue(
            line,
            f"'{shortened(case.text)}' is a case like its neighbours, and nothing follows from it",
            "say what to do then: a command, a step to go to, or whom to call",
        )


def _leads(case: Case) -> bool:
    """Whether a case sends somewhere, or says that it is over."""
    is_row = case.prose.block.kind is BlockKind.ROW
    if LEADS.search(case.text) or (is_row and any(p.target for p in case.prose.block.pieces)):
        return True
    return bool(OVER.search(case.text)) and (not case.prose.is_item or bool(_KEYED.match(case.text)))


_KEYED = re.compile(r"[^.:\n]{2,90}:\s")
_WHEN = re.compile(r"\W*when(?:ever)?\b", re.IGNORECASE)  # tells as often as it asks
_IF = re.compile(r"\W*(?:if|otherwise|in case)\b", re.IGNORECASE)


def _is_well(case: Case) -> bool:
    """Whether what is said to follow is that all is well, or needs nobody."""
    if case.main != case.text:
        return bool(_WELL.search(case.main))
    return not _IF.match(case.text) and bool(_FINE.search(case.text))


def _has_no_action(
    sentence: Sentence, *, last: bool, after: Prose | Code | None, prose: Prose, part: Part, view: View
) -> bool:
    text = sentence.text
    found = _CONDITION_ONLY.match(text)
    if found is None or len(found["body"].split()) < 2 or _HAS_MAIN.search(found["body"]):
        return False
    body = found["body"]
    if (
        re.search(
            r"\b(?:go to|restart|run|check|escalate|contact|proceed|skip|continue|is (?:the|a|likely)|must|"
            r"should|will|can|may|need(?:s)? to|ask|use|see)\b",
            body,
            re.IGNORECASE,
        )
        and len(body.split()) > 5
        and not re.search(r"\b(?:should|will|can|may|must)\b", " ".join(body.split()[:3]))
    ):
        return False
    heads = found["end"].startswith(":") or text.rstrip().endswith(("**", ":**", "**:"))
    bold_only = bool(re.match(r"\s*(?:[-*\d.)]+\s+)?(?:\*\*|__)", prose.block.text)) and bool(
        re.search(r"(?:\*\*|__)\s*:?\s*$", prose.block.text)
    )
    if heads or bold_only or text.rstrip().endswith(":"):
        return (after is None and part.end == part.index + 1 and not _next_part_serves(view, part)) or (
            isinstance(after, Prose)
            and bool(_CONDITION_ONLY.match(after.text.strip()))
            and "\n" not in after.text.strip()
            and after.text.rstrip().rstrip("*_").endswith(":")
            and not after.is_item
        )
    if not last:
        following = next(
            (s for s in prose.sentences if s.line >= sentence.line and s is not sentence and s.text != text), None
        )
        return following is None
    if prose.is_item:
        return not any(
            isinstance(f, Prose | Code)
            and prose.block.items[-1] in f.block.items
            and f is not prose
            and f.lines.first > prose.lines.first
            for f in part.flow
        )
    if isinstance(after, Code):
        return False
    if isinstance(after, Prose) and after.is_item:
        return False
    return not re.match(r"\W*once\b", text, re.IGNORECASE)


def _next_part_serves(view: View, part: Part) -> bool:
    following = view.parts[part.index + 1] if part.index + 1 < len(view.parts) else None
    return following is not None and following.section.level > part.section.level


_REMEDY = re.compile(
    r"\b(?:fix|restart|mitigat\w*|resol\w*|remed\w*|escalat\w*|recover\w*|repair|replace|rollback|"
    r"roll back|restore|delete|scale|reconfigure|correct|apply|patch|drain|reboot|update|contact|"
    r"increase|free up|clean)\b",
    re.IGNORECASE,
)
_FAULTS = re.compile(r"\b(?:fail(?:s|ed|ing)?|errors?|broken|denied|refused|problems?)\b", re.IGNORECASE)


def _findings_without_fix(view: View) -> Iterator[Issue]:
    """`If X fails, check:` over bullets of states, with no remedy there or later; a mitigation without a deed."""
    working = view.working
    for at, part in enumerate(working):
        later = " ".join(p.title + " " + p.text for p in working[at + 1 :]) + " ".join(
            c.body for p in working[at + 1 :] for c in p.codes if any(is_change(s) for s in c.statements)
        )
        for i, f in enumerate(part.flow):
            if not isinstance(f, Prose) or f.is_item or not f.sentences:
                continue
            last = f.sentences[-1]
            if (
                not re.match(r"\W*(?:if|when)\b", last.text, re.IGNORECASE)
                or not _FINDINGS.search(last.text)
                or not _FAULTS.search(last.text)
            ):
                continue
            bullets = [p for p in part.flow[i + 1 : i + 10] if isinstance(p, Prose) and p.is_item]
            own = " ".join(b.text for b in bullets)
            if (
                len(bullets) >= 2
                and not _REMEDY.search(own)
                and not _REMEDY.search(re.sub(r"(?i)verify resolution", "", later))
            ):
                yield Issue(
                    last.line,
                    f"'{shortened(last.text)}' names what may be wrong, and no fix for any of it",
                    "give each of them its remedy, or say whom to hand it to",
                )
        if (
            re.search(r"\b(?:mitigation|remediation|resolution|fix)\b", part.title, re.IGNORECASE)
            and part.flow
            and part.end == part.index + 1
            and not any(view.parts[j].title for j in range(part.index + 1, part.end))
        ):
            text = part.text
            if (
                not any(c for c in part.codes if c.statements)
                and not any(instructions_in(s.text) for p in part.proses for s in p.sentences)
                and not _REMEDY.search(re.sub(r"`[^`]*`", "", text.replace("reboot", "")))
                and len(text.split()) > 25
                and not any(p.target for f in part.flow for p in f.block.pieces)
            ):
                yield Issue(
                    part.flow[-1].lines.last,
                    f"the section '{shortened(part.title, 40)}' describes and mends nothing",
                    "say what to do, or whom to hand it to",
                )
