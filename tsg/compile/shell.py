"""Shell, PowerShell and query text: known to only read, or not.

Tables in `shell_words` name what only reads; everything else counts as a change. Nothing here is ever
executed: the verdict decides how a step is shown to the person who carries it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tsg.compile.shell_words import (
    CHANGING_OPTION,
    CLUSTER_OPTIONS,
    KNOWN,
    NO_COMMANDS,
    OPTIONS_FREE,
    PAIRS,
    QUERY_LANGUAGES,
    READERS,
    SHELLS,
    SQL_LANGUAGES,
    SUBCOMMANDS,
)
from tsg.guide import Fence


class Verdict(StrEnum):
    NO_COMMAND = "no command"  # sample output, configuration, a log line
    READS = "reads"
    CHANGES = "changes"  # or not known to only read


_COMMAND_NAME = re.compile(r"(?:\./|/)?[a-z\[][\w./+\[-]*|[A-Z][a-z]+-[A-Z]\w+")
_CUT = re.compile(r"\|\||&&|[|;\n()`]|(?<![>&])&(?![>&])")
_WRITES_TO = re.compile(r">{1,2}(?!\s*(?:&\d|/dev/null))|<<")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_VALUE = re.compile(r"<[A-Za-z][\w.:/ -]*>")  # `<POD>` stands for a value and redirects nothing
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*")
_PREFIXES = frozenset(
    {"sudo", "time", "nohup", "watch", "then", "do", "else", "command", "export", "local", "env", "!"}
)
_ENDS = frozenset({"done", "fi", "esac", "}", "{", "then", "do", "else"})
_SQL_CHANGES = re.compile(r"\b(insert|update|delete|drop|alter|create|truncate|grant|merge|call|exec)\b", re.IGNORECASE)
_AWK_SCRIPT = re.compile(r"(?:(?!system|getline)[\w\s${},\"'=~!&/().:;+*^\[\]?-])*")
_CMDLET_READS = re.compile(
    r"(?:get|test|select|where|format|sort|measure|group|compare|convertto|convertfrom|resolve|find|show)-[a-z]+"
    r"|write-(?:host|output|verbose|warning)|foreach-object|out-string|out-host|select|where|ft|fl|sort"
    r"|if|else|elseif|foreach|in|return",
    re.IGNORECASE,
)
_METHOD_CALL = re.compile(r"::|\.\w+\(|(?<![-=])>|^\s*[&.]\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Script:
    """Commands with their quoted texts replaced by `"n"`, and those texts."""

    commands: tuple[str, ...]
    quoted: tuple[str, ...]
    writes: bool


def verdict(fence: Fence) -> Verdict:
    """What carrying out a block would do.

    An unlabelled block counts as commands only where it shows a prompt or begins with a known command.
    """
    language, body = fence.language, fence.body.strip()
    if language in NO_COMMANDS or not body:
        return Verdict.NO_COMMAND
    if language in QUERY_LANGUAGES:
        return Verdict.READS
    if language in SQL_LANGUAGES:
        return Verdict.CHANGES if _SQL_CHANGES.search(body) else Verdict.READS
    if language in {"powershell", "pwsh", "ps1"}:
        return _powershell(body)
    if language in SHELLS or not language:
        return _shell(body, sure=language not in {"", "console"})
    return Verdict.CHANGES


def _shell(body: str, *, sure: bool) -> Verdict:
    lines = list(_command_lines(body, sure=sure))
    script = _script("\n".join(text for text, _ in lines))
    first = next((words for c in script.commands if (words := _words(c))), None)
    if first is None:
        return Verdict.NO_COMMAND
    prompted = any(prompt for _, prompt in lines)
    plausible = _COMMAND_NAME.fullmatch(first[0]) is not None and (sure or first[0].rpartition("/")[2] in KNOWN)
    if not (prompted or plausible or (sure and first[0].startswith("$"))):
        return Verdict.NO_COMMAND
    if script.writes or not all(_reads(_words(c), script.quoted) for c in script.commands):
        return Verdict.CHANGES
    return Verdict.READS


def _command_lines(body: str, *, sure: bool) -> Iterator[tuple[str, bool]]:
    """Lines that hold commands, and whether a prompt says so; comments and output are left out."""
    joined = re.sub(r"\\\n\s*", " ", body)
    prompted = any(line.lstrip().startswith("$ ") for line in joined.splitlines())
    for line in (text.strip() for text in joined.splitlines()):
        if line.startswith("# ") and not sure and line[2:].split()[:1] and line[2:].split()[0] in KNOWN:
            yield line[2:], True  # the prompt of root
        elif line.startswith("$ "):
            yield line[2:], True
        elif line and not line.startswith("#") and not prompted:
            yield _without_comment(line), False


def _without_comment(line: str) -> str:
    """Cut a trailing comment; a `#` inside quotes begins none."""
    for found in re.finditer(r"\s#\s", line):
        before = line[: found.start()]
        if before.count("'") % 2 == 0 and before.count('"') % 2 == 0:
            return before
    return line


def _script(text: str) -> _Script:
    quoted: list[str] = []

    def hide(found: re.Match[str]) -> str:
        inner = found[0][1:-1]
        if found[0][0] == '"' and ("$(" in inner or "`" in inner):
            return inner  # commands inside double quotes run as those outside do
        quoted.append(inner)
        return f'"{len(quoted) - 1}"'

    hidden = _QUOTED.sub(hide, _VALUE.sub("VALUE", text))
    commands = tuple(part.strip().rstrip("$").strip() for part in _CUT.split(hidden))
    return _Script(tuple(c for c in commands if c), tuple(quoted), _WRITES_TO.search(hidden) is not None)


def _words(command: str) -> list[str]:
    """A command's words without assignments and what it is wrapped in."""
    parts = command.split()
    wrapped = False
    while parts and (parts[0] in _PREFIXES or _ASSIGNMENT.fullmatch(parts[0]) or (wrapped and parts[0][0] == "-")):
        wrapped = True
        if parts[0] == "env" and len(parts) == 1:
            break
        parts = parts[1:]
    return [] if parts and parts[0] in _ENDS and len(parts) == 1 else parts


