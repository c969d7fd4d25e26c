"""What a sentence of a guide asks for, and under which condition: the grammar of people who write for people."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

from dag.model import Span
from tsg.compile.sentences import Masked, mask, sentences_of
from tsg.guide import Block, Piece
from tsg.words import words


class Act(Enum):
    """What the main clause of a sentence does."""

    ASK = "asks the reader to do something"
    TELL = "says how things are"
    LOOK = "says what to look for in a result"
    DECLINE = "says that nothing is to be done, or that the guide is not about this"
    GOOD = "says that it is over and well"
    ESCALATE = "hands over to people"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: its words, lines, the condition it stands under and what it does.

    `condition` is the author's words without the conjunction; `main` the clause that depends on it, from its
    verb on where it asks for something. `verb` is that verb, in lower case.
    """

    words: str
    lines: Span
    act: Act
    verb: str = ""
    condition: str = ""
    condition_lines: Span | None = None
    main: str = ""
    otherwise: bool = False
    code: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    opens: bool = False  # the condition stands before the main clause

    def under(self, condition: str, lines: Span) -> Sentence:
        """The sentence under a condition that the text around it sets."""
        return replace(self, condition=condition, condition_lines=lines)

    @property
    def asks(self) -> bool:
        return self.act in (Act.ASK, Act.ESCALATE)


