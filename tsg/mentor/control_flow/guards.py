"""What keeps a reader from a deed: a condition that governs it, somebody's consent, a requirement, a copy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tsg.guide import BlockKind
from tsg.mentor.cases import LEADS, OVER
from tsg.mentor.code import Code, Statement
from tsg.mentor.deeds import is_change
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, instructions_in, lead_verb

_CONSENT = re.compile(
    r"\b(?:consents?|approv(?:al|es?|ed|ing)|sign[- ]?off|signs? off|signed off|two-person|four-eyes"
    r"|(?:second|another) (?:person|pair of eyes|engineer)|agree(?:s|d|ment)?"
    r"|(?:permission|word|go-ahead|green light|ok(?:ay)?) (?:of|from|by)|(?:give|gives|gave|get|gets|for) (?:you )?"
    r"(?:the |your |a |its |their )?(?:permission|go-ahead|green light|ok(?:ay)?)"
    r"|(?:have|let|get|ask|asks?|make)\b[^.;]{0,60}\bconfirm|(?:has|have|been|is|are|once|until|after|when) confirmed"
    r"|(?:lead|owners?|team|manager|on-call|dba|engineer|customer|they|he|she|somebody|someone)`?\)? "
    r"(?:has to |have to |must )?confirm(?:s|ed)?|confirmation (?:of|from|by)"
    r"|(?:get|ask for|await|wait for|with|without) (?:a |the |their |its )?"
    r"(?:\w+ )?confirmation)\b",
    re.IGNORECASE,
)
_LIMITS = re.compile(
    r"\bonly (?:if|when|after|once|while|as long as|with)\b|\b(?:do|run|use|try) (?:this|it|so|that)? ?only\b"
    r"|^\W*(?:\w+: ?)?\W*only (?:for|on|in|where|at|during)\b|\bunless\b|\b(?:as (?:a|the) |is (?:a|the) )last resort\b"
    r"|\b(?:do not|don't|never|must not|may not|cannot|not)\b[^.;]{0,80}"
    r"\b(?:if|while|until|before|without|when|as long as)\b"
    r"|\bno longer (?:needed|used|wanted|referenced|in use)\b"
    r"|\b(?:in|during|within) (?:a|the|your) maintenance window\b"
    r"|\b(?:nobody|no one|nothing) (?:\w+ ){0,3}without\b",
    re.IGNORECASE,
)
_SAVES = re.compile(
    r"\bback(?:ed|ing|s)? (?:it |them |(?:the|its|all|every|your) (?:[\w`$-]+ ){1,4}?)?up\b"
    r"|\b(?:take|takes|make|keep|create|write|store|have|need|verify|is|exists?)\b[^.;]{0,30}"
    r"\b(?:snapshot|backup|back-up|dump|copy|export)\b|\bbackup (?:exists|is|of)\b"
    r"|\b(?:save|export|dump|archive|snapshot) (?:the|a|an|its|their|it|them|all|every|what)\b"
    r"|\bcopy [^.;]{0,40}\b(?:away|aside|elsewhere|first|out)\b|\bdry[- ]run\b",
    re.IGNORECASE,
)
_WARNS = re.compile(r"^\W*(?:warning|caution|danger|attention)\b\W|\u26a0|^\W*\[!(?:WARNING|CAUTION)\]", re.IGNORECASE)
_REQUIRES = re.compile(
    r"^\W*(?:\w+, )?(?:first(?:ly)?,? |then |now |before (?:that|this|you start|you begin),? |beforehand,? |also )*"
    r"(?:make (?:quite |very )?sure|be (?:quite |very )?sure|ensure|double-?check|verify|check|confirm)\b"
    r"(?! (?:the|its|their) \w+[:.])",
    re.IGNORECASE,
)
_SURE = re.compile(r"\b(?:make|be) (?:\w+ )?sure\b|\bensure\b", re.IGNORECASE)
_MUST = re.compile(
    r"\b(?:must|has to|have to|needs? to|ought to) (?:not )?(?:be|have|show|say)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|when|whenever|unless|once|as soon as|as long as|in case|provided|assuming|now that|until|otherwise|else"
    r"|while|only|depending on|in (?:this|that|the|either) case"
    r"|after (?!which)[^,.;:]{1,60} (?:has|have|had|is|are|was|were|agrees?|confirms?))\b",
    re.IGNORECASE,
)
_MAY = re.compile(
    r"\b(?:may|can|must|should|has to|have to|need(?:s|ed)? to|is|are) (?:safe(?:ly)?|safe to|now|then|be|go)\b"
    r"|\byou may\b|\bis safe\b",
    re.IGNORECASE,
)
# A relative clause after a comma tells about the thing and asks for nothing.
_ASIDE = re.compile(r",\s+(?:which|who|whose|where|so that|because|since|as)\b[^,.;:]*", re.IGNORECASE)
_KIND = re.compile(
    r"\b(?:stale|unused|orphaned|expired|completed|finished|evicted|failed|obsolete|temporary|leftover|unneeded)\b"
    r"|\b(?:older|longer|more|bigger|larger|less|fewer|smaller) than\b"
    r"|\b(?:that|which|who|whose|with) (?:[^.,;:]{0,40} )?(?:`|\d|not\b|no\b|never\b|neither\b)",
    re.IGNORECASE,
)
_UNDOES = re.compile(
    r"\b(?:undo\w*|revert\w*|roll\w* back|take (?:this|it|that|them) back|back out|clean(?:ing)?[ -]?up|tid(?:y|ies) up"
    r"|(?:remove|delete|stop) (?:it|them|this|the [\w-]+(?: [\w-]+)?) (?:again|afterwards))\b",
    re.IGNORECASE,
)
_SAVING_CODE = re.compile(
    r"\b(?:pg_dump\w*|pg_basebackup|mysqldump|mongodump|etcdctl\b.{0,200}\bsnapshot save|velero backup create"
    r"|zfs snapshot"
    r"|snap(?:shot)?s? create|create-(?:\w+-)*snapshot|lvcreate\b.{0,200}\s-s\b|rsync"
    r"|tar\s+-?\w*c\w*|(?:aws s3|gsutil|az storage blob) (?:cp|sync|copy))\b|(?:^|[;&|]\s*)(?:sudo )?cp\s+-?"
    r"|>\s*[\"']?\S+\.(?:ya?ml|json|bak|sql|csv|dump|gz|tgz|rdb|conf|old)\b|\bexport_definitions\b|\bBGSAVE\b",
    re.IGNORECASE | re.MULTILINE,
)
_TESTS = re.compile(
    r"^\s*(?:if|case|while(?!\s+(?:\w+=\S*\s+)*read\b)|until)\b|(?:^|[;&|(]\s*)(?:\[\[? |test\s)"
    r"|\bgrep\s+(?:-\w+\s+)*-\w*q"
    r"|\bread\s+-\w*p|--dry-run|-WhatIf\b|--interactive\b|\brm\s+-\w*i\b|-Confirm(?!:\$?false)|\|\|\s*(?:exit|return)\b"
    r"|xargs\s+(?:-\S+\s+)*-p\b",
    re.IGNORECASE | re.MULTILINE,
)
_CASE_TITLE = re.compile(
    r"\W*(?:\d+[a-z]?\W+)?(?:if|when|in case|option|alternative|scenario|case|for|last resort)\b", re.IGNORECASE
)
_MAKES = re.compile(r"\b(?:run|create|debug|apply|add|new|start|launch|mkdir|touch|clone|expose)\b", re.IGNORECASE)


def is_guarded(view: View, part: Part, code: Code, statement: Statement) -> bool:
    """Whether a condition, a consent, a requirement or a copy stands before a deed, near enough to be about it."""
    if _is_tested(code, statement) or _is_made_before(view, statement):
        return True
    if any(_CASE_TITLE.match(view.parts[i].title) for i in (part.index, *part.above) if view.parts[i].title):
        return True
    leads, earlier, copies = _read_before(view, part, code)
    if statement.comment:
        leads = [*leads, Sentence(statement.comment, code.lines.first, code.lines.first)]
    if any(_guards(s.text, is_last=s is leads[-1]) for s in leads) or any(_requires(s.text) for s in earlier):
        return True
    if _saves(copies):
        return True
    above = [s for i in part.above for p in view.parts[i].proses for s in p.sentences]
    return any(_limits(s.text) for s in above) or _is_saved(view, part, code) or _is_decided(view, statement)


def asks_consent(text: str) -> bool:
    """Whether a sentence names somebody's agreement."""
    return bool(_CONSENT.search(text))


