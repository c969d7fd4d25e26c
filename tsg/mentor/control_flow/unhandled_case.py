"""A state or value that is listed and has no branch or section, while others have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
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
                    yield Issue(
                        line,
                        f"the case '{shortened(name, 40)}' is listed, and nothing says what to do then",
                        "add a branch or section for it, or an 'otherwise'",
                    )


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
                    words = re.search(
                        r"\b(?:one of|either|can be|may be|is (?:one of|either)|are|values?|states?|shows?|prints?|"
                        r"reads|"
                        r"reports?|returns?)[: ]+((?:\"?[A-Za-z][\w-]{2,20}\"?, ){1,8}(?:or |"
                        r"and )?\"?[A-Za-z][\w-]{2,20}\"?,? (?:or|and) \"?[A-Za-z][\w-]{2,20}\"?|"
                        r"(?:[A-Za-z][\w-]{2,20}, ){1,8}(?:or|and) [A-Za-z][\w-]{2,20})",
                        sentence.text,
                    )
                    if words and not re.match(r"\W*(?:if|when)\b", sentence.text, re.IGNORECASE):
                        listed = [
                            w
                            for w in re.findall(r"[A-Za-z][\w-]{2,20}", words[1])
                            if w not in {"and", "the"} and w != "or"
                        ]
                        if 3 <= len(listed) <= 12 and (
                            sum(w[0].isupper() for w in listed) >= 2
                            or re.search(
                                r"\b(?:states?|status|value|phase|colou?r|mode|level|severity)\b",
                                sentence.text,
                                re.IGNORECASE,
                            )
                        ):
                            yield [(w, sentence.line) for w in listed]
        at += 1


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
        if other.section.lines.last < first or other.section.lines.first > last + 8:
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