_CONJUNCTION = (
    r"(?:only )?(?:if|when|whenever|once|after|unless|as soon as|as long as|while|where"
    r"|in (?:the )?(?:event|case|cases)(?: where| when| that| of)?|should"
    r"|for(?= (?:an? |the |any |each )?(?:node|pod|job|run|task|server|disk|gpu|user|tenant|replica|machine"
    r"|cluster)s? (?:with|without|that|which|in|on)\b)"
    r"|for(?= (?!(?:each|every|all|the|your|these|those) )(?:[\w-]+ ){1,5}?"
    r"(?:workloads?|clusters?|nodes?|pods?|jobs?|errors?|issues?|failures?|deployments?"
    r"|environments?|actions?),)"
    r"|as a last resort,? if|for cases where|assuming(?: that)?|provided(?: that)?)"
)
_OPENING = re.compile(
    rf"(?:and |but |then |also |however,? |finally,? |otherwise,? )?(?P<word>{_CONJUNCTION})(?:,(?= the ))?\s+", re.I
)
_NOTE = re.compile(r"\W*(?:note|tip|hint|important|caution|warning|ps|nb)\W*:\W*(?=(?:if|when|once|unless) )", re.I)
_SHORTEST = 4  # characters of a condition
_OTHERWISE = re.compile(r"(?:otherwise|if not|else|in all other cases)\b[,:]?\s*", re.I)
_TRAILING = re.compile(
    r"[,(]?\s(?P<word>(?:only )?(?:if|when|while|unless|once|in case)|after(?= [^,;]{1,100} (?:completes|finishes"
    r"|succeeds|is (?:done|over|complete|finished)|has (?:completed|finished|succeeded))[.)]?$))\s+"
    r"(?P<cond>[^,;]+(?:, (?:or|and) [^,;]+)*)[.)]?$",
    re.I,
)
# "If the pod hangs you can delete it": where the reader begins to act the condition ends, with or without a comma.
_ACTS = r"(?:you|we) (?:can|could|should|must|may|might|need to|have to|will (?:need|have|want) to)\b"
_NO_COMMA = re.compile(rf"(?<!\bthat)(?<!\bwhich)(?<!\band)(?<!\bor)(?<!\bif) (?={_ACTS})", re.I)
_INSIDE = re.compile(rf"[,;]? (?:and|but|however),? if (?P<cond>[^,.;]{{4,100}}?),? (?={_ACTS})", re.I)
# "After resolving the issue", "after remediation": the order of steps, no condition.
_STAGE = re.compile(r"(?:(?:\w+ly )?\w+ing\b[^,]*|(?:the |a |an )?\w+(?: \w+)?)$", re.I)
_WHETHER = re.compile(
    r"\b(?:check|checking|see|determine|determining|verify|verifying|confirm|confirming|analy[sz]e|identify|assess"
    r"|monitor|test|know|tell"
    r"|decide|examine|understand|find out|look|validate|investigate|evaluate|inspect|note|ensure|review|sure"
    r"|question|depends on)$"
    r"|\b(?:check|determine|verify|confirm|identify|analy[sz]e|correlate|see|compare)\b[^.;,]{0,60}(?:\bto (?:see"
    r"|determine|check|verify|tell|know))$",
    re.I,
)
_ASIDE_IF = re.compile(r"\((?P<cond>(?:if|when|only if) [^()]{4,80})\)", re.I)
_WHEN_NEEDED = re.compile(
    r"(?:needed|necessary|possible|applicable|required|available|desired|appropriate|so)\W*$", re.I
)
_LEADS = (
    r"(?:please|then|first|firstly|second|next|now|finally|lastly|also|additionally|afterwards|afterward|optionally"
    r"|alternatively|instead|again|and|or|by hand|manually|carefully|simply|just|immediately|temporarily|gracefully"
    r"|safely|quickly|directly|try to|make sure to|be sure to|remember to|start by|begin by|it'?s best to|in this case"
    r"|in that case|if (?:necessary|needed|possible|applicable|required)|as needed|for example|force|force-|hard|soft)"
)
_PURPOSE = re.compile(r"(?:in order )?to\s+(?:[\w`'/-]+\s+){1,14}?[\w`)'/-]+,\s+", re.I)
_READERS = (
    r"(?:you|we|one|operators?|admins?|the operator|the user|users|engineers?)"
    r"(?: (?:(?:will |would |may |might )?(?:also |then |now |first )?(?:need|have|want) to|can|should|must|may|might"
    r"|could|are advised to))+"
)
_YOU = re.compile(
    rf"(?:{_LEADS},?\s+){{0,2}}{_READERS}(?: (?:now|then|also|first|either|try to|use|go ahead and|[a-z]+ly))*"
    r"\s+(?P<verb>[a-z-]+)",
    re.I,
)
# "The pod elects a leader, you may need to check its log": the reader's part stands behind what is told.
_YOU_THEN = re.compile(
    r"[,;] (?:so |and |then |but )?you (?:(?:will|would|may|might) (?:need|have|want) to|need to|have to|should|must"
    r"|can) (?P<verb>[a-z-]+)",
    re.I,
)
# "The instance should be terminated": where it stands under a condition it is asked for.
_PASSIVE = re.compile(
    r"\b(?:should|must|needs to|has to|have to) (?:then |now |also |first )?be (?P<past>[a-z-]+ed)\b(?! (?:by|auto))",
    re.I,
)
# "Start examining the pods", "try patching it": what is done is the second verb.
_TAKE_A_LOOK = re.compile(r"(?:take|have) (?:a |another )(?:[a-z]+ )?look\b", re.I)
_BEGINS = re.compile(r"(?:start|begin|try) (?:by )?(?P<ing>[a-z-]+ing)\b", re.I)

