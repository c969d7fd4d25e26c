"""PowerShell: parsed into statements; a verb that only looks reads, any other counts as a change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from tsg.commands.holes import masked
from tsg.commands.judge import Scope, ShellJudge
from tsg.commands.tools import rule_for
from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown, worst
from tsg.words import words

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_LINE = 8_000  # bytes: a longer line is not parsed
MAX_OPEN = 200
_READ_VERBS = words(
    "get test select where format sort measure group compare convertto convertfrom resolve find show search watch"
    " trace wait"
    " read assert confirm join split measure"
)
_NOTHING_VERBS = words("write out push pop")
_UNDOABLE_VERBS = words(
    "enable disable start stop suspend resume set add new update register mount dismount rename move lock unlock"
    " connect"
    " disconnect copy save export import install publish grant block unblock protect unprotect expand compress open"
    " close enter"
    " exit edit backup checkpoint switch undo merge sync limit optimize deploy initialize"
)
_DESTROYING_VERBS = words("remove clear reset uninstall format-volume unregister revoke deny restart")
_DESTROYS = words(
    "clear-disk format-volume initialize-disk remove-item restart-computer stop-computer reset-computermachinepassword"
)
_CHANGE_ANYWAY = words(
    "out-file export-csv export-clixml tee-object set-content add-content out-printer invoke-expression"
    " invoke-restmethod"
    " invoke-webrequest start-process new-item get-credential_ invoke-wmimethod invoke-cimmethod export-certificate"
    " write-eventlog"
    " write-volumecache search-adaccount_ repair-volume save-volumesignaturecatalog sync-netintent"
)
_CALM = words(
    "foreach-object where-object select-object sort-object format-table format-list format-wide out-string out-host"
    " out-null"
    " write-host write-output write-verbose write-warning write-debug write-error write-information write-progress"
    " out-default"
    " start-sleep set-location push-location pop-location import-module select where ft fl fw sort foreach"
    " set-strictmode measure"
    " group get-date new-object new-timespan add-type add-member out-gridview clear-host set-variable new-variable"
    " read-host tee_ compare join-path split-path new-guid get-random set-psdebug start-transcript_ stop-transcript_"
    " % ? echo cd sl"
    " new-pssession enter-pssession_ exit-pssession remove-pssession new-cimsession remove-cimsession remove-variable"
    " new-pssessionoption"
    " convertto-securestring using get-credential"
)
# They refresh what a machine has cached about its devices, or its manual; nothing that works with it changes.
_REFRESHES = words(
    "update-hoststoragecache update-storageprovidercache update-disk update-iscsitarget update-iscsitargetportal"
    " update-help"
)
_SESSION_DATA = words("update-typedata update-formatdata")
_ALIASES = {
    "gci": "get-childitem",
    "gc": "get-content",
    "gm": "get-member",
    "gps": "get-process",
    "gsv": "get-service",
    "gwmi": "get-wmiobject",
    "ri": "remove-item",
    "rni": "rename-item",
    "sc": "set-content",
    "sp": "set-itemproperty",
    "spps": "stop-process",
    "iex": "invoke-expression",
    "irm": "invoke-restmethod",
    "iwr": "invoke-webrequest",
    "icm": "invoke-command",
    "del": "remove-item",
    "erase": "remove-item",
    "rd": "remove-item",
    "md": "new-item",
    "ni": "new-item",
    "copy": "copy-item",
    "move": "move-item",
    "ren": "rename-item",
    "type": "get-content",
    "dir": "get-childitem",
    "saps": "start-process",
    "gp": "get-itemproperty",
    "gi": "get-item",
    "gu": "get-unique",
    "oh": "out-host",
    "sasv": "start-service",
    "spsv": "stop-service",
    "sls": "select-string",
    "tee": "tee-object",
    "ipmo": "import-module",
    "rm": "remove-item",
    "cp": "copy-item",
    "mv": "move-item",
    "cat": "get-content",
    "ls": "get-childitem",
    "kill": "stop-process",
    "ps": "get-process",
    "pwd": "get-location",
    "sleep": "start-sleep",
    "etsn": "enter-pssession",
    "mkdir": "new-item",
    "rmdir": "remove-item",
    "man": "get-help",
    "clear": "clear-host",
    "cls": "clear-host",
    "curl": "invoke-webrequest",
    "wget": "invoke-webrequest",
    "write": "write-output",
    "history": "get-history",
    "mount": "new-psdrive",
    "diff": "compare-object",
    "start": "start-process",
    "sal": "set-alias",
    "clc": "clear-content",
    "cli": "clear-item",
}
_NETSH_READS = re.compile(r"\b(?:show|dump)\b", re.IGNORECASE)
_CMDLET = re.compile(r"(?:[\w.]+\\)?([A-Za-z]+)-([A-Za-z]\w*)$")
_VERB_WORDS = words(
    "add approve assert backup block build checkpoint clear close compare complete compress confirm connect convert"
    " convertfrom"
    " convertto copy debug deny deploy disable disconnect dismount edit enable enter exit expand export find foreach"
    " format get"
    " grant group hide import initialize install invoke join limit lock measure merge mount move new open optimize"
    " out ping pop"
    " protect publish push read receive redo register remove rename repair request reset resize resolve restart"
    " restore resume"
    " revoke save search select send set show skip sort split start step stop submit suspend switch sync test trace"
    " unblock undo"
    " uninstall unlock unprotect unpublish unregister update use wait watch where write"
)
_HEADERS = words("set-cookie get-parameter")
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


def has_cmdlet(line: str) -> bool:
    """Whether a cmdlet is named anywhere in a line."""
    return any(is_cmdlet(word) for word in re.findall(r"[A-Z][A-Za-z]+-[A-Z]\w*", line[:2_000]))


def is_cmdlet(word: str) -> bool:
    """Whether a word is named as a cmdlet is: an approved verb, a hyphen, a noun."""
    found = _CMDLET.match(word)
    if found is None or word.lower() in _HEADERS:
        return False
    return found[1].lower() in _VERB_WORDS and found[2][0].isupper() and word[0].isupper()


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
            parts.append(_command(tokens[0], tokens[1:]))
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
    return replace(_command(name.strip("\"'"), tokens), argv=(name.strip("\"'"), *tokens))


def _command(name: str, tokens: list[str]) -> Verdict:
    lower = name.lower()
    lower = lower if lower == "sc" and tokens[:1] and tokens[0].isalpha() else _ALIASES.get(lower, lower)
    if lower == "mkdir" or name.lower() in {"mkdir", "md"}:
        return changes("mkdir makes a folder", reversible=True)
    if not name:
        return unknown("runs a command that is not known")
    if "whatif" in {t.lower().lstrip("-") for t in tokens if t.startswith("-")}:
        return READS
    if lower in _CALM:
        return _calm(lower)
    lowered = [t.lower() for t in tokens]
    if lower in {"invoke-restmethod", "invoke-webrequest"}:
        return _web(lower, tokens, lowered)
    if lower == "invoke-command":
        return READS if any(t.startswith("{") for t in tokens) else unknown("Invoke-Command runs a script")
    if lower in {"enter-pssession"}:
        return replace(unknown("opens a shell on another machine"), interactive="shell on another machine")
    if lower in _CHANGE_ANYWAY:
        destroys = lower in _DESTROYS
        return replace(
            changes(f"{name} changes state", destructive=destroys, reversible=None), touches=_touches(name, tokens)
        )
    if lower in {"netsh", "netsh.exe"}:
        return (
            READS
            if _NETSH_READS.search(" ".join(tokens[:6]))
            else changes("netsh changes the network", reversible=True)
        )
    found = _CMDLET.match(name)
    if found is None and lower != name.lower():
        found = _CMDLET.match(lower)
    if found is None:
        return _program(name, tokens)
    return _cmdlet(name, found[1].lower(), lower, tokens, lowered)


def _calm(lower: str) -> Verdict:
    if lower == "read-host":
        return replace(NOTHING, interactive="waits for input")
    reads = lower.startswith(("where", "select", "sort", "format", "measure", "group", "get", "compare")) or lower in {
        "ft",
        "fl",
        "fw",
        "?",
        "%",
    }
    return READS if reads else NOTHING


def _cmdlet(name: str, verb: str, lower: str, tokens: list[str], lowered: list[str]) -> Verdict:
    keys = _touches(name, tokens)
    if lower in _DESTROYS:
        return replace(changes(f"{name} cannot be undone", destructive=True), touches=keys)
    if verb == "get" and "-wait" in lowered and lower == "get-content":
        return replace(READS, endless="Get-Content -Wait goes on until it is stopped")
    if lower in {"test-cluster", "watch-command", "test-volumecache"}:
        return unknown(f"{name} may load what it tests")
    if verb == "get" and "-outfile" in lowered:
        return changes(f"{name} writes a file", reversible=True)
    if verb == "format" and lower not in {
        "format-table",
        "format-list",
        "format-wide",
        "format-custom",
        "format-hex",
        "format-xml",
    }:
        return replace(changes(f"{name} cannot be undone", destructive=True), touches=keys)
    if verb in {"search", "wait", "watch", "trace", "confirm", "join", "split", "resolve"} and lower.startswith(
        ("confirm-", "join-", "split-")
    ):
        return (
            READS
            if lower in {"join-path", "split-path", "join-string"}
            else unknown(f"{name} is not known to only read")
        )
    if verb in _READ_VERBS or lower in _REFRESHES:
        return replace(READS, touches=keys)
    if lower in _SESSION_DATA and not _loads_a_file(lowered):
        return NOTHING
    if verb in _NOTHING_VERBS:
        return NOTHING
    if verb in _DESTROYING_VERBS:
        destroys = verb not in {"restart"}
        return replace(
            changes(f"{name} {'cannot be undone' if destroys else 'ends and starts again'}", destructive=destroys),
            touches=keys,
        )
    if verb in _UNDOABLE_VERBS:
        return replace(changes(f"{name} changes state", reversible=True), touches=keys)
    return replace(changes(f"{name} is not known to only read"), touches=keys)


def _loads_a_file(lowered: list[str]) -> bool:
    """Whether type or format data comes from a file, which may hold scripts."""
    return any(t.startswith(("-p", "-a")) for t in lowered) or (bool(lowered) and not lowered[0].startswith("-"))


def _web(lower: str, tokens: list[str], lowered: list[str]) -> Verdict:
    method = ""
    for at, word in enumerate(lowered):
        if word in {"-method", "-m"} and at + 1 < len(lowered):
            method = lowered[at + 1]
    if "-outfile" in lowered or "-o" in lowered:
        return changes(f"{lower} writes a file", reversible=True)
    if method in {"", "get", "head", "options"} and "-body" not in lowered and "-infile" not in lowered:
        return READS
    return changes(f"{lower} sends {method.upper() or 'data'}", destructive=method == "delete")


def _touches(name: str, tokens: list[str]) -> tuple[str, ...]:
    found = _CMDLET.match(name)
    if found is None:
        return ()
    noun = found[2].lower()
    for at, word in enumerate(tokens):
        if word.lower() in {"-name", "-identity", "-path", "-vmname", "-nodename"} and at + 1 < len(tokens):
            return (f"{noun}:{tokens[at + 1]}",)
    if tokens and not tokens[0].startswith(("-", "{", "(")):
        return (f"{noun}:{tokens[0]}",)
    return (f"{noun}:*",)


def _program(name: str, tokens: list[str]) -> Verdict:
    """A program that is no cmdlet: judged as in a shell where it is known."""
    base = name.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    if name.startswith((".\\", "./")) or base.endswith((".ps1", ".bat", ".cmd")) or ":\\" in name:
        return unknown(f"what {name} does is not known")
    if base in {
        "ipconfig",
        "systeminfo",
        "hostname",
        "whoami",
        "tasklist",
        "nslookup",
        "tracert",
        "qwinsta",
        "driverquery",
        "getmac",
        "ver",
    }:
        writes = {"/release", "/renew", "/flushdns", "/registerdns", "/setclassid"} & {t.lower() for t in tokens}
        return changes(f"{base} changes the network", reversible=True) if writes else READS
    if base in {
        "sc",
        "sc.exe",
        "mpclaim",
        "azcmagent",
        "cluster",
        "reg",
        "wevtutil",
        "fsutil",
        "diskpart",
        "bcdedit",
        "dism",
        "w32tm",
        "schtasks",
        "net",
        "route",
    }:
        return _windows(base, tokens)
    if rule_for(base) is not None:
        return ShellJudge(Scope()).judge([base, *tokens])
    return unknown(f"what {name[:60]} does is not known")


_WINDOWS_READS = {
    "sc": {"query", "queryex", "qc", "qdescription", "qfailure", "sdshow"},
    "mpclaim": {"-s", "-e", "-v", "-h"},
    "azcmagent": {"show", "check", "version", "genkey_", "help"},
    "reg": {"query", "compare"},
    "wevtutil": {"qe", "gl", "el", "gli", "ep", "gp"},
    "fsutil": {"fsinfo", "volume"},
    "bcdedit": {"/enum"},
    "w32tm": {"/query", "/stripchart", "/monitor", "/tz"},
    "schtasks": {"/query"},
    "net": {"view", "statistics"},
    "route": {"print"},
    "cluster": set(),
    "diskpart": set(),
    "dism": set(),
}


def _windows(base: str, tokens: list[str]) -> Verdict:
    first = tokens[0].lower() if tokens else ""
    base = base.removesuffix(".exe")
    if first in _WINDOWS_READS.get(base, set()):
        return READS
    if base == "dism" and any(t.lower().startswith(("/get-", "/checkhealth", "/scanhealth")) for t in tokens):
        return READS
    if not first:
        return replace(unknown(f"{base} without a command"), interactive=f"{base} prompt" if base == "diskpart" else "")
    return changes(f"{base} {first} changes state", destructive=first in {"delete", "/delete", "clean"})


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
