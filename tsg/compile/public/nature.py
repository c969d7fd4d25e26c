"""What a unit does: its kind, and what makes it risky. Only what is known to read is not risky."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dag.model import Kind
from tsg.commands import Command, Does
from tsg.compile.public.code import changes, inline_commands, opens_shell
from tsg.compile.public.speech import CHANGING, READING, TALKING, Act, Sentence
from tsg.compile.public.unit import Unit
from tsg.words import words

_DECIDES = re.compile(
    r"(?:manually |then )?(?:decide|determine|analy[sz]e|interpret|evaluate|assess|diagnose|choose|consider"
    r"|confirm (?:that|whether|if)"
    r"|identify (?:the )?(?:likely |probable |root )?(?:pattern|reason|cause)s?|compare|correlate|conclude|classify"
    r"|triage|monitor if"
    r"|see if|check (?:if|whether) (?:the )?(?:health|alert|issue|problem))\b",
    re.I,
)
_BY_PERSON = re.compile(
    r"\b(?:manually|by hand|console|portal|browser|dashboard ui|click|cable|cables|physical(?:ly)?|on-?site"
    r"|visual(?:ly)?|ask|call"
    r"|phone|incident(?:'s)? (?:details?|information)|ticket|vendor|cloud provider|support|discuss|coordinate"
    r"|your organi[sz]ation(?:'s)?|audit logs?"
    r"|power(?:ed)? (?:on|off)"
    r"|team|teams|stakeholders|policy|policies|lifecycle|backup tools?|runbook|guide)\b",
    re.I,
)
_HARMLESS = re.compile(
    r"(?:(?:add|attach|create|open|update|submit|file|send|post|write|save|record|note|set up) (?:an? |the "
    r"|your )?(?:\w+ ){0,3}"
    r"(?:ticket|case|issue|incident|report|comment|note|notes|channel|message|postmortem|alert|alerts|reminder"
    r"|timeline|bundle"
    r"|dashboard|runbook|documentation|logs?|evidence|output|findings?|status page|summary|stakeholders|users)"
    r"|increase (?:the )?(?:log|logging|verbosity)|enable (?:debug|verbose)|start (?:with|by|planning|a (?:call"
    r"|bridge))|start by|set the (?:variable|environment)"
    r"|(?:extend|expand|increase|widen|adjust|shift|move|change) the (?:\w+ )?"
    r"(?:search|time|window|range|scope|period|query)"
    r"|start (?:all|both|them|these|steps?)\b"
    r"|scale of|move on|move to the next|correct(?:ly|ness)|format(?:ted|ting)?|limit the number|import(?:ant|ance))\b",
    re.I,
)
_RISKY_NOUNS = re.compile(
    r"\b(?:roll(?:ing)? ?back|remediat(?:e|ion)|reboot|restart|drain|failover|recovery|restore|reset|uncordon"
    r"|cordon|delet(?:e|ion)"
    r"|replac(?:e|ement))\b",
    re.I,
)


# Nouns and adjectives as often as verbs.
_MEANS_LITTLE = words("correct open format free limit set start import scale")
_BY_RUNNING = re.compile(r"(?:\b(?:by|then|and|to|please|now|or) (?:run|running|executing|issuing)|[a-z*]:)$", re.I)
# What is done by these may be anything.
_VAGUE = words(
    "address complete configure consolidate ensure handle implement keep limit make optimize perform put resolve"
)
# "In order to restore the metrics, run the commands of that page": the purpose tells what is done.
_TO_CHANGE = re.compile(r"\bto (?P<verb>[a-z-]+)\b", re.I)
_TO_READ = re.compile(r"\bto (?:verify|check|confirm|see|test|inspect|read|find out|determine)\b", re.I)


@dataclass(frozen=True, slots=True)
class Nature:
    """`risk` is empty where there is none; `why` is the rule that decided.

    `told`: the words say what is done; else it is a person's because nothing better is known.
    """

    kind: Kind
    risk: str = ""
    why: str = ""
    reads: bool = False  # a person only looks
    told: bool = True


def nature_of(unit: Unit) -> Nature:
    """Decide by the commands first, by the words where there are none."""
    if unit.choice or unit.observes:
        return Nature(Kind.CHECK, why="it decides on results that are there")
    fenced = [c for code in unit.codes for c in code.commands]
    inline = _asked_inline(unit)
    writing = [c for c in (*fenced, *inline) if changes(c)]
    asked = [s for s in unit.said if s.asks]
    if writing:
        why = writing[0].why or "its commands are not known to only read"
        return Nature(Kind.ACTION, why, f"line {writing[0].lines.first}: {why}")
    if fenced:
        return Nature(Kind.QUERY, why=f"line {fenced[0].lines.first}: its commands only read")
    return _of_words(unit, asked, reads=any(c.does is Does.READS or opens_shell(c) for c in inline))


def _asked_inline(unit: Unit) -> list[Command]:
    """Inline commands of sentences that ask for something or say by what it is done, and of a table's row.

    Others are only mentioned.
    """
    if any(s.form == "row" for s in unit.scopes):
        return list(unit.inline)
    asking = (s for s in unit.said if s.asks or any(_by_command(s.words, code) for code in s.code))
    lines = {n for s in asking for n in range(s.lines.first, s.lines.last + 1)}
    return [*(c for c in unit.inline if c.lines.first in lines), *inline_commands(unit.given)]


def _by_command(words: str, code: str) -> bool:
    """Whether a sentence gives a command to run: "bring it back by running X", "Mitigation: X"."""
    before, found, _ = words.partition(code)
    return bool(found) and _BY_RUNNING.search(before[-40:].rstrip("`\"'(* ")) is not None


def _of_words(unit: Unit, asked: list[Sentence], *, reads: bool) -> Nature:
    words = " ".join(s.main for s in asked) or unit.title
    risk = next((r for s in asked if (r := _change_in(s))), "")
    if unit.repeats and not risk:
        return Nature(Kind.ACTION, "more of the change before", "it does more of what the step before it changed")
    by_person = bool(_BY_PERSON.search(words))
    if risk:
        first = next(s for s in asked if _change_in(s))
        manual = bool(re.search(r"\b(?:manual(?:ly)?|by hand|console|portal|support|vendor)\b", first.words, re.I))
        by_hand = manual or asked[0].verb in TALKING or first.verb in ("follow", "perform", "run", "execute", "use")
        return Nature(
            Kind.MANUAL if by_hand else Kind.ACTION, risk, f"line {first.lines.first}: the text asks for a change"
        )
    if asked and asked[0].verb in ("follow", "use", "see") and _TO_READ.search(asked[0].main):
        return Nature(Kind.QUERY, why="it follows instructions that only read")
    if any(s.act is Act.ESCALATE for s in asked) and all(s.act is Act.ESCALATE for s in asked):
        return Nature(Kind.MANUAL, why="it hands over to people")
    head = asked[0] if asked else None
    opening = head.main if head is not None else unit.title
    if _DECIDES.match(opening.strip("*_ ")) and not reads:
        return Nature(Kind.CHECK, why=f"'{opening.split()[0].lower()}' decides on results that are there")
    if head is not None and head.verb in READING and not by_person:
        return Nature(Kind.QUERY, why=f"'{head.verb}' only reads")
    if head is None and unit.remedies:
        return Nature(Kind.MANUAL, why="it tells a case and not what to do")
    if head is None:
        return Nature(Kind.CHECK if unit.said else Kind.MANUAL, why="it asks for nothing to be done", told=False)
    kind = Kind.QUERY if reads else Kind.MANUAL
    told = reads or by_person or head.verb in TALKING - _VAGUE
    return Nature(kind, why=f"'{head.verb}' needs a person", reads=head.verb in READING, told=told)


def _change_in(sentence: Sentence) -> str:
    """The word by which an instruction changes something; empty when it does not."""
    if not sentence.asks or _HARMLESS.match(sentence.main.strip("*_ ")):
        return ""
    if sentence.verb in CHANGING:
        return f"'{sentence.verb}'"
    if sentence.verb == "consider" and (stem := re.match(r"consider (\w+)ing\b", sentence.main)) is not None:
        verb = next((v for v in sorted(CHANGING) if stem[1].lower() in (v, v.removesuffix("e"), v + v[-1])), "")
        if verb:
            return f"'{verb}'"
    if sentence.verb in ("follow", "perform", "consider", "use", "try", "execute", "initiate", "run", "proceed"):
        found = _RISKY_NOUNS.search(sentence.main)
        purpose = next((m["verb"].lower() for m in _TO_CHANGE.finditer(sentence.words)), "")
        told = found[0].lower() if found else purpose if purpose in CHANGING - _MEANS_LITTLE else ""
        return f"'{told}'" if told else ""
    second = re.search(r"(?:,| and| then|;) (?:then )?(?:manually )?([a-z-]+)\b", sentence.main)
    if second and second[1].lower() in CHANGING - _MEANS_LITTLE:
        return f"'{second[1].lower()}'"
    return ""
