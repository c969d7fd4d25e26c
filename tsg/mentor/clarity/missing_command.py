"""'check X', 'verify X' or 'roll back X' with no command, query or tool near."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.compile.headings import ending_of
from tsg.findings import Severity
from tsg.mentor.clarity.hollow import hollow_words
from tsg.mentor.code import Code, inline_command
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, LOOK, SEQUENCE, TOOL_NAMES, content_words, instructions_in, shortened
from tsg.words import words

_UNTOOLED = words(
    "contact ask call notify page escalate tell inform email file open wait decide agree choose pick note record"
    " document acknowledge schedule coordinate engage report raise request talk message post ping announce involve"
    " hand go proceed continue skip return stop end close repeat log login ssh sign connect write save send"
)
_ALSO = words("obtain pull turn switch query ascertain establish discover calculate compute")
_HOW = re.compile(
    r"\b(?:using|via|(?<!go )(?<!going )(?<!look )through|by (?:running|checking|looking|opening|using|"
    r"executing|examining|\w+ing)|"
    r"in (?:the )?(?:\w+\s+){0,3}(?:ui|console|dashboard|portal|panel|page|tab|menu|output|"
    r"tool|log|logs|wiki|spreadsheet|calendar|channel|bios|result|results|table|list|alert|labels?|"
    r"column|columns|field|row|answer|reply|response|message|line|lines|file|note|notes|form)|"
    r"from (?:the )?(?:\w+\s+){0,2}(?:column|output|result|results|list|table|answer|line|lines|alert|label|labels|"
    r"dashboard|page|note|notes|reply|field)|on (?:the )?(?:\w+\s+){0,3}(?:dashboard|page|panel|tab|graph|"
    r"chart)|output|"
    r"following|below(?! [\d$<])|ssh|"
    r"this (?:command|query)|physically|visually|cable|led|power button|with the (?:team|owner|vendor|"
    r"customer|on-call))\b|"
    r"\b(?:commands?|query|queries|checks?|scripts?|procedure|steps?|instructions?|way) (?:of|from|in|under|"
    r"above|below|given|"
    r"shown)\b|\b(?:step|section) \d|https?://",
    re.IGNORECASE,
)

_BACKWARDS = re.compile(
    r"\b(?:roll(?:ing)? (?:\w+ ){0,4}?back|undo|revert|restore|put (?:\w+ ){0,4}?back|switch (?:\w+ ){0,4}?back|"
    r"turn (?:\w+ ){0,4}?back|take (?:\w+ ){0,4}?back|lift|reset)\b",
    re.IGNORECASE,
)
_STOPS = re.compile(r"\W*(?:\d{1,3}[.)]\s*)?(?:\w+,? ){0,3}?stop (?:the|all|any|every|its|their|each)\b", re.IGNORECASE)
_CERTAIN = re.compile(r"\bmake (?:certain|doubly sure|absolutely sure|very sure)\b", re.IGNORECASE)
_READING = re.compile(
    r"\W*(?:see|read|note|review) (?:the |also |our )?(?:\[|doc|guide|wiki|above|below)", re.IGNORECASE
)
_OF_THE_OUTPUT = re.compile(
    r"\b(?:the|its|this|that|these|those|both|each|every|all|which|two) (?:\w+ ){0,2}?(?:outputs?|results?|"
    r"sections?|fields?|"
    r"entries|lists?|listings?|columns?|lines?|numbers|values|counts|reply|replies)\b|\bsections\b|\b(?:the|"
    r"this|that|its|each) answers?\b|"
    r"\bagain\b|"
    r"\bthe (?:first|second|third|last) (?:value|number|row|one)\b|\bprinted\b|\babove(?! [\d$<])\b|\boutput\b|"
    r"\bcolumns?\b",
    re.IGNORECASE,
)
_LED = re.compile(
    r"^\W*(?:if|when|once|unless|after|before|in case|as soon as|otherwise|for|until|while)\b[^,:]{0,200}[,:]\s+",
    re.IGNORECASE,
)
_BRANCH = re.compile(r"\W*(?:if|when|once|unless|otherwise|in case|should|else)\b", re.IGNORECASE)
_GO_TO = re.compile(
    r"\b(?:go|continue|proceed|skip|jump|return|carry on|move on)(?: back| on)?\s+(?:to|with|at)\b[^.;,]*",
    re.IGNORECASE,
)


@check(
    "missing-command",
    Category.CLARITY,
    Severity.WARNING,
    "'check X', 'verify X' or 'roll back X' with no command, query or tool near",
    "The reader has to know by heart how it is done, and which system to ask.",
)
def missing_command(view: View) -> Iterator[Issue]:
    said: set[tuple[int, int]] = set()
    bound = {fence.attributes["as"] for c in view.codes if (fence := c.fence) and "as" in fence.attributes}
    for part in view.working:
        if ending_of(part.section) is not None:
            continue
        for at, flow in enumerate(part.flow):
            if not isinstance(flow, Prose) or flow.block.kind == "row" or bound & set(flow.codes):
                continue
            sentence = _asking(flow)
            if sentence is None or _is_served(view, part, at, flow, sentence):
                continue
            step = view.step_of(flow)
            key = (part.index, step.lines.first if step and not step.by_heading else flow.lines.first)
            if key in said:
                continue
            said.add(key)
            yield Issue(
                sentence.line,
                f"'{shortened(sentence.text)}' gives no command, query or tool for it",
                "add the command or query in a fenced block, or name the dashboard or the person to ask",
            )


def _asking(prose: Prose) -> Sentence | None:
    """The first sentence that asks to look at or change something."""
    for sentence in prose.sentences:
        verb = _verb(sentence.text)
        if not verb or (verb not in LOOK and verb not in ACT and verb not in _ALSO) or verb in _UNTOOLED:
            continue
        if re.match(r"\W*\[[ x]\]|\W*`", sentence.text):
            continue
        if len(sentence.text.split()) < 2 or sentence.text.rstrip().endswith("?"):
            continue
        if _READING.match(sentence.text) or hollow_words(sentence.text):
            continue
        if re.search(r"\b(?:do not|don't|never|avoid|no need)\b", sentence.text, re.IGNORECASE) and not re.search(
            r"[,;]", sentence.text
        ):
            continue
        return sentence
    return None


def _verb(text: str) -> str:
    """The verb of an instruction, also of such as have no rank among the verbs of looking and doing."""
    if verb := instructions_in(text):
        return "halt" if verb == "stop" and _STOPS.match(text) else verb
    led = _LED.match(text)
    first = re.match(
        r"\W*(?:\d{1,3}[.)]\s*)?([A-Za-z]+)", SEQUENCE.sub("", text[led.end() :] if led else text, count=1)
    )
    if _CERTAIN.search(text):
        return "ensure"
    word = first[1].lower() if first else ""
    return word if word in _ALSO else ""


def _is_served(view: View, part: Part, at: int, prose: Prose, sentence: Sentence) -> bool:
    """Whether a command, a tool or a place to look stands near enough."""
    near = _near(prose, sentence)
    named = re.sub(r"`[^`]*`", "CODE", near)
    if any(_is_runnable(code) for code in prose.codes) or any(" " in code for code in re.findall(r"`([^`]+)`", near)):
        return True
    if any(piece.target and piece.text and " ".join(piece.text.split()) in near for piece in prose.block.pieces):
        return True
    if TOOL_NAMES.search(named) or _HOW.search(named):
        return True
    if any(p in near.lower() for p in ("kubectl ", "ssh ", "systemctl ", "powershell")):
        return True
    if _OF_THE_OUTPUT.search(named) and any(
        isinstance(f, Code) and not f.inline for f in part.flow[max(at - 12, 0) : at]
    ):
        return True
    after = part.flow[at + 1] if at + 1 < len(part.flow) else None
    if isinstance(after, Code) and not _is_other(after, prose):
        return True
    step = view.step_of(prose)
    if step is not None and not step.by_heading:
        if step.codes:
            return not _is_another_thing(step.flow, prose, sentence)
        siblings = [f for f in step.flow if f is not prose and isinstance(f, Prose)]
        first = step.flow[0] is prose
        return first and any(TOOL_NAMES.search(s.text) or any(" " in c for c in s.codes) for s in siblings)
    if _is_another_thing(part.flow[max(at - 12, 0) : at + 12], prose, sentence):
        return False
    return _is_served_around(view, part, at, prose)


def _is_served_around(view: View, part: Part, at: int, prose: Prose) -> bool:
    around = [f for f in (*part.flow[at - 1 : at if at else 0], *part.flow[at + 1 : at + 2]) if not _is_other(f, prose)]
    if any(isinstance(f, Code) for f in around):
        return True
    if (
        len(part.flow) > at + 2
        and isinstance(part.flow[at + 2], Code)
        and not instructions_in(_first_text(part.flow[at + 1]))
    ):
        return True
    if prose.text.rstrip().endswith(":"):
        rest = part.flow[at + 1 : at + 12]
        if any(isinstance(f, Code) for f in rest):
            return True
        children = range(part.index + 1, part.end)
        if not rest and any(view.parts[i].flow for i in children):
            return True
    if prose.is_item:
        return any(isinstance(f, Code) for f in part.flow[at : at + 6] if f.block.items[:1] == prose.block.items[:1])
    asking = [p for p in part.proses if not p.is_item and _asking(p) is not None]
    return bool(part.codes) and len(asking) == 1


def _near(prose: Prose, sentence: Sentence) -> str:
    """The sentence and the plain ones around it, without where to go on: 'if it is 0, go to step 4' is no help."""
    kept = [s.text for s in prose.sentences[:12] if s is sentence or not _BRANCH.match(s.text)]
    return _GO_TO.sub(" ", " ".join(kept if sentence in prose.sentences[:12] else [sentence.text]))


def _is_runnable(code: str) -> bool:
    return inline_command(code) or code.startswith(("/", "http", "./"))


def _is_another_thing(flow: Sequence[Prose | Code], prose: Prose, sentence: Sentence) -> bool:
    """Whether a look is asked for, below a command, that neither this command nor one further down gives."""
    place = next((i for i, f in enumerate(flow) if f is prose), 0)
    above = [f for f in flow[:place] if isinstance(f, Code) and not f.inline]
    below = [f for f in flow[place + 1 : place + 3] if isinstance(f, Code) and not _is_other(f, prose)]
    if not above or below or prose.text.rstrip().endswith(":"):
        return False
    verb = _verb(sentence.text)
    if verb in _UNTOOLED or _OF_THE_OUTPUT.search(sentence.text) or "`" in sentence.text:
        return False
    commands = re.sub(r"[_\-./:=]", " ", " ".join(c.body for c in above))
    if any(c.tag == "action" for c in above):
        return False
    if _BACKWARDS.search(sentence.text):
        return not _BACKWARDS.search(commands)
    prose_above = " ".join(f.text for f in flow[:place] if isinstance(f, Prose))
    said = content_words(commands) | content_words(prose_above)
    return not _objects(sentence.text) & said and (verb in LOOK or verb in _ALSO or verb[:5] not in said)


def _objects(text: str) -> set[str]:
    """What a sentence is about, its verb left out."""
    bare = SEQUENCE.sub("", text, count=1)
    return content_words(re.sub(r"^\W*\w+", "", bare)) - {w[:5] for w in LOOK}


def _is_other(flow: Prose | Code, prose: Prose) -> bool:
    """Whether an inline command belongs to another paragraph."""
    return isinstance(flow, Code) and flow.inline and flow.block is not prose.block


def _first_text(flow: Prose | Code) -> str:
    return flow.sentences[0].text if isinstance(flow, Prose) and flow.sentences else ""
