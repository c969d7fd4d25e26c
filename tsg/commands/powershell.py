"""PowerShell scripts: parsed into statements, each with the verdict on all commands in it. Offsets are bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from tsg.commands.holes import masked
from tsg.commands.powershell_cmdlets import judge_cmdlet
from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown, worst
from tsg.words import words

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_LINE = 8_000  # bytes: a longer line is not parsed
MAX_OPEN = 200
_PURE_METHODS = words(
    "tostring contains startswith endswith split trim trimend trimstart replace substring tolower toupper equals"
    " gettype indexof"
    " format where foreach adddays addhours addminutes addseconds tolocaltime touniversaltime join isnullorempty"
    " isnullorwhitespace"
    " new parse tryparse getenvironmentvariable combine round ceiling floor exists getname count padleft padright"
    " todatetime"
    " gethostname gethostaddresses gethostentry compareto match matches ismatch totalseconds now utcnow max min abs"
)
_HARM_METHODS = re.compile(
    r"delete|kill|remove|stop|restart|reboot|shutdown|terminate|format|clear|reset|drop", re.IGNORECASE
)
_BROKEN = "does not parse as PowerShell"


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement: where it stands, in bytes, and what it does."""

    start: int
    end: int
    verdict: Verdict
    sets: tuple[str, ...] = ()
    comment: bool = False


@cache
def _parser() -> Parser:
    import tree_sitter_powershell
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_powershell.language()))


def judge_powershell(text: str) -> Verdict:
    """The verdict on a text of PowerShell inside a command."""
    return worst(s.verdict for s in read_powershell(text.encode()) if not s.comment)


def read_powershell(source: bytes) -> list[Statement]:
    """Statements and comments of a script in their order."""
    hidden = _parseable(masked(source))
    if not _is_tame(hidden):
        return list(_by_lines(source, hidden, 0, len(source)))
    root = _parser().parse(hidden).root_node
    if root.is_error:  # its children are pieces, not statements
        return list(_by_lines(source, hidden, 0, len(source)))
    functions: dict[str, Verdict] = {}
    found: list[Statement] = []
    broken_from: int | None = None
    for node in _top(root):
        if node.has_error:
            if broken_from is None:
                broken_from = hidden.rfind(b"\n", 0, node.start_byte) + 1
            continue
        if broken_from is not None:
            start = hidden.rfind(b"\n", 0, node.start_byte) + 1
            if start > broken_from:
                found.extend(_by_lines(source, hidden, broken_from, start))
                broken_from = None
            else:
                continue
        if node.is_named:
            found.append(_statement(node, source, functions))
    if broken_from is not None:
        found.extend(_by_lines(source, hidden, broken_from, len(source)))
    return found


def _parseable(source: bytes) -> bytes:
    """The source as the grammar can take it, as long as before.

    It knows no pipe that ends a line, no comma between bare words, no path behind a variable, no typeset dash or blank.
    """
    source = source.replace("–".encode(), b"  -").replace(b"\xc2\xa0", b"  ")
    source = re.sub(rb"(\|[ \t\r]*)\n(?=[ \t]*[^\s#])", rb"\1 ", source)
    source = re.sub(rb"(\$\w+)\\(?=\w)", rb"\1_", source)
    return re.sub(rb"(?<=[\w*}])([ \t]*),([ \t]*)(?=[A-Za-z*@])", lambda m: b" " * len(m[0]), source)


def _top(root: Node) -> Iterator[Node]:
    for child in root.children:
        if child.type == "statement_list":
            yield from child.children
        else:
            yield child


def _is_tame(source: bytes) -> bool:
    if any(len(line) > MAX_LINE for line in source.split(b"\n")) or source.count(b"${") > 2_000:
        return False
    depth = deepest = 0
    for byte in source:
        if byte in b"({[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b")}]":
            depth = max(0, depth - 1)
    return deepest <= MAX_OPEN


def _by_lines(source: bytes, hidden: bytes, start: int, end: int) -> Iterator[Statement]:
    at = start
    for line in hidden[start:end].split(b"\n"):
        first = at
        at += len(line) + 1
        text = line.strip()
        if not text:
            continue
        begin = first + len(line) - len(line.lstrip())
        stop = first + len(line.rstrip())
        if text.startswith(b"#"):
            yield Statement(begin, stop, NOTHING, comment=True)
            continue
        if _is_tame(line):
            root = _parser().parse(line).root_node
            if not root.has_error:
                for node in _top(root):
                    if node.is_named:
                        one = _statement(node, source[first : first + len(line)], {})
                        yield replace(one, start=one.start + first, end=one.end + first)
                continue
        yield Statement(begin, stop, _rough(source[begin:stop].decode(errors="replace")[:MAX_LINE]))


