"""What a line of a guide's code block is: a command, a comment, a sentence, output, configuration.

Judged without a parser, so that what is no command can be taken out before the parser sees it.
"""

from __future__ import annotations

import re
from enum import StrEnum

from tsg.commands.holes import masked
from tsg.commands.tools import rule_for, strong_names, tool_for
from tsg.commands.tools.table import plain_words
from tsg.commands.words_in import split_words
from tsg.commands.wrappers import KEYWORDS, WRAPPERS, unwrapped
from tsg.words import words


class Kind(StrEnum):
    COMMAND = "command"
    MAYBE = "maybe"  # has the form of a command, and names no known program
    COMMENT = "comment"
    PROSE = "prose"
    OUTPUT = "output"
    CONFIG = "config"
    BLANK = "blank"


MAX_LOOK = 2_000  # characters of a line that are looked at
PROMPT = re.compile(
    r"[ \t]*(?:\([\w.-]{1,30}\)[ ]?)?"
    r"(?:(?:\[[^\]\n]{1,80}\]|[\w.-]{1,60}@[\w.-]{1,60}(?::[^\s$#]{0,80})?|[\w.-]{1,40}|~[ ]?)[$#]|\$)[ ]+(?=\S)"
)
PS_PROMPT = re.compile(r"[ \t]*PS(?:[ ]+[A-Za-z]:[^>\n]{0,200})?>[ ]*(?=\S)")
ROOT_PROMPT = re.compile(r"[ \t]*#[ ](?=\S)")
_CLIENT_PROMPT = re.compile(
    r"[ \t]*(?:mysql|mariadb|sqlite|postgres|psql|[a-z_]{1,30}(?==))(?:=[#>]|>|\[\w+\]>)[ ]+(?=\S)"
)
_LOG = re.compile(
    r"[ \t]*(?:"
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d"
    r"|[EWIF]\d{4}[ ]\d\d:\d\d:\d\d"
    r"|(?:\d+[ ])?[\w/.-]+\.go:\d+\]"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ ]+\d{1,2}[ ]\d\d:\d\d"
    r"|\[(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|CRITICAL|NOTICE)\]"
    r"|(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|CRITICAL|Error|Warning|Traceback|Exception|panic|fatal|NVRM)(?::|[ ]\()"
    r"|\[[ ]*\d+\.\d{3,6}\][ ]"
    r"|(?:level|ts|time|lvl)=\S"
    r"|[\w.-]+:[ ](?:error|warning|command not found|cannot|line[ ]\d+)\b"
    r")"
)
_TABLE = re.compile(r"[ \t]*[A-Z][A-Z0-9_%()/.#*-]*(?:(?:[ ]{2,}|\t)[A-Z][A-Z0-9_%()/.#* -]*)+$")
_RULE = re.compile(r"[ \t]*(?:[+|=*_~-][+|=*_~ -]{2,}|[─═│┌└├┼+|-]{3,}.*|\|.*\|)[ \t]*$")
_ELLIPSIS = re.compile(r"[ \t]*(?:\.{3,}|…|\[\.\.\.\]|<snip>|\[snip\])[ \t]*$")
_YAML = re.compile(
    r"[ \t]*(?:-[ ]+)?(?:[A-Za-z_][\w./-]*|\"[^\"]{1,80}\"):(?:[ ]+\S.*)?[ \t]*$|[ \t]*-[ ]+\S|---[ \t]*$"
)
_INI = re.compile(r"[ \t]*(?:\[{1,2}[A-Za-z][\w. :\"/-]*\]{1,2}[ \t]*$|[A-Za-z][\w. -]{0,60}[ ]=[ ])")
_FIELD = re.compile(r"[ \t]*[A-Za-z][\w ().%/-]{0,60}?[ \t.]*[ \t]:(?:[ \t]|$)|[ \t]*[A-Z][\w ()/%-]{0,60}:(?:[ \t]|$)")
_ALIGNED = re.compile(r"[ \t]*[A-Za-z][\w.-]*(?:[ ][\w.-]+){0,6}[ ]{2,}[.: ]*:[ ]")
_JSON = re.compile(r"[ \t]*(?:[{}\[\]][{}\[\], \t]*$|\"[^\"]{1,200}\"[ \t]*:)")
_ASSIGNS = re.compile(r"[ \t]*(?:export[ ]+|readonly[ ]+|local[ ]+|declare[ ]+)?[A-Za-z_]\w*(?:\[\w+\])?\+?=")
EVIDENCE = re.compile(r"(?:^|[ ])--?[A-Za-z]|[|><$]|(?:^|[ ])[.~]?/[\w.]|[\w-]+=\S|\.\w{1,5}(?:[ ]|$)|&&|[<{]|\*")
_FUNCTION_WORDS = words(
    "the a an is are was were be been to of and or in on for with that this these those you your we our it its if"
    " when then"
    " should will would can could may must not from by as at into has have had do does did there here all any each no"
)
_AFTER_A_VERB = words("the a an this that these those your any each every all if whether is are was has it its out")
_REDIRECTS = re.compile(r"[ \t]*(?:>{1,2}[ \t]*[$/~.\w][^ \t]*[ \t]*$|[0-9&]?[<>]{1,2}[$/~.\w&])")
_DEFINES = re.compile(r"(?:function[ ]+)?[A-Za-z_][\w-]*[ ]?\(\)[ ]*(?:\{|\(|$)")
_OPERATORS = frozenset({"|", "&&", "||", ">", ">>", "\\", "&"})
_BULLET = re.compile(r"[ \t]*[•▪●◦–—→✓✔✗❌✅⚠🚨🔴🟢🟡]|[ \t]*\*[ ]")
_BOX = re.compile(r"[─-╿▀-▟▲▼◄►]")


