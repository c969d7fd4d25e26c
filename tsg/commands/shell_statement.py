"""One statement of a shell script: its tree walked, every simple command in it judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from tsg.commands.judge import ShellJudge
from tsg.commands.model import Does
from tsg.commands.tools.writing import writes_to
from tsg.commands.verdict import NOTHING, Verdict, changes, unknown, worst

if TYPE_CHECKING:
    from tree_sitter import Node

BROKEN = "does not parse as shell"
_WORDS = frozenset(
    {"word", "string", "raw_string", "ansi_c_string", "concatenation", "simple_expansion", "expansion", "number"}
    | {"command_substitution", "process_substitution"}
)
_PLAIN_STATEMENTS = frozenset({"variable_assignment", "variable_assignments", "declaration_command"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement: where it stands in the source, in bytes, and what it does."""

    start: int
    end: int
    verdict: Verdict
    sets: tuple[str, ...] = ()
    comment: bool = False


def read_statement(node: Node, source: bytes, judge: ShellJudge) -> Statement:
    """Judge a top-level node of the tree; a function it defines and values it sets are kept in the judge's scope."""
    if node.type == "comment":
        return Statement(node.start_byte, node.end_byte, NOTHING, comment=True)
    reader = _Reader(source, judge)
    verdict = reader.read(node)
    if node.type == "function_definition":
        judge.scope.functions[reader.name_of(node)] = verdict
    reader.remember(node)
    end = node.end_byte
    while end > node.start_byte and source[end - 1 : end] in {b"\n", b" ", b"\t"}:
        end -= 1
    return Statement(node.start_byte, end, verdict, tuple(dict.fromkeys(reader.sets)))


class _Visit(NamedTuple):
    """A node still to be seen; `piped`: another command or a file feeds it, `stdin`: with this text."""

    node: Node
    above: Node | None
    piped: bool
    stdin: str | None


