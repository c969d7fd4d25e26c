"""A risky step that nothing checks afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.commands import Does
from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.control_flow.exits import Place, ends, exits, next_place
from tsg.mentor.control_flow.guards import is_ordered
from tsg.mentor.deeds import acts, is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import shortened

_VERIFIES = re.compile(
    r"\b(?:verif(?:y|ies|ied|ication)|confirm(?:s|ed)?|(?:double-?|re-?)?check(?:s|ed|ing)?|validat\w*|ensure|make sure"
    r"|(?:should|must|has to|have to|ought to|will|needs to) (?:now |then |again |all |soon )*(?:be|show|return"
    r"|report|drop|go"
    r"|become|come|read|print|say|list|appear|disappear|fall|recover|clear|resolve|start|answer|stay)"
    r"|(?<!you )should (?:\w+ )?\w+|within (?:\d+|a|two|five|ten|some|a few) (?:s|min|seconds?|minutes?|hours?)"
    r"|monitor|watch|observe|wait (?:until|for|till|\d|a few|some)|expect\w*|see (?:that|whether|if|how)"
    r"|look (?:at|for|whether)"
    r"|until (?:it|the|all|they)|comes? (?:back|up)|returns? to|(?:is|are) (?:back|healthy|ready|running|gone)"
    r"|resolved when|again healthy|compare|measure|test (?:that|whether|if|the|it)|repeat|(?:run|look|ask|count"
    r"|read|query) "
    r"[^.;]{0,60}\bagain\b|once more|worked if|has worked)\b",
    re.IGNORECASE,
)
_SETTLED = re.compile(
    r"\b(?:verif\w*|validat\w*|confirm\w*|recover\w*|monitor\w*|resolution check|after(?:wards|math)?"
    r"|post-?checks?|check"
    r"|is it (?:over|gone|fixed|better)|watch|did it (?:help|work)|wait)\b|\?\s*$",
    re.IGNORECASE,
)
_AWAITS = re.compile(r"\brollout status|--wait\b|--watch\b|\bkubectl\b.*\bwait\b|--atomic\b", re.IGNORECASE)
_MINOR = re.compile(
    r"\b(?:mkdir|umount|ln|chmod \+x|label|annotate|create (?:ns|namespace|token))\b|\bmv\s|\bcp\s|"
    r"\btee\b|crash archive|kubectl\s+(?:\S+\s+)*uncordon|--dry-run"
)
_THEN_ON = re.compile(r"\b(?:then|and|afterwards),? (?:go|continue|proceed|move|return)\b", re.IGNORECASE)
_UNDOES = re.compile(
    r"\b(?:undo\w*|revert\w*|roll\w* (?:it |this )?back|take (?:this|it|that) back|back out|to return"
    r"|clean(?:ing)? up)\b",
    re.IGNORECASE,
)


@check(
    "action-without-verification",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "a risky step that nothing checks afterwards",
    "The guide goes on as if it had worked.",
)
def action_without_verification(view: View) -> Iterator[Issue]:
    for part in view.working:
        for at, code in enumerate(part.flow):
            if not isinstance(code, Code) or not code.is_run or (code.inline and not is_ordered(code, part)):
                continue
            deeds = [s for s in code.statements if _is_deed(s)]
            if not deeds or _is_way_back(part, at, code):
                continue
            last = max(deeds, key=lambda s: s.lines.first)
            if not _is_checked(view, part, at, code, last):
                yield Issue(
                    last.lines.first,
                    f"nothing checks whether '{shortened(last.text, 50)}' worked",
                    "add what to look at afterwards, and what it should show",
                )


def _is_deed(statement: Statement) -> bool:
    """A change that a reader would want to see the effect of."""
    return acts(statement) and not _MINOR.search(" ".join(statement.command.argv))


def _is_way_back(part: Part, at: int, code: Code) -> bool:
    """Whether the command is what a sentence offers for taking another one back."""
    before = next((f for f in reversed(part.flow[:at]) if isinstance(f, Prose)), None)
    if before is None or not before.sentences:
        return False
    told = next((s for s in before.sentences if code.inline and code.body in s.text), before.sentences[-1])
    return bool(_UNDOES.search(told.text)) and (code.inline or told.text.rstrip(" *_").endswith(":"))


def _is_checked(view: View, part: Part, at: int, code: Code, last: Statement) -> bool:
    if _AWAITS.search(last.text) or any(_reads(s) for s in code.statements if s.lines.first > last.lines.last):
        return True
    step = view.step_of(code)
    own = step.flow if step is not None and not step.by_heading else part.flow
    rest = _rest(own, code)
    until_next = rest[: next((i for i, f in enumerate(rest) if isinstance(f, Code) and _changes(f)), len(rest))]
    if _verifies(until_next) or _branch_says(part, code):
        return True
    proses = [f for f in until_next if isinstance(f, Prose)]
    lead = next((f for f in reversed(part.flow[:at]) if isinstance(f, Prose)), None)
    if lead is not None and _THEN_ON.search(lead.text):
        proses.append(lead)
    if until_next == rest:
        if ends(proses) and not exits(view, part, proses):
            return False
        if sent := exits(view, part, proses):
            return any(_looks(place) for place in sent)
        if _is_settled_later(view, part):
            return True
        place = next_place(view, part, step)
        return place is not None and _looks(place)
    return not ends(proses)  # what checks the next change of the same step or section checks both


def _rest(own: Sequence[Prose | Code], code: Code) -> list[Prose | Code]:
    """What a step or section holds below a command."""
    at = next((i for i, f in enumerate(own) if f is code), None)
    if at is None:
        return []
    rest = list(own[at + 1 :])
    if code.inline:  # the words after it stand in the paragraph that holds it
        block = next((f for f in own if isinstance(f, Prose) and f.block is code.block), None)
        rest = [*([block] if block is not None else []), *rest]
    return rest


def _reads(statement: Statement) -> bool:
    return statement.command.does is Does.READS or (
        not is_change(statement) and not re.match(r"(?:echo|cd|export|exit|sleep)\b", statement.text)
    )


def _changes(code: Code) -> bool:
    return code.is_run and not code.inline and any(is_change(s) for s in code.statements)


def _verifies(flow: Sequence[Prose | Code]) -> bool:
    """Whether words or a command look at what has become of it."""
    for f in flow:
        if isinstance(f, Code):
            if f.is_run and not f.inline and any(_reads(s) for s in f.statements):
                return True
        elif any(_VERIFIES.search(s.text) and not _UNDOES.match(s.text.lstrip(" *_>")) for s in f.sentences):
            return True
    return False


def _looks(place: Place) -> bool:
    """Whether a place, once reached, looks at the state before it changes something more."""
    changed = next((i for i, f in enumerate(place.flow) if isinstance(f, Code) and _changes(f)), None)
    before = place.flow if changed is None else place.flow[:changed]
    if changed is None:
        return bool(_SETTLED.search(place.title)) or _verifies(before)
    return any(isinstance(f, Code) and f.is_run and not f.inline for f in before) and _verifies(before)


def _is_settled_later(view: View, part: Part) -> bool:
    """Whether a later section is there to check the whole, and this one sends to no other place."""
    return any(_SETTLED.search(p.title) for p in view.parts[part.index + 1 :])


def _branch_says(part: Part, code: Code) -> bool:
    """Whether the sentence before the command says how its effect shows."""
    before = next((f for f in reversed(part.flow) if isinstance(f, Prose) and f.lines.last < code.lines.first), None)
    return before is not None and bool(
        re.search(
            r"\b(?:and (?:verify|check|confirm|wait|watch|monitor|see)|until|then (?:verify|check|confirm|watch))\b",
            before.sentences[-1].text if before.sentences else "",
            re.IGNORECASE,
        )
    )