def words_of(text: str) -> list[str]:
    """The words of a line's first command, up to an operator."""
    parts = split_words(text[:MAX_LOOK])
    return [parts[0].rstrip(";|&"), *parts[1:]] if parts and parts[0].rstrip(";|&") else parts


def program_of(text: str) -> tuple[str, list[str]]:
    """The program that a line would run, wrappers taken off, and the words after it."""
    text = text.strip()
    bare = text.lstrip("({! ")
    parts = words_of(bare.rstrip(" ;)}") if len(bare) < len(text) else bare.rstrip(" ;"))
    inner, _ = unwrapped(parts)
    if not inner:
        return "", []
    return inner[0].rpartition("/")[2], inner[1:]


def is_known_command(text: str) -> bool:
    """Whether a line begins with a known program and goes on as its commands do."""
    text = text.strip()
    first = text.split(maxsplit=1)[0] if text else ""
    if first in {"sudo", "time", "nohup", "watch", "timeout"} and len(text.split()) > 1:
        rest = text.split()[1]
        return not rest[0].isupper() and rest not in _AFTER_A_VERB and (first == "sudo" or _names_program(text))
    return _names_program(text)


def _names_program(text: str) -> bool:
    name, rest = program_of(text)
    if not name or (rule_for(name) is None and name not in WRAPPERS):
        return False
    if not rest:
        return name in strong_names() or name in STANDALONE
    second = rest[0]
    sentence = is_sentence(text)
    tool = tool_for(name)
    if second in _AFTER_A_VERB or (sentence and (tool is None or text[-1] in ".:!?")):
        return False
    if tool is not None:
        plain = plain_words(rest, tool.valued)
        if not plain:
            return second.startswith("-")
        return tool.knows(plain) or (name in strong_names() and EVIDENCE.search(text) is not None)
    if name in strong_names():
        return True
    if name in KEYWORDS:
        return False
    return EVIDENCE.search(" ".join(rest)) is not None or (name in _TAKES_NAMES and len(rest) <= 3)


# Run without words of their own.
STANDALONE = words(
    "uptime dmesg lsblk reboot nvidia-smi sinfo squeue sacct ibstat ibstatus lspci lscpu lsmod df ifconfig sdiag"
    " nproc lsusb vmstat"
    " iostat mpstat exit pwd ls whoami hostname"
)
_TAKES_NAMES = words(
    "cd rm mkdir cat ls rmdir echo systemctl service cp mv touch vi vim nano ssh ping source mount umount host dig"
    " nslookup stat sleep"
    " tail head less which bash sh reboot exit read wait kubeadm kubelet touch unzip gzip tar insmod rmmod export"
)