class _Reader:
    """Walks one statement without recursion and judges every simple command in it."""

    def __init__(self, source: bytes, judge: ShellJudge) -> None:
        self.source = source
        self.judge = judge
        self.sets: list[str] = []
        self.verdicts: list[Verdict] = []
        self.behind: dict[int, list[str]] = {}  # words that stand behind a redirection, by their command's node

    def text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode(errors="replace")

    def name_of(self, node: Node) -> str:
        return next((self.text(c) for c in node.children if c.type == "word"), "")

    def read(self, root: Node) -> Verdict:
        stack: list[_Visit] = [_Visit(root, None, False, None)]
        while stack:
            node, above, piped, stdin = stack.pop()
            children = list(node.children)
            match node.type:
                case "command":
                    piped = piped or any(c.type == "file_redirect" and self._feeds(c) for c in children)
                    text = next((self._here_string(c) for c in children if c.type == "herestring_redirect"), stdin)
                    self._command(node, children, piped, text)
                    stdin = None
                case "pipeline":
                    commands = [c for c in children if c.is_named]
                    for at, child in enumerate(reversed(commands)):
                        first = at == len(commands) - 1
                        stack.append(_Visit(child, node, piped or not first, stdin if first else None))
                    continue
                case "redirected_statement":
                    self._words_behind(children)
                    fed = piped or any(c.type == "file_redirect" and self._feeds(c) for c in children)
                    text = self._here_text(children) or stdin
                    through = text if self._passes_on(children) else None
                    for child in reversed(children):
                        is_body = child.type not in {"file_redirect", "heredoc_redirect", "herestring_redirect"}
                        stack.append(_Visit(child, node, fed if is_body else piped, text if is_body else through))
                    continue
                case "heredoc_redirect":
                    for child in reversed(children):
                        stack.append(_Visit(child, node, True, stdin))
                    continue
                case "file_redirect":
                    self._redirect(children, above)
                case "variable_assignment":
                    self._assignment(children, above)
                case "for_statement" | "c_style_for_statement" | "select_statement":
                    self._loop(node, children)
                case "while_statement":
                    self._while(node, children)
                case "function_definition" if node is not root:
                    self.judge.scope.functions[self.name_of(node)] = unknown("calls a function")
                case "comment" | "raw_string" | "word" | "number" | "string_content" | "heredoc_content":
                    continue
                case "command_substitution" | "process_substitution":
                    stdin, piped = None, False
            for child in reversed(children):
                if child.child_count or child.type in {"file_redirect", "command"}:
                    stack.append(_Visit(child, node, piped, stdin))
        return worst(self.verdicts)

    def remember(self, root: Node) -> None:
        """Keep the literal values of variables; a name that was given two values is known no more."""
        literals = self.judge.scope.literals
        if root.type in _PLAIN_STATEMENTS:
            for node in [root, *root.children]:
                if node.type == "variable_assignment" and node.child_count >= 2:
                    name = self.text(node.children[0])
                    value = node.children[-1]
                    literal = self._word(value) if not _is_made(value) else ""
                    literals[name] = literal if literals.get(name, literal) == literal else ""
        else:
            for name in self.sets:
                literals[name] = ""

    def _command(self, node: Node, children: list[Node], piped: bool, stdin: str | None) -> None:
        words: list[str] = []
        for child in children:
            if child.type == "variable_assignment":
                if not any(c.type == "command_name" for c in children):
                    continue
                words.append(self.text(child))
            elif child.type == "command_name":
                words.append(self._word(child.children[0]) if child.child_count else self.text(child))
            elif child.type == "file_redirect":
                words.extend(self._word(c) for c in _targets(child)[1:])
            elif child.is_named and child.type not in {
                "file_redirect",
                "herestring_redirect",
                "heredoc_redirect",
                "comment",
            }:
                words.append(self._word(child))
        words.extend(self.behind.pop(node.id, []))
        if not words:
            return
        self._sets_by_command(words)
        self.verdicts.append(self.judge.judge(words, stdin=stdin, piped=piped))

    def _words_behind(self, children: list[Node]) -> None:
        """`kubectl < file delete pod x`: the grammar gives the words behind a redirection to the redirection."""
        words: list[str] = []
        for child in children:
            if child.type == "file_redirect":
                words.extend(self._word(c) for c in _targets(child)[1:])
            elif child.type == "heredoc_redirect":
                words.extend(self._word(c) for c in child.children if c.type in _WORDS)
        if not words:
            return
        node: Node | None = next((c for c in children if c.is_named and not c.type.endswith("_redirect")), None)
        while node is not None and node.type in {"list", "pipeline", "negated_command", "redirected_statement"}:
            node = next((c for c in reversed(node.children) if c.is_named and not c.type.endswith("_redirect")), None)
        if node is not None and node.type == "command":
            self.behind.setdefault(node.id, []).extend(words)
        else:
            self.verdicts.append(unknown("words stand behind a redirection"))

    def _sets_by_command(self, words: list[str]) -> None:
        if words[0] in {"read", "mapfile", "readarray"}:
            names = [w for w in words[1:] if w.isidentifier()]
            self.sets.extend(names)
            if words[0] == "read" and any(w.startswith("-") and "p" in w for w in words[1:]):
                self.verdicts.append(replace(NOTHING, argv=tuple(words), interactive="waits for input"))
        elif words[0] == "printf" and words[1:2] == ["-v"] and len(words) > 2:
            self.sets.append(words[2])

    def _word(self, node: Node) -> str:
        """The text of a word without its quotes. What is made as it runs stays as written."""
        parts = node.children if node.type == "concatenation" else [node]
        return "".join(self._unquoted(part) for part in parts)

    def _unquoted(self, node: Node) -> str:
        text = self.text(node)
        match node.type:
            case "raw_string":
                return text[1:-1]
            case "ansi_c_string":
                return text[2:-1]
            case "string":
                return text[1:-1].replace('\\"', '"').replace("\\$", "$").replace("\\\n", "")
            case "translated_string":
                return text[2:-1]
            case "word":
                return _without_escapes(text) if "\\" in text else text
        return text

    def _feeds(self, redirect: Node) -> bool:
        return any(c.type == "<" for c in redirect.children)

    def _here_text(self, children: list[Node]) -> str | None:
        for child in children:
            if child.type == "heredoc_redirect":
                body = next((c for c in child.children if c.type == "heredoc_body"), None)
                return self.text(body) if body is not None else ""
            if child.type == "herestring_redirect":
                return self._here_string(child)
        return None

    def _here_string(self, node: Node) -> str:
        return "".join(self._word(c) for c in node.children if c.is_named)

    def _passes_on(self, children: list[Node]) -> bool:
        """Whether the heredoc's text reaches the next command unchanged: `cat <<EOF | ...`."""
        body = next((c for c in children if c.is_named and not c.type.endswith("_redirect")), None)
        if body is not None and body.type == "list":
            body = next((c for c in reversed(body.children) if c.is_named), None)
        return body is not None and self.text(body).split() in (["cat"], ["cat", "-"])

    def _redirect(self, children: list[Node], above: Node | None) -> None:
        operator = next((c.type for c in children if not c.is_named), "")
        if any(c.start_point.row != children[0].start_point.row for c in children[1:3]):
            self.verdicts.append(replace(unknown("a redirection lacks its target"), broken=BROKEN))
            return
        if operator in {"<", "<&", "<&-", ">&-", ""}:
            return
        target = next((c for c in children if c.is_named and c.type != "file_descriptor"), None)
        if target is None:
            return
        name = self._word(target)
        if operator == ">&" and (name.isdigit() or name == "-"):
            return
        if target.type == "process_substitution":
            return
        verdict = writes_to([name], appends=operator in {">>", "&>>"} or not self._is_alone(above))
        if verdict.does is Does.READS and self._is_told(above):
            verdict = replace(changes(f"writes {name}", reversible=True), touches=verdict.touches)
        if self._is_alone(above) and operator not in {">>", "&>>"} and verdict.is_change:
            verdict = replace(verdict, why=f"empties {name}", reversible=False, destructive=True)
        self.verdicts.append(verdict)

    def _is_alone(self, parent: Node | None) -> bool:
        """Whether a redirection has no command that writes: `> file` and `: > file` empty the file."""
        if parent is None or parent.type != "redirected_statement":
            return parent is not None and parent.type != "command"
        body = next((c for c in parent.children if c.is_named and not c.type.endswith("_redirect")), None)
        if body is None:
            return True
        words = self.text(body).split()
        return words in ([":"], ["true"], ["cat", "/dev/null"], ["echo", "-n"], ["echo", "-n", '""'], ["echo", '""'])

    def _is_told(self, parent: Node | None) -> bool:
        """Whether a redirection keeps a text of the guide's own, not what a command read."""
        body = next((c for c in parent.children if c.is_named), None) if parent is not None else None
        return body is not None and self.text(body).startswith(("echo ", "printf "))

    def _assignment(self, children: list[Node], parent: Node | None) -> None:
        if parent is not None and parent.type == "command" and any(c.type == "command_name" for c in parent.children):
            return
        name = self.text(children[0]).partition("[")[0] if children else ""
        if name:
            self.sets.append(name)

    def _loop(self, node: Node, children: list[Node]) -> None:
        name = next((self.text(c) for c in children if c.type == "variable_name"), "")
        if name:
            self.sets.append(name)
        if node.type == "c_style_for_statement" and "((;;" in self.text(node).replace(" ", "")[:12]:
            self._endless(node)

    def _while(self, node: Node, children: list[Node]) -> None:
        named = [c for c in children if c.is_named]
        condition = self.text(named[0]).strip().rstrip(";").strip() if named else ""
        wanted = {"true", ":", "[ 1 ]", "[[ 1 ]]"} if children and children[0].type == "while" else {"false"}
        if condition in wanted:
            self._endless(node)

    def _endless(self, node: Node) -> None:
        words = self.text(node).replace(";", " ").split()
        if "break" not in words and "exit" not in words:
            self.verdicts.append(replace(NOTHING, endless="the loop goes on until it is stopped"))


def _targets(redirect: Node) -> list[Node]:
    """The words of a redirection: its target, and what else the grammar puts there."""
    return [c for c in redirect.children if c.is_named and c.type != "file_descriptor"]


def _is_made(node: Node) -> bool:
    """Whether a value is made as it runs: an expansion or a command's output."""
    if node.type in {"command_substitution", "simple_expansion", "expansion", "process_substitution", "array"}:
        return True
    return any(
        c.type in {"command_substitution", "simple_expansion", "expansion", "process_substitution"}
        or any(g.type in {"command_substitution", "simple_expansion", "expansion"} for g in c.children)
        for c in node.children
    )


def _without_escapes(text: str) -> str:
    kept: list[str] = []
    escaped = False
    for char in text:
        if escaped:
            if char != "\n":
                kept.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            kept.append(char)
    return "".join(kept)
