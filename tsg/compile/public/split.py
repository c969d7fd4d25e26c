"""One block of code that is several steps: comments set conditions, a change stands behind reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dag.model import Span
from tsg.commands import Command, Does, Remark
from tsg.compile.public.code import Code, changes
from tsg.compile.public.speech import VERBS, is_condition
from tsg.compile.public.unit import Scope

Group = list[Command | Remark]
_TITLE_CHARS = 80
_NUMBERED = re.compile(r"(?:step\s*)?#?\d{1,2}\s*[.:)]\s*", re.I)
_EXPLAINS = re.compile(
    r"(?:expect|look for|look at|should|common|note\b|status|ready|output|example|this |these |the (?:output"
    r"|current|value)"
    r"|you should|returns?\b|shows?\b|if it shows|if current|healthy|result|- |\* |->|→|\(|[a-z-]+ should)",
    re.I,
)
# A condition on what the command before showed: one after the other, no cases of one thing.
_GUARDS = re.compile(
    r"^only\b|\b(?:that|it|previous|above|said|says|printed|prints|returned|succeeded|failed"
    r"|ok)\b",
    re.I,
)
_FOR_CASE = re.compile(r"[Ff]or [A-Z]")
_ONLY = re.compile(r"only (?:on|for|if|when|in|with)\b|[^.]{1,50} only\W*$", re.I)
_ASIDE = re.compile(r"\((?P<condition>(?:if|when|only if) [^()]{3,80})\)", re.I)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one block of code that is a step of its own."""

    lines: Span
    parts: tuple[Command | Remark, ...]
    condition: Scope | None = None
    title: str = ""
    shared: tuple[Span, ...] = ()
    label: str = ""  # the number that its comment gives it
    case: bool = False  # one of several cases: what introduces the block belongs to each


def split(code: Code, *, titled: bool, option: bool = False) -> list[Part]:
    """One part, or several: where comments tell cases apart or number the commands, or a change begins.

    `titled`: comments that title three or more groups make each of them a step too. Below a number they do not:
    there the number is the step. `option`: one of several ways, taken as a whole, where comments do not part it.
    """
    groups = _groups(code)
    if len(groups) < 2:
        apart = [_part(g, _only(g)) for g in _by_risk(code.parts)] if not option else []
        if len(apart) < 2:
            return [Part(code.lines, code.parts)]
        return [apart[0], *(p if p.title else replace(p, title=_command_of(p)) for p in apart[1:])]
    conditions = [_condition_of(g) for g in groups]
    first = next((i for i, c in enumerate(conditions) if c is not None), len(groups))
    guards = any(c is not None and _GUARDS.search(c.condition) for c in conditions)
    if len(groups) - first >= 2 and all(conditions[first:]) and not guards:
        return _cases(groups, conditions, first)
    if _are_cases([_title_of(g) for g in groups]):
        named = [Scope(_title_of(g), _span(g[:1]), form="code") for g in groups]
        return _cases(groups, named, 0)
    numbered = sum(_NUMBERED.match(_title_of(g)) is not None for g in groups)
    destroys = [any(isinstance(p, Command) and p.destructive for p in g) for g in groups]
    if (
        numbered >= 2
        or guards
        or len(set(destroys)) == 2
        or (titled and len(groups) >= 3 and all(_title_of(g) for g in groups))
    ):
        return [_part(g, c) for g, c in zip(groups, conditions, strict=True)]
    writing = [any(isinstance(p, Command) and changes(p) for p in g) for g in groups]
    if True in writing[1:] and not writing[0]:
        at = writing.index(True)
        before, behind = ([p for g in part for p in g] for part in (groups[:at], groups[at:]))
        return [_part(before, None), _part(behind, conditions[at])]
    return [Part(code.lines, code.parts)]


