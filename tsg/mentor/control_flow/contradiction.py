"""Text and code say opposite things: 'increase by 1' and a constant, 'do not use --force' and then --force."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.deeds import is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import shortened

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
        re.compile(r"\breload\w*\b", re.IGNORECASE),
        re.compile(r"\bsystemctl\s+(?:restart|stop)\b|\brollout\s+restart\b"),
        re.compile(r"\breload\b"),
    ),
    (
        re.compile(
            r"\b(?:return|resume|undrain|bring back|put back)\b.*\b(?:node|host|machine|server|service)\b",
            re.IGNORECASE,
        ),
        re.compile(r"\bstate=(?:drain|down|fail)\b|\b(?:kubectl|oc)\s.*\b(?:drain|cordon)\b", re.IGNORECASE),
        re.compile(r"\bstate=(?:resume|idle)\b|\buncordon\b", re.IGNORECASE),
    ),
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
    Category.CONTROL_FLOW,
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
            and any(is_change(s) for s in code.statements)
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
            and any(is_change(s) for s in code.statements)
        ):
            return Issue(
                sentence.line, "the text says that nothing is changed, and the command changes something", hint
            )
    last = prose.sentences[-1] if prose.sentences else None
    if last is None or is_after:
        return None
    told = [(sentence, clause) for sentence, clause in _clauses(prose) if _other_number(clause, code)]
    if told and told[-1][0] is last:
        return Issue(code.body_line, _other_number(told[-1][1], code), "make the sentence and the command say the same")
    if wide := _many_at_once(prose, code):
        return Issue(last.line, wide, "make the sentence and the command say the same")
    changes = [s for s in code.statements if is_change(s)]
    if not changes:
        return None
    body = "\n".join(s.text for s in changes)
    for sentence, clause in _clauses(prose):
        for said, does, agrees in _OPPOSITES:
            if said.search(clause) and does.search(body) and not agrees.search(does.sub("", code.body)):
                if _HEDGED.search(clause):
                    continue
                return Issue(
                    sentence.line,
                    f"the text says '{shortened(clause, 50)}', the command does the opposite",
                    "make the sentence and the command say the same",
                )
    return None


_HEDGED = re.compile(
    r"\b(?:instead of|before|after|if|when|once|rather than|not|without|until|undo|cannot|won't|fails? to)\b",
    re.IGNORECASE,
)


def _clauses(prose: Prose) -> Iterator[tuple[Sentence, str]]:
    """What the sentences of a paragraph order, the conditions before them taken off."""
    for sentence in prose.sentences[-3:]:
        for part in re.split(r";\s+", sentence.text):
            yield sentence, re.sub(r"^\W*(?:if|when|unless|otherwise)\b[^,]*,\s+", "", part, flags=re.IGNORECASE)


_NUMBER_WORDS = {
    "a tenth": 0.1, "one tenth": 0.1, "a fifth": 0.2, "a quarter": 0.25, "a third": 1 / 3, "half": 0.5, "two": 2,
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10, "twelve": 12, "twenty": 20,
    "hundred": 100,
}  # fmt: skip
_SETS = re.compile(
    r"\b(?:limit|lower|raise|set|scale|increase|decrease|reduce|add|allow|throttle|cap|grow|shrink|extend|let"
    r"|bring|give|keep)\b",
    re.IGNORECASE,
)
_SAID = re.compile(
    rf"(?<![\w.`<-])(?P<digits>\d+(?:\.\d+)?)(?![\w.`>-]|\s*(?:%|(?:s|min|h|hours?|minutes?|seconds?|days?)\b))"
    rf"|\b(?P<word>{'|'.join(_NUMBER_WORDS)})\b(?!\s*(?:%|(?:hours?|minutes?|seconds?|days?|of|steps?|commands?)\b))",
    re.IGNORECASE,
)
# Numbers that set nothing: waits, tails, ports, versions.
_UNSET = re.compile(
    r"(?:--?[\w-]*(?:timeout|tail|since|grace-period|interval|port|wait|retries|verbosity|version)[\w-]*[= ]\S+"
    r"|-[a-z] \d+\b|\bsleep \S+|:\d{2,5}\b|\bv\d\S*|/\d+\b|\d{5,}|https?://\S+|[A-Za-z_<>$-]+\d[\w.-]*|<[^>]*>"
    r"|\{\{[^}]*\}\}|\$\{?\w+\}?|\d[\w.]*[A-Za-z_-][\w.]*)"
)


def _other_number(text: str, code: Code) -> str:
    """The one number of a sentence that sets something, where the one number of its command is another."""
    if not _SETS.search(text) or re.search(r"\b(?:if|when|unless|from|below|above|between)\b", text, re.IGNORECASE):
        return ""
    said = {float(m["digits"]) if m["digits"] else _NUMBER_WORDS[m["word"].lower()] for m in _SAID.finditer(text)}
    body = _UNSET.sub(" ", re.sub(r"(\d+)/(?:s|m|min|h)\b", r"\1 ", code.body))
    does = {float(n) for n in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", body)}
    if len(said) != 1 or len(does) != 1 or said == does:
        return ""
    one, other = next(iter(said)), next(iter(does))
    if other in {one * 60, one / 60, one / 100, one * 100, one * 1000, one * 1024, 1 - one} or other == 0:
        return ""
    return f"the text says {one:g}, the command {other:g}"


_SINGLY = re.compile(
    r"\bone (?:\w+ )?(?:after (?:another|the other)|at a time|by one)\b|\bsequential(?:ly)?\b|\bone by one\b",
    re.IGNORECASE,
)
_WIDTH = re.compile(
    r"(?:--forks|--max-procs|--parallel(?:ism)?|--concurrency|--max-parallel|--batch-size|-P|--workers)[= ](?P<n>\d+)"
)


def _many_at_once(prose: Prose, code: Code) -> str:
    """ "One after another", and a command that does several at once."""
    wide = _WIDTH.search(code.body)
    if wide is None or int(wide["n"]) < 2 or not any(_SINGLY.search(s.text) for s in prose.sentences):
        return ""
    return f"the text says one after another, the command does {wide['n']} at once"


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
                        and (what.startswith("-") or is_change(statement))
                        and (what.startswith("-") or " " not in what or what in statement.text)
                    ):
                        yield Issue(
                            statement.lines.first,
                            f"line {sentence.line} says '{shortened(found[0], 40)}', and this command does it",
                            "remove one of the two",
                        )
                        return
