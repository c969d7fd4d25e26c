"""A change that can be taken back, and no word on how."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.control_flow.guards import is_ordered
from tsg.mentor.deeds import acts, is_reversible
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import shortened

_UNDO = re.compile(
    r"\b(?:roll(?:ing|ed|s)?[ -]?back|roll(?:s|ed|ing)? (?:it|this|them|that|the \w+) back|rollback|revert\w*"
    r"|undo(?:es|ne|ing)?|(?:cannot|can not|can't|never|not) be (?:taken back|reversed|restored|undone)"
    r"|restor(?:e|es|ed|ing) (?:it|them|the (?:old|original|former|previous|saved))"
    r"|scale (?:it |them |the \w+ )?(?:back|down (?:again|afterwards)|up again)"
    r"|back (?:to|at) (?:the |its |their |what )?(?:original|previous|old|former|prior|usual|normal|value"
    r"|it was|before|\d|`)"
    r"|(?:original|previous|former|old) (?:value|replicas?|count|setting|number|size|config\w*|version|revision|state)"
    r"|re-?enable|(?:put|set|switch|turn|change|take|give|bring|move|return)s? (?:it |them |this |that |the \w+ )?back"
    r"|temporar\w*|for the time being|(?:remove|delete|lift|drop) (?:it|them|the [\w-]+(?: [\w-]+)?) (?:again"
    r"|afterwards|later"
    r"|once|when|as soon as)|afterwards,? (?:set|scale|remove|delete|turn|switch)|uncordon|unset|in again"
    r"|(?:off|on|down|up) again|to (?:end|lift|cancel|leave|reverse) (?:this|it|the))\b"
    r"|\b(?:rollout|helm) (?:undo|rollback)\b|\btaint\b[^\n]*-\s*$|osd in\b|\bback out\b",
    re.IGNORECASE | re.MULTILINE,
)
_UNDO_TITLE = re.compile(r"\b(?:roll(?:ing)? ?back|undo(?:ing)?|revert(?:ing)?|back ?out)\b", re.IGNORECASE)
_OPPOSITES = (
    ("on", "off"), ("off", "on"), ("enable", "disable"), ("disable", "enable"), ("add", "remove"), ("pause", "resume"),
    ("pause", "unpause"), ("suspend", "resume"), ("hold", "release"), ("state=drain", "state=resume"),
    ("state=stopped", "state=started"), ("set", "unset"), ("create", "delete"), ("apply", "delete"), ("mask", "unmask"),
    ("stop", "start"), ("cordon", "uncordon"), ("out", "in"), ("disable", "start"), ("deny", "allow"),
    ("put", "delete"), ("add_consumer", "cancel_consumer"), ("cancel_consumer", "add_consumer"), ("swapoff", "swapon"),
    ("-A", "-D"), ("-I", "-D"), ("down", "up"), ("set_policy", "clear_policy"),
)  # fmt: skip
FAR = 10**9  # beyond any line


@check(
    "action-without-undo",
    Category.CONTROL_FLOW,
    Severity.INFO,
    "a change that can be taken back, and no word on how",
    "When it makes things worse, somebody has to find out how to go back, under pressure.",
)
def action_without_undo(view: View) -> Iterator[Issue]:
    if any(_UNDO_TITLE.search(p.title) for p in view.parts):
        return
    for part in view.working:
        for code in part.flow:
            if not isinstance(code, Code) or not code.is_run or (code.inline and not is_ordered(code, part)):
                continue
            for statement in code.statements:
                if is_reversible(statement) and not _has_undo(view, part, code, statement):
                    yield Issue(
                        statement.lines.first,
                        f"no word on how to take back '{shortened(statement.text, 50)}'",
                        "say which value was there before and how to return to it",
                    )
                    break


def _has_undo(view: View, part: Part, code: Code, statement: Statement) -> bool:
    """Whether words beside the change say how to go back, or a command somewhere does the opposite."""
    about = _about(view, part, code, statement)
    if any(_is_way_back(f, about, statement) for f in about if isinstance(f, Prose)):
        return True
    if any(_UNDO.search(c.text) for f in about if isinstance(f, Code) for c in f.comments):
        return True
    if any(_reverses(s.command.argv, statement) for c in view.codes if c.is_run for s in c.statements):
        return True
    return any(_reverses(c.split(), statement) for p in view.parts for f in p.proses for c in f.codes if " " in c)


def _is_way_back(prose: Prose, about: Sequence[Prose | Code], statement: Statement) -> bool:
    """Whether a paragraph tells the way back; one that shows a command tells it of the thing the command names."""
    for sentence in prose.sentences:
        if not _UNDO.search(sentence.text):
            continue
        shown = [c for c in prose.codes if c in sentence.text and " " in c]
        if sentence.text.rstrip(" *_").endswith(":"):
            at = next(i for i, f in enumerate(about) if f is prose)
            shown += [f.body for f in about[at + 1 : at + 2] if isinstance(f, Code) and not f.inline]
        if not shown or any(_shares(text, statement) for text in shown):
            return True
    return False


def _shares(text: str, statement: Statement) -> bool:
    """Whether a command is of the same program, or names one of the same things."""
    own = set(re.findall(r"[A-Za-z_][\w.-]{3,}", statement.text))
    return not own.isdisjoint(re.findall(r"[A-Za-z_][\w.-]{3,}", text)) or statement.text.split()[0] in text.split()


def _reverses(other: Sequence[str], statement: Statement) -> bool:
    """Whether a command does the opposite of a change to something of the same name."""
    own = statement.command.argv
    if tuple(other) == own or tuple(other[:1]) != own[:1]:
        return False
    pairs = [a for a, b in _OPPOSITES if a in own and b in other]
    rescaled = all(any("replicas" in w for w in words) for words in (own, other))
    named = [w for w in own[1:] if not w.startswith("-") and w not in pairs]
    return (bool(pairs) or rescaled) and not set(named[-2:]).isdisjoint(other)


_ALTERNATIVE = re.compile(r"\W*(?:option|alternative|scenario|variant|case|approach)\b", re.IGNORECASE)


def _about(view: View, part: Part, code: Code, statement: Statement) -> list[Prose | Code]:
    """What is said of a change: the text of its step or option, from the change before it to the one after it."""
    step = view.step_of(code)
    flow: list[Prose | Code] = list(step.flow if step is not None and not step.by_heading else part.flow)
    following = view.parts[part.index + 1 : part.index + 2]
    if following and following[0].section.level > part.section.level:
        flow += following[0].flow
    changing = [f.lines.first for f in flow if isinstance(f, Code) and not f.inline and _alters(f)]
    line = statement.lines.first
    before = [at for at in changing if at < code.lines.first]
    after = [at for at in changing if at > code.lines.first and not _is_undoing(flow, at)]
    heads = [p.lines.first for p in flow if isinstance(p, Prose) and _ALTERNATIVE.match(p.text)]
    first = max([0, *(h for h in heads if h <= line)])
    last = min([FAR, *(h for h in heads if h > line), *after])
    if before:
        lead = next((f for f in reversed(flow) if isinstance(f, Prose) and f.lines.last < code.lines.first), None)
        first = max(first, lead.lines.first if lead is not None else code.lines.first)
    return [f for f in flow if first <= f.lines.first < last]


def _alters(code: Code) -> bool:
    return code.is_run and any(acts(s) for s in code.statements)


def _is_undoing(flow: Sequence[Prose | Code], line: int) -> bool:
    """Whether the command of a line is the way back that the sentence before it offers."""
    lead = next((f for f in reversed(flow) if isinstance(f, Prose) and f.lines.last < line), None)
    return lead is not None and bool(lead.sentences) and bool(_UNDO.search(lead.sentences[-1].text))