READING = words(
    "access cross-check cross-reference analyse analyze ask assess audit browse check collect compare confirm"
    " consult correlate count "
    "describe determine diagnose discover dump evaluate examine execute expect explore extract fetch find gather "
    "get grep identify inspect interrogate investigate isolate list locate log login look measure monitor note "
    "observe open pinpoint poll print probe pull query read recheck record retrieve review rsh run sample save "
    "scan search see show snapshot ssh study test trace track understand use validate verify view visit wait "
    "watch"
)
CHANGING = words(
    "add adjust allocate allow apply attach bounce bump cancel change clean cleanup clear compact copy cordon "
    "correct create deactivate decommission decrease defrag defragment delete deploy destroy detach disable "
    "disconnect downgrade drain drop edit eject enable erase evict exclude expand extend fail failover fix flush "
    "force format free grant halt harden import increase initiate install isolate kill lower mark migrate modify "
    "mount move overwrite patch pause power power-cycle promote provision prune purge push raise re-add re-create "
    "re-enable re-image re-register rebalance reboot rebuild recover recreate recycle redeploy redirect reduce "
    "refresh reimport reinstall reload remediate remove rename renew repair replace reprovision requeue "
    "register reregister reschedule reseat reset resize restart restore resubmit resume retire revert revoke "
    "roll rollback rotate scale set shift shrink shut shutdown skip start stop suspend swap switch sync taint taper "
    "terminate throttle toggle trigger trim truncate tune turn uncordon undo uninstall unload unmount unplug untaint "
    "update upgrade upload wipe write zap"
)
TALKING = words(
    "re-run rerun retry resolve address optimize acknowledge alert announce assign call choose click communicate"
    " complete configure"
    " connect consider "
    "consolidate contact continue coordinate decide define discuss document download drive email engage ensure "
    "enter escalate exec exit file follow go hand implement inform involve keep leave limit make message navigate "
    "notify obtain open page perform pick plan post prepare prioritize proceed provide put raise reach refer "
    "repeat report request return schedule select send share shell sign skip stay submit take tell treat "
    "troubleshoot try work"
)
VERBS = READING | CHANGING | TALKING

_PLACE = re.compile(
    r"(?:on|in|at|from|for|with|using|via|within|inside|as|during|by|based on|depending on|per"
    r"|under)\b[^,.;:]{1,70},\s+"
    r"|for [\w -]{1,40}? (?=(?:follow|use|run|check|see)\b)",
    re.I,
)
_THEN = re.compile(r"(?:then|next|first|finally|now),?\s+(?=(?:in order )?to\b|for\b|on\b|in\b|from\b|with\b)", re.I)
_REMEDY = re.compile(
    r".{0,40}?\b(?:solution|fix|workaround|option|way|remedy|mitigation|approach|recommendation|course of action"
    r"|next step|first step)\b"
    r"[^.]{0,60}? (?:is|would be) to (?P<verb>[a-z-]+)\b",
    re.I,
)
_FIX = re.compile(r"(?:fix(?:es)?|solutions?|resolutions?|workarounds?|remed(?:y|ies)|mitigations?|actions?):\s+", re.I)
_FIRST_WORDS = re.compile(rf"(?:{_LEADS}[,:]?\s+)*(?P<verb>[a-z][a-z-]*)\b", re.I)
_NOT_A_VERB = re.compile(
    # "Check name exclusion - ...", "Access is denied", "Scale factor:", "Log entries show"
    r"(?:is|are|was|were|has|have|had|will|may|might|can|could|should|shows?|means?|indicates?|fails?|failed|does|did"
    r"|contains?|occurs?|happens?|appears?|returns?|succeeds?|succeeded|failure|failures|errors?)\b",
    re.I,
)
_NEEDS = re.compile(
    r"\b(?:needs?|requires?|might need|may need|will need|must be|should be|have to be|has to be|needs to be)\b", re.I
)
_CHANGE_NOUN = re.compile(
    r"\b(?:reboot|restart|reset|drain|rollback|replace|replacement|upgrade|restore|uncordon|cordon|resize|scale)\b",
    re.I,
)
_ASIDE = re.compile(r"\s*\([^()]{0,200}(?:\)|$)")
_LOOK_AT = re.compile(r"look (?:at|into|in)\b", re.I)  # under a condition it is what to do next
_LOOK = re.compile(
    r"(?:look (?:for|at|out|in)|expect(?:ed)?\b|you should (?:be able to )?see|you will see|this (?:shows?|should|will)"
    r"|note (?:that|the|down)\b|note:|the output|output should|watch for|should (?:show|return|be|see|list|report))",
    re.I,
)
_GOOD = re.compile(
    r"\b(?:no (?:further )?action (?:is )?(?:needed|required|necessary)|nothing (?:needs )?to (?:be )?do(?:ne)?"
    r"|(?:this|it|the (?:alert|issue|incident|problem|latency|cluster)) (?:may |will |should |can "
    r"|is )?(?:automatically |then )*"
    r"(?:resolves?|resolved|clears?|recovers?|returns? to normal|be resolved|heals?)"
    r"|returns? to normal|(?:potential|definitive|final) (?:resolution|outcome)|you are done"
    r"|^done\b"
    r"|the incident is (?:over|resolved|closed)"
    r"|close the (?:incident|ticket|alert)|working as (?:intended|expected|designed)|(?:can|may|should) be closed)",
    re.I,
)
_DECLINE = re.compile(
    r"\b(?:do(?:es)? not (?:use|apply|follow|continue(?: with)?) (?:to )?(?:this|the) (?:runbook|guide|playbook"
    r"|procedure|document)"
    r"|(?:this|the) (?:runbook|guide|playbook|procedure|tsg|page) (?:is|does) not (?:applicable|appl(?:y|icable)|about"
    r"|meant|cover|for you|help)"
    r"|(?:is the business of|belongs to|has a page of its own|is covered by) (?:the )?[\w -]{0,40}(?:runbook|guide"
    r"|page)?$"
    r"|not applicable|stop here|false (?:alarm|positive)s? (?:and|,) (?:can|may)"
    r"|use (?:the )?[\w /-]{2,40} (?:runbook|guide|playbook) instead"
    r"|(?:you are|this is) (?:in |on )?the wrong (?:runbook|guide|page))",
    re.I,
)
_ESCALATE = re.compile(
    r"\b(?:escalat(?:e|ing)|(?:contact|engage|page|call|wake|notify|involve|reach out to|hand (?:it |this "
    r"|over )?(?:over )?to"
    r"|open (?:an? )?(?:\w+ ){0,3}(?:case|ticket|incident|issue) with|raise (?:an? )?(?:\w+ ){0,3}(?:case|ticket) with"
    r"|investigate with|work with|file (?:an? )?(?:\w+ ){0,2}(?:case|ticket|bug))"
    r" (?:[\w'’&/-]+ ){0,6}[\w-]*(?:support|team|vendor|sre|oncall|on-call|owner|owners|engineer|engineering|provider"
    r"|expert|experts|group|teams|lead|manager|nvidia|microsoft|aws)"
    r"|(?:tell|inform|ask|call|page|wake)\b[^.;]{0,60}\band (?:stop|wait for (?:them|their))\b"
    r"|(?:team|vendor|support|lead|owner|group) takes? (?:it |this )?over)\b",
    re.I,
)