def _guards(text: str, *, is_last: bool) -> bool:
    """Whether a sentence right before a deed limits it. The last one introduces it."""
    if _limits(text) or _SAVES.search(text) or _REQUIRES.match(text) or _WARNS.search(text):
        return True
    for clause in re.split(r"[;—–]\s*", _ASIDE.sub("", text)):
        if _governs(clause, is_last=is_last):
            return True
        if is_last and (lead_verb(clause) or instructions_in(clause)) and _KIND.search(clause):
            return True
    return is_last and bool(_UNDOES.search(text))


def _limits(text: str) -> bool:
    return bool(_CONSENT.search(text) or _LIMITS.search(text))


def _requires(text: str) -> bool:
    """Whether a sentence further up asks for something that has to be so first."""
    asks = _SURE.search(text) or (_MUST.search(text) and text.rstrip().endswith(":"))
    return _limits(text) or bool(_SAVES.search(text) or asks)


def _governs(clause: str, *, is_last: bool) -> bool:
    """Whether the condition of a clause decides about something to do, rather than tells when something happens."""
    found = _CONDITION.search(clause)
    if found is None:
        return False
    if found.start() < 4:
        main = (clause if "," in clause else clause.replace(":", ",", 1)).partition(",")[2]
        if is_last and not main.strip(" :.*_"):
            return True
    else:
        main = clause[: found.start()]
    if LEADS.search(main) or OVER.search(main) or _MAY.search(main):
        return True
    return is_last and bool(lead_verb(main) or instructions_in(clause))


