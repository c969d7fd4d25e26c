"""Text and code say opposite things: 'increase by 1' and a constant, 'do not use --force' and then --force."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.command_forms import is_change
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, View
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