# "Still above 0.8 s: restart the router", "Between 85 and 92 %, repeat step 5".
_STATE = re.compile(
    r"(?P<cond>(?:still |only )?(?:above|below|over|under|between|more than|less than|fewer than|at least|at most"
    r"|up to|within)\s[^:,.]{0,60}"
    r"\d[^:,]{0,30}?)\s*[:,]\s+",
    re.I,
)


def sentences(block: Block) -> tuple[Sentence, ...]:
    """The sentences of one block of prose, in order."""
    return _sentences(block.pieces)


@lru_cache(maxsize=4096)  # a block is asked many times: what it is, what follows it, what it belongs to
def _sentences(pieces: tuple[Piece, ...]) -> tuple[Sentence, ...]:
    return tuple(read_sentence(s) for s in sentences_of(pieces))


def read_sentence(said: Masked) -> Sentence:
    """Read one sentence."""
    said = said.cut(0, len(said.text.rstrip(" :;*_")) or len(said.text))
    text = said.text
    otherwise = False
    start = label.end() if (label := _NOTE.match(text)) else 0
    if ((found := _OTHERWISE.match(text, start)) and not _OPENING.match(text, start)) or (
        found and found[0].lower().startswith("if not")
    ):
        otherwise, start = True, found.end()
    condition: Masked | None = None
    opens = False
    main = said.cut(start, len(text))
    if state := _STATE.match(main.text):
        condition, opens = main.cut(*state.span("cond")), True
        main = main.cut(state.end(), len(main.text))
    elif opening := _OPENING.match(main.text):
        cut = _end_of_condition(main.text, opening.end())
        if cut is None and (acts := _NO_COMMA.search(main.text, opening.end() + _SHORTEST)) is not None:
            cut = acts.start()
        if (
            cut is not None
            and opening["word"].lower() in ("after", "once")
            and _STAGE.match(main.text, opening.end(), cut)
        ):
            return _sentence(said, main.cut(cut + 1, len(main.text)), None, otherwise=otherwise, opens=False)
        if cut is not None:
            condition = main.cut(opening.end() if opening["word"].lower() != "unless" else opening.start("word"), cut)
            main = main.cut(cut + 1, len(main.text))
            opens = True
        elif not otherwise:
            condition, main = main.cut(opening.end(), len(main.text)), main.cut(len(main.text), len(main.text))
            opens = True
    elif (inside := _INSIDE.search(main.text)) is not None:
        condition, main = main.cut(*inside.span("cond")), main.cut(inside.end(), len(main.text))
    elif (trailing := _TRAILING.search(main.text)) is not None and not _is_object(
        main.text[: trailing.start()], trailing
    ):
        start, end = trailing.span("cond")
        condition = main.cut(start, start + len(main.text[start:end].rstrip(".")))
        main = main.cut(0, trailing.start())
    return _sentence(said, main, condition, otherwise=otherwise, opens=opens)


