"""Checks of clarity: whether a reader can tell what to do, to what, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tsg.compile.headings import ending_of
from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, StepView, View
from tsg.mentor.wording import (
    ACT,
    CLAUSE,
    DIGITS,
    LOOK,
    PEOPLE,
    STATE,
    TOOL_NAMES,
    VAGUE,
    WASTE,
    content_words,
    instructions_in,
    lead_verb,
    shortened,
)

CLARITY = Category.CLARITY

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


def _is_link(prose: Prose, sentence: Sentence) -> bool:
    return any(piece.target and piece.text and piece.text in sentence.text for piece in prose.block.pieces)


def _candidates_before(part: Part, prose: Prose) -> int:
    """Blocks of code in the section before a piece of prose."""
    return sum(1 for c in part.codes if c.at < prose.at and c.lines.first < prose.lines.first)


def _candidates_after(part: Part, prose: Prose) -> int:
    return sum(1 for c in part.codes if c.at > prose.at)


@check(
    "ambiguous-reference",
    CLARITY,
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
    if _ANCHORED.search(text) or _is_link(prose, sentence):
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


_HOLLOW = re.compile(
    r"\b(?:take|perform|carry out|do|apply|use|run)\s+(?:the |any |all |some |"
    r"whatever )*(?:appropriate|necessary|required|corrective|suitable|proper|usual|needed|relevant|"
    r"right|correct|further|remedial)\s+(?:\w+\s+)?(?:actions?|steps?|measures?|checks?|procedures?|"
    r"fix(?:es)?|commands?|things?)\b"
    r"|\b(?:fix|resolve|handle|address|deal with|solve|mitigate|remediate|sort out|take care of|"
    r"correct|clean up|work on|look into|investigate|troubleshoot|analy[sz]e|debug|repair|remedy|"
    r"improve|check)\s+(?:(?:the|this|that|any|all|every|such|underlying|remaining|it|other|root|"
    r"reported|observed|identified|found|detected)\s+)*(?:problems?|issues?|situations?|errors?|"
    r"faults?|things?|everything|matters?|root causes?|causes?|incidents?|accordingly|appropriately|"
    r"properly|further|it|anomal(?:y|ies)|inconsistenc(?:y|ies))(?=\s*(?:[.,;:!)]|$|\s(?:as|and|if|on|"
    r"in|accordingly|appropriately|properly|first|quickly)\b))"
    r"|\b(?:act|proceed|respond|react|adjust|continue|decide)\s+(?:accordingly|appropriately|"
    r"as (?:needed|necessary|appropriate|required|you see fit))"
    r"|\bproceed (?:based on|depending on|according to)\s+(?!the (?:table|list|"
    r"section))(?:\w+\s+){0,3}(?:conclusions?|findings?|results?|analysis|judge?ment|experience|"
    r"outcome|situation)"
    r"|\buse (?:your )?(?:best |own |good )?(?:judge?ment|common sense|experience|intuition|discretion)"
    r"|\bdo (?:what(?:ever)?(?: is| it)? (?:needed|necessary|takes|required|appropriate)|the needful|"
    r"the right thing|your best)"
    r"|\bfollow (?:the )?(?:best practices?|standard (?:procedures?|practices?)|usual (?:procedures?|"
    r"process)|common practices?|good practices?)"
    r"|\bmake (?:the )?(?:necessary|required|appropriate|needed) (?:changes?|adjustments?|corrections?|fixes)"
    r"|\b(?:be|stay) (?:careful|patient|cautious|vigilant|mindful|alert|aware)\b(?!\w)"
    r"|\b(?:think|reason) (?:about|through|carefully)|\bkeep (?:an eye on|in mind|calm|monitoring)\b(?! the)"
    r"|\btry (?:to )?(?:something else|other things|different things|things|various|a few things|"
    r"several things|anything)"
    r"|\bensure (?:that )?everything (?:is|works|looks|runs)|\bmake sure (?:that )?(?:everything|all|"
    r"things) (?:is|are|works?|looks?|runs?)\b"
    r"|\b(?:understand|consider|assess|evaluate|review) (?:the )?(?:situation|problem|issue|context|"
    r"impact|circumstances|options|overall state|state of (?:things|affairs))\b"
    r"|\bget (?:things|it|everything|the (?:system|service)) (?:back to normal|working|healthy|going|"
    r"running)(?: again)?\b"
    r"|\b(?:stabili[sz]e|normali[sz]e|optimi[sz]e|harden) (?:the )?(?:system|service|situation|"
    r"environment|platform|cluster|performance)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:on-call|oncall|team|engineer|manager|owner|vendor|support|operator|admin(?:istrator)?s?|"
    r"lead|sre|dba|security|"
    r"customer|department|provider|pagerduty|slack|#[a-z][\w-]+|@[\w-]+)\b",
    re.IGNORECASE,
)


@check(
    "non-actionable-step",
    CLARITY,
    Severity.WARNING,
    "a step without command, query, decision, person or system: nothing that one can do",
    "'Fix the issue' is what the reader came to learn; nobody can carry it out or tell when it is done.",
)
def non_actionable_step(view: View) -> Iterator[Issue]:
    for part in view.working:
        for prose in part.proses:
            for sentence in prose.sentences:
                found = _HOLLOW.search(sentence.text)
                if found is None or _has_code_at(view, part, prose, sentence) or _names_target(prose, sentence, found):
                    continue
                yield Issue(
                    sentence.line,
                    f"'{shortened(sentence.text)}' names nothing that one can do",
                    "write the command or query to run, whom to ask, or what to decide and by which values",
                )
    for step in view.steps:
        if not step.part.is_background and not step.by_heading and _is_a_bare_noun(step):
            yield Issue(
                step.lines.first,
                f"the step '{shortened(step.title)}' says what it is about, and not what to do",
                "open it with a verb and give the command: 'Show the queue's length: `...`'",
            )


def _names_target(prose: Prose, sentence: Sentence, found: re.Match[str]) -> bool:
    """Whether the sentence says how after all: a person, a link, a code, a list that follows."""
    rest = sentence.text[found.end() :]
    if sentence.text.rstrip().endswith(":") or prose.text.rstrip().endswith(":"):
        return True
    if re.match(r"\s+(?:by|using|via|with|from|in step|per)\s+\S", rest):
        return True
    return (
        bool(_NAMED.search(sentence.text))
        or _is_link(prose, sentence)
        or "`" in sentence.text
        or bool(re.search(r"\b(?:go to|step \d|section)\b", sentence.text, re.IGNORECASE))
    )


def _has_code_at(view: View, part: Part, prose: Prose, sentence: Sentence) -> bool:
    """Whether code stands right after the prose, or in the same list item."""
    if "`" in sentence.text:
        return True
    at = part.flow.index(prose)
    after = part.flow[at + 1] if at + 1 < len(part.flow) else None
    if isinstance(after, Code) and sentence.last >= prose.lines.last - 1:
        return True
    if prose.is_item:
        step = view.step_of(prose)
        return any(item == prose.block.items[-1] for c in (step.codes if step else ()) for item in c.block.items)
    return False


def _is_a_bare_noun(step: StepView) -> bool:
    text = step.text.strip()
    return (
        not step.codes
        and "`" not in text
        and 0 < len(text.split()) <= 4
        and not instructions_in(text)
        and not text.endswith((":", "?"))
        and not re.search(
            r"\d|\b\w+ing\b|\b(?:if|is|are|not|no|should|must|will|can|go|login|ssh)\b|[/#@|]|https?:",
            text,
            re.IGNORECASE,
        )
        and not any(piece.target for f in step.flow for piece in f.block.pieces)
    )


_UNTOOLED = frozenset(
    [
        "contact",
        "ask",
        "call",
        "notify",
        "page",
        "escalate",
        "tell",
        "inform",
        "email",
        "file",
        "open",
        "wait",
        "decide",
        "agree",
        "choose",
        "pick",
        "note",
        "record",
        "document",
        "acknowledge",
        "schedule",
        "coordinate",
        "engage",
        "report",
        "raise",
        "request",
        "talk",
        "message",
        "post",
        "ping",
        "announce",
        "involve",
        "hand",
        "go",
        "proceed",
        "continue",
        "skip",
        "return",
        "stop",
        "end",
        "close",
        "repeat",
        "log",
        "login",
        "ssh",
        "sign",
        "connect",
        "raise",
        "write",
        "save",
        "send",
    ]
)
_HOW = re.compile(
    r"\b(?:using|via|through|by (?:running|checking|looking|opening|using|executing|examining|\w+ing)|"
    r"in (?:the )?(?:\w+\s+){0,3}(?:ui|console|dashboard|portal|panel|page|tab|menu|output|"
    r"tool|log|logs|wiki|spreadsheet|calendar|channel|bios|result|results|table|list|alert|labels?|"
    r"column|row)|on (?:the )?(?:\w+\s+){0,3}(?:dashboard|page|panel|tab|graph|chart)|output|"
    r"following|below|ssh|"
    r"this (?:command|query)|physically|visually|cable|led|power button|with the (?:team|owner|vendor|"
    r"customer|on-call))\b|\bstep \d|https?://",
    re.IGNORECASE,
)
_FINISHED = re.compile(r"\b(?:was|were|had|has been|have been)\b", re.IGNORECASE)


@check(
    "missing-command",
    CLARITY,
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
            if sentence is None or _is_served(view, part, at, flow):
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
        verb = instructions_in(sentence.text)
        if not verb or (verb not in LOOK and verb not in ACT) or verb in _UNTOOLED:
            continue
        if re.match(r"\W*\[[ x]\]|\W*`", sentence.text):
            continue
        if len(sentence.text.split()) < 2 or sentence.text.rstrip().endswith("?"):
            continue
        if re.match(
            r"\W*(?:see|read|note|review) (?:the |also |our )?(?:\[|doc|guide|wiki|above|below)",
            sentence.text,
            re.IGNORECASE,
        ):
            continue
        if re.search(r"\b(?:do not|don't|never|avoid|no need)\b", sentence.text, re.IGNORECASE) and not re.search(
            r"[,;]", sentence.text
        ):
            continue
        return sentence
    return None


def _is_served(view: View, part: Part, at: int, prose: Prose) -> bool:
    """Whether a command, a tool or a place to look stands near enough."""
    if any(" " in code.strip() or code.startswith(("/", "http", "./")) for code in prose.codes):
        return True
    if any(piece.target for piece in prose.block.pieces) or TOOL_NAMES.search(prose.text) or _HOW.search(prose.text):
        return True
    if any(p in prose.text.lower() for p in ("kubectl ", "ssh ", "systemctl ", "powershell")):
        return True
    step = view.step_of(prose)
    if step is not None and not step.by_heading:
        if any(c for c in step.codes):
            return True
        siblings = [f for f in step.flow if f is not prose and isinstance(f, Prose)]
        first = step.flow[0] is prose
        return first and any(TOOL_NAMES.search(s.text) or any(" " in c for c in s.codes) for s in siblings)
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


def _is_other(flow: Prose | Code, prose: Prose) -> bool:
    """Whether an inline command belongs to another paragraph."""
    return isinstance(flow, Code) and flow.inline and flow.block is not prose.block


def _first_text(flow: Prose | Code) -> str:
    return flow.sentences[0].text if isinstance(flow, Prose) and flow.sentences else ""


_LOOSE_WASTE = re.compile(
    r"\b(?:delete|remove|clean up|clear|purge|prune|drop|kill|restart|stop|terminate|evict|free|"
    r"replace|reschedule|move|uncordon|drain|cordon|truncate)\s+"
    r"(?:(?:the|any|all|every|each|some|up|out|those|these|of)\s+)*(?P<word>"
    + "|".join(sorted(WASTE))
    + r")\b(?P<rest>[^.;\n]*)",
    re.IGNORECASE,
)
_THAT = re.compile(
    r"\b(?:that|which|who)\s+(?:(?:is|are|look|looks|seem|seems|appear|appears|became|become|"
    r"has become|have become|has been|have been)\s+)?(?:now|currently|still|too|being|not|no longer|"
    r"very|really|probably)?\s*"
    r"(?P<word>healthy|unhealthy|slow|stuck|unused|old|large|big|high|low|busy|stale|suspicious|bad|"
    r"broken|faulty|unneeded|no longer needed|overloaded|misbehaving|heavy|"
    r"problematic)\b(?P<rest>[^.;\n]*)",
    re.IGNORECASE,
)
_WAIT = re.compile(
    r"\b(?:wait|pause|sleep|let (?:it|the \w+) (?:run|settle|sit)|give (?:it|the \w+)|monitor|watch|"
    r"observe)\b[^.;,\n]{0,40}?\b"
    r"(?P<word>a while|some time|a bit|a little(?: while)?|a moment|long enough|sufficiently long|"
    r"an adequate (?:time|period)|enough time|for a time|a short (?:time|while|period)|a long time|"
    r"(?:a|some) (?:reasonable|suitable|sufficient|short|certain) (?:time|period|while|"
    r"amount of time))\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"\d|`|\"|\b(?:older than|longer than|larger than|by more than|according to|listed|returned|shown|"
    r"found|identified|reported|as (?:defined|listed|shown)|threshold|SLO|SLA|limit of|quota|alert|"
    r"named|labell?ed|annotated|in (?:the )?state|whose|in (?:Completed|Failed|Error|Evicted|Pending|"
    r"Released))\b",
    re.IGNORECASE,
)
_NEGATED_STATE = re.compile(
    r"\b(?:exists?|missing|empty|fails?|failed|firing|fires|running|present|absent|returns?|returned|"
    r"completes?|completed|succeeds?|succeeded|crash\w*|Pending|NotReady|Ready|Running|listed|enabled|"
    r"disabled|installed|found|shows?|available|unavailable|reachable|unreachable|timed? out|"
    r"times out|connects?|responds?|matches|differs?|equals?|OOMKilled|CrashLoopBackOff|expired|open|"
    r"closed|up|down|recent|deployed|error|errors|confirmed|approved|contains?|true|false|denied|"
    r"refused|started|changed|stuck|scheduled|finished|done|deployment|rollout|deploy|release)\b"
)


@check(
    "vague-condition",
    CLARITY,
    Severity.WARNING,
    "a condition that only says high, slow, unusual, a while or healthy, and no value or test",
    "Two readers decide differently, and no machine can decide at all.",
)
def vague_condition(view: View) -> Iterator[Issue]:
    for part in view.working:
        if part.section.level and (word := _vague_title(part)):
            yield _vague(part.section.lines.first, word)
        for prose in part.proses:
            for sentence in prose.sentences:
                if word := _vague_word(view, part, prose, sentence):
                    yield _vague(sentence.line, word)


def _vague(line: int, word: str) -> Issue:
    hint = "give the value and where it is read: 'if the p95 latency is above 800 ms over 5 min'"
    return Issue(line, f"the condition '{shortened(word)}' has no value and no test", hint)


def _vague_title(part: Part) -> str:
    found = CLAUSE.search(part.title)
    if found is None or part.codes:
        return ""
    return _undecided(found["body"], part.title, tested=bool(part.codes))


def _vague_word(view: View, part: Part, prose: Prose, sentence: Sentence) -> str:
    text = sentence.text
    if (found := _WAIT.search(text)) and not DIGITS.search(text):
        return found["word"]
    tested = _is_tested(view, part, prose)
    for clause in CLAUSE.finditer(text):
        if clause["word"].lower() == "while":
            continue
        if word := _undecided(clause["body"], text, tested=tested):
            return word
    if prose.block.kind == "row":
        return ""
    for pattern in (_LOOSE_WASTE, _THAT):
        match = pattern.search(text)
        if match is None or DIGITS.search(text) or "`" in text or _MEASURED.search(match["rest"]):
            continue
        if pattern is _LOOSE_WASTE and re.search(
            r"\b(?:the|this|that) (?:old|large|big|slow|heavy|bad|faulty|broken|stale|stuck|problematic|"
            r"unhealthy|misbehaving|offending)\s+\w+(?<!s)\b",
            match[0],
            re.IGNORECASE,
        ):
            continue
        if (
            pattern is _LOOSE_WASTE
            and re.search(r"\b(?:that|which|whose|where|with|older|from)\s+\w+", match["rest"])
            and not _THAT.search(match[0])
            and match["word"].lower() not in {"unused", "unneeded", "unnecessary", "useless", "redundant"}
        ):
            continue
        if pattern is _THAT and not (
            lead_verb(text) in ACT
            or re.search(r"\b(?:delete|remove|restart|uncordon|drain|kill|evict)\b", text, re.IGNORECASE)
        ):
            continue
        return match[0] if pattern is _THAT else f"{match['word']}"
    return ""


def _is_tested(view: View, part: Part, prose: Prose) -> bool:
    """Whether a command of the same step, or one of the section before it, shows the state."""
    step = view.step_of(prose)
    if step is not None and not step.by_heading and step.codes:
        return True
    return any(c.at < prose.at or c.block is prose.block for c in part.commands)


def _undecided(body: str, whole: str, *, tested: bool) -> str:
    if DIGITS.search(body) or re.search(r"[`\"“<>=%]", body):
        return ""
    found = VAGUE.search(body)
    if found is None:
        state = STATE.search(body)
        if state is None or tested:
            return ""
        if _NEGATED_STATE.search(body.replace(state[0], "")) or re.search(r"\([^)]*[\d`=<>]", whole):
            return ""
        return body.strip()
    if re.search(r"\([^)]*(?:\d|`)[^)]*\)", whole) or re.match(r"\s*(?:more|less|fewer)\b", body):
        return ""
    word = found[0].lower()
    if word in {
        "many",
        "much",
        "few",
        "little",
        "old",
        "long",
        "short",
        "often",
        "hot",
        "wrong",
        "bad",
        "big",
        "large",
        "small",
        "low",
        "high",
    }:
        after = body[found.end() :].strip()
        if (word == "old" and after) or (
            word in {"wrong", "bad"}
            and re.match(
                r"\w+ (?:version|image|password|config\w*|name|value|node|cluster|namespace|tag|family)", after
            )
        ):
            return ""
        if word == "long" and re.search(r"\bas long as\b", whole, re.IGNORECASE):
            return ""
    if re.search(
        r"\bhigh(?:ly)?[- ]availab|\bhigh[- ]level|\blow[- ]level|\blong[- ]term|\bhot[- ]?(?:fix|swap|"
        r"spare)|\bslow (?:query|start|log)\b",
        body,
        re.IGNORECASE,
    ):
        return ""
    return body.strip()


_GENERIC = frozenset(
    [
        "analysis",
        "analyse",
        "analyze",
        "misc",
        "miscellaneous",
        "other",
        "others",
        "details",
        "detail",
        "investigation",
        "investigate",
        "checks",
        "check",
        "general",
        "todo",
        "stuff",
        "things",
        "more",
        "further",
        "information",
        "info",
        "action",
        "actions",
        "work",
        "process",
        "procedure",
        "notes",
        "note",
        "extra",
        "various",
        "etc",
        "final",
        "next",
        "continue",
        "troubleshooting",
        "troubleshoot",
        "debugging",
        "diagnostics",
        "verification",
        "handling",
        "miscellany",
        "follow-up",
        "overview",
        "cleanup",
        "validation",
        "observation",
        "examine",
        "look",
        "examination",
        "second",
        "first",
        "last",
        "step",
        "task",
        "tasks",
        "activity",
        "activities",
        "operations",
        "maintenance",
        "additional",
        "next-steps",
    ]
)
_CONCEPTS = {
    "disk": "disk df du filesystem volume pvc pv storage lsblk mount inode",
    "memory": "memory mem free oom rss heap swap vmstat ram",
    "cpu": "cpu load top mpstat processor core throttl",
    "network": "network ping curl dns ip route port connect tcp socket packet nic link mtu traceroute ethtool "
    "interface http nc ss netstat",
    "dns": "dns nslookup dig resolv coredns host",
    "certificate": "certificate cert tls ssl openssl x509 expir",
    "gpu": "gpu nvidia dcgm xid cuda mig nvlink",
    "queue": "queue backlog consumer lag broker topic rabbit kafka pending message",
    "database": "database db sql psql mysql postgres query table replica select connection mongo redis",
    "logs": "log logs journalctl dmesg tail events",
    "cache": "cache redis memcached evict flush",
    "backup": "backup snapshot dump restore archive velero",
    "latency": "latency p95 p99 slow duration response histogram quantile time",
    "quota": "quota limit resourcequota",
    "token": "token credential secret password key auth login",
    "etcd": "etcd etcdctl member",
    "ingress": "ingress gateway loadbalancer nginx traffic route",
}
_CONCEPT_WORDS = {
    name: re.compile(r"(?<![a-z])(?:" + "|".join(text.split()) + r")", re.IGNORECASE)
    for name, text in _CONCEPTS.items()
}
_IN_TITLE = {
    "disk": "disk|filesystem|volume|storage",
    "memory": "memory|oom|swap",
    "cpu": "cpu",
    "network": "network|connectivity",
    "dns": "dns",
    "certificate": "certificates?|certs?|tls",
    "gpu": "gpus?",
    "queue": "queues?|backlog|consumers?",
    "database": "database|db|replication",
    "logs": "logs?",
    "cache": "cache",
    "backup": "backups?|snapshots?",
    "latency": "latency",
    "quota": "quotas?",
    "token": "tokens?|credentials?|passwords?",
    "etcd": "etcd",
    "ingress": "ingress",
}
_TITLE_WORDS = {name: re.compile(rf"\b(?:{text})\b", re.IGNORECASE) for name, text in _IN_TITLE.items()}
_VERB_SIGNS = {
    "restart": "restart|reboot|bounce|delete pod|recycle|roll",
    "reboot": "reboot|restart|power|shutdown",
    "drain": "drain|evict|cordon",
    "cordon": "cordon|unschedul|drain",
    "uncordon": "uncordon|schedulable",
    "scale": "scale|replica|autoscal|hpa|size|capacity|grow|increase",
    "delete": "delete|remove|rm|purge|drop|prune|clean",
    "remove": "remove|delete|rm|purge|drop|prune|clean|evict",
    "rollback": "roll|undo|revert|previous",
    "roll": "roll|undo|revert|previous|restart",
    "revert": "revert|undo|roll|previous|restore|reset",
    "backup": "back|dump|snapshot|save|copy|tar|export",
    "restore": "restore|recover|import|backup|snapshot|revert|uncordon|scale",
    "upgrade": "upgrad|update|install|version",
    "rotate": "rotat|renew|new|replace|recreat",
    "renew": "renew|rotat|issue|certbot|recreat|new",
}
_VERB_RES = {name: re.compile(text, re.IGNORECASE) for name, text in _VERB_SIGNS.items()}
_ANY_ACTION = re.compile(
    r"\b(?:restart|reboot|drain|cordon|uncordon|scale|delete|undo|apply|patch|rm|drop|kill|dump|"
    r"restore|upgrade|get|describe|logs?|select|df|free|top|curl|ping)\b",
    re.IGNORECASE,
)


@check(
    "title-mismatch",
    CLARITY,
    Severity.INFO,
    "a step's title that is generic, or names what its body does not do",
    "Titles are what people jump to and what alerts, plans and reports show.",
)
def title_mismatch(view: View) -> Iterator[Issue]:
    for part in view.parts:
        if not part.title or part.section.level <= 1 or not part.flow:
            continue
        if _is_generic(part):
            yield Issue(
                part.section.lines.first,
                f"the title '{shortened(part.title)}' does not say what is done",
                "name the action and its object: 'Measure the replication lag'",
            )
        elif not part.is_background and (wrong := _contradicted(view, part)):
            yield Issue(
                part.section.lines.first,
                f"the title speaks of '{wrong}', and nothing below it does",
                "make the title say what the step does, or move the step's text where it belongs",
            )


def _is_generic(part: Part) -> bool:
    label = re.match(r"\W*(?:step\s*)?#?\d{1,3}[a-z]?\s*[.):–—-]*\s*", part.title, re.IGNORECASE)
    bare = part.title[label.end() :] if label else part.title
    found = [
        w
        for w in re.findall(r"[A-Za-z][A-Za-z-]*", bare.lower())
        if w not in {"the", "a", "and", "of", "some", "for", "step", "steps"}
    ]
    is_step = bool(part.number) or bool(re.match(r"\W*step\b", part.title, re.IGNORECASE))
    if not found:
        return is_step
    if is_step:
        return all(w in _GENERIC for w in found)
    return all(
        w in {"misc", "miscellaneous", "other", "others", "stuff", "things", "todo", "various", "etc"} for w in found
    )


def _contradicted(view: View, part: Part) -> str:
    """What the title promises and the body never mentions, while it does something else."""
    if not (part.number or part.codes) or part.end > part.index + 1:
        return ""
    body = part.text + "\n" + "\n".join(c.body for c in part.codes)
    if len(body.split()) < 4:
        return ""
    verb = lead_verb(part.title)
    first = re.search(
        r"[A-Za-z]+", re.sub(r"^\W*(?:step\s*)?#?\d+[a-z]?\s*[.):–—-]*\s*", "", part.title, flags=re.IGNORECASE)
    )
    word = first[0].lower() if first else verb
    signs = _VERB_RES.get(word)
    if signs is not None and part.codes and not signs.search(body) and _ANY_ACTION.search(body):
        return word
    named = [name for name, pattern in _TITLE_WORDS.items() if pattern.search(part.title)]
    if not named or any(_CONCEPT_WORDS[name].search(body) for name in named):
        return ""
    if any(
        w in body.lower()
        for w in (
            w[:5]
            for w in re.findall(r"[a-z]{5,}", part.title.lower())
            if not any(_TITLE_WORDS[n].search(w) for n in named) and w[:5] not in {"check", "verif", "inspe", "confi"}
        )
    ):
        return ""
    others = [name for name, pattern in _CONCEPT_WORDS.items() if name not in named and pattern.search(body)]
    return named[0] if others and part.codes else ""


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
    CLARITY,
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
            and not _CRITERION.search(_last_sentence(group[0][2][1:]))
        ):
            yield Issue(
                group[0][0],
                f"{len(group)} options and no word on when to take which",
                "say under which condition each is meant, or keep one",
            )


def _opening(text: str) -> str:
    """A text's first two sentences, where a criterion stands."""
    return " ".join(re.split(r"(?<=[.!?])\s", text[:300], maxsplit=2)[:2])


