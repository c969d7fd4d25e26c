"""Text: filtered, sorted, paged."""

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, always, plain_words
from tsg.commands.tools.writing import is_scratch
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words


def _sed(call: Call) -> Verdict:
    if call.has("--in-place") or any(_short_i(w) for w in call.args):
        paths = plain_words(call.args, words("-e --expression -f --file"))
        files = paths if call.has("-e", "--expression") else paths[1:]
        return replace(changes("sed -i edits files in place"), touches=tuple(f"file:{p}" for p in files[:8]))
    scripts = [call.value("-e", "--expression") or next(iter(plain_words(call.args)), "")]
    if (
        call.has("-f", "--file")
        or any(_sed_acts(s) for s in scripts)
        or sum(w in {"-e", "--expression"} for w in call.args) > 1
    ):
        every = [a for a in call.args if not a.startswith("-")]
        if call.has("-f", "--file") or any(_sed_acts(s) for s in every):
            return unknown("sed runs a script that may write or execute")
    return READS


def _short_i(word: str) -> bool:
    """`-i`, `-i.bak`, `-ni`: but not `-e` or `-E` with a script joined that holds an i."""
    if word.startswith("--") or not word.startswith("-"):
        return False
    for letter in word[1:]:
        if letter == "i":
            return True
        if letter not in "nrEsuz":
            return False
    return False


def _sed_acts(script: str) -> bool:
    """Whether a script has a `w` or `e` command or flag, by a generous look."""
    if re.search(r"(?:^|[;{}\n0-9/$])\s*[weW]\s+\S", script):
        return True
    if re.search(r"(?:^|[;{}\n0-9/$])\s*e\s*(?:$|[;}])", script):
        return True
    found = re.match(r"[\d,$]*s(.)", script)
    if found is None:
        return False
    flags = script.rpartition(found[1])[2]
    return re.match(r"[gpiIm0-9]*[ew]", flags) is not None


def _awk(call: Call) -> Verdict:
    plain = plain_words(call.args, words("-F -v -f --field-separator --assign --file -e --source"))
    if call.has("-f", "--file") or (call.name == "gawk" and call.has("-i", "-l", "--include", "--load")):
        return unknown(f"{call.name} runs a script file")
    scripts = plain[:1]
    if not scripts or _runs_or_writes(scripts[0]):
        return unknown(f"{call.name} runs a program that is not known to only read")
    return READS


def _runs_or_writes(script: str) -> bool:
    """Whether an awk program may run a command or write a file: by `system`, a pipe, or `print > "file"`.

    Strings and comparisons are told from redirections by what stands before: only `print` redirects.
    """
    if re.search(
        r"\b(?:system|getline|close|fflush)\b|@load|@include|\|&?", re.sub(r"\|\||/(?:\\.|[^/\n\\])*/", " ", script)
    ):
        return True
    bare = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', script)
    return any(">" in statement for statement in re.findall(r"\bprintf?\b[^;}\n]*", bare))


def _sort(call: Call) -> Verdict:
    if call.has("--output", "--compress-program") or any(
        re.fullmatch(r"-[a-zA-Z]*o.*", a) and not a.startswith("--") for a in call.args
    ):
        name = call.value("-o", "--output") or ""
        return READS if is_scratch(name) else changes("sort -o writes a file", reversible=True)
    return READS


def _tail(call: Call) -> Verdict:
    follows = call.has("--follow", "--retry") or any(
        re.fullmatch(r"-\d*[a-zA-Z]*[fF]\w*|-[0-9]+[fF]", a) for a in call.args
    )
    return replace(
        READS, endless=f"{call.name} -f goes on until it is stopped" if follows or call.name == "tailf" else ""
    )


def _pager(call: Call) -> Verdict:
    return replace(READS, interactive="" if call.piped else f"{call.name} waits for keys")


def _uniq(call: Call) -> Verdict:
    return READS if len(plain_words(call.args, words("-f -s -w"))) < 2 else changes("uniq writes its second file")


TOOLS: dict[str, Rule] = {
    "sed": _sed,
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    "sort": _sort,
    "tail": _tail,
    "tailf": _tail,
    "less": _pager,
    "more": _pager,
    "man": _pager,
    "uniq": _uniq,
    "rg": Reader(("--pre",)),
    "yq": Reader(("-i", "--inplace")),
    "bc": always(READS),
    "xxd": lambda c: READS if not c.has("-r") or len(plain_words(c.args)) < 2 else changes("xxd -r writes a file"),
    "base64": always(READS),
    "envsubst": always(READS),
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words("sed awk")