def _rough(text: str) -> Verdict:
    """The verdict on a line that does not parse: every cmdlet in it counts, none may be missing."""
    if text.strip() in {"{", "}", "})", "(", ")", "};", "} else {", "else {", "try {"}:
        return NOTHING
    parts: list[Verdict] = []
    for piece in re.split(r"[|;{}()&]", text)[:64]:
        tokens = piece.split()
        if tokens and tokens[0][0].isalpha():
            parts.append(judge_cmdlet(tokens[0], tokens[1:]))
    verdict = worst([*parts, unknown("it does not parse")])
    return replace(verdict, broken=_BROKEN)


def _statement(node: Node, source: bytes, functions: dict[str, Verdict]) -> Statement:
    if node.type == "comment":
        return Statement(node.start_byte, node.end_byte, NOTHING, comment=True)
    verdicts: list[Verdict] = []
    sets: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        match current.type:
            case "command":
                verdicts.append(_call(current, source, functions))
            case "left_assignment_expression":
                name = _text(current, source).strip()
                found = re.search(r"\$(?:script:|global:|local:)?(\w+)(?P<more>[.\[])?", name)
                if found and not found["more"]:
                    sets.append(found[1])
                elif found:
                    verdicts.append(unknown(f"sets {name[:40]}"))
            case "invokation_expression" | "invocation_expression":
                verdicts.append(_method(current, source))
            case "redirection":
                verdicts.append(_redirection(current, source))
            case "foreach_statement":
                loop = next((c for c in current.children if c.type == "variable"), None)
                if loop is not None:
                    sets.append(_text(loop, source).lstrip("$"))
            case "while_statement":
                if re.match(r"while\s*\(\s*(?:\$true|1)\s*\)", _text(current, source)[:80], re.IGNORECASE):
                    text = _text(current, source).lower()
                    if "break" not in text and "return" not in text:
                        verdicts.append(replace(NOTHING, endless="the loop goes on until it is stopped"))
        stack.extend(c for c in reversed(current.children) if c.child_count or c.type == "command")
    if not verdicts and not sets:
        verdicts.append(READS if _text(node, source).lstrip().startswith(("$", "(", "[")) else NOTHING)
    verdict = worst(verdicts)
    if node.type == "function_statement":
        name = next((_text(c, source) for c in node.children if c.type == "function_name"), "")
        functions[name.lower()] = verdict
    end = node.end_byte
    while end > node.start_byte and source[end - 1 : end].isspace():
        end -= 1
    return Statement(node.start_byte, end, verdict, tuple(dict.fromkeys(sets)))


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode(errors="replace")


def _call(node: Node, source: bytes, functions: dict[str, Verdict]) -> Verdict:
    name = ""
    tokens: list[str] = []
    for child in node.children:
        if child.type in {"command_name", "command_name_expr"} and not name:
            name = _text(child, source).strip()
        elif child.type == "command_elements":
            for part in child.children:
                if part.type != "command_argument_sep" and part.type != "redirection":
                    word = _text(part, source).strip()
                    if word and word != "`":
                        tokens.append(word.strip("\"'") if not word.startswith(("{", "(")) else word)
    if name.lower() in functions:
        return functions[name.lower()]
    return replace(judge_cmdlet(name.strip("\"'"), tokens), argv=(name.strip("\"'"), *tokens))


def _method(node: Node, source: bytes) -> Verdict:
    """A call of a method: a few are known to change nothing."""
    name = next((_text(c, source) for c in node.children if c.type == "member_name"), "")
    short = name.strip().lower()
    if short in _PURE_METHODS:
        return NOTHING
    if short.startswith(("get", "is", "to")):
        return READS
    harm = _HARM_METHODS.search(short)
    if harm:
        return changes(f"calls {name}()", destructive=harm[0].lower() in {"delete", "remove", "format", "drop"})
    return unknown(f"calls {name}()")


def _redirection(node: Node, source: bytes) -> Verdict:
    text = _text(node, source)
    target = text.lstrip("0123456789*>& ").strip()
    if not target or target.lower() in {"$null", "1", "nul"} or re.fullmatch(r"[\d*]?>&[1-6]", text.strip()):
        return NOTHING
    return changes(f"writes {target[:40]}", reversible=True)
