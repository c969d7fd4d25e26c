"""The guide breaks off: after a colon, or with a condition and no word on the other case."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, View
from tsg.mentor.wording import instructions_in, shortened

_COMPLEMENT = re.compile(
    r"\b(?:otherwise|else|if not|if (?:it|this|that|they|none|no|neither)\b[^.]*\b(?:not|n't|none)|"
    r"in (?:all|any) other cases?|if none|unless|still|does not|doesn't|do not|not|no|none|nothing|"
    r"no longer|fails|cannot|persists?|remains?|any other|neither)\b",
    re.IGNORECASE,
)
_ESCALATES = re.compile(
    r"\b(?:escalate|contact|page|call|open (?:a|an) (?:ticket|case|incident|issue|bug)|file (?:a|an)|"
    r"support|notify|inform|report|engage|raise|ask|close|resolved|done|finished|on-call|hand (?:over|"
    r"off)|stop|end|postmortem|post-mortem|document|repeat|return|go (?:to|back))\b",
    re.IGNORECASE,
)


_IS_OVER = re.compile(
    r"\b(?:needs?|needed|required?|necessary|want|wish|questions?|help|doubt|unsure|unclear|resolved|solved|fixed|done|over"
    r"|finished|completed?|successful(?:ly)?|recovered|healthy|works?|all|everything|any|you|we)\b",
    re.IGNORECASE,
)

_OPENS = re.compile(r"\W*(?:\d+[.)]\s*)?(?:if|when)\b(?P<cond>[^,;]*)[,;:]", re.IGNORECASE)
_TRAILS = re.compile(r"\w\s+(?:only )?(?:if|when)\s+(?P<cond>[^,;]{4,120})[.!]?$", re.IGNORECASE)


@check(
    "unexpected-end",
    Category.STRUCTURE,
    Severity.WARNING,
    "the guide breaks off: after a colon, or with a condition and no word on the other case",
    "Who arrives there in the other case has no next step.",
)
def unexpected_end(view: View) -> Iterator[Issue]:
    for part in view.parts:
        if not part.flow:
            continue
        last = part.flow[-1]
        ends = isinstance(last, Prose) and not part.is_background and part.end == part.index + 1
        if (
            ends
            and isinstance(last, Prose)
            and re.search(
                r"(?:[:,;]|\b(?:then|and|or|the|to|with|by|run|following|if|of|for|from|otherwise|until))\s*[*_]*$",
                last.text.rstrip(),
            )
            and last.block.kind != "row"
            and not _is_label(last)
        ):
            yield Issue(
                last.lines.last,
                f"the text ends after '{shortened(last.text.strip()[-40:])}', and nothing follows",
                "finish the sentence, or remove it",
            )
    final = next((p for p in reversed(view.working) if p.flow), None)
    if final is None or view.native:
        return
    own = [f for f in final.flow if not (isinstance(f, Code) and f.inline)]
    for f in reversed(own):
        if isinstance(f, Code):
            return
        sentences = f.sentences
        break
    else:
        return
    last_sentence = sentences[-1].text if sentences else ""
    found = re.match(r"\W*(?:\d+[.)]\s*)?(?:if|when)\b(?P<cond>[^,;]*)[,;:]", last_sentence, re.IGNORECASE)
    found = found or re.search(
        r"\w\s+(?:only )?(?:if|when)\s+(?P<cond>[^,;]{4,120})[.!]?$", last_sentence, re.IGNORECASE
    )
    if found is None or _COMPLEMENT.search(last_sentence):
        return
    if _ESCALATES.search(last_sentence) and _IS_OVER.search(found["cond"]):
        return
    step = view.step_of(f)
    own_step = [p for p in final.proses if p is not f and (step is None or p in step.flow)]
    before = " ".join(s.text for s in sentences[:-1][-2:]) + " ".join(p.text for p in own_step)[-400:]
    if re.search(r"\b(?:if|otherwise|else)\b", before, re.IGNORECASE) and _COMPLEMENT.search(before):
        return
    if not instructions_in(last_sentence):
        return
    yield Issue(
        sentences[-1].line,
        f"the guide ends with '{shortened(last_sentence)}' and no word on the other case",
        "add 'Otherwise ...': whom to tell, or that the incident is over",
    )


def _is_label(prose: Prose) -> bool:
    return bool(re.match(r"\W*[\w /-]{1,30}:\s*$", prose.text)) and prose.is_item
