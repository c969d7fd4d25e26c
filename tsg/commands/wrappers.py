"""Programs that run another command: sudo, env, watch, xargs, a shell, ssh and their like."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tsg.commands.model import Does
from tsg.commands.tools.table import Call, plain_words
from tsg.commands.verdict import NOTHING, READS, Verdict, unknown, worst
from tsg.words import words

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# Files that people keep settings of their shell in, and process substitutions of `kubectl completion`.
_SETTINGS = re.compile(
    r"(?:^|/)(?:\.?bashrc|\.?bash_profile|\.?profile|\.env|(?:\w+-)?openrc(?:\.sh)?|activate|keystonerc\w*)$|^<\("
)
_HIJACKS = frozenset(
    {"LD_PRELOAD", "BASH_ENV", "ENV", "PROMPT_COMMAND", "PERL5OPT", "PYTHONSTARTUP", "LD_LIBRARY_PATH"}
)


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A program that stands before another: options that take a value, and plain words of its own."""

    valued: frozenset[str] = frozenset()
    own_words: int = 0


_PREFIXES = {
    "sudo": _Prefix(words("-u -g -h -p -C -r -t -T -U --user --group --host --prompt --chdir -D")),
    "doas": _Prefix(words("-u -C")),
    "time": _Prefix(words("-f -o --format --output")),
    "nohup": _Prefix(),
    "nice": _Prefix(words("-n --adjustment")),
    "ionice": _Prefix(words("-c -n -p --class --classdata")),
    "stdbuf": _Prefix(words("-i -o -e --input --output --error")),
    "setsid": _Prefix(),
    "exec": _Prefix(words("-a")),
    "command": _Prefix(),
    "builtin": _Prefix(),
    "timeout": _Prefix(words("-k -s --kill-after --signal"), 1),
    "chroot": _Prefix(frozenset(), 1),
    "nsenter": _Prefix(words("-t --target -S -G --setuid --setgid -W")),
    "unshare": _Prefix(words("-S -G -R -w")),
    "runuser": _Prefix(words("-u -g -G -s --user --group")),
    "flock": _Prefix(words("-w --timeout -E"), 1),
    "taskset": _Prefix(frozenset(), 1),
    "chrt": _Prefix(words("-p"), 1),
    "unbuffer": _Prefix(),
    "xvfb-run": _Prefix(),
    "systemd-inhibit": _Prefix(words("--what --who --why --mode")),
    "then": _Prefix(), "do": _Prefix(), "else": _Prefix(), "if": _Prefix(), "while": _Prefix(), "until": _Prefix(),
    "elif": _Prefix(), "!": _Prefix(), "{": _Prefix(), "coproc": _Prefix(),
}  # fmt: skip
KEYWORDS = words("done fi esac } then do else in for case select function { ( ) ;; if while until elif !")
SHELLS = words("sh bash zsh dash ksh ash fish")
_INTERPRETERS = words("python python2 python3 perl ruby node php lua Rscript java jshell pwsh deno bun go")
_XARGS = words(
    "-n -I -L -P -d -s -a -E -i --max-args --replace --max-lines --max-procs --delimiter --arg-file --max-chars"
)
_SSH = words("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w")
_PDSH = words("-w -x -l -u -f -t -R -g -G -b -a_ --user --worker -n -N --hosts")


def unwrapped(args: Sequence[str]) -> tuple[list[str], str]:
    """The words of the command inside sudo, env, nohup and such, and why it is not what it seems, if so."""
    rest = list(args)
    for _ in range(16):
        while rest and _ASSIGNMENT.match(rest[0]):
            if rest[0].partition("=")[0] in _HIJACKS:
                return rest[1:], f"{rest[0].partition('=')[0]} loads code of its own"
            rest.pop(0)
        if not rest:
            return [], ""
        name = rest[0].rpartition("/")[2]
        if name == "env" and len(rest) > 1:
            after = _skip_options(rest[1:], words("-u --unset -C --chdir"), 0)
            if any(w.startswith(("-S", "--split-string")) for w in rest[1:]):
                return ["env", "-S"], ""
            rest = after if after else ["printenv"]
            continue
        prefix = _PREFIXES.get(name)
        if prefix is None or (name == "command" and rest[1:2] in (["-v"], ["-V"])):
            return rest, ""
        after = _skip_options(rest[1:], prefix.valued, prefix.own_words)
        if not after:
            return rest, ""
        rest = after
    return rest, "too many programs stand before the command"


def _skip_options(args: Sequence[str], valued: frozenset[str], own_words: int) -> list[str]:
    skip = False
    for at, word in enumerate(args):
        if skip:
            skip = False
        elif word == "--":
            return list(args[at + 1 :])
        elif word in valued:
            skip = True
        elif word.startswith("-") and len(word) > 1:
            continue
        elif own_words:
            own_words -= 1
        else:
            return list(args[at:])
    return []


def _lone_prefix(call: Call) -> Verdict:
    """What sudo, chroot or nsenter do without a command."""
    if call.name in {"sudo", "doas"}:
        if call.grants("-l", "--list", "-v", "-V", "-k"):
            return READS
        return replace(unknown("opens a shell as another user"), interactive="shell as another user")
    if call.name in {"chroot", "nsenter", "unshare", "runuser"}:
        return replace(unknown(f"{call.name} opens a shell"), interactive="shell")
    if call.name == "command":
        return READS
    return NOTHING