def _read_before(view: View, part: Part, code: Code) -> tuple[list[Sentence], list[Sentence], list[Code]]:
    """The sentences that lead to a deed, those earlier in its step or section, and the code among them.

    What stands before another change is about that one.
    """
    step = view.step_of(code)
    own: Sequence[Prose | Code] = step.flow if step is not None and not step.by_heading else part.flow
    at = next((i for i, f in enumerate(own) if f is code), len(own))
    if code.inline:
        at = next((i for i, f in enumerate(own) if isinstance(f, Prose) and f.block is code.block), at) + 1
    cut = next((i + 1 for i in range(at - 1, -1, -1) if isinstance(f := own[i], Code) and not f.inline), 0)
    changed = next(
        (i + 1 for i in range(at - 1, -1, -1) if isinstance(f := own[i], Code) and _changes([f]) and not _saves([f])), 0
    )
    before = own[changed:cut]
    leads = [f for f in own[cut:at] if isinstance(f, Prose)]
    if code.block.items or (leads and leads[-1].is_item):
        leads = _of_item(part, code, leads)
    sentences = [s for p in leads for s in p.sentences]
    if code.inline:
        sentences = [s for s in sentences if s.line <= code.lines.first]
    earlier = [s for p in before if isinstance(p, Prose) for s in p.sentences]
    if changed:  # what must be so then is the effect of that change
        earlier = [s for s in earlier if not (_MUST.search(s.text) or _SURE.search(s.text))]
    return sentences, earlier, [f for f in before if isinstance(f, Code)]


def _of_item(part: Part, code: Code, leads: list[Prose]) -> list[Prose]:
    """What leads to a deed in a list: its own items' words, and the sentence that introduces the list."""
    items = code.block.items or leads[-1].block.items
    own = [p for p in leads if p.block.items[-1:] == () or p.block.items[-1] in items or items[-1] in p.block.items]
    listed = items[0].list_id
    first = next((i for i, f in enumerate(part.flow) if f.block.items and f.block.items[0].list_id == listed), 0)
    intro = part.flow[first - 1] if first else None
    if isinstance(intro, Prose) and intro not in own and intro.text.rstrip().endswith(":"):
        return [intro, *own]
    return own


