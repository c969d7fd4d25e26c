"""A command that cannot work: an unknown sub-command, exec without a command, a line break without backslash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Command, Does, Language
from tsg.findings import Severity, did_you_mean
from tsg.mentor.code import Code, Statement
from tsg.mentor.query.shared import is_unparsed
from tsg.mentor.query.subcommands import missing_argument, unknown_subcommand
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
            if code.language is not Language.SHELL or not code.is_run or code.block.kind == "row":
                continue
            previous: Statement | None = None
            for statement in code.statements:
                if wrong := _wrong(statement, code):
                    yield Issue(statement.lines.first, wrong, "try the command as it stands, and paste what worked")
                elif previous is not None and (wrong := _cut(previous, statement)):
                    yield Issue(previous.lines.last, wrong, "end the line with a backslash")
                elif previous is None and not code.inline and (typo := _typo(statement.command)):
                    yield Issue(
                        statement.lines.first,
                        f"'{statement.command.argv[0]}' is no command: {typo}",
                        "mend the spelling",
                    )
                previous = statement
            yield from _spaces_after_backslash(code)
        yield from _announced_filter(part)


def _wrong(statement: Statement, code: Code) -> str:
    """Why the command cannot work, or nothing. A sub-command with a hyphen, or of kubectl, may be a plug-in's."""
    command = statement.command
    if is_unparsed(statement):
        return ""
    if wrong := unknown_subcommand(command.argv):
        return wrong
    stands_alone = not code.inline and statement.text.removeprefix("sudo ").startswith(" ".join(command.argv[:2]))
    if stands_alone and (wrong := missing_argument(command.argv)):
        return wrong
    is_plugin = re.search(r"has no command '\w+-[\w-]+'", command.broken) is not None
    return "" if is_plugin else command.broken


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
        and statement.command.does is Does.UNKNOWN
    ):
        return "the command goes on in the next line, and no backslash says so"
    if re.match(r"\|(?!\|)\s*\w|&&\s*\w|['\"]?[\[{]", text) and not previous.text.rstrip().endswith(
        ("|", "&&", "\\", "{", "do", "then")
    ):
        return "the command goes on in the next line, and no backslash says so"
    return ""


# Lines that a command printed and that were pasted with it.
_PRINTED = re.compile(
    r"[+|][-+=][-+= |]*$|\|(?=[^\n]*\|\s*$)|[{}\[\]],?\s*$|\"[\w.-]+\"\s*:|-{3,}|[{\[]\s*\"", re.MULTILINE
)


def _spaces_after_backslash(code: Code) -> Iterator[Issue]:
    for at, row in code.rows:
        if re.search(r"\\[ \t]+$", row) and at < code.body_line + len(code.rows) - 1:
            yield Issue(at, "a blank after the backslash ends the command here", "remove the blanks at the line's end")


def _typo(command: Command) -> str:
    word = command.argv[0] if command.argv else ""
    if (
        command.does is not Does.UNKNOWN
        or word in _LONG_TOOLS
        or len(word) < 5
        or not (word.isalpha() and word.islower())
    ):
        return ""
    near = did_you_mean(word, [t for t in _LONG_TOOLS if abs(len(t) - len(word)) <= 1], "")
    from difflib import SequenceMatcher

    named = re.search(r"'([^']+)'", near)
    return (
        near
        if named
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
            if statement.command.argv == ("journalctl",):
                yield Issue(
                    statement.lines.first,
                    "journalctl without arguments prints the whole journal",
                    "select the unit and the time: `journalctl -u kubelet --since -1h`",
                )