def _shell(call: Call) -> Verdict:
    """`bash -c TEXT` and `bash <<EOF` do what the text does; `bash` alone waits for a person."""
    at = next((i for i, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-Z]*c", a) or a == "--command"), None)
    if at is not None:
        text = next((a for a in call.args[at + 1 :] if not a.startswith("-")), "")
        return call.judge.script(text) if text else unknown(f"{call.name} -c without a command")
    plain = plain_words(call.args, words("-o -O --rcfile --init-file"))
    if call.grants("--version"):
        return READS
    if call.grants("-n") and plain:
        return READS
    if plain and "-s" not in call.args:
        return unknown(f"runs the script {plain[0]}")
    if call.stdin is not None:
        return call.judge.script(call.stdin)
    if call.piped:
        return unknown(f"{call.name} runs what it is fed")
    return replace(unknown("opens a shell"), interactive="shell")


def _interpreter(call: Call) -> Verdict:
    if call.args[:1] in {("--version",), ("-V",), ("version",), ("-v",)}:
        return READS
    if call.args[:2] in {("-m", "json.tool"), ("-m", "tabulate")}:
        return READS if len(call.args) < 4 else unknown("json.tool may write its second file")
    if call.name == "pwsh" and call.has("-c", "-Command"):
        from tsg.commands.powershell import judge_powershell

        return judge_powershell(call.value("-Command", "-c") or "")
    plain = plain_words(call.args, words("-m -W -X -I"))
    if not call.args and not call.piped and call.stdin is None:
        return replace(unknown(f"opens the {call.name} prompt"), interactive=f"{call.name} prompt")
    return unknown(f"{call.name} runs {plain[0] if plain and len(plain[0]) < 40 else 'a program'}")


def _xargs(call: Call) -> Verdict:
    inner = _skip_options(call.args, _XARGS, 0)
    if not inner:
        return READS
    verdict = call.judge.command(inner)
    if verdict.interactive and inner[0].rpartition("/")[2] in SHELLS:
        return unknown("xargs feeds a shell")
    return verdict


def _ssh(call: Call) -> Verdict:
    """`ssh HOST COMMAND` does there what the command does."""
    rest = _skip_options(call.args, _SSH, 0)
    key = (f"host:{rest[0].rpartition('@')[2]}",) if rest else ()
    if call.grants("-V", "-Q") and not rest:
        return READS
    if any("proxycommand" in a.lower() or "localcommand" in a.lower() for a in call.args):
        return replace(unknown("ssh runs a program of its own"), touches=key)
    if len(rest) > 1:
        inside = call.judge.script(" ".join(rest[1:]))
        return replace(inside, touches=(*key, *inside.touches))
    if call.stdin is not None and rest:
        inside = call.judge.script(call.stdin)
        return replace(inside, touches=(*key, *inside.touches))
    if call.has("-N") or call.has("-f"):
        return replace(READS, touches=key, endless="ssh -N goes on until it is stopped")
    if call.piped:
        return replace(unknown("ssh runs what it is fed"), touches=key)
    return replace(unknown("opens a shell on another machine"), touches=key, interactive="shell on another machine")


def _pdsh(call: Call) -> Verdict:
    rest = _skip_options(call.args, _PDSH, 0)
    if not rest:
        return unknown(f"{call.name} without a command")
    return call.judge.script(" ".join(rest))


def _watch(call: Call) -> Verdict:
    inner = _skip_options(call.args, words("-n --interval -q --equexit"), 0)
    if not inner:
        return unknown("watch without a command")
    verdict = call.judge.script(" ".join(inner)) if len(inner) == 1 else call.judge.command(inner)
    return replace(verdict, endless="watch goes on until it is stopped")


def _eval(call: Call) -> Verdict:
    text = " ".join(call.args)
    if not text:
        return NOTHING
    if re.search(r"\$\(|`|\$\{?\w", text):
        return worst([unknown("eval runs a text that is made as it runs"), call.judge.script(text)])
    return call.judge.script(text)


def _source(call: Call) -> Verdict:
    """Reading settings into the shell; what else the file does cannot be seen."""
    name = call.args[0] if call.args else ""
    if _SETTINGS.search(name):
        return replace(NOTHING, touches=(f"file:{name}",))
    return unknown(f"runs the script {name or 'it is given'}")


def _parallel(call: Call) -> Verdict:
    inner: list[str] = []
    for word in _skip_options(call.args, words("-j --jobs -a --delay --timeout -I -n"), 0):
        if word in {":::", "::::"}:
            break
        inner.append(word)
    return call.judge.script(" ".join(inner)) if inner else unknown("parallel runs what it is fed")


def _busybox(call: Call) -> Verdict:
    return call.judge.command(call.args) if call.args else READS


WRAPPERS: dict[str, Callable[[Call], Verdict]] = {
    **dict.fromkeys(SHELLS, _shell),
    **dict.fromkeys(_INTERPRETERS, _interpreter),
    **dict.fromkeys(_PREFIXES, _lone_prefix),
    "xargs": _xargs,
    "ssh": _ssh,
    "pdsh": _pdsh,
    "clush": _pdsh,
    "watch": _watch,
    "eval": _eval,
    "source": _source,
    ".": _source,
    "parallel": _parallel,
    "busybox": _busybox,
    "toolbox": _busybox,
    "env": lambda call: unknown("env runs a command that is not known") if call.args else READS,
}
# Their verdict is that of the command inside, and so are its words.
TRANSPARENT = SHELLS | {"xargs", "watch", "busybox", "toolbox", "eval"}


def is_session(verdict: Verdict) -> bool:
    """Whether a command opens a shell or a prompt in which the following lines run."""
    return verdict.does is Does.UNKNOWN and bool(verdict.interactive) and not verdict.broken