def _is_tested(code: Code, statement: Statement) -> bool:
    """Whether the code itself asks, tests or saves before."""
    before = [s for s in code.statements if s.lines.first < statement.lines.first]
    if any(_TESTS.search(s.text) or _SAVING_CODE.search(s.text) for s in before):
        return True
    return bool(_TESTS.search(statement.text))


def _is_made_before(view: View, statement: Statement) -> bool:
    """Whether the guide itself made earlier what is removed here."""
    argv = statement.command.argv
    if argv[:1] == ("rm",) and len(argv) == 2 and re.fullmatch(r"[\w-]+(?:\.\w+)*", argv[1]):
        return argv[1] in view.code_text.partition(statement.text)[0].split()
    named = [w.rpartition("/")[2] for w in argv if not w.startswith("-")][-1:]
    if not named or len(named[0]) < 4 or named[0][0] in "<{$":
        return False
    name = re.compile(rf"(?<![\w-]){re.escape(named[0])}(?![\w-])")
    return any(
        is_change(s) and _MAKES.search(s.text) and name.search(s.text)
        for c in view.codes
        if c.lines.first < statement.lines.first
        for s in c.statements
        if s.lines.first < statement.lines.first and not s.command.destructive
    )


def _is_saved(view: View, part: Part, code: Code) -> bool:
    """Whether the step or section right before gets a copy or a consent."""
    step = view.step_of(code)
    if step is not None and not step.by_heading:
        if _changes(c for c in step.codes if c.lines.first < code.lines.first):
            return False
        before = [s for s in view.step_at.get(part.index, ()) if not s.by_heading and s.lines.last < step.lines.first]
        last = before[-1] if before else None
        if last is None or _saves(last.codes):
            return last is not None
        asked = (s for p in last.flow if isinstance(p, Prose) for s in p.sentences)
        return not _changes(last.codes) and any(_requires(s.text) for s in asked)
    if part.index == 0 or next((f for f in part.flow if isinstance(f, Code) and not f.inline), None) is not code:
        return False
    earlier = view.parts[part.index - 1]
    return (
        earlier.section.level > 1
        and not earlier.is_background
        and (_saves(earlier.codes) or bool(_SAVES.search(earlier.title)))
    )


def _changes(codes: Iterable[Code]) -> bool:
    return any(is_change(s) for c in codes for s in c.statements)


def _saves(codes: Iterable[Code]) -> bool:
    return any(_SAVING_CODE.search(c.body) for c in codes)


def _is_decided(view: View, statement: Statement) -> bool:
    """Whether the compiled plan takes the step that holds it under a condition that its own lines say."""
    if view.plan is None:
        return False
    line = statement.lines.first
    holding = {s.id: s for s in view.plan.steps if any(span.first <= line <= span.last for span in s.lines)}
    for edge in view.plan.edges:
        if edge.condition is None or edge.otherwise or edge.target not in holding:
            continue
        said = edge.condition.lines[0]
        if holding[edge.target].lines[0].first <= said.first <= line:
            text = " ".join(view.source[said.first - 1 : said.last])
            if _CONDITION.search(text) or (text.lstrip().startswith("|") and lead_verb(text.strip("| ")) not in ACT):
                return True
    return False


def is_ordered(code: Code, part: Part) -> bool:
    """Whether a sentence or a row tells to run an inline command."""
    prose = next((f for f in part.proses if f.block is code.block), None)
    if prose is None or prose.block.quoted:
        return False
    if prose.block.kind is BlockKind.ROW:
        return lead_verb(prose.text) in ACT
    return any(
        code.body in s.text
        and (
            lead_verb(s.text) in ACT
            or re.match(r"\W*(?:then |next,? )?(?:run|execute|use|issue|do|with)\b|\W*`", s.text, re.IGNORECASE)
        )
        for s in prose.sentences
    )
