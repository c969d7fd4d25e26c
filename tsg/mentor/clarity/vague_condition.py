"""A condition that only says high, slow, unusual, a while or healthy, and no value or test."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, CLAUSE, DIGITS, STATE, VAGUE, WASTE, lead_verb, shortened

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
    Category.CLARITY,
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
