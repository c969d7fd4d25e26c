"""Alternatives ('Option 1', 'either ... or') without a word on when to take which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsg.findings import Severity
from tsg.mentor.clarity.shared import last_sentence
from tsg.mentor.code import Code, inline_command
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, LOOK, PEOPLE, STOP_WORDS, instructions_in, lead_verb, shortened
from tsg.words import words

_LABEL = (
    r"(?:option|alternative|approach|method|variant|choice|way|solution|plan|possibility|route|path)\s*"
    r"(?:(?:no\.?|number)\s*)?(?:#?\d{1,2}|[A-D]|one|two|three|I{1,3})\b"
)
_OPTION = re.compile(rf"^\W*{_LABEL}", re.IGNORECASE)
_OPTION_LINE = re.compile(rf"(?:^|\n)(?=\W*{_LABEL})", re.IGNORECASE)
_CRITERION = re.compile(
    r"\b(?:if|when|unless|depending|depends|prefer(?:red|ably)?|recommended|in case|only|otherwise|first choice|"
    r"fall(?:s|ing)? ?back|use this|for (?:the |a |an )?(?:small|large|short|long|single|multi|clusters?|nodes?|"
    r"pods?|"
    r"workloads?|systems?|cases?|environments?|production|staging|`)|where|whenever|according|suits?|"
    r"appropriate (?:for|when)|best|default|safer|safest|last resort|fail(?:s|ed)?|try .{0,30} first|start with|"
    r"as long as|until|whichever (?:is|has|of|comes|applies)|that appl(?:y|ies)|applicable|based on|"
    r"not available|unavailable|without|by the (?:number|size|age|state|kind|type|value|reason|result|order)|"
    r"in (?:this|that|the (?:given|listed|same|following)) order|one after the other|"
    r"below \d|above \d|more than|less than|fewer than|at least|at most|or more|or less)\b",
    re.IGNORECASE,
)
_RULE_OF_CHOICE = re.compile(
    r"\b(?:depend\w*|decides?|determines?|accord\w+|based on|prefer\w*|recommend\w*|whichever (?:is|has|of|comes)|"
    r"that appl(?:y|ies)|applicable|suits?|matches|which (?:one|of|option|way)|in (?:this|that|the \w+) order|"
    r"(?:choose|pick|select|take|decide) by|the first (?:one |of \w+ )?that|(?:option|way|method|variant) (?:1|"
    r"one|A)\b|"
    r"try (?:the )?first|one after the other|start with|until)\b",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\beither\b(?P<a>[^.;]*?)\bor\b(?P<b>[^.;]*)", re.IGNORECASE)
_OR_VERB = re.compile(
    r"\b(?:and/)?or,?\s+(?:(?:else|instead|alternatively|simply|just|directly|maybe|perhaps|to|you (?:can|could|may))"
    r",?\s+)*(?P<verb>[a-z]+(?:[- ]?back)?)\b",
    re.IGNORECASE,
)
_WAITING = words("close continue keep leave open skip wait")
_PRONOUN = re.compile(r"\s+(?:it|them)\b", re.IGNORECASE)
_OBJECT = re.compile(
    r"\s+(?:the|a|an|its?|their|all|code|that|this|these|those|one|some|to|back|every|each|both|any|it|them)\b",
    re.IGNORECASE,
)
_GO = (
    r"(?:go(?:ing)?(?: back| on| straight| directly)?(?: to| with)|continue(?: with| at)|proceed(?: to| with)|"
    r"skip to|jump to|carry on with|resume(?: with| at)|move on to|return to)"
)
_GO_OR_GO = re.compile(
    rf"\b{_GO}\b[^.;]{{1,80}}?\bor\b,?\s*(?:(?:else|alternatively|instead|directly|otherwise|even|rather)\s*,?\s*)*"
    rf"(?:{_GO}|to\b|with\b|at\b|step\b|section\b|no\. ?\d|\d)",
    re.IGNORECASE,
)
_CODE_OR_CODE = re.compile(r"`(?P<a>[^`]+)`,?\s+(?:or|or else|or alternatively|or,? instead,?)\s+`(?P<b>[^`]+)`")
_YOU_CAN = re.compile(
    r"\b(?:you|we|one|operators?)\s+(?:can|could|may|might|should|must|need to|have to|are able to|are free to)\b|"
    r"\bit is (?:also )?possible to\b",
    re.IGNORECASE,
)
_NEEDED = re.compile(r"\b(?:we|you) need to\b|\bto either\b", re.IGNORECASE)
_CHOOSE = re.compile(
    r"\b(?:choose|pick|select|use|apply|try|do|run|follow|take|perform|carry out|execute)\s+(?:just |only )?"
    r"(?:(?:one|any|either|whichever|whatever)\b(?:\s+of)?(?P<rest>[^.;\n]*)|"
    r"between\b)|\b(?:one|either|any) of (?:the|these|those|them)\b[^.;\n]{0,40}\b(?:works?|will do|does (?:it|"
    r"the job)|"
    r"is (?:fine|enough|sufficient))\b",
    re.IGNORECASE,
)
_WAYS = re.compile(
    r"\b(?:options?|ways?|methods?|commands?|approach(?:es)?|these|them|those|following|two|three|variants?|"
    r"alternatives?|possibilit\w+|procedures?|actions?|measures?|remed\w+|below)\b",
    re.IGNORECASE,
)
_USE_ONE = re.compile(
    r"\b(?:choose|pick|select|use|apply|try|do|take|follow|perform|decide for)\s+(?:just |only )?(?:one|"
    r"either)(?: of (?:them|the two|"
    r"these|those|both))?\s*[.;!]?$",
    re.IGNORECASE,
)
_AS_GOOD = re.compile(
    r"\b(?:works?|do|does|helps?) (?:too|as well|also|just as well|equally well)\b|\bis (?:also|equally|"
    r"just as) (?:possible|fine|"
    r"good|an option)\b",
    re.IGNORECASE,
)
_TASTE = re.compile(
    r"\b(?:whichever|whatever|what|which)(?: (?:one|way|option|command|method|of \w+))? (?:you (?:like|prefer|"
    r"want|please|fancy|feel)|"
    r"seems (?:easier|better|best|right)|(?:is|looks) (?:easier|more convenient|convenient|handy|quicker))|"
    r"\b(?:as|if) you (?:like|prefer|wish|please|fancy)\b|\b(?:it is|it's|that is|is) (?:entirely |all )?up to you\b|"
    r"\byour (?:choice|call)\b|\ba matter of (?:taste|preference)\b|\bit (?:does not|doesn't) matter which\b|"
    r"\bno matter which\b|\b(?:both|either|all) (?:\w+ ){0,3}(?:work|works|do the job|will do|are (?:fine|possible|"
    r"equally good)|is (?:fine|possible))\b",
    re.IGNORECASE,
)
_ALTERNATIVELY = re.compile(
    r"^\W*(?:alternatively|or alternatively|(?:another|a second|a different|one more|the other) (?:option|way|"
    r"possibility|approach|method|route|remedy)(?: (?:is|would be|consists of|to \w+ (?:it|this|that) is))?|or else|"
    r"as an alternative|you (?:may|might|could|can) (?:just )?as well|(?:you|one|we) (?:can|could|may) also|"
    r"optionally instead)\b",
    re.IGNORECASE,
)
_BARE_OR = re.compile(r"\W*(?:or|alternatively|or alternatively|or else|or instead)\b[^.\w]{0,4}$", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|never|no|don't|neither|avoid|nor)\b", re.IGNORECASE)
_LED = re.compile(
    r"^\W*(?:if|when|once|unless|after|before|in case|as soon as|otherwise|for|until|while)\b[^,:]{0,200}[,:]\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Option:
    """One of several options: the line of its label, its opening words, and what introduces it."""

    line: int
    text: str
    before: str = ""


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
        for at, prose in enumerate(part.flow):
            if not isinstance(prose, Prose):
                continue
            for i, sentence in enumerate(prose.sentences):
                after = prose.sentences[i + 1].text if i + 1 < len(prose.sentences) else ""
                if _is_open_choice(part, at, prose, sentence) and not _CRITERION.search(after[:160]):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(sentence.text)}' leaves open which of the two to do",
                        "say when each is meant: 'if the queue is empty, restart; otherwise drain first'",
                    )


def _is_open_choice(part: Part, at: int, prose: Prose, sentence: Sentence) -> bool:
    text = sentence.text
    plain = re.sub(r"`[^`]*`", "code", text)
    if (
        _TASTE.search(plain)
        or (_AS_GOOD.search(plain) and _YOU_CAN.search(plain))
        or _USE_ONE.search(plain)
        or _is_or_between_codes(part, at, prose)
    ):
        return True
    if (chosen := _CHOOSE.search(plain)) and _WAYS.search(plain[chosen.start() :]):
        if _NEGATED.search(plain[: chosen.start()][-20:]) or _CRITERION.search(plain[chosen.start() :]):
            return False
        return not _is_decided_below(part, at, prose)
    led = _LED.match(plain)
    main = plain[led.end() :] if led else plain
    if _CRITERION.search(main) or _NEGATED.search(main):
        return False
    if led is None and _CRITERION.search(plain):
        return False
    if _GO_OR_GO.search(main):
        return True
    if found := _EITHER.search(main):
        does = instructions_in(main) or _YOU_CAN.search(main) or _NEEDED.search(main)
        verbs = {w.lower() for w in re.findall(r"[A-Za-z]+", found["a"])[:2]} & (ACT | PEOPLE)
        return bool((does and lead_verb(main) not in LOOK) or verbs) and lead_verb(main) not in LOOK - {"get"}
    verb = instructions_in(main)
    if verb in ACT or _YOU_CAN.search(main):
        for other in _OR_VERB.finditer(main):
            second = other["verb"].lower()
            objects = _OBJECT if second in ACT or second in _WAITING else _PRONOUN
            if second not in STOP_WORDS and second != verb and verb and objects.match(main[other.end() :]):
                return True
    if (verb or _YOU_CAN.search(main)) and verb not in LOOK and (codes := _CODE_OR_CODE.search(text)):
        return inline_command(codes["a"]) and inline_command(codes["b"])
    other_way = _ALTERNATIVELY.match(main)
    if other_way is None:
        return False
    rest = re.sub(r"^\W*(?:is\s+)?(?:to\s+)?", "", main[other_way.end() :])
    return instructions_in(rest) in ACT or bool(_YOU_CAN.search(rest))


def _is_or_between_codes(part: Part, at: int, prose: Prose) -> bool:
    """Whether a piece is no more than `Or:` between two blocks of commands."""
    if not _BARE_OR.match(prose.text) or not 0 < at < len(part.flow) - 1:
        return False
    around = (part.flow[at - 1], part.flow[at + 1])
    return all(isinstance(f, Code) and not f.inline and bool(f.statements) for f in around)


def _is_decided_below(part: Part, at: int, prose: Prose) -> bool:
    """Whether the list or the paragraphs that follow a choice say when each is meant."""
    depth = len(prose.block.items)
    for flow in part.flow[at + 1 : at + 13]:
        if isinstance(flow, Code):
            continue
        is_inside = len(flow.block.items) > depth or flow.block.kind == "row" or bool(_OPTION.match(flow.text))
        if not is_inside or flow.block.items[:depth] != prose.block.items[:depth]:
            break
        opening = _opening(flow.text)
        if _CRITERION.search(opening) or re.match(r"\W*(?:`[^`]+`|[<>=≤≥]|\d)[^.]{0,60}?:", opening):
            return True
    return False


def _options(view: View) -> Iterator[Issue]:
    for group in _groups(view):
        if len(group) < 2 or any(_CRITERION.search(option.text) for option in group):
            continue
        before = group[0].before.strip()
        last_two = re.split(r"(?<=[.!?:])\s", before)[-2:]
        if _RULE_OF_CHOICE.search(" ".join(last_two)) or (
            before.endswith(":") and _CRITERION.search(_main(last_sentence(before)))
        ):
            continue
        yield Issue(
            group[0].line,
            f"{len(group)} options and no word on when to take which",
            "say under which condition each is meant, or keep one",
        )


def _main(sentence: str) -> str:
    """What a sentence says behind the condition it opens with; nothing where it is no more than that."""
    led = _LED.match(sentence + " ")
    return sentence[led.end() :] if led else sentence


def _groups(view: View) -> Iterator[Sequence[_Option]]:
    """Runs of `Option 1`, `Option 2` in headings, bold lines, paragraphs or items."""
    headed: list[_Option] = []
    for part in view.parts:
        if part.section.level and _OPTION.match(part.title):
            before = "" if headed or not part.above else view.parts[part.above[-1]].text[-300:]
            headed.append(_Option(part.section.lines.first, part.title + ". " + _opening(part.text), before))
        elif part.section.level:
            yield headed
            headed = []
        labelled: list[_Option] = []
        before = ""
        for prose in part.proses:
            starts = [m.start() for m in _OPTION_LINE.finditer(prose.text)]
            for start in starts:
                offset = start + (prose.text[start : start + 1] == "\n")
                text = _opening(prose.text[offset : offset + 400])
                labelled.append(
                    _Option(prose.line_of(offset), text, (prose.text[:offset] or before) if not labelled else "")
                )
            if not starts and not labelled:
                before = prose.text[-300:]
        yield labelled
    yield headed


def _opening(text: str) -> str:
    """A text's first two sentences, where a criterion stands."""
    return " ".join(re.split(r"(?<=[.!?])\s", text[:300], maxsplit=2)[:2])
