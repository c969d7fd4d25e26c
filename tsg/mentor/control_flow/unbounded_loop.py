"""'repeat until' or 'try again' without a bound, or 'repeat for each' without a list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import instructions_in, lead_verb, shortened

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


_BACK = re.compile(
    r"\b(?:go(?:es)? back|return|start (?:over|again|afresh|anew)|begin (?:again|anew)|back|(?:once )?again from)\b"
    r"[^.;]{0,30}?\b(?:to|at|with|from)\s+(?:the\s+)?"
    r"(?:(?:step|section|point)s?\s*#?\d|beginning\b|start\b|top\b|first step)",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\b(?:at most|up to|no more than|not more than|maximum|times|once|twice|attempts?|rounds?"
    r"|(?:second|third|last) time|\d+ (?:min|minutes|hours|h)\b)",
    re.IGNORECASE,
)


@check(
    "unbounded-loop",
    Category.CONTROL_FLOW,
    Severity.WARNING,
    "'repeat until' or 'try again' without a bound, or 'repeat for each' without a list",
    "Nobody knows when to give up, and a machine never does.",
)
def unbounded_loop(view: View) -> Iterator[Issue]:
    for part in view.working:
        yield from _in_code(part)
        for prose in part.proses:
            for i, sentence in enumerate(prose.sentences):
                after = prose.sentences[i + 1].text if i + 1 < len(prose.sentences) else ""
                if message := _unbounded(view, part, prose, sentence, after) or _back(sentence, after):
                    yield Issue(
                        sentence.line,
                        message,
                        "give it a bound and a way out: 'at most 3 times, 2 min apart; then escalate'",
                    )


_KEEP = re.compile(
    r"\b(?:keep (?:on )?\w+ing|go on \w+ing|continue \w+ing)\b[^.;]{0,80}\b(?:for as long as|as long as|until|while)\b",
    re.IGNORECASE,
)
_SHELL_LOOP = re.compile(r"^[ \t]*(?:until|while)\b(?!.*\bread\b)(?!\s*(?:true|:)\s*;)", re.MULTILINE)
_SHELL_BOUND = re.compile(r"\b(?:timeout|break|seq|for|i=|n=|\(\(|SECONDS|attempts?|tries|retries|max)\b")


def _in_code(part: Part) -> Iterator[Issue]:
    """`until ready; do sleep 60; done`: a loop of a shell that ends by itself or never."""
    for code in part.codes:
        found = _SHELL_LOOP.search(code.body) if code.is_run else None
        if found is not None and not _SHELL_BOUND.search(code.body):
            line = code.body_line + code.body.count("\n", 0, found.start())
            hint = "bound it: 'timeout 600 bash -c ...', or count the rounds; then say what to do"
            yield Issue(line, "the loop ends when the condition holds, and else never", hint)


def _back(sentence: Sentence, after: str) -> str:
    """A way back, or a task kept up, that does not say how often."""
    found = _BACK.search(sentence.text) or _KEEP.search(sentence.text)
    if found is None or _COUNTED.search(sentence.text) or _COUNTED.search(after):
        return ""
    return f"'{shortened(found[0], 40)}' does not say how often"


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