def _reads(parts: list[str], quoted: tuple[str, ...]) -> bool:
    if not parts:
        return True
    name, rest = parts[0].rpartition("/")[2], parts[1:]
    if name in {"if", "while", "until", "elif"}:
        return _reads(_words(" ".join(rest)), quoted)
    if name == "for":
        return True
    plain = [w for w in rest if not w.startswith("-")]
    changing = CHANGING_OPTION.get(name)
    if changing is not None and any(changing.fullmatch(w) for w in rest):
        return False
    match name:
        case "kubectl" | "oc" if "exec" in rest:
            return _exec_reads(rest, quoted)
        case "aws":
            return len(plain) > 1 and re.fullmatch(r"(?:describe|list|get)(?:-[\w-]+)?|ls", plain[1]) is not None
        case "az" | "gcloud":
            return _cloud_reads(rest)
        case "hostname":
            return not plain
        case "date":
            return all(w.startswith(("+", '"', "-")) for w in rest)
        case "uniq":
            return len(plain) < 2
        case "awk":
            scripts = [quoted[int(w[1:-1])] for w in rest if re.fullmatch(r'"\d+"', w)]
            return bool(scripts) and all(_AWK_SCRIPT.fullmatch(s) for s in scripts)
        case "nvidia-smi":
            return all(w.isdigit() or w in {"topo", "dmon", "pmon"} or "=" in w for w in plain)
    if name in READERS or name in OPTIONS_FREE:
        return True
    return _subcommand_reads(name, rest)


def _subcommand_reads(name: str, rest: list[str]) -> bool:
    """Whether the first words that are no options name a reading subcommand."""
    plain: list[str] = []
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word in CLUSTER_OPTIONS:
            skip = not plain
        elif word.startswith("-") and not plain and "=" not in word and word not in SUBCOMMANDS.get(name, ()):
            return False  # an option that is not known may take the next word as its value
        elif not word.startswith("-") or word in SUBCOMMANDS.get(name, ()):
            plain.append(word)
    if not plain:
        return False
    return plain[0] in SUBCOMMANDS.get(name, ()) or " ".join(plain[:2]) in PAIRS.get(name, ())


def _exec_reads(rest: list[str], quoted: tuple[str, ...]) -> bool:
    """`kubectl exec POD -- COMMAND` reads when its command does; a shell in the pod could do anything."""
    return "--" in rest and bool(inner := _words(" ".join(rest[rest.index("--") + 1 :]))) and _reads(inner, quoted)


def _cloud_reads(rest: list[str]) -> bool:
    """`az vm list`, `gcloud compute instances describe NAME`: the verb ends the words before the options."""
    leading: list[str] = []
    for word in rest:
        if word.startswith("-"):
            break
        leading.append(word)
    if leading and re.fullmatch(r"list(?:-[\w-]+)?|show(?:-[\w-]+)?", leading[-1]):
        return True
    return len(leading) > 2 and leading[-2] == "describe"


def _powershell(body: str) -> Verdict:
    """PowerShell reads when every command in every pipe is a cmdlet that does, and no method is called."""
    if _METHOD_CALL.search(_QUOTED.sub('""', body)):
        return Verdict.CHANGES
    for line in body.splitlines():
        line = re.sub(r"^(?:PS [^>]*> ?|\s*#.*$)", "", line.strip())
        line = re.sub(r"^\$[\w:.]+\s*=\s*", "", line)
        for part in re.split(r"[|;{}(]", _QUOTED.sub('""', line)):
            words = part.strip().split()
            if words and re.match(r"[A-Za-z\[]", words[0]) and not _CMDLET_READS.fullmatch(words[0]):
                return Verdict.CHANGES
    return Verdict.READS
