"""Files: made, copied, removed, searched, edited, packed."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, always, plain_words
from tsg.commands.tools.writing import is_scratch, writes_to
from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown
from tsg.words import words

_FILE_WRITERS = words("cp install ln rename")


def _rm(call: Call) -> Verdict:
    paths = plain_words(call.args)
    verdict = changes(f"{call.name} removes {' '.join(paths[:3]) or 'files'}", destructive=True)
    return replace(verdict, touches=tuple(f"file:{p}" for p in paths[:8]))


def _mkdir(call: Call) -> Verdict:
    paths = plain_words(call.args, words("-m --mode -t --reference -d --date -p_"))
    if paths and all(is_scratch(p) for p in paths):
        return NOTHING
    return replace(
        changes(f"{call.name} makes {' '.join(paths[:3])}", reversible=True),
        touches=tuple(f"file:{p}" for p in paths[:8]),
    )


def _copy(call: Call) -> Verdict:
    paths = plain_words(call.args, words("-t --target-directory -m --mode -o --owner -g --group -S --suffix"))
    target = call.value("-t", "--target-directory") or (paths[-1] if paths else "")
    moves = call.name == "mv"
    if target and is_scratch(target) and not moves:
        return replace(READS, touches=(f"file:{target}",))
    verdict = changes(f"{call.name} writes {target}", reversible=True if moves else None)
    return replace(verdict, touches=tuple(f"file:{p}" for p in (paths if moves else [target]) if p))


def _mode(call: Call) -> Verdict:
    paths = plain_words(call.args)[1:]
    return replace(
        changes(f"{call.name} changes rights", reversible=True), touches=tuple(f"file:{p}" for p in paths[:8])
    )


_FIND_ACTIONS = words("-exec -execdir -ok -okdir")


def _find(call: Call) -> Verdict:
    """`find` is as harmful as what it runs for each file."""
    if "-delete" in call.args:
        return replace(changes("find -delete removes files", destructive=True), touches=_starts(call))
    for word in call.args:
        if word.startswith(("-fprint", "-fls")):
            return changes(f"find {word} writes a file")
    verdict = replace(READS, touches=_starts(call))
    for at, word in enumerate(call.args):
        if word in _FIND_ACTIONS:
            inner = []
            for part in call.args[at + 1 :]:
                if part in {";", "+", "\\;"}:
                    break
                inner.append(part)
            inside = call.judge.command(inner)
            if inside.is_change or inside.broken:
                return replace(
                    inside, why=f"find {word}: {inside.why}", interactive="asks for each file" if "ok" in word else ""
                )
    return verdict


def _starts(call: Call) -> tuple[str, ...]:
    found = []
    for word in call.args:
        if word.startswith(("-", "(", "!")):
            break
        found.append(f"file:{word}")
    return tuple(found[:4])


def _tee(call: Call) -> Verdict:
    paths = [p for p in plain_words(call.args) if not p.startswith("/dev/std") and p != "/dev/null"]
    return writes_to(paths, appends=call.has("-a", "--append"))


def _truncate(call: Call) -> Verdict:
    return changes("truncate cuts files", destructive=True)


def _editor(call: Call) -> Verdict:
    if call.name == "view":
        return replace(READS, interactive="opens a pager")
    paths = plain_words(call.args)
    verdict = changes(f"{call.name} edits {' '.join(paths[:2]) or 'a file'}")
    return replace(verdict, interactive="opens an editor", touches=tuple(f"file:{p}" for p in paths[:4]))


def _tar(call: Call) -> Verdict:
    mode = next((a for a in call.args if a.startswith("--") or a.startswith("-") or a == call.args[0]), "")
    if call.has("--checkpoint-action", "--to-command", "--use-compress-program", "-I", "--info-script"):
        return unknown("tar runs a program of its own")
    if call.has("--list") or (not mode.startswith("--") and "t" in mode and not set(mode) & set("xcru")):
        return READS
    if call.has("--remove-files", "--delete"):
        return changes("tar removes files", destructive=True)
    target = call.value("-C", "--directory") or ""
    if target and is_scratch(target) and ("x" in mode or call.has("--extract")):
        return READS
    name = _archive(call)
    if name and ("c" in mode or call.has("--create")):
        return (
            replace(READS, touches=(f"file:{name}",))
            if is_scratch(name) or name == "-"
            else changes(f"tar writes {name}", reversible=True)
        )
    return changes("tar writes files")


def _archive(call: Call) -> str:
    for at, word in enumerate(call.args):
        if at == 0 or word.startswith("-"):
            letters = word.lstrip("-")
            if not word.startswith("--") and letters.endswith("f") and at + 1 < len(call.args):
                return call.args[at + 1]
    return call.value("--file") or ""


def _gzip(call: Call) -> Verdict:
    if call.grants("-l", "--list", "-t", "--test", "-c", "--stdout", "-dc", "-cd") or (
        call.piped and not plain_words(call.args)
    ):
        return READS
    return changes(f"{call.name} replaces files", reversible=True)


def _unzip(call: Call) -> Verdict:
    return READS if call.grants("-l", "-t", "-Z", "-v", "-p") else changes("unzip writes files")


TOOLS: dict[str, Rule] = {
    "rm": _rm,
    "rmdir": always(changes("rmdir removes empty folders", reversible=True)),
    "unlink": _rm,
    "mkdir": _mkdir,
    "touch": _mkdir,
    "mktemp": always(NOTHING),
    **dict.fromkeys(_FILE_WRITERS | {"mv"}, _copy),
    **dict.fromkeys(("chmod", "chown", "chgrp", "setfacl", "chattr", "chcon", "restorecon", "setcap", "setfattr"), _mode),
    "find": _find,
    "tee": _tee,
    "truncate": _truncate,
    "fallocate": always(changes("{name} reserves space in a file")),
    "split": always(changes("{name} writes files", reversible=True)),
    "patch": always(changes("{name} edits files")),
    **dict.fromkeys(("vi", "vim", "nano", "emacs", "ed", "view", "visudo", "nvim", "vipw"), _editor),
    "tar": _tar,
    **dict.fromkeys(("gzip", "gunzip", "bzip2", "xz", "zstd", "bunzip2", "unxz", "lz4"), _gzip),
    "zip": always(changes("{name} writes an archive", reversible=True)),
    "unzip": _unzip,
    "fd": Reader(("-x", "-X", "--exec", "--exec-batch")),
    "tree": Reader(("-o",)),
    "file": Reader(("-C", "--compile")),
    "dos2unix": always(changes("{name} edits files")),
    "locate": always(READS),
    "updatedb": always(changes("{name} rewrites an index")),
    "gpg": lambda c: READS if c.grants("--list-keys", "--verify", "-d", "--decrypt", "-k") else changes("gpg changes keys or files"),
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words("chmod chown chgrp mkdir rmdir tar mktemp")
