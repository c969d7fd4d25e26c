"""Checks of control flow: where the reader goes next, under which condition, how often, and how it is taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.command_forms import is_change, is_grave, is_reversible, is_severe, plain_command
from tsg.mentor.language import Content
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, instructions_in, lead_verb, shortened

CONTROL_FLOW = Category.CONTROL_FLOW

_GOTO = re.compile(
    r"\b(?P<verb>go(?:\s+(?:back|on|straight|directly|over))?\s+to|proceed(?:\s+(?:to|with))|"
    r"continue\s+(?:to|with|at|from)|jump\s+(?:back\s+)?to|skip\s+(?:ahead\s+)?to|return\s+to|"
    r"move\s+(?:on\s+|back\s+)?to|start\s+(?:again\s+)?(?:at|with|from)|resume\s+(?:at|with|from)|"
    r"follow|repeat|redo|re-?run|perform|execute|carry out|complete|see|refer to|as (?:described|in|"
    r"per)|described in|back to|advance to|switch to|do|retry|try|from|in|using|use|of|with|by|to|"
    r"until|after|before|skip)\s+(?:the\s+)?steps?\s*(?:number\s*|"
    r"no\.?\s*)?#?(?P<n>\d{1,3})(?P<letter>[a-z]?)\b(?:\s*(?:-|–|to|through|and|"
    r",)\s*#?(?P<m>\d{1,3})\b)?",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"^(?:go|proceed|continue|jump|skip to|skip ahead|return|move|start|resume|advance|switch|back to)", re.IGNORECASE
)
_LOOPING = re.compile(
    r"\b(?:again|repeat|repeated|retry|redo|re-?run|re-?check|re-?try|until|loop|return|back|"
    r"once more|another|restart|over|at most|times|verify|start)\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:of|in) (?:the )?(?:other|linked|that|this other|parent|\w+ (?:guide|runbook|playbook|"
    r"doc\w*|article|procedure))\b|\]\(|https?:|\b(?:guide|runbook|article|documentation)\b",
    re.IGNORECASE,
)
_SECTION = re.compile(
    r"\b(?:go\s+to|proceed\s+(?:to|with)|continue\s+(?:to|with|at)|jump\s+to|skip\s+to|return\s+to|"
    r"move\s+(?:on\s+)?to|see|refer\s+to|follow|described\s+in)\s+(?:the\s+)?(?:section\s+(?:on\s+|"
    r"called\s+|named\s+|titled\s+)?)?(?:[\"“'](?P<quoted>[^\"”'\n]{3,60})[\"”'](?:\s+(?:section|step|"
    r"below|above|part|chapter))?|(?:the\s+)?(?P<named>[A-Z][\w-]*(?:\s+[\w-]+){0,4}?)\s+(?:section|"
    r"chapter)\b)"
)


@check(
    "wrong-next-step",
    CONTROL_FLOW,
    Severity.ERROR,
    "a go-to to a step or section that does not exist, or back without a loop being meant",
    "The reader arrives nowhere, or goes round in a circle.",
)
def wrong_next_step(view: View) -> Iterator[Issue]:
    numbers = {s.number.lower() for s in view.steps} | {str(int(s.number)) for s in view.steps if s.number.isdigit()}
    numbers |= {n.rstrip("abcdefghijklmnopqrstuvwxyz") for n in numbers}
    numbers |= _loose_numbers(view)
    titles = {_bare_title(p.title) for p in view.parts if p.title}
    for part in view.parts:
        for prose in part.proses:
            for sentence in prose.sentences:
                if (issue := _next(view, part, prose, sentence, numbers)) or (
                    issue := _section(sentence, titles, prose)
                ):
                    yield issue


def _loose_numbers(view: View) -> set[str]:
    """Numbers of steps that the text writes otherwise: bold, in a comment of code, `8 Do X`."""
    made: set[str] = set()
    for line in view.source:
        if len(line) < 400 and (
            found := re.match(r"\W*(?:step\s*)?(\d{1,3})\b(?:[.):]|\s+[A-Z])", line, re.IGNORECASE)
        ):
            made.add(found[1])
        made |= {m.lower() for m in re.findall(r"^\W*step\s*(\d{1,3}[a-z]?)\b", line[:400], re.IGNORECASE)}
    return made


def _next(view: View, part: Part, prose: Prose, sentence: Sentence, numbers: set[str]) -> Issue | None:
    for found in _GOTO.finditer(sentence.text):
        strong = bool(_STRONG.match(found["verb"]))
        rest = sentence.text[found.end() : found.end() + 60]
        if (
            re.match(r"\s*(?:of|in|from) (?!this|the (?:above|list|procedure|output|steps))", rest)
            and _ELSEWHERE.search(rest)
        ) or any(p.target and found[0].split(" ", 1)[-1] in p.text for p in prose.block.pieces):
            continue
        for number in filter(None, (found["n"] + found["letter"].lower(), found["m"])):
            plain = number.lstrip("0") or "0"
            if plain not in numbers and number not in numbers:
                if not numbers and not strong:
                    continue
                return Issue(
                    sentence.line,
                    f"there is no step {plain} to go to",
                    "name a step that exists, or link to its heading: [Measure](#measure)",
                    severity=None if strong else Severity.WARNING,
                )
        if strong and found["n"] and (message := _backward(view, prose, sentence, found)):
            return Issue(
                sentence.line,
                message,
                "say that it is a loop and how often: 'go back to step 2, at most 3 times'",
                severity=Severity.WARNING,
            )
    return None


def _backward(view: View, prose: Prose, sentence: Sentence, found: re.Match[str]) -> str:
    """Whether the go-to leads to its own step, or back, and nothing says that this is meant."""
    own = view.step_of(prose)
    number = found["n"].lstrip("0")
    if own is None or not own.number.isdigit():
        return ""
    mates = [
        s
        for s in view.steps
        if s.by_heading == own.by_heading
        and s.number == number
        and (s.by_heading or s.part is own.part or len([x for x in view.steps if x.number == number]) == 1)
    ]
    if not mates:
        return ""
    if int(number) == int(own.number) and mates[0] is own:
        return f"the go-to leads to step {number}, which is this very step"
    if mates[-1].lines.first < own.lines.first and int(number) < int(own.number) and not _LOOPING.search(sentence.text):
        return f"the go-to leads back from step {own.number} to step {number}, and no loop seems to be meant"
    return ""


def _bare_title(title: str) -> str:
    bare = re.sub(r"^\W*(?:step\s*)?\d+[a-z]?\s*[.):–—-]*\s*", "", title.lower())
    return " ".join(re.findall(r"\w+", bare))


def _section(sentence: Sentence, titles: set[str], prose: Prose) -> Issue | None:
    found = _SECTION.search(sentence.text)
    if found is None or any(p.target for p in prose.block.pieces):
        return None
    name = found["quoted"] or found["named"]
    is_named_section = (
        found["named"] is not None
        or bool(re.search(r"\bsection|\bstep\b", found[0], re.IGNORECASE))
        or bool(_STRONG.match(found[0]))
    )
    bare = _bare_title(name)
    if (
        not is_named_section
        or not bare
        or "`" in name
        or _ELSEWHERE.search(sentence.text[found.end() : found.end() + 60])
    ):
        return None
    if any(bare == t or bare in t or (t in bare and len(t) > 4) for t in titles):
        return None
    words = set(bare.split())
    if any(len(words & set(t.split())) * 2 > len(words) for t in titles) and found["named"]:
        return None
    return Issue(
        sentence.line, f"no section is called '{shortened(name, 40)}'", "use the heading's own words, and link to it"
    )


_CONDITION_ONLY = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:if|when|whenever|in case|should|unless|once)\b(?P<body>[^,;:→]*?)(?P<end>[.:!…]*)\s*[*_]*$",
    re.IGNORECASE,
)
_HAS_MAIN = re.compile(
    r",|;|:|→|->|=>|—|–| - |\bthen\b|\bdo\b|\bmeans\b|\bindicates?\b|\bsuggests?\b|\bplease\b", re.IGNORECASE
)
_FINDINGS = re.compile(
    r"\b(?:look for|watch for|look out for|check for|common (?:errors?|issues?|problems?|messages?)|"
    r"possible (?:errors?|issues?|problems?|findings?)|check)\s*:?\s*$",
    re.IGNORECASE,
)


@check(
    "condition-without-action",
    CONTROL_FLOW,
    Severity.WARNING,
    "a condition that nothing follows, or a fault that is named without what to do about it",
    "The reader knows that it is so, and not what to do.",
)
def condition_without_action(view: View) -> Iterator[Issue]:
    for part in view.working:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        for at, f in enumerate(flow):
            if not isinstance(f, Prose) or f.block.kind == "row":
                continue
            for i, sentence in enumerate(f.sentences):
                last = i + 1 == len(f.sentences)
                if _has_no_action(
                    sentence,
                    last=last,
                    after=flow[at + 1] if at + 1 < len(flow) else None,
                    prose=f,
                    part=part,
                    view=view,
                ):
                    yield Issue(
                        sentence.line,
                        f"nothing follows from '{shortened(sentence.text)}'",
                        "say what to do then: a command, a step to go to, or whom to call",
                    )
        if (
            part.section.level >= 2
            and not part.flow
            and part.end == part.index + 1
            and re.match(r"\W*(?:\d+\w?[.)]\s*)?(?:if|when|in case)\b", part.title, re.IGNORECASE)
        ):
            yield Issue(
                part.section.lines.first,
                f"nothing follows from '{shortened(part.title)}'",
                "say what to do then, or remove the heading",
            )
    yield from _findings_without_fix(view)


def _has_no_action(
    sentence: Sentence, *, last: bool, after: Prose | Code | None, prose: Prose, part: Part, view: View
) -> bool:
    text = sentence.text
    found = _CONDITION_ONLY.match(text)
    if found is None or len(found["body"].split()) < 2 or _HAS_MAIN.search(found["body"]):
        return False
    body = found["body"]
    if (
        re.search(
            r"\b(?:go to|restart|run|check|escalate|contact|proceed|skip|continue|is (?:the|a|likely)|must|"
            r"should|will|can|may|need(?:s)? to|ask|use|see)\b",
            body,
            re.IGNORECASE,
        )
        and len(body.split()) > 5
        and not re.search(r"\b(?:should|will|can|may|must)\b", " ".join(body.split()[:3]))
    ):
        return False
    heads = found["end"].startswith(":") or text.rstrip().endswith(("**", ":**", "**:"))
    bold_only = bool(re.match(r"\s*(?:[-*\d.)]+\s+)?(?:\*\*|__)", prose.block.text)) and bool(
        re.search(r"(?:\*\*|__)\s*:?\s*$", prose.block.text)
    )
    if heads or bold_only or text.rstrip().endswith(":"):
        return (after is None and part.end == part.index + 1 and not _next_part_serves(view, part)) or (
            isinstance(after, Prose)
            and bool(_CONDITION_ONLY.match(after.text.strip()))
            and "\n" not in after.text.strip()
            and after.text.rstrip().rstrip("*_").endswith(":")
            and not after.is_item
        )
    if not last:
        following = next(
            (s for s in prose.sentences if s.line >= sentence.line and s is not sentence and s.text != text), None
        )
        return following is None
    if prose.is_item:
        return not any(
            isinstance(f, Prose | Code)
            and prose.block.items[-1] in f.block.items
            and f is not prose
            and f.lines.first > prose.lines.first
            for f in part.flow
        )
    if isinstance(after, Code):
        return False
    if isinstance(after, Prose) and after.is_item:
        return False
    return not re.match(r"\W*once\b", text, re.IGNORECASE)


def _next_part_serves(view: View, part: Part) -> bool:
    following = view.parts[part.index + 1] if part.index + 1 < len(view.parts) else None
    return following is not None and following.section.level > part.section.level


_REMEDY = re.compile(
    r"\b(?:fix|restart|mitigat\w*|resol\w*|remed\w*|escalat\w*|recover\w*|repair|replace|rollback|"
    r"roll back|restore|delete|scale|reconfigure|correct|apply|patch|drain|reboot|update|contact|"
    r"increase|free up|clean)\b",
    re.IGNORECASE,
)
_FAULTS = re.compile(r"\b(?:fail(?:s|ed|ing)?|errors?|broken|denied|refused|problems?)\b", re.IGNORECASE)


def _findings_without_fix(view: View) -> Iterator[Issue]:
    """`If X fails, check:` over bullets of states, with no remedy there or later; a mitigation without a deed."""
    working = view.working
    for at, part in enumerate(working):
        later = " ".join(p.title + " " + p.text for p in working[at + 1 :]) + " ".join(
            c.body for p in working[at + 1 :] for c in p.codes if any(is_change(s.text) for s in c.statements)
        )
        for i, f in enumerate(part.flow):
            if not isinstance(f, Prose) or f.is_item or not f.sentences:
                continue
            last = f.sentences[-1]
            if (
                not re.match(r"\W*(?:if|when)\b", last.text, re.IGNORECASE)
                or not _FINDINGS.search(last.text)
                or not _FAULTS.search(last.text)
            ):
                continue
            bullets = [p for p in part.flow[i + 1 : i + 10] if isinstance(p, Prose) and p.is_item]
            own = " ".join(b.text for b in bullets)
            if (
                len(bullets) >= 2
                and not _REMEDY.search(own)
                and not _REMEDY.search(re.sub(r"(?i)verify resolution", "", later))
            ):
                yield Issue(
                    last.line,
                    f"'{shortened(last.text)}' names what may be wrong, and no fix for any of it",
                    "give each of them its remedy, or say whom to hand it to",
                )
        if (
            re.search(r"\b(?:mitigation|remediation|resolution|fix)\b", part.title, re.IGNORECASE)
            and part.flow
            and part.end == part.index + 1
            and not any(view.parts[j].title for j in range(part.index + 1, part.end))
        ):
            text = part.text
            if (
                not any(c for c in part.codes if c.statements)
                and not any(instructions_in(s.text) for p in part.proses for s in p.sentences)
                and not _REMEDY.search(re.sub(r"`[^`]*`", "", text.replace("reboot", "")))
                and len(text.split()) > 25
                and not any(p.target for f in part.flow for p in f.block.pieces)
            ):
                yield Issue(
                    part.flow[-1].lines.last,
                    f"the section '{shortened(part.title, 40)}' describes and mends nothing",
                    "say what to do, or whom to hand it to",
                )


_IN_COMMENT = re.compile(
    r"^\W*(?:\d+[.)]\s*)?(?:(?:only|just)\s+(?:run|do|use|execute|apply|needed|necessary|"
    r"required)?\s*(?:this\s+)?(?:if|when|after|once|on|for|in)\b|if\b(?!\s*\[)|when\b|unless\b|"
    r"in case\b|otherwise\b|else\b|for\s+(?!each\b|every\b|all\b|example|the\b)[\w -]{2,40}\s+(?:only|"
    r"mode|clusters?|nodes?|deployments?|environments?)\b|skip (?:this )?(?:if|unless|when)\b|"
    r"run (?:this )?(?:only )?(?:if|when)\b|use (?:this )?(?:only )?(?:if|when)\b|not needed if\b|"
    r"do (?:not|this only) .*\b(?:if|unless)\b|(?:on|after) failure\b|if needed\b|"
    r"as (?:a )?last resort)|\b(?:only if|only when|unless|if necessary|if needed|if (?:it|this|that|"
    r"the|any|there|no|still|disk|files?|not)\b)",
    re.IGNORECASE,
)


@check(
    "condition-in-comment",
    CONTROL_FLOW,
    Severity.WARNING,
    "a condition that stands only in a comment of the code",
    "Pasted as a whole, the block runs whether the condition holds or not.",
)
def condition_in_comment(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.language not in {Content.SHELL, Content.SQL, Content.POWERSHELL} or not code.is_run:
            continue
        for statement in code.statements:
            if (
                statement.comment
                and _IN_COMMENT.search(statement.comment)
                and not re.match(
                    r"\W*(?:check|see|test|verify|show|look|determine|list|find|print|confirm|count)\s+(?:if|whether|"
                    r"when|that|for|the|why|which)\b",
                    statement.comment,
                    re.IGNORECASE,
                )
            ):
                if re.match(r"\s*(?:if|while|for)\b", statement.text) or re.search(
                    r"\b(?:check|see|verify|test|confirm|determine|tells?|shows?|returns?|prints?|"
                    r"output)\b[^,;]{0,30}\b(?:if|when)\b",
                    statement.comment,
                    re.IGNORECASE,
                ):
                    continue
                line = _comment_line(code, statement)
                yield Issue(
                    line,
                    f"the condition '{shortened(statement.comment)}' stands only in a comment",
                    "write it as a sentence above a fence of its own",
                )
        yield from _trailing(code)


def _comment_line(code: Code, statement: Statement) -> int:
    return next(
        (c.line for c in reversed(code.comments) if c.line < statement.lines.first and _IN_COMMENT.search(c.text)),
        statement.lines.first,
    )


def _trailing(code: Code) -> Iterator[Issue]:
    for statement in code.statements:
        found = re.search(r"\s(?:#|--)\s+(?P<said>[^'\"\n]{4,120})$", statement.text)
        if found and re.match(
            r"(?:only|if|when|unless|in case|not needed|skip|run only|use only)\b", found["said"], re.IGNORECASE
        ):
            yield Issue(
                statement.lines.last,
                f"the condition '{shortened(found['said'])}' stands only in a comment",
                "write it as a sentence above a fence of its own",
            )


_GUARD_AFTER = re.compile(
    r"^\W*(?:(?:note|warning|important|caution|attention|careful)\W*\s*)?(?:that\s+)?(?:(?:only|"
    r"please only)\s+(?:run|do|use|execute|apply|perform|proceed|attempt|valid|useful|applicable|"
    r"works?|needed|necessary)\b|(?:do not|don't|never|must not|avoid)\s+(?:\w+\s+){0,2}?(?:run|do|"
    r"use|execute|apply|perform|proceed|delete|restart|drain|try|this)\b[^.]*\b(?:if|unless|when|"
    r"while|before|until|without|on|during|in)\b|"
    r"(?:before|prior to)\s+(?:running|doing|executing|applying|you (?:run|do|execute|apply)|this|"
    r"that|deleting|draining|restarting|the (?:above|command))|(?:make sure|ensure|verify|confirm|"
    r"check)\s+(?:\w+\s+){0,12}?(?:before|first|beforehand|prior)\b|this (?:should|must|may|can|"
    r"command|step|is)?\s*(?:\w+\s+){0,4}?only\b|(?:it|this|the (?:above|command|step)) (?:is|are|"
    r"works?|applies|should be (?:run|done|used)|must be (?:run|done|used)|requires?) (?:only |"
    r"\w+ )?(?:if|when|once|after|that|safe)\b|"
    r"(?:run|do|use|execute|apply)\s+(?:this|it|the (?:above|command))\s+only\b|"
    r"(?:the\s+)?[\w ]{3,60}\bworks? only (?:if|when)\b|only (?:if|when|after|once)\b|(?:you|"
    r"the \w+) (?:must|should) (?:first|have)\b|(?:this|it) (?:presupposes|assumes|requires)\b|"
    r"skip (?:this|it|the (?:above|step)) (?:if|when|unless)\b|(?:take|make) a (?:backup|snapshot|"
    r"copy)[^.]*\b(?:before|first|beforehand)\b)",
    re.IGNORECASE,
)


@check(
    "condition-after-action",
    CONTROL_FLOW,
    Severity.WARNING,
    "the guard stands below the command that it guards",
    "The command has been run by the time the reader comes to it.",
)
def condition_after_action(view: View) -> Iterator[Issue]:
    for part in view.parts:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        for before, after in pairwise(flow):
            if (
                not isinstance(before, Code)
                or not isinstance(after, Prose)
                or not before.is_run
                or not any(is_change(s.text) for s in before.statements)
            ):
                continue
            for sentence in after.sentences[:3]:
                if (
                    _GUARD_AFTER.search(sentence.text)
                    and not sentence.text.rstrip().endswith(":")
                    and not _announces(sentence, after, flow)
                ):
                    yield Issue(
                        sentence.line,
                        f"'{shortened(sentence.text)}' stands below the command it guards",
                        "move the sentence above the command",
                    )
                    break
        for step in view.step_at.get(part.index, ()):
            if step.by_heading:
                continue
            text = step.flow[0]
            if (
                isinstance(text, Prose)
                and len(text.sentences) >= 2
                and lead_verb(text.sentences[0].text) in ACT
                and re.match(
                    r"\W*(?:but\s+)?(?:only (?:if|when|do)|do (?:this|so|it) only|(?:but )?(?:first|before (?:that|"
                    r"this|you do|doing)))\b",
                    text.sentences[1].text,
                    re.IGNORECASE,
                )
            ):
                yield Issue(
                    text.sentences[1].line,
                    f"'{shortened(text.sentences[1].text)}' stands after the deed it guards",
                    "put the condition first: 'If ..., restart ...'",
                )


def _announces(sentence: Sentence, prose: Prose, flow: list[Prose | Code]) -> bool:
    """Whether the sentence leads to the next command rather than back to the last."""
    at = flow.index(prose)
    follows = at + 1 < len(flow) and isinstance(flow[at + 1], Code)
    return (
        follows
        and sentence is prose.sentences[-1]
        and not re.search(r"\b(?:this|above|it)\b", sentence.text, re.IGNORECASE)
        and len(prose.sentences) == 1
        and not re.match(r"\W*only\b", sentence.text, re.IGNORECASE)
    )


_LISTS_STATES = re.compile(
    r"\b(?:states?|status(?:es)?|values?|phases?|modes?|conditions?|codes?|results?|outcomes?|cases?|"
    r"severit(?:y|ies)|colou?rs?|levels?|reasons?|types?|returns?|prints?|shows?|reports?|one of|"
    r"either|can be|is one of|are|reads|displays|answers)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"`([^`\n]{1,40})`")


@check(
    "unhandled-case",
    CONTROL_FLOW,
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


_LOOP = re.compile(
    r"\b(?:repeat|redo|re-?run|retry|try|keep|continue|loop|iterate|re-?check|poll|re-?apply|"
    r"re-?start|cycle|go back|return|start over|do (?:this|it|so)|start)\b(?P<rest>[^.;\n]*)",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"\b(?:until|till|as long as|while (?:it|the|there)|again(?: and again)?|over and over|"
    r"as often as|as many times|repeatedly|forever|once more if|if (?:it|this|that) (?:still )?fails|"
    r"indefinitely)\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?:at most|for the next \w+|up to|no more than|maximum|max\.?|limit|not more than|within|for (?:at most|up to)|"
    r"after (?:\d+|two|three|four|five|ten|several)|\d+\s*(?:times|x|attempts?|tries|retries|rounds|"
    r"minutes?|min|m|hours?|h|seconds?|s|iterations|cycles)|(?:one|two|three|four|five|"
    r"ten)\s+(?:more\s+)?(?:times?|attempts?|tries|rounds|minutes|hours|iterations)|once(?: more)?|"
    r"twice|one more time|a (?:second|third|single|last|final) time|second attempt|third attempt|"
    r"escalate|give up|timeout|deadline|then stop|stop after)\b",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"\b(?:repeat|do|perform|run|apply|carry out|execute)\b[^.;\n]{0,60}?\b(?:for|on|with|in|"
    r"to)\s+(?:each|every|all|any|the (?:other|remaining|rest))\b\s*(?P<what>(?:of the |"
    r"of )?[^.,;:\n]*)",
    re.IGNORECASE,
)


@check(
    "unbounded-loop",
    CONTROL_FLOW,
    Severity.WARNING,
    "'repeat until' or 'try again' without a bound, or 'repeat for each' without a list",
    "Nobody knows when to give up, and a machine never does.",
)
def unbounded_loop(view: View) -> Iterator[Issue]:
    for part in view.working:
        for prose in part.proses:
            for i, sentence in enumerate(prose.sentences):
                after = prose.sentences[i + 1].text if i + 1 < len(prose.sentences) else ""
                if message := _unbounded(view, part, prose, sentence, after):
                    yield Issue(
                        sentence.line,
                        message,
                        "give it a bound and a way out: 'at most 3 times, 2 min apart; then escalate'",
                    )


def _unbounded(view: View, part: Part, prose: Prose, sentence: Sentence, after: str) -> str:
    text = sentence.text
    if (each := _EACH.search(text)) and re.match(
        r"\W*(?:\w+\W+)?(?:repeat|do|perform|run|apply|carry|execute)", text, re.IGNORECASE
    ):
        if re.match(r"\W*repeat", text, re.IGNORECASE) and not _is_known_list(view, part, prose, each["what"]):
            return f"'{shortened(text)}' does not say where the list comes from"
        return ""
    if each is not None:
        return ""
    found = _LOOP.search(text)
    if found is None or _BOUND.search(text) or _BOUND.search(after[:120]):
        return ""
    lead = text.strip().lower()
    verb = found[0].split()[0].lower()
    rest = found["rest"]
    if re.search(
        r"\b(?:do not|don't|never|no need to|automatically|will|would|may|might|does|keeps|continues to|"
        r"is configured to)\b\W+(?:\w+\W+)?$",
        text[: found.start()],
        re.IGNORECASE,
    ):
        return ""
    if (
        verb
        in {"repeat", "redo", "loop", "iterate", "rerun", "re-run", "cycle", "recheck", "re-check", "poll", "retry"}
        or "keep" in verb
    ):
        if verb == "keep" and not re.match(r"\s+(?:\w+ing)\b", rest):
            return ""
        if _UNTIL.search(rest):
            return f"'{shortened(text)}' has no bound"
        if (
            verb == "retry"
            and lead_verb(text) in {"", "retry"}
            and re.search(
                r"(?:^|[,;:]\s*|\band\s+|\bthen\s+)retry\b(?!\s*(?:count|limit|policy|interval|logic|queue|budget))",
                lead,
            )
            and not re.search(r"\bretries?\b|^\s*(?:storms?|loops?|count|limit)", rest)
        ):
            return f"'{shortened(text)}' has no bound"
        if verb in {"repeat", "redo", "loop", "iterate"} and re.search(
            r"\b(?:as needed|as necessary|if (?:needed|necessary|it)|steps? \d|the (?:steps?|procedure|above|"
            r"process|check)|this|from)\b",
            rest,
            re.IGNORECASE,
        ):
            return f"'{shortened(text)}' has no bound"
        return ""
    if verb == "try" and re.search(r"\bagain\b", rest, re.IGNORECASE):
        return f"'{shortened(text)}' has no bound"
    if (
        verb in {"go", "return", "start"}
        and re.search(r"\b(?:try again|until|over|repeat)\b", rest, re.IGNORECASE)
        and (verb != "start" or "over" in rest[:6])
    ):
        return f"'{shortened(text)}' has no bound"
    if (
        verb in {"do", "continue", "restart", "re-start", "reapply", "re-apply"}
        and _UNTIL.search(rest)
        and instructions_in(text)
        and not re.search(r"\bcontinue (?:to|with)\b", text, re.IGNORECASE)
    ):
        return (
            f"'{shortened(text)}' has no bound"
            if verb != "continue" or re.search(r"continue\s+\w+ing\b", text, re.IGNORECASE)
            else ""
        )
    return ""


def _is_known_list(view: View, part: Part, prose: Prose, what: str) -> bool:
    """Whether something before lists what is to be gone through."""
    if re.search(
        r"\bstep \d|`|\b(?:listed|found|returned|identified|shown|printed|from|above|in the|that|affected|"
        r"of the|cordoned|failed|failing|stuck)\b",
        what,
        re.IGNORECASE,
    ):
        return True
    nouns = [w[:-1] if w.endswith("s") else w for w in re.findall(r"[a-z]{3,}", what.lower())]
    if not nouns:
        return True
    before = "\n".join(c.body.lower() for c in view.codes if c.lines.first < prose.lines.first)
    return any(
        re.search(
            rf"\b(?:get|list|ls|show|select|query|for|in|sinfo|squeue|members?|tree)\b[^\n]*{re.escape(n)}", before
        )
        or n
        in "\n".join(
            p.text.lower()
            for p in view.parts[part.index].proses
            if p.lines.last < prose.lines.first and re.search(r"\b(?:list|identify|find|note)\b", p.text, re.IGNORECASE)
        )
        for n in nouns
    )


_GUARDS = re.compile(
    r"\b(?:if|when|whenever|only|once|unless|until|after|before|in case|confirm\w*|approv\w*|"
    r"permission|ask|agree\w*|make sure|ensure|verify|verified|check(?:ed)? that|backup|"
    r"back(?:ed)? up|back up|snapshot|dry[- ]run|dump|warning|caution|careful\w*|danger\w*|important|"
    r"irreversible|data loss|cannot be undone|destructive|lose|loses|lost|sign[- ]?off|two-person|"
    r"second (?:person|pair)|maintenance window|window|as a last resort|last resort|provided|"
    r"should be|no longer|safe|disruptive|for pods? that|that (?:are|is|were|has|have))\b|⚠|❗|🚨|"
    r"\[!(?:WARNING|CAUTION|IMPORTANT)\]",
    re.IGNORECASE,
)
_IN_CODE_GUARD = re.compile(
    r"^\s*(?:if|\[\[?|test|while)\b|&&|\|\||read -p|--dry-run|\bbackup|\bdump\b|snapshot|pg_dump|"
    r"tar c|cp -|etcdctl.*snapshot save|-WhatIf|\bBEGIN\b|--interactive|\brm -i\b|"
    r"-Confirm(?!:\$?false)|> *\S+\.(?:ya?ml|json|bak|sql)",
    re.IGNORECASE | re.MULTILINE,
)


@check(
    "destructive-without-guard",
    CONTROL_FLOW,
    Severity.ERROR,
    "a delete, drain, reset or --force as a plain next step, without condition, confirmation or backup near",
    "It will be carried out by somebody who was only reading along.",
)
def destructive_without_guard(view: View) -> Iterator[Issue]:
    for part in view.working if not view.native else ():
        for at, code in enumerate(part.flow):
            if not isinstance(code, Code) or not code.is_run or (code.inline and not _is_ordered(code, part, at)):
                continue
            for statement in code.statements:
                if not is_severe(statement.text) or _is_guarded(view, part, at, code, statement):
                    continue
                yield Issue(
                    statement.lines.first,
                    f"'{shortened(statement.text)}' destroys or interrupts something, and nothing says when it may be "
                    f"done",
                    "put a condition or a confirmation before it, and a backup where data is lost",
                )
                break


def _is_ordered(code: Code, part: Part, at: int) -> bool:
    """Whether a sentence tells to run an inline command."""
    prose = next((f for f in reversed(part.flow[:at]) if isinstance(f, Prose) and f.block is code.block), None)
    return (
        prose is not None
        and any(
            code.body in s.text
            and (
                lead_verb(s.text) in ACT
                or re.match(r"\W*(?:then |next,? )?(?:run|execute|use|issue|do|with)\b|\W*`", s.text, re.IGNORECASE)
            )
            for s in prose.sentences
        )
        and not prose.block.quoted
    )


def _is_guarded(view: View, part: Part, at: int, code: Code, statement: Statement) -> bool:
    grave = is_grave(statement.text)
    if _IN_CODE_GUARD.search(_before_in(code, statement)) or _GUARDS.search(statement.comment):
        return True
    near: list[str] = [part.title]
    passed = 0
    for f in reversed(part.flow[:at]):
        if isinstance(f, Code):
            if f.inline:
                continue
            passed += 1
            if passed > (0 if grave else 1):
                break
            if re.search(r"\b(?:dump|snapshot|backup|cordon)\b|> *\S+\.(?:ya?ml|json|bak|sql)", f.body, re.IGNORECASE):
                return True
            continue
        near.append(f.text)
    if re.search(
        r"\b(?:warning|caution|danger|data loss|irreversible|backup|back up|snapshot|confirm|approval|"
        r"approved)\b|⚠|\[!(?:WARNING|CAUTION)",
        part.text,
        re.IGNORECASE,
    ):
        return True
    step = view.step_of(code)
    if step is not None and not step.by_heading:
        near += [f.text for f in step.flow if isinstance(f, Prose) and f.lines.first <= code.lines.first]
        previous = [s for s in view.step_at.get(part.index, ()) if not s.by_heading and s.lines.last < step.lines.first]
        if previous and re.search(
            r"\b(?:confirm|approv\w*|back ?up|backup|snapshot|make sure|ensure|ask)\b", previous[-1].text, re.IGNORECASE
        ):
            return True
    if not grave:
        near += [view.parts[i].title for i in part.above if view.parts[i].section.level >= 2]
        near += [view.parts[i].text for i in part.above[-1:] if view.parts[i].section.level >= 2]
    if part.index and re.search(
        r"\b(?:back ?up|backup|snapshot|confirm|approval|sign-?off)\b", view.parts[part.index - 1].title, re.IGNORECASE
    ):
        return True
    return bool(_GUARDS.search("\n".join(near)))


def _before_in(code: Code, statement: Statement) -> str:
    return "\n".join(s.text for s in code.statements if s.lines.first < statement.lines.first) + "\n" + statement.text


_VERIFIES = re.compile(
    r"\b(?:verif(?:y|ies|ied|ication)|confirm(?:s|ed)?|check(?:s|ed)?|validat\w*|ensure|make sure|"
    r"should (?:now |then |be |show|return|report|drop|go|become|come|read|print|appear|disappear|"
    r"fall|recover|clear|resolve|start)|monitor|watch|observe|wait (?:until|for|till)|expect\w*|test|"
    r"see (?:that|whether|if)|until (?:it|the)|see\b|look (?:at|for)|comes? (?:back|up)|returns? to|"
    r"is (?:back|healthy|ready|running|gone)|resolved when|drops?|status|recover(?:y|ed|s)|"
    r"again healthy|compare|measure)\b",
    re.IGNORECASE,
)


@check(
    "action-without-verification",
    CONTROL_FLOW,
    Severity.WARNING,
    "a risky step that nothing checks afterwards",
    "The guide goes on as if it had worked.",
)
def action_without_verification(view: View) -> Iterator[Issue]:
    if view.native:
        return
    deeds = [
        (p, f)
        for p in view.working
        for f in p.flow
        if isinstance(f, Code) and f.is_run and not f.inline and any(_is_deed(s.text) for s in f.statements)
    ]
    for i, (part, code) in enumerate(deeds):
        last = max((s for s in code.statements if _is_deed(s.text)), key=lambda s: s.lines.first)
        following = deeds[i + 1] if i + 1 < len(deeds) else None
        if _is_checked(view, part, code, last, following):
            continue
        yield Issue(
            last.lines.first,
            f"nothing checks whether '{shortened(last.text, 50)}' worked",
            "add what to look at afterwards, and what it should show",
        )


def _is_deed(text: str) -> bool:
    """A change that a reader would want to see the effect of."""
    return is_change(text) and not re.search(
        r"\b(?:mkdir|umount|ln|chmod \+x|label|annotate|create (?:ns|namespace|token))\b|\bmv\s|\bcp\s|"
        r"\btee\b|crash archive|kubectl\s+(?:\S+\s+)*uncordon|state=(?:resume|RESUME)|--dry-run",
        plain_command(text),
    )


def _is_checked(view: View, part: Part, code: Code, last: Statement, following: tuple[Part, Code] | None) -> bool:
    if any(
        s.lines.first > last.lines.last
        and (not is_change(s.text))
        and not re.match(r"(?:echo|cd|export|exit|sleep)\b", s.text)
        for s in code.statements
    ) or re.search(r"rollout status|--wait\b|--watch\b|kubectl wait", last.text):
        return True
    at = next(i for i, f in enumerate(part.flow) if f is code)
    step = view.step_of(code)
    for f in part.flow[at + 1 :]:
        if isinstance(f, Prose) and _VERIFIES.search(f.text):
            return True
        if isinstance(f, Code) and f.is_run and not f.inline:
            if any(is_change(s.text) for s in f.statements) and not all(is_change(s.text) for s in f.statements[-1:]):
                return True
            if not any(is_change(s.text) for s in f.statements):
                return True
            if following is not None and f is following[1] and following[0] is part and step is None:
                break
    if _branch_says(part, code):
        return True
    for other in view.parts[part.index + 1 :]:
        if re.search(
            r"\b(?:verif\w*|validat\w*|confirm\w*|recover\w*|monitor\w*|resolution check|after(?:wards|math)?|"
            r"post-?checks?|check)\b",
            other.title,
            re.IGNORECASE,
        ):
            return True
    nxt = next((p for p in view.parts[part.index + 1 :] if p.flow and not p.is_background), None)
    if nxt is not None and not any(
        isinstance(f, Code) and f.is_run and any(_is_deed(s.text) for s in f.statements) for f in nxt.flow[:1]
    ):
        first = next((f for f in nxt.flow if isinstance(f, Prose)), None)
        reads = next((f for f in nxt.flow if isinstance(f, Code) and f.is_run), None)
        if (first is not None and _VERIFIES.search(first.text)) or (
            reads is not None and not any(is_change(s.text) for s in reads.statements)
        ):
            return True
    return False


def _branch_says(part: Part, code: Code) -> bool:
    """Whether the sentence before the command says how its effect shows."""
    before = next((f for f in reversed(part.flow) if isinstance(f, Prose) and f.lines.last < code.lines.first), None)
    return before is not None and bool(
        re.search(
            r"\b(?:and (?:verify|check|confirm|wait|watch|monitor)|until|then (?:verify|check|confirm|watch))\b",
            before.text,
            re.IGNORECASE,
        )
    )


_UNDO = re.compile(
    r"\b(?:roll(?:ing|ed)? ?back|rollback|revert\w*|undo(?:es|ne|ing)?|restor(?:e|es|ed|ing)|"
    r"scale (?:it |them |the \w+ )?(?:back|down (?:again|afterwards)|up again)|back to (?:the |its |"
    r"their )?(?:original|previous|old|former|prior|usual|normal)|original (?:value|replica|count|"
    r"setting|number|size|config\w*)|previous (?:value|replica|count|setting|number|version|revision|"
    r"config\w*)|re-?enable|put back|set (?:it )?back|switch back|take (?:it )?back|temporar\w*|"
    r"afterwards (?:set|scale|remove)|remove the (?:label|taint|annotation|override) (?:again|"
    r"afterwards)|uncordon|unset|in again)\b|\b(?:rollout|helm) (?:undo|rollback)\b|"
    r"\btaint\b[^\n]*-\s*$|osd in\b",
    re.IGNORECASE | re.MULTILINE,
)


@check(
    "action-without-undo",
    CONTROL_FLOW,
    Severity.INFO,
    "a change that can be taken back, and no word on how",
    "When it makes things worse, somebody has to find out how to go back, under pressure.",
)
def action_without_undo(view: View) -> Iterator[Issue]:
    if view.native:
        return
    has_section = any(
        re.search(r"\b(?:roll ?back|undo|revert|restore|backout|back out|clean ?up)\b", p.title, re.IGNORECASE)
        for p in view.parts
    )
    if has_section:
        return
    everywhere = view.code_text
    for part in view.working:
        for code in part.codes:
            if not code.is_run:
                continue
            for statement in code.statements:
                if (
                    is_reversible(statement.text)
                    and "resume" not in statement.text.lower()
                    and not _has_undo(view, part, statement, everywhere)
                ):
                    yield Issue(
                        statement.lines.first,
                        f"no word on how to take back '{shortened(statement.text, 50)}'",
                        "say which value was there before and how to return to it",
                    )
                    break


def _has_undo(view: View, part: Part, statement: Statement, everywhere: str) -> bool:
    near = (
        part.text
        + "\n"
        + "\n".join(c.body for c in part.codes)
        + "\n"
        + "\n".join(p.text for p in view.parts[part.index + 1 : part.index + 2])
    )
    if _UNDO.search(near.replace(statement.text, "")):
        return True
    text = plain_command(statement.text)
    if re.search(r"\bcordon\b", text):
        return "uncordon" in everywhere
    if "scale" in text:
        return len(re.findall(r"--replicas", everywhere)) >= 2
    if re.search(r"systemctl\s+(?:stop|disable|mask)", text):
        unit = text.split()[-1]
        return bool(re.search(rf"systemctl\s+(?:start|enable|unmask|restart)\s+{re.escape(unit)}", everywhere))
    if re.search(r"\bosd\s+(?:out|set)\b", text):
        return bool(re.search(r"\bosd\s+(?:in|unset)\b", everywhere))
    return False


_BY_N = re.compile(
    r"\b(?:increase|raise|bump|increment|decrease|reduce|lower|decrement|grow|shrink|add|scale (?:up|"
    r"down|out|in)|extend|expand)\b[^.;\n]{0,60}?\bby\s+(?:a factor of )?(?P<n>\d+|one|two|half|"
    r"a half|a third|ten)\b|\b(?:double|halve|add (?:one|two|a|another)(?: more)? (?:replica|instance|"
    r"worker|node|server|pod)|one (?:more|less|additional|fewer) (?:replica|instance|worker|node|"
    r"server|pod))\b",
    re.IGNORECASE,
)
_CONSTANT = re.compile(r"--replicas[= ]\d+|\"[\w.]*\"\s*:\s*\"?\d+|[\w.]+=\d+\b|\bset\s+\S+\s+\S+\s+\d+")
_COMPUTED = re.compile(r"\$\(\(|\bexpr\b|\+\s*1|\bbc\b|<[^<>]+>|\$\{?[A-Za-z_]|\{\{")
_FORBIDS = re.compile(
    r"\b(?:do not|don't|never|must not|should not|without|avoid|no need to|not to|"
    r"please don't)\s+(?:ever\s+)?(?:use|using|add|adding|pass|passing|specify|run|running|apply|"
    r"applying|set|setting|do|doing|with)?\s*(?:the\s+)?(?P<what>`[^`]+`|--?[a-z][\w-]+|(?:restart|"
    r"reboot|delete|drain|scale|kill|force|cordon|evict|patch|stop|edit|remov|restarting|deleting|"
    r"draining)\w*)",
    re.IGNORECASE,
)
_READONLY = re.compile(
    r"\b(?:read[- ]only|does not change anything|changes nothing|without (?:changing|"
    r"modifying) anything|only reads|no changes? (?:is|are) made|non-?destructive|harmless|"
    r"safe to run)\b",
    re.IGNORECASE,
)
_OPPOSITES = (
    (
        re.compile(r"\buncordon\w*\b", re.IGNORECASE),
        re.compile(r"\b(?:kubectl|oc)\s+(?:adm\s+)?cordon\b"),
        re.compile(r"\buncordon\b"),
    ),
    (
        re.compile(r"(?<!un)\bcordon(?:ing)?\b", re.IGNORECASE),
        re.compile(r"\b(?:kubectl|oc)\s+(?:adm\s+)?uncordon\b"),
        re.compile(r"(?<!un)cordon\b"),
    ),
    (
        re.compile(r"(?<!re)(?<!re-)\bstart(?:ing)?\b", re.IGNORECASE),
        re.compile(r"\bsystemctl\s+stop\b"),
        re.compile(r"systemctl\s+(?:re)?start\b"),
    ),
    (
        re.compile(r"\bstop(?:ping)?\b", re.IGNORECASE),
        re.compile(r"\bsystemctl\s+(?:re)?start\b"),
        re.compile(r"systemctl\s+stop\b"),
    ),
    (
        re.compile(r"\benabl(?:e|ing)\b", re.IGNORECASE),
        re.compile(r"\bsystemctl\s+disable\b"),
        re.compile(r"systemctl\s+enable\b"),
    ),
    (
        re.compile(r"\bdisabl(?:e|ing)\b", re.IGNORECASE),
        re.compile(r"\bsystemctl\s+enable\b"),
        re.compile(r"systemctl\s+disable\b"),
    ),
    (
        re.compile(r"\bscale (?:up|out)\b|\bscaling (?:up|out)\b", re.IGNORECASE),
        re.compile(r"--replicas[= ]0\b"),
        re.compile(r"--replicas[= ][1-9]"),
    ),
    (
        re.compile(r"\bscale (?:\w+ )?(?:down )?to (?:0|zero)\b", re.IGNORECASE),
        re.compile(r"--replicas[= ][1-9]"),
        re.compile(r"--replicas[= ]0\b"),
    ),
    (
        re.compile(r"\brestart(?:ing)?\b", re.IGNORECASE),
        re.compile(r"\bsystemctl\s+stop\b|\brollout\s+undo\b"),
        re.compile(r"\brestart\b|\bstart\b|delete pod|kill"),
    ),
    (
        re.compile(r"\broll(?:ing)? ?back\b", re.IGNORECASE),
        re.compile(r"\brollout\s+restart\b|\bhelm\s+upgrade\b"),
        re.compile(r"undo|rollback|revert|history"),
    ),
    (
        re.compile(r"\bgracefully\b", re.IGNORECASE),
        re.compile(r"\bkill\s+-(?:9|KILL|SIGKILL)\b|--grace-period[= ]0|--force\b"),
        re.compile(r"kill\s+-(?:15|TERM)|systemctl\s+stop"),
    ),
)


@check(
    "contradiction",
    CONTROL_FLOW,
    Severity.WARNING,
    "text and code say opposite things: 'increase by 1' and a constant, 'do not use --force' and then --force",
    "The reader follows one of the two, and the author meant the other.",
)
def contradiction(view: View) -> Iterator[Issue]:
    for part in view.parts:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        for at, code in enumerate(flow):
            if not isinstance(code, Code) or not code.is_run:
                continue
            before = flow[at - 1] if at and isinstance(flow[at - 1], Prose) else None
            after = flow[at + 1] if at + 1 < len(flow) and isinstance(flow[at + 1], Prose) else None
            for prose in (before, after):
                if isinstance(prose, Prose) and (
                    issue := _says_otherwise(prose, code, is_after=prose is after, before=before)
                ):
                    yield issue
                    break
            else:
                yield from _forbidden(view, part, code, flow[:at])


def _says_otherwise(prose: Prose, code: Code, *, is_after: bool, before: Prose | Code | None) -> Issue | None:
    for sentence in prose.sentences:
        hint = "make the sentence and the command say the same"
        if (
            (found := _BY_N.search(sentence.text))
            and _CONSTANT.search(code.body)
            and not _COMPUTED.search(code.body)
            and any(is_change(s.text) for s in code.statements)
        ):
            return Issue(
                sentence.line,
                f"the text says '{shortened(found[0], 40)}', the command sets a constant",
                "read the value first, and set it to that value plus the step: <CURRENT + 1>",
            )
        if (
            not is_after
            and _READONLY.search(sentence.text)
            and not re.search(r"\bnot (?:read|safe|harmless)", sentence.text, re.IGNORECASE)
            and any(is_change(s.text) for s in code.statements)
        ):
            return Issue(
                sentence.line, "the text says that nothing is changed, and the command changes something", hint
            )
    last = prose.sentences[-1] if prose.sentences else None
    if last is None or is_after:
        return None
    changes = [s for s in code.statements if is_change(s.text)]
    if not changes:
        return None
    body = "\n".join(s.text for s in changes)
    for said, does, agrees in _OPPOSITES:
        if (
            said.search(last.text)
            and does.search(body)
            and not agrees.search(does.sub("", code.body))
            and not re.search(
                r"\b(?:instead of|before|after|if|when|once|rather than|not|without|until|undo|cannot|won't|"
                r"fails? to)\b",
                last.text,
                re.IGNORECASE,
            )
        ):
            return Issue(
                last.line,
                f"the text says '{shortened(last.text, 50)}', the command does the opposite",
                "make the sentence and the command say the same",
            )
    return None


def _forbidden(view: View, part: Part, code: Code, before: list[Prose | Code]) -> Iterator[Issue]:
    """What the section, or the guide's introduction, forbids and the command does."""
    texts: list[Prose] = [f for f in before if isinstance(f, Prose)][-6:]
    texts += [p for i in part.above for p in view.parts[i].proses][-8:]
    for prose in texts:
        for sentence in prose.sentences:
            for found in _FORBIDS.finditer(sentence.text):
                what = found["what"].strip("`")
                if (
                    re.search(
                        r"\b(?:if|unless|when|until|before|while|yet|more than|on (?:the|a)|in (?:the|a)|other|another|"
                        r"all|both|any other|during|manually)\b",
                        sentence.text[found.end() :],
                        re.IGNORECASE,
                    )
                    or len(what) < 2
                ):
                    continue
                if not re.match(r"-|`", found["what"]) and not re.search(
                    r"\b(?:do not|don't|never|must not)\s", found[0], re.IGNORECASE
                ):
                    continue
                stem = what.lower().removesuffix("ing").rstrip("e") if not what.startswith("-") else what
                for statement in code.statements:
                    if (
                        re.search(rf"(?<![\w-]){re.escape(stem)}", statement.text, re.IGNORECASE)
                        and (what.startswith("-") or is_change(statement.text))
                        and (what.startswith("-") or " " not in what or what in statement.text)
                    ):
                        yield Issue(
                            statement.lines.first,
                            f"line {sentence.line} says '{shortened(found[0], 40)}', and this command does it",
                            "remove one of the two",
                        )
                        return
