"""A state or value that is listed and has no branch or section, while others have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.cases import says_what_then
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
from tsg.mentor.wording import lead_verb, shortened

_LISTS_STATES = re.compile(
    r"\b(?:states?|status(?:es)?|values?|phases?|modes?|conditions?|codes?|results?|outcomes?|cases?|"
    r"severit(?:y|ies)|colou?rs?|levels?|reasons?|types?|returns?|prints?|shows?|reports?|one of|"
    r"either|can be|is one of|are|reads|displays|answers)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"`([^`\n]{1,40})`")


@check(
    "unhandled-case",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "a state or value that is listed and has no branch or section, while others have",
    "That case is the one nobody thought of, and somebody will meet it.",
)
def unhandled_case(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for name, line in _shown_and_not_listed(part):
            if not _has_catch_all(view, part.section.lines.first, line) and not _sends(part, line):
                yield _unhandled(name, line)
        for names in _listed_states(part):
            handled = {name: _handled_at(view, name, line) for name, line in names}
            if (
                sum(map(bool, handled.values())) * 2 < len(names)
                or all(handled.values())
                or sum(map(bool, handled.values())) < (2 if len(names) > 2 else 1)
            ):
                continue
            if _has_catch_all(view, names[0][1], max(handled.values())):
                continue
            for name, line in names:
                if not handled[name]:
                    yield _unhandled(name, line)


def _unhandled(name: str, line: int) -> Issue:
    return Issue(
        line,
        f"the case '{shortened(name, 40)}' is listed, and nothing says what to do then",
        "add a branch or section for it, or an 'otherwise'",
    )


def _sends(part: Part, line: int) -> bool:
    """Whether the sentence itself says what then."""
    here = (s for p in part.proses for s in p.sentences if s.line == line)
    return any(says_what_then(s.text) for s in here)


def _listed_states(part: Part) -> Iterator[list[tuple[str, int]]]:
    flow = [f for f in part.flow if isinstance(f, Prose)]
    at = 0
    while at < len(flow):
        prose = flow[at]
        if (
            not prose.is_item
            and _LISTS_STATES.search(prose.text[-160:])
            and not re.search(
                r"\b(?:arguments?|options?|parameters?|flags?|variables?|fields?|settings?|files?|labels?|"
                r"commands?|columns?|tools?|metrics?)\b",
                prose.text[-160:],
                re.IGNORECASE,
            )
        ):
            names: list[tuple[str, int]] = []
            for item in flow[at + 1 :]:
                if not item.is_item and item.block.kind != "row":
                    break
                found = re.match(
                    r"\W{0,4}`([^`\n]{1,40})`|\W{0,4}\*?\(([a-z][\w ]{1,24})\)\*?|\W{0,4}\*\*([\w -]{2,30})\*\*|"
                    r"\W{0,4}([A-Z][A-Za-z_-]{2,30})\s*(?:[:=–—-]|$)",
                    item.block.text,
                )
                if found is None or lead_verb(item.text):
                    names = []
                    break
                names.append((next(g for g in found.groups() if g), item.lines.first))
            if 3 <= len(names) <= 30:
                yield names
        for sentence in prose.sentences:
            if re.search(
                r"\b(?:one of|either|can be|may be|is (?:one of|either)|are|values?|states?|status(?:es)?|"
                r"returns?|prints?|shows?|phases?|reads|reports?|answers)\b",
                sentence.text,
                re.IGNORECASE,
            ):
                tokens = list(dict.fromkeys(_TOKEN.findall(sentence.text)))
                run = re.search(
                    r"`[^`\n]{1,40}`(?:\s*,\s*(?:or |and )?`[^`\n]{1,40}`)+\s*,?\s*(?:or|and)\s*`[^`\n]{1,40}`|"
                    r"`[^`\n]{1,40}`(?:\s*(?:,|or|and|/|\|)+\s*`[^`\n]{1,40}`){2,}",
                    sentence.text,
                )
                if run and not re.match(r"\W*(?:if|when|for|once)\b", sentence.text, re.IGNORECASE):
                    tokens = list(dict.fromkeys(_TOKEN.findall(run[0])))
                    if 3 <= len(tokens) <= 30 and all(" " not in t for t in tokens):
                        yield [(t, sentence.line) for t in tokens]
                else:
                    if not re.match(r"\W*(?:if|when)\b", sentence.text, re.IGNORECASE):
                        listed = _words_in(sentence.text)
                        if 3 <= len(listed) <= 12:
                            yield [(w, sentence.line) for w in listed]
        at += 1


_WORD = r"\"?[A-Za-z][\w-]{1,20}\"?(?: \([^()]{1,40}\))?"
_LIST = re.compile(
    r"\b(?:one of|either|can be|may be|is|are|values?|states?|shows?|prints?|reads|reports?|returns?|colou?rs?|modes?)"
    rf"[: ]+(?P<words>{_WORD}(?:, {_WORD}){{1,8}},? (?:or|and) {_WORD})"
)
_NUMBERS = re.compile(r"(?<![\w.])(?P<numbers>\d{1,6}(?:, \d{1,6}){1,12},? (?:or|and) \d{1,6})(?![\w.%])")
_RANGE = re.compile(r"\bfrom (?P<low>\d{1,2}) (?:to|up to) (?P<high>\d{1,2})\b(?!\s*(?:%|s\b|min|hours?|seconds?))")
MOST_IN_RANGE = 12


def _words_in(text: str) -> list[str]:
    """The values that a sentence lists: words, numbers, or the numbers of a short range."""
    if found := _LIST.search(text):
        bare = re.sub(r"\([^()]*\)", "", found["words"])
        return [w for w in re.findall(r"[A-Za-z][\w-]{1,20}", bare) if w not in {"and", "or", "the"}]
    if found := _NUMBERS.search(text):
        return re.findall(r"\d+", found["numbers"])
    if (found := _RANGE.search(text)) and 2 <= int(found["high"]) - int(found["low"]) <= MOST_IN_RANGE:
        return [str(n) for n in range(int(found["low"]), int(found["high"]) + 1)]
    return []


def _shown_and_not_listed(part: Part) -> Iterator[tuple[str, int]]:
    """A state in capitals that the text shows beside a table or list of such states, none of which is it."""
    keys: dict[str, int] = {}
    for prose in part.proses:
        found = re.match(r"\W{0,4}`([A-Z][A-Z_]{2,20})`", prose.block.text)
        if found and (prose.is_item or prose.block.kind == "row"):
            keys.setdefault(found[1], prose.lines.first)
    if len(keys) < 2:
        return
    text = part.text
    for prose in part.proses:
        for sentence in prose.sentences:
            for found in re.finditer(
                r"\b(?:shows?|reports?|is|becomes|stays|state|status)\s+`([A-Z][A-Z_]{2,20})`", sentence.text
            ):
                if found[1] not in keys and text.count(f"`{found[1]}`") == 1 and prose.block.kind != "row":
                    yield found[1], sentence.line


def _handled_at(view: View, name: str, line: int) -> int:
    """The line of a heading, a condition or a table's row elsewhere that speaks of the value; 0 where none does."""
    bare = name.strip("()* ").lower()
    pattern = re.compile(rf"(?<![\w-]){re.escape(bare)}(?![\w-])")
    for part in view.parts:
        if part.section.lines.first != line and pattern.search(part.title.lower()):
            return part.section.lines.last
        for prose in part.proses:
            if prose.lines.first <= line <= prose.lines.last and not (
                prose.is_item
                and (
                    re.search(
                        r"(?:→|->|=>|:|–|—)\s*\S*\s*(?:go|proceed|continue|restart|run|escalate|skip|do|wait|see|stop|"
                        r"nothing|call|page|step)",
                        prose.text,
                        re.IGNORECASE,
                    )
                )
            ):
                for sentence in prose.sentences:
                    if (
                        sentence.line != line
                        and pattern.search(sentence.text.lower())
                        and re.search(r"\b(?:if|when|for|in case|on|while|once)\b", sentence.text, re.IGNORECASE)
                    ):
                        return sentence.line
                continue
            text = prose.text.lower()
            if not pattern.search(text):
                continue
            if prose.lines.first <= line <= prose.lines.last or prose.block.kind == "row":
                return prose.lines.first
            for sentence in prose.sentences:
                lower = sentence.text.lower()
                if pattern.search(lower) and (
                    re.search(
                        r"\b(?:if|when|for|in case|while|once|on|with|as long as|in state|means|indicates)\b|→|->|:",
                        lower,
                    )
                    or prose.is_item
                ):
                    return sentence.line
    return 0


def _has_catch_all(view: View, first: int, last: int) -> bool:
    """Whether an "otherwise" stands between the list and what follows its last branch."""
    for other in view.parts:
        if other.section.lines.last < first or other.section.lines.first > last:
            continue
        if re.search(
            r"\b(?:any other|otherwise|all other|everything else|else|other (?:states?|values?|cases?))\b",
            other.title,
            re.IGNORECASE,
        ):
            return True
        for prose in other.proses:
            if (
                first <= prose.lines.last
                and prose.lines.first <= last + 2
                and re.search(
                    r"\b(?:otherwise|any other|all other|in all other|other (?:states?|values?|cases?|codes?)|"
                    r"for the rest|anything else|everything else|if none|if neither)\b",
                    prose.text,
                    re.IGNORECASE,
                )
            ):
                return True
    return False
