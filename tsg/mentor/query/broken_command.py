"""A command that cannot work: an unknown sub-command, exec without a command, a line break without backslash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity, did_you_mean
from tsg.mentor.code import Code, Statement
from tsg.mentor.command_forms import broken_form, commands_in, plain_command
from tsg.mentor.language import TOOLS, Content, first_word, is_command
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, View


@check(
    "broken-command",
    Category.QUERY,
    Severity.WARNING,
    "a command that cannot work: an unknown sub-command, exec without a command, a line break without backslash",
    "It stops the reader at the worst moment, or runs its first half.",
)
def broken_command(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for code in part.commands:
            if code.language is not Content.SHELL or not code.is_run or code.block.kind == "row":
                continue
            previous: Statement | None = None
            for statement in code.statements:
                if wrong := broken_form(plain_command(statement.text)):
                    yield Issue(statement.lines.first, wrong, "try the command as it stands, and paste what worked")
                elif previous is not None and (wrong := _cut(previous, statement)):
                    yield Issue(previous.lines.last, wrong, "end the line with a backslash")
                elif previous is None and not code.inline and (typo := _typo(statement.text)):
                    yield Issue(
                        statement.lines.first,
                        f"'{first_word(statement.text)}' is no command: {typo}",
                        "mend the spelling",
                    )
                previous = statement
            yield from _spaces_after_backslash(code)
        yield from _announced_filter(part)


def _cut(previous: Statement, statement: Statement) -> str:
    """Whether the next line continues this one though nothing says so."""
    text = statement.text.lstrip()
    if _PRINTED.match(text) or _PRINTED.match(previous.text.lstrip()):
        return ""
    if statement.lines.first != previous.lines.last + 1 or statement.comment:
        return ""
    if re.match(r"--?[a-zA-Z][\w-]*", text) or (
        re.search(
            r"(?:\s--?(?:patch|p|type|n|namespace|l|selector|o|output|field-selector|f|filename|c|container|"
            r"from-literal|data|d|H|X|set|overrides|as|context)|\s-[a-z])$",
            previous.text.rstrip(),
        )
        and text[:1] in "'\"[{<$" + "abcdefghijklmnopqrstuvwxyz"
        and not is_command(text)
    ):
        return "the command goes on in the next line, and no backslash says so"
    if re.match(r"\|(?!\|)\s*\w|&&\s*\w|['\"]?[\[{]", text) and not previous.text.rstrip().endswith(
        ("|", "&&", "\\", "{", "do", "then")
    ):
        return "the command goes on in the next line, and no backslash says so"
    return ""


# Lines that a command printed and that were pasted with it.
_PRINTED = re.compile(r"[+|][-+= |]|\||[{}\[\]],?\s*$|\"[\w.-]+\"\s*:|-{3,}")


def _spaces_after_backslash(code: Code) -> Iterator[Issue]:
    for at, row in code.rows:
        if re.search(r"\\[ \t]+$", row) and at < code.body_line + len(code.rows) - 1:
            yield Issue(at, "a blank after the backslash ends the command here", "remove the blanks at the line's end")


def _typo(text: str) -> str:
    word = first_word(text)
    if len(word) < 5 or not word.isalpha() or word in TOOLS or not word.islower():
        return ""
    near = did_you_mean(word, [t for t in _LONG_TOOLS if abs(len(t) - len(word)) <= 1], "")
    from difflib import SequenceMatcher

    named = re.search(r"'([^']+)'", near)
    return (
        near
        if named
        and named[1] != word
        and sorted(named[1]) != sorted(word + " ")
        and SequenceMatcher(None, named[1], word).ratio() >= 0.85
        and named[1][0] == word[0]
        else ""
    )


_LONG_TOOLS = frozenset(
    {
        "kubectl",
        "systemctl",
        "journalctl",
        "docker",
        "nvidia-smi",
        "scontrol",
        "squeue",
        "sinfo",
        "etcdctl",
        "helm",
        "terraform",
        "ansible",
        "openssl",
        "rabbitmqctl",
        "crictl",
        "promtool",
        "amtool",
    }
)
_BARE_LOG = re.compile(r"`(?:sudo )?(?:journalctl|dmesg|kubectl logs|grep|tail|docker logs|oc logs)`")
_FILTERED = re.compile(
    r"\b(?:for|of|about|from|since|filter|only|journal|unit|service|errors?|why|last)\b", re.IGNORECASE
)


def _announced_filter(part: Part) -> Iterator[Issue]:
    """`journalctl` alone, where the sentence says what to look for."""
    if part.is_background:
        return
    for prose in part.proses:
        for sentence in prose.sentences:
            found = _BARE_LOG.search(sentence.text)
            if (
                found
                and re.search(
                    r"\b(?:with|use|using|run|running|via|in|command)\b",
                    sentence.text[: found.end() + 12],
                    re.IGNORECASE,
                )
                and _FILTERED.search(prose.text.replace(found[0], ""))
                and not part.codes[-1:]
            ) or (
                found
                and re.search(r"\b(?:with|use|using|run|running|via)\b", sentence.text, re.IGNORECASE)
                and not any(c.at > prose.at for c in part.codes)
                and _FILTERED.search(prose.text.replace(found[0], ""))
            ):
                yield Issue(
                    prose.line_of(max(0, prose.text.find(found[0]))),
                    f"{found[0]} is named without the arguments that select what is announced",
                    "give the unit, the time and the pattern: `journalctl -u kubelet --since -1h`",
                )
    for code in part.codes:
        for statement in code.statements:
            if any(c.argv == ("journalctl",) for c in commands_in(statement.text)):
                yield Issue(
                    statement.lines.first,
                    "journalctl without arguments prints the whole journal",
                    "select the unit and the time: `journalctl -u kubelet --since -1h`",
                )