def _last_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text.strip())[-1] if text.strip() else ""


_SHOWN = re.compile(
    r"\b(?:do not|don't|never|must not|should not|shouldn't|avoid|please don't|"
    r"not to)\s+(?:\w+\s+){0,2}?(?:run|execute|use|do|try|type|copy|paste|apply|issue|call)\b"
    r"|\b(?:would|will|may|might|can|could)\s+(?:\w+\s+)?(?:hang|block|fail|crash|break|destroy|wipe|"
    r"loop forever|lock up|freeze|corrupt)\b"
    r"|\b(?:hangs|fails|blocks forever|never returns|does not work|doesn't work|is wrong|is incorrect|"
    r"is dangerous|is not (?:supported|allowed|safe)|breaks|destroys)\b"
    r"|\b(?:wrong|bad|incorrect|dangerous|broken|anti-?pattern|counter-?example|illustration|"
    r"hypothetical|for illustration|illustrates|for reference only|not part of (?:this|the) procedure|"
    r"historical(?:ly)?|background only|in the past|used to (?:run|use)|formerly|purely as|"
    r"only to show|just to show|to illustrate)\b"
    r"|\bfor example,? (?:this|the following|running)\b|\b(?:what|the command that) (?:went wrong|"
    r"caused|broke)\b|\bhow the (?:outage|incident|fault|problem) (?:was|happened)",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:this|these|the following|following|below|command|commands|like|such as|example|it|one|"
    r"running|script|snippet|query|that)\b|:$",
    re.IGNORECASE,
)


