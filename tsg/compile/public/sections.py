"""What a heading makes of the text below it: a part of the procedure, background, or a list of causes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tsg.compile.headings import ending_of, number_of
from tsg.guide import Guide, Section


class Role(Enum):
    BACKGROUND = "read, not carried out"
    CAUSES = "what may be behind it: one thing to decide"
    PROCEDURE = "carried out"
    AFTERWARDS = "when it is over: a question to answer, not a way to repair"


@dataclass(frozen=True, slots=True)
class Head:
    """A section seen as a part of the procedure. `label`: the author's number, e.g. `4a`; `parent`: an index."""

    index: int
    role: Role
    parent: int | None
    title: str  # without number and label
    label: str = ""
    condition: str = ""  # "If State is `draining`"
    option: str = ""  # "A" of "Option A: ..."
    remedy: bool = False  # what to do about it, once it is known what is wrong


_LABEL = re.compile(
    r"\W*(?:(?:step|phase|stage|part|section)\s*#?\s*)?(?P<label>\d{1,3}(?:\.\d{1,3})*[a-z]?"
    r"|[a-z](?=[.)]))(?=[\s.):–—-]|$)[\s.):–—-]*",
    re.I,
)
_OPTION = re.compile(
    r"\W*(?:option|alternative|variant|way|approach|method|strategy|scenario|case|path|choice)\s+#?(?P<option>[A-Z]"
    r"|\d{1,2}|one|two|three)\b[\s.):–—-]*",
    re.I,
)
_ISSUE = re.compile(r"(?:(?:issue|problem|symptom|error|failure)\s+#?\d{1,2}\b|symptom:)[\s.):–—-]*", re.I)
_SEVERITY = re.compile(r"(?:critical|warning|info(?:rmational)?|page|ticket|(?:high|medium|low) severity)", re.I)
_CONDITION = re.compile(
    r"(?:if|when|whenever|once|after|in case|for (?=.*\b(?:failures?|errors?|nodes?|pods?|jobs?)\b))\b", re.I
)
_BACKGROUND = re.compile(
    r"(?:do not\b.*|don'?t\b.*|never\b.*|what not to do.*|how (?:it|this) (?:happens|happened|arose|came about).*"
    r"|what happened.*|the (?:story|incident).*|about"
    r"|additional (?:resources|information|notes|reading)|affected\b.*|alert(?: details?| description"
    r"| definition)?"
    r"|appendix.*|applies to|assumptions|audience|authors?|background|change ?log|consequences?|context|contents"
    r"|contacts?"
    r"|definitions?|description|details|example(?:s)?(?: output)?|expected (?:output|result)s?|faq|further reading"
    r"|glossary"
    r"|history|how (?:bad|it works|serious|severe|urgent).*|(?:business |user )?impact(?: assessment)?|introduction"
    r"|key (?:points|concepts|facts)"
    r"|known (?:issues|limitations)|learn more|lessons.*|licen[cs]e|limitations|links|maintainers?|meaning|metadata"
    r"|metrics (?:reference|exposed)|more information|notes?|notices?|objectives?|overview|owners?|permissions|"
    r"prerequisites?|prevention|preventi(?:ve|on) measures|purpose|quick reference|rationale|(?:\w+ )*references?"
    r"|related.*"
    r"|release notes"
    r"|required (?:access|permissions|tools)|requirements|resources|root causes?|scope|see also|severity|sources?"
    r"|summary"
    r"|symptoms?(?: and .*)?|table of contents|terminology|theory.*|toc|useful links|what(?:'s| is| does)? (?:it"
    r"|this|the alert|happening|happened).*"
    r"|what it means|what this (?:means|alert means|is).*|when to use.*|who .*|why .*|causes?|architecture|tl;?dr"
    r"|files|data)\??",
    re.I,
)
_CAUSES = re.compile(
    r"(?:likely|common|possible|potential|probable|typical|known|most likely|frequent) (?:root )?(?:causes?"
    r"|reasons?|culprits?).*"
    r"|what (?:can|could|might|may) (?:cause|be causing).*",
    re.I,
)
_AFTERWARDS = re.compile(
    r"when (?:this|to|a|is a) .*(?:post-?mortem|incident review|retro).*|post-?mortem (?:criteria|needed).*", re.I
)
_REMEDY = re.compile(
    r"(?:(?:immediate|short[- ]term|long[- ]term|quick|recommended|corrective|possible|proposed|suggested) )*"
    r"(?:mitigat|remed|resol|fix|recover|repair|solution|workaround|corrective|treatment|actions? to take)",
    re.I,
)


def heads_of(guide: Guide) -> tuple[Head, ...]:
    """One head for each section, in order. What stands under background is background."""
    heads: list[Head] = []
    above: list[int] = []
    for index, section in enumerate(guide.sections):
        while above and guide.sections[above[-1]].level >= section.level:
            above.pop()
        parent = above[-1] if above else None
        heads.append(_head(index, section, parent, heads))
        above.append(index)
    return _by_severity(heads)


def _by_severity(heads: Sequence[Head]) -> tuple[Head, ...]:
    """Sections called "Critical" and "Warning" side by side are cases of the alert's severity."""
    parents = Counter(h.parent for h in heads if _SEVERITY.fullmatch(h.title))
    return tuple(
        replace(h, condition=h.title) if _SEVERITY.fullmatch(h.title) and parents[h.parent] > 1 else h for h in heads
    )


def _head(index: int, section: Section, parent: int | None, before: Sequence[Head]) -> Head:
    title, label, option = strip_label(section.title)
    issue = _ISSUE.match(title)
    role = _role(title, section)
    outer = before[parent].role if parent is not None else Role.PROCEDURE
    if outer in (Role.BACKGROUND, Role.AFTERWARDS):
        role = outer
    elif outer is Role.CAUSES or (role is Role.CAUSES and not any(b.items for b in section.blocks)):
        role = Role.BACKGROUND
    if label and role is Role.BACKGROUND and outer is Role.PROCEDURE and section.fences:
        role = Role.PROCEDURE  # a number and code: whatever its title asks
    condition = title if (_CONDITION.match(title) or issue) and role is Role.PROCEDURE else ""
    remedy = bool(_REMEDY.match(title)) or (parent is not None and before[parent].remedy)
    return Head(index, role, parent, title, label, condition, option, remedy)


def strip_label(title: str) -> tuple[str, str, str]:
    """A title without its number or option, the number (`4a`), and the option (`B`)."""
    title = title.strip("*_ ")
    if option := _OPTION.match(title):
        return title[option.end() :].strip("*_ :") or title, "", option["option"]
    if (label := _LABEL.match(title)) and (
        number_of(title) is not None or re.match(r"\W*(?:step|phase|\d)", title, re.I)
    ):
        return title[label.end() :].strip("*_ :") or title, label["label"].lower(), ""
    return title, "", ""


def _role(title: str, section: Section) -> Role:
    bare = " ".join(re.sub(r"[^\w\s'?;/-]", " ", title).split())
    if ending_of(section) is not None:
        return Role.BACKGROUND
    if _AFTERWARDS.fullmatch(bare):
        return Role.AFTERWARDS
    if _CAUSES.fullmatch(bare):
        return Role.CAUSES
    if section.level <= 1 and not section.blocks:
        return Role.PROCEDURE
    return Role.BACKGROUND if _BACKGROUND.fullmatch(bare) else Role.PROCEDURE
