"""Alternatives ('Option 1', 'either ... or') without a word on when to take which."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.clarity.shared import last_sentence
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, LOOK, PEOPLE, instructions_in, lead_verb, shortened

_OPTION = re.compile(
    r"^\W*(?:option|alternative|approach|method|variant|choice|way|solution|plan|"
    r"possibility)\s*(?:#?\d{1,2}|[A-D]|one|two|three)\b",
    re.IGNORECASE,
)
_CRITERION = re.compile(
    r"\b(?:if|when|unless|depending|depends|prefer(?:red|ably)?|recommended|in case|only|otherwise|"
    r"first choice|fallback|falls? back|"
    r"use this|for (?:small|large|short|long|single|multi|clusters?|nodes?|pods?|workloads?|systems?|"
    r"cases?|environments?|production|staging)|where|whenever|according|suits?|appropriate (?:for|"
    r"when)|best|default|safer|safest|last resort|"
    r"fail(?:s|ed)?|try .{0,30} first|start with|as long as|once|after|whichever (?:is|has|of)|"
    r"based on|mode|not available|unavailable|without)\b",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\beither\b(?P<a>[^.;]*?)\bor\b(?P<b>[^.;]*)", re.IGNORECASE)
_OR_VERB = re.compile(r"\bor\s+(?:else\s+)?(?:alternatively\s+)?(?P<verb>[a-z]+(?:[- ]?back)?)\b", re.IGNORECASE)
_YOU_CAN = re.compile(
    r"\b(?:you|we|one|operators?)\s+(?:can|could|may|might|should|must|need to|have to|are able to)\b|"
    r"\bit is possible to\b",
    re.IGNORECASE,
)
_CHOOSE = re.compile(
    r"\b(?:choose|pick|select|use|apply|try|do|run|follow)\s+(?:one|any|either|whichever|"
    r"whatever)\b(?:\s+(?:one|of))?(?P<rest>[^.;\n]*)|\bwhichever (?:you (?:like|prefer|want)|"
    r"is (?:easier|convenient))|\bas you (?:like|prefer|wish)",
    re.IGNORECASE,
)
_ALTERNATIVELY = re.compile(
    r"^\W*(?:alternatively|or alternatively|another (?:option|way|possibility|approach)|or else|as an alternative)\b",
    re.IGNORECASE,
)


@check(
    "ambiguous-choice",
    Category.CLARITY,
    Severity.WARNING,
    "alternatives ('Option 1', 'either ... or') without a word on when to take which",
    "The choice is made by taste, and the two ways rarely have the same risk.",
)
def ambiguous_choice(view: View) -> Iterator[Issue]:
    yield from _options(view)
    for part in view.working:
        for prose in part.proses:
            for i, sentence in enumerate(prose.sentences):
                after = prose.sentences[i + 1].text if i + 1 < len(prose.sentences) else ""
                if _is_open_choice(part, prose, sentence) and not _CRITERION.search(after[:160]):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(sentence.text)}' leaves open which of the two to do",
                        "say when each is meant: 'if the queue is empty, restart; otherwise drain first'",
                    )


def _is_open_choice(part: Part, prose: Prose, sentence: Sentence) -> bool:
    text = sentence.text
    plain = re.sub(r"`[^`]*`", "code", text)
    if (chosen := _CHOOSE.search(plain)) and re.search(
        r"\b(?:option|way|method|command|approach|these|them|following|or|like|prefer|easier|convenient|wish)",
        plain,
        re.IGNORECASE,
    ):
        return not re.search(
            r"\b(?:if|when|unless|depending|based on|according|that (?:is|has)|with the)\b",
            chosen[0] + plain[chosen.end() :],
            re.IGNORECASE,
        )
    if re.search(_CRITERION, plain):
        return False
    if found := _EITHER.search(plain):
        does = (
            instructions_in(text)
            or _YOU_CAN.search(plain)
            or re.search(r"\b(?:we|you) need to\b|\bto either\b", plain, re.IGNORECASE)
        )
        verbs = {w.lower() for w in re.findall(r"[A-Za-z]+", found["a"])[:2]} & (ACT | PEOPLE)
        return bool((does and lead_verb(text) not in LOOK) or verbs) and lead_verb(text) not in LOOK - {"get"}
    verb = instructions_in(text)
    if verb in ACT or _YOU_CAN.search(plain):
        for other in _OR_VERB.finditer(plain):
            second = other["verb"].lower()
            if (
                second in ACT
                and second != verb
                and verb
                and re.match(r"\s+(?:the|a|an|its?|all|code|that|this|one|to|back|every|each)\b", plain[other.end() :])
            ):
                return True
    return bool(_ALTERNATIVELY.match(plain)) and bool(
        instructions_in(re.sub(_ALTERNATIVELY, "", plain).lstrip(" ,:")) in ACT or _YOU_CAN.search(plain)
    )


def _options(view: View) -> Iterator[Issue]:
    """Groups of `Option 1`, `Option 2` in headings, bold lines or items."""
    groups: list[list[tuple[int, str, str]]] = []
    for part in view.parts:
        if part.section.level and _OPTION.match(part.title):
            text = part.title + " " + _opening(part.text)
            parent = view.parts[part.above[-1]].text[-300:] if part.above else ""
            if groups and groups[-1] and groups[-1][-1][2].startswith("h"):
                groups[-1].append((part.section.lines.first, text, "h"))
            else:
                groups.append([(part.section.lines.first, text, "h" + parent)])
        elif part.section.level:
            groups.append([])
        opened: list[tuple[int, str, str]] = []
        before = ""
        for prose in part.proses:
            lines = [
                m.start()
                for m in re.finditer(
                    r"(?:^|\n)(?=\W*(?:option|alternative|approach|method|variant|choice|way|solution|plan)\s*(?:#?\d|"
                    r"[A-D]\b|one|two|three))",
                    prose.text,
                    re.IGNORECASE,
                )
            ]
            for start in lines:
                offset = start + (prose.text[start : start + 1] == "\n")
                text = _opening(prose.text[offset : offset + 400])
                opened.append((prose.line_of(offset), text, "p" + (before if not opened else "")))
            if not lines and not opened:
                before = prose.text[-300:]
            elif not lines and opened:
                before = ""
        if opened:
            groups.append(opened)
    for group in groups:
        if (
            len(group) >= 2
            and not any(_CRITERION.search(text) for _, text, _ in group)
            and not _CRITERION.search(last_sentence(group[0][2][1:]))
        ):
            yield Issue(
                group[0][0],
                f"{len(group)} options and no word on when to take which",
                "say under which condition each is meant, or keep one",
            )


def _opening(text: str) -> str:
    """A text's first two sentences, where a criterion stands."""
    return " ".join(re.split(r"(?<=[.!?])\s", text[:300], maxsplit=2)[:2])