def is_sentence(text: str) -> bool:
    """Whether a line reads as English: several lower-case words, words such as `the`, no shell operators."""
    head = text.strip()[:MAX_LOOK]
    tokens = head.split()
    if len(tokens) < 3 or any(mark in head for mark in ("$(", "<(", ">(")) or head[0] in "$(" or head.endswith(";"):
        return False
    plain = [t.strip(".,;:!?()\"'*") for t in tokens]
    lower = [t for t in plain if t.isalpha() and t.islower()]
    small = sum(1 for t in plain if t.lower() in _FUNCTION_WORDS)
    if any(t in _OPERATORS or t.startswith("--") or (t[0] == "-" and t[1:2].isalpha()) for t in tokens):
        return False
    ends = head[-1] in ".:!?)" and not head.endswith((" .", "/."))
    starts = head[0].isupper() and not tokens[0].isupper()
    if len(lower) * 2 < len(tokens) - 1:
        return False
    if starts and ends and len(lower) >= 2:
        return True
    if starts or ends:
        return small >= 1 and len(lower) >= 2
    return small >= 2 and len(lower) >= 4


def classify(line: str, *, sure: bool) -> Kind:
    """What a line is. `sure`: the block's tag says shell, so that unknown programs are commands too."""
    text = line[:MAX_LOOK]
    stripped = text.strip()
    if not stripped:
        return Kind.BLANK
    if stripped.startswith("#"):
        return Kind.COMMENT
    first = stripped.split(maxsplit=1)[0]
    if _begins_statement(first, stripped) or _begins_assignment(text):
        return Kind.COMMAND
    if sure and _REDIRECTS.match(text) and not is_sentence(stripped):
        return Kind.COMMAND
    if is_known_command(stripped) and not _LOG.match(text):
        return Kind.COMMAND
    if _LOG.match(text) or _ELLIPSIS.match(text) or _TABLE.match(text) or _RULE.match(text) or _BOX.search(text):
        return Kind.OUTPUT
    if _BULLET.match(text) or (not stripped.isascii() and _starts_oddly(stripped)):
        return Kind.PROSE
    if _JSON.match(text):
        return Kind.CONFIG
    if _ALIGNED.match(text):
        return Kind.OUTPUT
    if _YAML.match(text) or _INI.match(text):
        return Kind.PROSE if is_sentence(stripped) and not stripped.startswith("-") else Kind.CONFIG
    name, rest = program_of(stripped)
    if is_sentence(stripped):
        return Kind.PROSE
    if rule_for(name) is not None or name in WRAPPERS:
        return Kind.MAYBE
    if first.startswith(("./", "../", "~/")) or (first.startswith("/") and len(first) > 1 and "//" not in first):
        return Kind.COMMAND if sure or rest else Kind.MAYBE
    if first.startswith("$") and len(first) > 1 and (first[1].isalpha() or first[1] in "{("):
        return Kind.COMMAND if sure else Kind.MAYBE
    if _FIELD.match(text):
        return Kind.OUTPUT
    if re.fullmatch(r"[a-z][\w.+-]*", masked(first.encode()).decode("latin-1")):
        return Kind.MAYBE
    return Kind.MAYBE if sure else Kind.OUTPUT


def _begins_statement(first: str, text: str) -> bool:
    """Whether a line begins or ends a compound statement: `for x in y; do`, `done`, `*)`, `}`."""
    if _DEFINES.match(text):
        return True
    if first.rstrip(";") not in KEYWORDS and not text.startswith(("done", "}")):
        return first.endswith(")") and first[:-1].isalnum() and not is_sentence(text)
    return (
        text.endswith((" do", ";do", " then", ";then", " {", " in"))
        or ";" in text
        or "$(" in text
        or not is_sentence(text)
    )


def _begins_assignment(text: str) -> bool:
    return _ASSIGNS.match(text) is not None and not is_sentence(text.partition("=")[2].partition(" #")[0])


def _starts_oddly(text: str) -> bool:
    return not text[0].isascii() and not text[0].isalpha()


def strip_prompt(line: str) -> tuple[int, str]:
    """Length of the prompt that a line begins with and which it is: "", "$" or "PS"."""
    head = line[:400]
    found = PS_PROMPT.match(head)
    if found:
        return found.end(), "PS"
    found = PROMPT.match(head)
    if (found and not found[0].strip().endswith("#")) or (found and _is_host_prompt(found[0])):
        return found.end(), "$"
    found = _CLIENT_PROMPT.match(head)
    if found:
        return found.end(), "SQL"
    return 0, ""


def _is_host_prompt(prompt: str) -> bool:
    return len(prompt.strip()) > 1
