"""A command in a shell block that is shown as an explanation or a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Prose, View

_SHOWN = re.compile(
    r"\b(?:do not|don't|never|must not|should not|shouldn't|avoid|please don't|"
    r"not to)\s+(?:\w+\s+){0,2}?(?:run|execute|use|do|try|type|copy|paste|apply|issue|call)\b"
    r"|\b(?:would|will|may|might|can|could)\s+(?:\w+\s+)?(?:hang|block|fail|crash|break|destroy|wipe|"
    r"loop forever|lock up|freeze|corrupt)\b"
    r"|\b(?:hangs|fails|blocks forever|never returns|does not work|doesn't work|is wrong|is incorrect|"
    r"is dangerous|is not (?:supported|allowed|safe)|breaks|destroys)\b"
    r"|\b(?:wrong|bad|incorrect|dangerous|broken|anti-?pattern|counter-?example|illustration|"
    r"hypothetical|for illustration|illustrates|for reference only|not part of (?:this|the) procedure|"
    r"historical(?:ly)?|background only|in the past|used to (?:run|use)|formerly|purely as|"
    r"only to show|just to show|to illustrate)\b"
    r"|\bfor example,? (?:this|the following|running)\b|\b(?:what|the command that) (?:went wrong|"
    r"caused|broke)\b|\bhow the (?:outage|incident|fault|problem) (?:was|happened)",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:this|these|the following|following|below|command|commands|like|such as|example|it|one|"
    r"running|script|snippet|query|that)\b|:$",
    re.IGNORECASE,
)


@check(
    "explanatory-command",
    Category.CLARITY,
    Severity.INFO,
    "a command in a shell block that is shown as an explanation or a warning",
    "A block with a command reads as an instruction; sooner or later somebody, or a machine, runs it.",
)
def explanatory_command(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for i, flow in enumerate(part.flow):
            if not isinstance(flow, Code) or flow.inline or not flow.statements:
                continue
            before = next((f for f in reversed(part.flow[:i]) if not (isinstance(f, Code) and f.inline)), None)
            after = part.flow[i + 1] if i + 1 < len(part.flow) else None
            if _warns(before, after, flow):
                yield Issue(
                    flow.lines.first,
                    "the command is shown as an explanation or a warning, in a block that reads as an instruction",
                    "say it in a sentence with the command as inline code, or tag the block `text`",
                )


def _warns(before: Prose | Code | None, after: Prose | Code | None, code: Code) -> bool:
    if isinstance(before, Prose) and before.sentences:
        last = before.sentences[-1].text
        if (
            _SHOWN.search(last)
            and _POINTS.search(last)
            and not re.search(r"\b(?:instead|run|use):\s*$|^\W*if\b|^\W*when\b|\binstead\b", last, re.IGNORECASE)
        ):
            return True
    if any(
        re.match(
            r"(?:do not|don't|never|wrong|bad|danger|not like this|this (?:hangs|fails|breaks)|avoid|example of what)",
            c.text,
            re.IGNORECASE,
        )
        for c in code.comments
    ):
        return True
    if isinstance(after, Prose) and after.sentences:
        first = after.sentences[0].text
        return bool(
            re.match(
                r"\W*(?:this|that|the (?:above|command))(?: command| call| one)? (?:\w+ )?(?:hangs|will hang|"
                r"would hang|fails|will fail|would fail|never returns|does not work|is (?:only|"
                r"just) (?:an? )?(?:example|illustration|shown)|must not be run|should not be run|"
                r"was run by mistake|caused|is what (?:caused|broke))",
                first,
                re.IGNORECASE,
            )
        )
    return False
