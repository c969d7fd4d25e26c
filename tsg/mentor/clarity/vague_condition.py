"""A condition that only says high, slow, unusual, a while or healthy, and no value or test."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, CLAUSE, DIGITS, STATE, VAGUE, WASTE, instructions_in, lead_verb, shortened

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
    r"amount of time)|(?:a few|several|some|a couple of) (?:seconds|minutes|hours|moments))\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"\d|`|\"|\b(?:older than|longer than|larger than|by more than|according to|listed|returned|shown|"
    r"found|identified|reported|as (?:defined|listed|shown)|threshold|SLO|SLA|limit of|quota|alert|"
    r"named|labell?ed|annotated|in (?:the )?state|whose|in (?:Completed|Failed|Error|Evicted|Pending|"
    r"Released))\b",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"\b(?:(?:un|in)?(?:acceptabl[ey]|tolerabl[ey]|reasonabl[ey]|satisfactor(?:y|ily)|adequate(?:ly)?|"
    r"sufficient(?:ly)?)|"
    r"enough|worrying|worrisome|harmless|benign|bearable|manageable|workable|threatening|relaxed|quiet|crowded|"
    r"congested|starved|weak|shaky|fishy|ugly|nasty|modest|generous|overdue|likely|unlikely|hopeful|hopeless|"
    r"painful(?:ly)?|annoying(?:ly)?|suitable|sick|unwell|flaky|unreliable|negligible|trivial|minimal|marginal|"
    r"(?:in)?significant|light|comfortabl[ey]|dangerous(?:ly)?|tight|disappointing|discouraging|"
    r"critical(?:ly)? (?=high|low|full)|mak(?:es?|ing) sense|(?:you|one) (?:feels?|thinks?|believes?|suspects?|"
    r"deems?|considers?)|in (?:good|bad|poor) shape|(?:is|are) (?:warranted|"
    r"called for)|alarming|concerning|promising|decent|sane|nice(?:ly)?|plausible|"
    r"(?:stands?|stood|sticks?) out|soon|shortly|eventually|quick(?:ly)?|rapid(?:ly)?|gradual(?:ly)?|promptly|"
    r"in (?:good|due) time|timely|for (?:ages|long)|long ago|lately|"
    r"(?:a )?(?:couple|handful|number|bunch|majority|minority|fraction) of|several|"
    r"most(?! recent)(?= (?:of )?[a-z]+)|"
    r"ample|scarce|sparse|massive(?:ly)?|huge|enormous(?:ly)?|tiny|moderate(?:ly)?|notabl[ey]|marked(?:ly)?|"
    r"sharp(?:ly)?|drastic(?:ally)?|dramatic(?:ally)?|serious(?:ly)?|severe(?:ly)?|extreme(?:ly)?|intense|"
    r"(?:under|in) (?:heavy |high |great |serious |much )*(?:pressure|stress|strain|distress)|under (?:heavy|"
    r"high) load|"
    r"(?:near(?:ly|ing)?|almost|close to|approach(?:es|ing)|on the verge of) (?:being )?(?:the |its |their )?"
    r"(?:exhaust\w*|full|limits?|capacity|ceiling|saturat\w*|max\w*|empty|out of \w+|running out)|"
    r"running (?:low|short|out)|(?:too|quite|rather|very) \w+|"
    r"(?:gets?|getting|got|becom\w+|grow(?:s|ing)?) (?:tight|full|worse|better|crowded|short|scarce)|"
    r"(?:above|below|over|beyond|outside|out of|within) (?:the |what is |its |their )?(?:\w+ )?(?:norms?|normal|"
    r"usual|"
    r"average|ordinary|expectations?|expected)|(?:improv|worsen|deteriorat|normali[sz])\w*|"
    r"constantly|repeatedly|regularly|again and again|now and then|occasionally|"
    r"(?:calm|settl|eas|quieten|cool)(?:s|es|ed|ing|ened)? (?:down|off))\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"(?:\b(?:more|less|fewer|\w+er)\b[^,;]{0,60}?\bthan|\bas \w+ as|\b(?:compared|relative) (?:to|with))\s+"
    r"(?!(?:usual|normal|expected|before|average|it should|they should|it was|it used|they used|ever|ordinary|"
    r"typical|is|the (?:norm|usual)\b|in normal|you (?:would|expect)|a few|some|several)\b)\w+",
    re.IGNORECASE,
)
_RULED_OUT = re.compile(
    r"\b(?:as well|at most|most recent(?:ly)?|the most|high(?:ly)?[- ]availab\w*|high[- ]level|low[- ]level|"
    r"long[- ]term|"
    r"long[- ]running|hot[- ]?(?:fix|swap|spare)\w*|slow (?:query|queries|start|log|requests?|ops)|no longer|"
    r"any longer|load average|number of|as (?:soon|long) as|short[- ](?:lived|term)|too many (?:requests|open files|"
    r"connections)(?= (?:error|is (?:logged|printed)|response|answer))|once more|quick start|"
    r"old (?:and|or) new|serious error)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"^\W*(?:where|provided(?: that)?|assuming(?: that)?|given that|as)\s+(?P<body>[^,;:.?\n]{2,240}),", re.IGNORECASE
)
_AFTER = re.compile(
    r"\b(?:after|within|for|in)\s+(?P<word>a while|some time|a bit|(?:an? )?(?:reasonable|suitable|sufficient|"
    r"short|certain|"
    r"decent|appropriate|adequate|longer|long) (?:time|while|period|amount of time)|"
    r"(?:a few|several|some|a couple of) (?:seconds|minutes|hours|moments|times|attempts|tries|runs|rounds))\b",
    re.IGNORECASE,
)
# A gate that nobody can test: "only after the root cause is fixed".
_FAULT = r"(?:the|any|all|its)\s+(?:root |underlying |actual |real )?(?:causes?|issues?|problems?|fault)"
_GATE = re.compile(
    r"\b(?:only|not|never|don't)\b[^.;]{0,80}?\b(?:after|until|before|once|unless|when|if)\s+"
    r"(?:you have |you've |having )?"
    rf"(?P<word>(?:fix|solv|resolv|address|understand|understood)\w*\s+{_FAULT}"
    rf"|{_FAULT}\s+(?:is|are|has been|have been|was|were)\s+(?:fully |properly |really )?"
    r"(?:fixed|solved|resolved|addressed|understood|dealt with|clear))\b",
    re.IGNORECASE,
)
_GOES = re.compile(
    r"\b(?:go(?: back)? to|continue|proceed|skip|jump|done|ends? here|return to|step \d)\b", re.IGNORECASE
)
_NEGATED_STATE = re.compile(
    r"\b(?:exists?|missing|empty|fails?|failed|firing|fires|running|present|absent|returns?|returned|"
    r"completes?|completed|succeeds?|succeeded|crash\w*|Pending|NotReady|Ready|Running|listed|enabled|"
    r"disabled|installed|found|shows?|available|unavailable|reachable|unreachable|timed? out|"
    r"times out|connects?|responds?|matches|differs?|equals?|OOMKilled|CrashLoopBackOff|expired|open|"
    r"closed|up|down|recent|deployed|error|errors|confirmed|approved|contains?|true|false|denied|"
    r"refused|started|changed|stuck|scheduled|finished|done|deployment|rollout|deploy|release)\b"
)
_TEMPORAL = frozenset({"when", "whenever", "once", "as soon as", "as long as"})
_NAMED_WRONG = re.compile(r"\w+ (?:version|image|password|config\w*|name|value|node|cluster|namespace|tag|family)")


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
    text = _without_names(sentence.text)
    if (found := _WAIT.search(text)) and not DIGITS.search(text):
        return found["word"]
    does = bool(instructions_in(text) or _GOES.search(text))
    if does and (found := _AFTER.search(text)) and not DIGITS.search(text):
        return found["word"]
    if (found := _GATE.search(text)) and not DIGITS.search(text):
        return found["word"]
    tested = _is_tested(view, part, prose)
    for body in _conditions(text, prose, does=does):
        if word := _undecided(body, text, tested=tested):
            return word
    return "" if prose.block.kind == "row" else _vague_waste(sentence.text)


def _without_names(text: str) -> str:
    """A sentence with quoted words and code replaced: `queue.length` by CODE, `x > 5` by a number."""

    def name(found: re.Match[str]) -> str:
        return " 0 " if re.search(r"\d|[<>=%]", found[0]) and " " in found[0] else "CODE"

    return re.sub(r"`[^`]*`|[\"“][^\"”]*[\"”]", name, text)


def _conditions(text: str, prose: Prose, *, does: bool) -> Iterator[str]:
    """What the sentence makes its instruction depend on: clauses, a table's first cell, an item's label."""
    for clause in CLAUSE.finditer(text):
        word = clause["word"].lower()
        if word == "while" or (word in _TEMPORAL and not does and clause.start() > 3):
            continue
        if word == "should" and re.search(r"\w", text[: clause.start("word")]):
            continue
        yield re.split(r"\bthen\b", clause["body"], maxsplit=1)[0]
    if found := _WHERE.match(text):
        yield found["body"]
    if prose.block.kind == "row":
        cell, _, rest = text.partition("|")
        if cell.strip() and (_GOES.search(rest) or instructions_in(rest)):
            yield cell
    elif prose.is_item:
        label, colon, rest = text.strip().lstrip("*_>-• ").partition(":")
        if colon and len(label.split()) <= 6 and (_GOES.search(rest) or instructions_in(rest)) and not lead_verb(label):
            yield label


def _vague_waste(text: str) -> str:
    """Things to be removed or restarted that only a loose word tells from the others."""
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
    """The clause, where it has a word that everybody reads in another way and nothing that settles it."""
    if DIGITS.search(body) or re.search(r"[<>=%]", body) or _COMPARED.search(body):
        return ""
    if re.search(r"\([^)]*[\d`=<>]", whole) or re.match(r"\s*(?:more|less|fewer)\b", body):
        return ""
    settled = _RULED_OUT.sub(" ", body)
    if _JUDGED.search(settled):
        return body.strip()
    found = VAGUE.search(settled)
    if found is not None:
        return "" if _is_a_name(found[0].lower(), settled[found.end() :].strip()) else body.strip()
    state = STATE.search(settled)
    if state is None or tested or "CODE" in settled or _NEGATED_STATE.search(settled.replace(state[0], "")):
        return ""
    return body.strip()


def _is_a_name(word: str, after: str) -> bool:
    """Whether a loose word only tells one thing from another: 'the old cluster', 'the wrong image'."""
    if word == "old":
        return bool(after)
    return word in {"wrong", "bad"} and bool(_NAMED_WRONG.match(after))