def _cases(groups: Sequence[Group], conditions: Sequence[Scope | None], first: int) -> list[Part]:
    """Commands for one case each; what stands before the first case belongs to all of them."""
    common = [p for g in groups[:first] for p in g]
    shared = (_span(common),) if common else ()
    return [
        Part(_span(g), (*common, *g), c and replace(c, form="code"), _title_of(g), shared, case=True)
        for g, c in zip(groups[first:], conditions[first:], strict=True)
    ]


def _are_cases(titles: Sequence[str]) -> bool:
    """Whether comments name cases of one thing: "operator mode", "plain mode"."""
    words = [t.lower().split() for t in titles]
    return (
        not any(w and w[0] in VERBS for w in words)
        and all(0 < len(w) < 4 and w[-1] == words[0][-1] for w in words)
        and len({tuple(w) for w in words}) == len(words)
    )


def _part(group: Sequence[Command | Remark], condition: Scope | None) -> Part:
    title = _title_of(group)
    number = _NUMBERED.match(title)
    label = re.sub(r"\D", "", number[0]) if number else ""
    return Part(_span(group), tuple(group), condition, _NUMBERED.sub("", title), label=label)


def _groups(code: Code) -> list[Group]:
    """Commands under their comments; a comment that explains a result stays with the command before it."""
    groups: list[Group] = []
    for part in code.parts:
        opens = isinstance(part, Remark) and not part.prose and not _EXPLAINS.match(part.text.strip("# "))
        opens = opens and not (groups and part.lines.first == groups[-1][-1].lines.last)
        if not groups or (opens and any(isinstance(p, Command) for p in groups[-1])):
            groups.append([])
        groups[-1].append(part)
    return _with_commands(groups)


def _by_risk(parts: Sequence[Command | Remark]) -> list[Group]:
    """Commands without comments between them: apart from each on that destroys something, or that only some run."""
    apart: list[Group] = [[]]
    limited = {r.lines.first for r in parts if isinstance(r, Remark) and _ONLY.match(r.text.strip("# "))}
    before: Command | None = None
    for part in parts:
        if isinstance(part, Command):
            if before is not None and (part.destructive or {part.lines.last, before.lines.last} & limited):
                apart.append([])
                before = None
            before = part if part.does is not Does.NOTHING else before
        apart[-1].append(part)
    return apart


def _only(group: Group) -> Scope | None:
    """For what a command is meant, where a note behind it says so: "# on workers only"."""
    noted = next((p for p in group if isinstance(p, Remark) and _ONLY.match(p.text.strip("# "))), None)
    return None if noted is None else Scope(noted.text.strip("# "), noted.lines, form="note")


def _with_commands(groups: Sequence[Group]) -> list[Group]:
    """Comments without a command join the commands before them, or the first ones."""
    kept: list[Group] = []
    ahead: Group = []
    for group in groups:
        if any(isinstance(p, Command) for p in group):
            kept.append([*ahead, *group])
            ahead = []
        elif kept:
            kept[-1] += group
        else:
            ahead += group
    return kept


def _condition_of(group: Sequence[Command | Remark]) -> Scope | None:
    for part in group:
        if isinstance(part, Command):
            break
        text = _NUMBERED.sub("", part.text.strip("# "))
        if is_condition(text) or _FOR_CASE.match(text):
            return Scope(text.rstrip(":"), part.lines)
        if aside := _ASIDE.search(text):
            return Scope(aside["condition"], part.lines)
    return None


def _title_of(group: Sequence[Command | Remark]) -> str:
    """The first comment; one behind a command on its line is a note on that command."""
    noted = {p.lines.last for p in group if isinstance(p, Command)}
    return next((p.text.strip("# :") for p in group if isinstance(p, Remark) and p.lines.first not in noted), "")


def _command_of(part: Part) -> str:
    return next(p.text for p in part.parts if isinstance(p, Command)).partition("\n")[0][:_TITLE_CHARS]


def _span(parts: Sequence[Command | Remark]) -> Span:
    return Span(min(p.lines.first for p in parts), max(p.lines.last for p in parts))
