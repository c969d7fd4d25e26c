"""Words such as 'it', 'the above command' or 'see below' that could mean several things, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import content_words, instructions_in, lead_verb, shortened

_THING = (
    r"(?:commands?|query|queries|scripts?|snippets?|steps?|procedures?|instructions?|approach(?:es)?|outputs?|"
    r"results?"
    r"|checks?|process|method|section|value|action|values|cmdlet|call|link|table|list|numbers?|figures?|counts?|"
    r"readings?|lines?|answers?|measurements?)"
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
_BACK = re.compile(
    rf"\b(?:that|this|the (?:same|previous|last|earlier|prior|former|latter|other|first|second|original|initial|"
    rf"just run|"
    rf"very))\s+(?:\w+\s+)?{_THING}\b"
    r"|\b(?:the|that) (?:other |same |first |second )?(?:one|ones) (?:(?:from|just|further)\s+)?(?:above|before|"
    r"earlier)\b"
    rf"|\b{_THING}\s+(?:(?:from|of|found|seen|read|noted|obtained|gotten|got|run|used|shown|further)\s+)+"
    r"(?:above|before|earlier|previously|beforehand|up|just now)\b"
    rf"|\b{_THING}\s+(?:that |which )?(?:you|we)\s+(?:\w+\s+)?(?:got|saw|noted|read|found|wrote down|obtained|"
    rf"copied|ran|used|"
    r"kept|took|collected|recorded)\s+(?:above|before|earlier|previously|then|at first|just now)\b"
    r"|\b(?:as|like)\s+(?:(?:we|you) (?:did|have done)\s+|(?:it )?(?:is|was|were)\s+|"
    r"with the \w+\s+)?(?:already\s+|just\s+)?"
    r"(?:(?:done|described|explained|shown|said|told|mentioned|outlined|seen|discussed)\s+)?"
    r"(?:above|before(?=[.,;:)]|$)|earlier|previously|(?:the )?last time|the (?:first|other) time|further up|already|"
    r"at the (?:start|beginning|top)|in the beginning)\b"
    r"|\b(?:the|that) (?:\w+ )?(?:way|manner|fashion|method|procedure|steps?|approach|"
    r"instructions?) (?:\w+ )?(?:already|"
    r"just|previously|earlier)?\s*(?:described|explained|shown|outlined|mentioned|known|given|used|from before)\b"
    r"|\b(?:repeat|re-?run|run|execute|use|take)\s+the\s+(?:checks?|commands?|query|queries|tests?|scripts?|"
    r"measurements?|calls?)"
    r"(?=\s*(?:[.,;]|$|\s(?:again|once|twice|every|after|until)\b))"
    r"|\b(?:in )?the (?:same|usual|known|familiar|customary|well-known) (?:way|manner|fashion|means|procedure|drill|"
    r"method)\b|\b(?:do|proceed|act|repeat) (?:likewise|similarly|analogously|in kind|as usual|as ever)\b",
    re.IGNORECASE,
)
_ANCHORED = re.compile(
    r"\bsteps?\s+#?\d|#\d|\bsection\s+(?:[\"'`“]|\d)|\bline \d|[\"“][A-Z][^\"”]{3,}[\"”]", re.IGNORECASE
)
_PRONOUN = re.compile(
    r"(?:(?:\w+\s+)?(?:(?:back|down|up|out|at|for|on|into|off|over|through|with|of|to)\s+)?|"
    r"\w+ (?:the |any |each |every |all |both )?(?:first|second|third|last|next|other|oldest|newest|one|ones|"
    r"two|rest|"
    r"each|any|all|both)\s+(?:one\s+)?of\s+)"
    r"(?P<it>it|this|that|them|these|those|(?:the )?(?:above|former|latter)|(?:the )?others?(?: ones?)?)"
    r"(?=\s*(?:[.,;:!)]|$|\s(?:again|once|twice|on|and|to|with|if|after|before|from|in|until|for|"
    r"manually|now|back|down|up|out|as|by|when|first|too|here|there|immediately|properly|carefully|is|"
    r"are|has|was|does|works?|looks?|or|at|instead|every|while|also|later|then)\b))",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^\W*(?:\d+[.)]\s*)?(?:(?:once|when|after|as soon as) [^,:]{0,40},\s+)?", re.IGNORECASE)
_RERUN = re.compile(
    r"\b(?:run|repeat|execute|re-?run|issue|invoke|call|do|perform|try|send|use)\s+(?P<it>it|this|that|them|"
    r"these|those|both(?: of them)?|all of them|what|everything)\b"
    r"(?=\s*(?:[.,;!]|$|\s(?:was|has been|were|we did|you did|again|once|twice|every|on|for|with|from|after|"
    r"until|in|as|too|more|a (?:second|"
    r"third))\b))",
    re.IGNORECASE,
)
_GO_TO = re.compile(
    r"\b(?:go|continue|proceed|skip|jump|return|carry on|move on)(?: back| on)?\s+(?:to|with|at)\b[^.;,]*",
    re.IGNORECASE,
)
_ITSELF = re.compile(r"this (?:\w+ )?(?:steps?|procedures?|process|sections?|link|table|list|value)\b")
_RUN = re.compile(r"\b(?:commands?|query|queries|scripts?|snippets?|cmdlets?|calls?)\b")
_ORDINAL = re.compile(r"\bthe (?:first|second|other|former|latter)\b")
_ASKED_OF = re.compile(
    r"\w+(?: again)? (?:whether|if|that|why|how|where|when|what|which)\s+(?P<it>it|they|this|these|those)\s"
    r"(?:is|are|has|have|was|were|does|do|did|can|could|will|would|still|now|\w+s|\w+ed)\b",
    re.IGNORECASE,
)
_OF_CODE = re.compile(
    r"\b(?:commands?|query|queries|outputs?|results?|scripts?|snippets?|cmdlets?|calls?|values?|lines?)\b"
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
            for i, sentence in enumerate(prose.sentences):
                found = _ABOVE.search(sentence.text)
                back = None if part.is_background else _BACK.search(sentence.text)
                if found and _is_ambiguous(view, part, prose, sentence, found[0]):
                    yield _unclear(sentence, found[0])
                elif back and _points_nowhere(view, part, prose, i, back):
                    yield _unclear(sentence, back[0])
                elif not part.is_background and (word := _loose_pronoun(view, part, prose, sentence)):
                    yield Issue(
                        sentence.line,
                        f"'{word}' in '{shortened(sentence.text)}' has no noun before it in this step",
                        "name the thing: 'restart the exporter pod' instead of 'restart it'",
                    )


def _unclear(sentence: Sentence, phrase: str) -> Issue:
    return Issue(
        sentence.line,
        f"'{shortened(phrase)}' does not say which one is meant",
        "name it: repeat the command, or link to the step's heading",
    )


def _is_ambiguous(view: View, part: Part, prose: Prose, sentence: Sentence, phrase: str) -> bool:
    text = sentence.text
    if _is_anchored(prose, sentence):
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


def _points_nowhere(view: View, part: Part, prose: Prose, at: int, back: re.Match[str]) -> bool:
    """Whether a word for something further up has none, or several, that it could mean."""
    sentence = prose.sentences[at]
    text = sentence.text
    if _is_anchored(prose, sentence) or not _does(text) or _is_introduction(prose):
        return False
    phrase = back[0].lower()
    if _ITSELF.match(phrase) or re.match(
        r"the (?:previous|last|first|original|former) (?:steps?|values?|section)", phrase
    ):
        return False
    named = " ".join(s.text for s in prose.sentences[max(at - 3, 0) : at]) + text[: back.start()]
    if re.match(r"(?:that|this|the (?:same|last|first|second)) ", phrase) and (_OF_CODE.search(named) or "`" in named):
        return False
    if re.search(r"\b(?:first|second|last|other|original|initial)\b", phrase) and not _RUN.search(phrase):
        return False
    if re.search(r"\b(?:way|manner|fashion|means|method)\b", phrase) and _follows_code(part, prose):
        return False
    if _OF_CODE.search(phrase) or re.search(r"\b(?:one|checks?|tests?|measurements?)\b", phrase):
        own = _own_codes(view, part, prose)
        if _ORDINAL.match(phrase):
            return sum(len(c.statements) for c in own) < 2
        return len(own) != 1
    return True


def _does(text: str) -> bool:
    return bool(
        instructions_in(text) or re.match(r"\W*(?:now |then )?(?:do|take|bring|put|work)\b", text, re.IGNORECASE)
    )


def _follows_code(part: Part, prose: Prose) -> bool:
    """Whether a block of code stands right above."""
    return any(c.at == prose.at - 1 for c in part.codes)


def _is_anchored(prose: Prose, sentence: Sentence) -> bool:
    """Whether the sentence names a step, a section or a line, other than the one it goes on to."""
    rest = _GO_TO.sub(" ", sentence.text)
    linked = any(piece.target and piece.text and " ".join(piece.text.split()) in rest for piece in prose.block.pieces)
    return linked or bool(_ANCHORED.search(rest))


def _is_introduction(prose: Prose) -> bool:
    return prose.text.rstrip().endswith(":")


def _own_codes(view: View, part: Part, prose: Prose) -> list[Code]:
    """Blocks of code above a piece of prose, in its step; of the section where its step has none."""
    step = view.step_of(prose)
    own = [c for c in step.codes if c.lines.first < prose.lines.first and not c.inline] if step else []
    return own or [c for c in part.codes if c.at < prose.at and c.lines.first < prose.lines.first]


def _loose_pronoun(view: View, part: Part, prose: Prose, sentence: Sentence) -> str:
    """The pronoun an instruction acts on, where its step names nothing before it."""
    if sentence is not prose.sentences[0] or _is_introduction(prose):
        return ""
    bare = _LEAD.sub("", sentence.text)
    verb = lead_verb(bare) or ("take" if bare.lower().startswith(("take ", "do ")) else "")
    if not verb or verb in {"see", "note", "make", "wait"} or bare.lower().startswith(("to ", "in order")):
        return ""
    start = max(bare.lower().find(verb[:4]), 0)
    if rerun := _RERUN.match(bare, start):
        if _is_anchored(prose, sentence) or "`" in bare:
            return ""
        return rerun["it"] if len(_own_codes(view, part, prose)) != 1 else ""
    found = _PRONOUN.match(bare, start) or _ASKED_OF.match(bare, start)
    if found is None:
        return ""
    step = view.step_of(prose)
    if step is not None and step.flow[0] is not prose:
        return ""
    if prose.is_item or found["it"].lower().endswith(("former", "latter")):
        return found["it"]
    if prose is not part.proses[0] and _candidates_before(part, prose) < 2:
        return ""
    if len(content_words(part.title)) >= 2 and not re.search(
        r"\b(?:again|once more|that)\b", bare[found.start("it") :]
    ):
        return ""
    return found["it"]
