"""Words such as 'it', 'the above command' or 'see below' that could mean several things, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.clarity.shared import is_link
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import content_words, lead_verb, shortened

_THING = (
    r"(?:commands?|query|queries|scripts?|snippets?|steps?|procedures?|instructions?|approach(?:es)?|outputs?|results?"
    r"|checks?|process|method|section|value|action|values|cmdlet|call|link|table|list)"
)
_ABOVE = re.compile(
    rf"\b(?:(?:the|this|that|these|those|any of the|one of the|both|"
    rf"all of the)\s+)?(?:same\s+)?(?:above|aforementioned|previously (?:mentioned|described)|"
    rf"preceding)(?:[- ]mentioned)?\s+(?:\w+\s+)?{_THING}\b"
    rf"|\b{_THING}\s+(?:(?:is |are |as )?(?:mentioned|described|outlined|listed|shown|given|explained|"
    rf"used|noted|discussed|from|run|in the list)\s+)?(?:just )?(?:above|earlier|before(?=[.,;]|$)|"
    rf"previously|beforehand)\b"
    r"|\b(?:as|like|mentioned|described|outlined|listed|shown|explained|discussed|"
    r"noted)\s+(?:it (?:is|was) )?(?:described |mentioned |shown |explained |outlined |listed |noted |"
    r"discussed )?(?:above|earlier|previously|before(?=[.,;)]|$))"
    r"|\bthe same (?:steps?|procedure|approach(?:es)?|commands?|diagnostic approach(?:es)?|process|"
    r"method|way|checks?|query|instructions?|thing)(?:\s+\w+){0,3}?\s+(?:as|outlined|described|listed|"
    r"used|like)\b"
    r"|\bsame as (?:above|before|earlier|the (?:previous|last|other|above) \w+)\b"
    r"|\b(?:see|refer to|check|follow|per|cf\.?)\s+(?:the )?(?:notes? |details? |steps? |section |"
    r"instructions? |table |list )?(?:above|below|earlier)\b"
    r"|\bthe usual (?:steps|procedure|way|checks|commands?|process|drill|suspects)\b"
    r"|\bdo (?:the )?(?:same|likewise)\b(?! (?:for|on|with) (?:each|every|all))"
    r"|\bthe (?:other|former|latter) (?:command|query|script|step|one|procedure)\b"
    r"|\b(?:steps?|section|procedure|instructions|command|query|script)\s+(?:(?:described|listed|"
    r"shown|given)\s+)?below\b",
    re.IGNORECASE,
)
_ANCHORED = re.compile(
    r"\bsteps?\s+#?\d|#\d|\bsection\s+(?:[\"'`“]|\d)|\bline \d|[\"“][A-Z][^\"”]{3,}[\"”]", re.IGNORECASE
)
_PRONOUN = re.compile(
    r"(?:\w+\s+){0,1}?(?:(?:back|down|up|out|at|for|on|into|off|over)\s+)?(?P<it>it|this|that|them|"
    r"these|those|(?:the )?(?:above|former|latter))"
    r"(?=\s*(?:[.,;:!)]|$|\s(?:again|once|twice|on|and|to|with|if|after|before|from|in|until|for|"
    r"manually|now|back|down|up|out|as|by|when|first|too|here|there|immediately|properly|carefully|is|"
    r"are|has|was|does|works?|looks?)\b))",
    re.IGNORECASE,
)


def _candidates_before(part: Part, prose: Prose) -> int:
    """Blocks of code in the section before a piece of prose."""
    return sum(1 for c in part.codes if c.at < prose.at and c.lines.first < prose.lines.first)


def _candidates_after(part: Part, prose: Prose) -> int:
    return sum(1 for c in part.codes if c.at > prose.at)


@check(
    "ambiguous-reference",
    Category.CLARITY,
    Severity.INFO,
    "words such as 'it', 'the above command' or 'see below' that could mean several things, or none",
    "Under pressure each reader picks another antecedent, and a machine picks none.",
)
def ambiguous_reference(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for prose in part.proses:
            for sentence in prose.sentences:
                found = _ABOVE.search(sentence.text)
                if found and _is_ambiguous(view, part, prose, sentence, found[0]):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(found[0])}' does not say which one is meant",
                        "name it: repeat the command, or link to the step's heading",
                    )
                elif not part.is_background and (word := _loose_pronoun(view, part, prose, sentence)):
                    yield Issue(
                        sentence.line,
                        f"'{word}' in '{shortened(sentence.text)}' has no noun before it in this step",
                        "name the thing: 'restart the exporter pod' instead of 'restart it'",
                    )


def _is_ambiguous(view: View, part: Part, prose: Prose, sentence: Sentence, phrase: str) -> bool:
    text = sentence.text
    if _ANCHORED.search(text) or is_link(prose, sentence):
        return False
    lower = phrase.lower()
    if "below" in lower:
        return _candidates_after(part, prose) != 1 and not text.rstrip().endswith(":")
    if re.search(r"\b(?:command|query|output|result|script|snippet|cmdlet|call|value)", lower):
        step = view.step_of(prose)
        own = [c for c in step.codes if c.lines.first < prose.lines.first and not c.inline] if step else []
        return len(own) != 1 and _candidates_before(part, prose) != 1
    if part.is_background and not re.search(r"\b(?:follow|repeat|use|run|perform|same)\b", text, re.IGNORECASE):
        return False
    if re.search(
        r"\b(?:follow|repeat|run|perform|use|do|same|usual|execute|apply|see|refer|none of)\b", text, re.IGNORECASE
    ):
        return True
    return bool(re.search(r"\bsteps?|procedure|instruction|approach|method\b", lower))


def _loose_pronoun(view: View, part: Part, prose: Prose, sentence: Sentence) -> str:
    """The pronoun an instruction acts on, where its step names nothing before it."""
    if sentence is not prose.sentences[0] or prose.text.rstrip().endswith(":"):
        return ""
    bare = re.sub(r"^\W*(?:\d+[.)]\s*)?", "", sentence.text)
    verb = lead_verb(bare)
    if not verb or verb in {"see", "note", "make", "wait"}:
        return ""
    at = re.search(r"[A-Za-z-]+", bare)
    if at is None:
        return ""
    start = bare.lower().find(verb[:4])
    found = _PRONOUN.match(bare, start if start >= 0 else 0)
    if found is None or (not prose.is_item and prose is not part.proses[0] and not _after_code(part, prose)):
        return ""
    if not prose.is_item and len(content_words(part.title)) >= 2:
        return ""
    return found["it"]


def _after_code(part: Part, prose: Prose) -> bool:
    return _candidates_before(part, prose) >= 2