@check(
    "explanatory-command",
    CLARITY,
    Severity.INFO,
    "a command in a shell block that is shown as an explanation or a warning",
    "A block with a command reads as an instruction; sooner or later somebody, or a machine, runs it.",
)
def explanatory_command(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for i, flow in enumerate(part.flow):
            if not isinstance(flow, Code) or flow.inline or not flow.statements:
                continue
            before = next((f for f in reversed(part.flow[:i]) if not (isinstance(f, Code) and f.inline)), None)
            after = part.flow[i + 1] if i + 1 < len(part.flow) else None
            if _warns(before, after, flow):
                yield Issue(
                    flow.lines.first,
                    "the command is shown as an explanation or a warning, in a block that reads as an instruction",
                    "say it in a sentence with the command as inline code, or tag the block `text`",
                )


def _warns(before: Prose | Code | None, after: Prose | Code | None, code: Code) -> bool:
    if isinstance(before, Prose) and before.sentences:
        last = before.sentences[-1].text
        if (
            _SHOWN.search(last)
            and _POINTS.search(last)
            and not re.search(r"\b(?:instead|run|use):\s*$|^\W*if\b|^\W*when\b|\binstead\b", last, re.IGNORECASE)
        ):
            return True
    if any(
        re.match(
            r"(?:do not|don't|never|wrong|bad|danger|not like this|this (?:hangs|fails|breaks)|avoid|example of what)",
            c.text,
            re.IGNORECASE,
        )
        for c in code.comments
    ):
        return True
    if isinstance(after, Prose) and after.sentences:
        first = after.sentences[0].text
        return bool(
            re.match(
                r"\W*(?:this|that|the (?:above|command))(?: command| call| one)? (?:\w+ )?(?:hangs|will hang|"
                r"would hang|fails|will fail|would fail|never returns|does not work|is (?:only|"
                r"just) (?:an? )?(?:example|illustration|shown)|must not be run|should not be run|"
                r"was run by mistake|caused|is what (?:caused|broke))",
                first,
                re.IGNORECASE,
            )
        )
    return False


_CAUSES = re.compile(
    r"\b(?:causes?|reasons?|what happened|timeline|how (?:it|this|the \w+) (?:happen|occur|arose|came|"
    r"start|fail|broke)\w*|repro(?:duction|duce)?|history|sequence of events|chain of events|"
    r"background|validation|incident|scenario|failure modes?|explanations?|why)\b",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:was|were|had|became|began|started|failed|crashed|filled|ran out|went|lost|expired|stopped|"
    r"caused|led to|resulted|appeared|disappeared|reached|exceeded|dropped|grew|got|noticed|triggered|"
    r"(?:is|are) (?:lost|replaced|evicted|killed|listed|imported|marked)|[a-z]{3,}ed)\b"
)


@check(
    "narrative-steps",
    CLARITY,
    Severity.INFO,
    "headings or numbered items that look like steps and only tell how a fault arose, or list causes",
    "A reader in a hurry carries out the story, or takes the list of causes for the procedure.",
)
def narrative_steps(view: View) -> Iterator[Issue]:
    for line in _stories(view):
        yield Issue(
            line,
            "these look like steps and only tell what happened or list causes",
            "use bullets or plain sentences, and keep numbers for what is to be done",
        )


def _stories(view: View) -> Iterator[int]:
    lists: dict[tuple[int, int], list[StepView]] = {}
    for step in view.steps:
        if not step.by_heading:
            lists.setdefault((step.part.index, step.flow[0].block.items[0].list_id), []).append(step)
    for group in lists.values():
        if len(group) >= 2 and _is_story(view, group):
            yield group[0].lines.first
    chain: list[StepView] = []
    for step in (s for s in view.steps if s.by_heading):
        if _is_told(view, step):
            chain.append(step)
            continue
        if len(chain) >= 2:
            yield chain[0].lines.first
        chain = []
    if len(chain) >= 2:
        yield chain[0].lines.first


def _is_story(view: View, group: Sequence[StepView]) -> bool:
    part = group[0].part
    intro = next(
        (
            f.text
            for f in reversed(part.flow)
            if isinstance(f, Prose) and not f.is_item and f.lines.last < group[0].lines.first
        ),
        "",
    )
    doing = sum(bool(instructions_in(s.title)) for s in group)
    told = sum(bool(_TOLD.search(s.title)) and not instructions_in(s.title) for s in group)
    if _CAUSES.search(part.title) or _CAUSES.search(_last_sentence(intro)):
        return doing * 2 < len(group)
    return doing == 0 and told * 3 >= len(group) * 2


def _is_told(view: View, step: StepView) -> bool:
    if any(c.statements and c.tag for c in step.codes):
        return False
    label = re.sub(r"^\W*(?:step\s*)?\d+[a-z]?\s*[.):–—-]*\s*", "", step.title, flags=re.IGNORECASE)
    if instructions_in(label):
        return False
    sentences = [s for f in step.flow if isinstance(f, Prose) for s in f.sentences]
    if any(instructions_in(s.text) and not re.match(r"\W*note\b", s.text, re.IGNORECASE) for s in sentences):
        return False
    parents = " ".join(view.parts[i].title for i in step.part.above)
    intro = " ".join(view.parts[i].text[:300] for i in step.part.above[-1:])
    past = sum(bool(_TOLD.search(s.text)) for s in sentences)
    return bool(sentences) and (
        past * 2 >= len(sentences)
        or bool(_CAUSES.search(parents))
        or bool(re.search(r"\bscenario|has occurred|happened\b", intro, re.IGNORECASE))
    )
