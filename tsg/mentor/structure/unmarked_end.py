"""A branch that is the end of the guide and does not say so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

_STOPS = re.compile(
    r"\b(?:stop(?:s|ped)?|end(?:s|ed)?(?: here| the| this)?|close|closed|resolved?|done|exit|"
    r"finish(?:ed)?|complete|skip|go (?:to|back)|proceed|continue|escalate|return|no further|"
    r"nothing (?:else|more|further|to do)|not (?:use|apply|needed|required|follow|continue)|no action|"
    r"nothing (?:is )?(?:needed|required)|contact|page|call|open|report|next (?:step|section)|over|"
    r"silence|acknowledge|do not|leave|ignore|downgrade|wait|move on|jump|hand|log|note|record)\b|"
    r"\[[^\]]+\]",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"^\W*(?:then\s+|so\s+|and\s+|please\s+|you can\s+|in (?:that|this) case,?\s+)*"
    r"(?:stop|end|close|exit|finish|skip|go (?:to|back)|proceed|"
    r"continue|escalate|return|no (?:further|action)|nothing|do not|don't|"
    r"ignore|silence|acknowledge|resolve|leave|wait|"
    r"otherwise|if not|the (?:incident|alert|guide) (?:is|can be) (?:over|done|closed|finished|resolved))\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"^\W*(?:if|when|in case|where)\b[^.;\n]{3,200}?(?:,|:|\bthen\b)\s*(?:then\s+)?(?P<main>(?:this|"
    r"that|it|the (?:alert|issue|problem|alarm|incident|fault|node|cause|behaviou?r)|everything|there|"
    r"all|you|we|these|you're|it's|that's)\s+(?:is|are|was|were|has|'s|should be|can be|will be|"
    r"may be|must be)\s+[^.;\n]{3,160})",
    re.IGNORECASE,
)
_BENIGN = re.compile(
    r"\b(?:expected|normal|false (?:alarm|positive|alert)|benign|harmless|known (?:issue|problem|bug|"
    r"limitation)|not a (?:real )?(?:problem|fault|incident|concern|bug)|fine|ok|okay|intended|"
    r"by design|transient|temporary|no (?:real )?(?:problem|issue|fault|incident)|healthy|"
    r"already (?:fixed|gone|solved|recovered|cleared)|recovered|over|planned|maintenance|spurious|"
    r"noise|not (?:affected|ours|an outage)|works? (?:again|as (?:designed|intended)))\b",
    re.IGNORECASE,
)


@check(
    "unmarked-end",
    Category.STRUCTURE,
    Severity.INFO,
    "a branch that is the end of the guide and does not say so",
    "The reader goes on with the next step, which was meant for the other case.",
)
def unmarked_end(view: View) -> Iterator[Issue]:
    parts = view.working
    for at, part in enumerate(parts):
        last_part = at + 1 == len(parts)
        for i, prose in enumerate(part.proses):
            for j, sentence in enumerate(prose.sentences):
                found = _VERDICT.match(sentence.text)
                if (
                    found is None
                    or not _BENIGN.search(found["main"])
                    or _STOPS.search(sentence.text[found.start("main") :].replace("is expected", ""))
                ):
                    continue
                if re.search(
                    r"\b(?:not|isn't|aren't) (?:expected|normal|fine|ok|healthy|intended)\b",
                    found["main"],
                    re.IGNORECASE,
                ):
                    continue
                after = " ".join(s.text for s in prose.sentences[j + 1 : j + 2])
                if not after and not prose.is_item and i + 1 < len(part.proses):
                    after = part.proses[i + 1].sentences[0].text if part.proses[i + 1].sentences else ""
                if _ENDS.match(after) or (
                    last_part and prose is part.proses[-1] and sentence is prose.sentences[-1] and len(parts) == 1
                ):
                    continue
                yield Issue(
                    sentence.line,
                    f"'{shortened(sentence.text)}' ends the matter and does not say so",
                    "add what happens: 'close the alert; nothing more is to be done'",
                )