def _sentence(said: Masked, main: Masked, condition: Masked | None, *, otherwise: bool, opens: bool) -> Sentence:
    words = main.words
    aside = _ASIDE_IF.search(main.text) if condition is None else None
    if aside is not None and not _WHEN_NEEDED.search(aside["cond"]):
        condition = main.cut(*aside.span("cond"))
    act, verb, tail = _act(words, conditional=condition is not None)
    stated = condition is not None and bool(condition.text)
    return Sentence(
        said.words,
        said.span,
        act,
        verb,
        condition.words if condition is not None and stated else "",
        condition.span if condition is not None and stated else None,
        tail or words,
        otherwise,
        said.code,
        said.links,
        opens and stated,
    )


def _end_of_condition(text: str, at: int) -> int | None:
    """Where an opening condition ends: the first comma or colon outside brackets that begins a clause."""
    depth = 0
    for i in range(at, min(len(text), at + 600)):
        ch = text[i]
        if ch in "([{":
            depth += 1
        elif ch in ")]}":
            depth -= 1
        elif depth <= 0 and (ch == ":" or (_is_break(text, i) and not _goes_on(text, i + 1))):
            return i
    return None


def _is_break(text: str, at: int) -> bool:
    return text[at] == "," or text.startswith((" then ", " - ", " – ", " — ", " → "), at)


def _is_object(before: str, trailing: re.Match[str]) -> bool:
    """Whether "if ..." is what is asked ("check if the pod runs"), or a clause about something else."""
    if len(before) < 4 or _WHETHER.search(before) or _WHEN_NEEDED.match(trailing["cond"]):
        return True
    return trailing["word"].lower() in ("while", "when") and bool(re.search(r"\b(?:that|which|who)\b", before))


def _goes_on(text: str, at: int) -> bool:
    """Whether the words behind a comma still belong to a list inside the condition: "if a, b or c, ..."."""
    rest = text[at:].lstrip()
    if re.match(r"(?:that is|that means|i\.e\.)\s", rest, re.I):
        return True
    if re.match(r"(?:or|and)\s", rest, re.I):
        following = rest.split(None, 1)[1] if " " in rest else ""
        return not _verb(following)[0]
    head = re.match(r"[^,.;]{1,60},", rest)
    return bool(head and re.search(r",\s*(?:or|and)\s[^,]{1,80},", rest) and not _verb(rest)[0])


def _act(words: str, *, conditional: bool) -> tuple[Act, str, str]:
    text = _ASIDE.sub("", words).strip("*_ ").strip()
    if _DECLINE.search(text):
        return Act.DECLINE, "", ""
    if _GOOD.search(text):
        return Act.GOOD, "", ""
    if _ESCALATE.search(text):
        return Act.ESCALATE, "escalate", text
    if _LOOK.match(text) and not (conditional and _LOOK_AT.match(text)):
        return Act.LOOK, "look", ""
    verb, tail = _verb(text)
    if verb:
        return Act.ASK, verb, tail
    if conditional and (needs := _NEEDS.search(text)) and (noun := _CHANGE_NOUN.search(text, needs.end())):
        return Act.ASK, noun[0].lower(), text[noun.start() :]
    if (
        conditional
        and (passive := _PASSIVE.search(text))
        and (verb := verb_of_past(passive["past"].lower())) in CHANGING
    ):
        return Act.ASK, verb, f"{verb} {text[: passive.start()].strip()}{text[passive.end() :]}"
    return Act.TELL, "", ""


def verb_of_past(past: str) -> str:
    """The verb of a past form, where it is one that guides use: `increased` is `increase`."""
    return _of_stem(past.removesuffix("ed"))


def _of_stem(stem: str) -> str:
    """The verb that a form without its ending comes from: `increas`, `dropp`, `appli`, `restart`."""
    whole = (stem, f"{stem}e", stem[:-1], f"{stem[:-1]}y" if stem.endswith("i") else "")
    return next((v for v in whole if v in VERBS), "")


def _verb(text: str) -> tuple[str, str]:
    """The verb by which a clause asks the reader to act and the words from it on; empty when it does not."""
    text = text.lstrip("*_-•→⚠️ ").strip()
    if label := _FIX.match(text):
        text = text[label.end() :]
        past = re.match(r"([A-Za-z-]+?)(?:ed|d)\b", text)
        if past and (base := verb_of_past(past[0].lower())):
            return base, base + text[past.end() :]
    if then := _THEN.match(text):
        text = text[then.end() :]
    if purpose := _PURPOSE.match(text):
        text = text[purpose.end() :]
    if place := _PLACE.match(text):
        text = text[place.end() :]
        if purpose := _PURPOSE.match(text):
            text = text[purpose.end() :]
    for form in (_YOU, _REMEDY):
        if found := form.match(text):
            verb = found["verb"].lower()
            return _begun(verb, text[found.start("verb") :]) if verb in VERBS else ("", "")
    found = _FIRST_WORDS.match(text)
    if found is None or (verb := found["verb"].lower()) not in VERBS:
        later = _YOU_THEN.search(text)
        return (
            (later["verb"].lower(), text[later.start("verb") :])
            if later and later["verb"].lower() in VERBS
            else ("", "")
        )
    rest = text[found.end() :].lstrip()
    if rest and rest[0] not in ".:;" and _NOT_A_VERB.match(rest):
        return "", ""
    return _begun(verb, text[found.start("verb") :])


def _begun(verb: str, tail: str) -> tuple[str, str]:
    """What is begun or tried, where that is said; to take a look is to look."""
    if found := _TAKE_A_LOOK.match(tail):
        return "look", "look" + tail[found.end() :]
    if (begun := _BEGINS.match(tail)) and (base := _of_stem(begun["ing"].lower().removesuffix("ing"))):
        return base, base + tail[begun.end() :]
    return verb, tail


def asks_something(block: Block) -> bool:
    """Whether any sentence of a block asks the reader to act."""
    return any(s.asks for s in sentences(block))


def masked(block: Block) -> Masked:
    return mask(block.pieces)


def is_condition(text: str) -> bool:
    """Whether a heading, a bold line or a comment is a condition: "If pods are stuck", "Same error on all nodes?"."""
    bare = text.strip("*_#: ").strip()
    return bool(_OPENING.match(bare + " ")) or (bare.endswith("?") and len(bare) < 100)
