"""A command that opens an editor, a shell or a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands import Does, Language
from tsg.findings import Severity
from tsg.mentor.code import Code, Statement
from tsg.mentor.query.shared import shell_statements
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.words import words


@check(
    "interactive-command",
    Category.QUERY,
    Severity.WARNING,
    "a command that opens an editor, a shell or a prompt",
    "What follows is typed into another program; a run, or a paste, stops there.",
)
def interactive_command(view: View) -> Iterator[Issue]:
    for code, statement in shell_statements(view):
        if what := statement.command.interactive or _waits(code, statement):
            yield Issue(
                statement.lines.first,
                f"the command waits for a person ({what})",
                "give the command to run inside: `kubectl exec POD -- df -h`; patch instead of edit",
            )


_PAGED = re.compile(
    r"(?<!\|)\|&?\s*(?:sudo\s+)?(?:(?:/usr)?/bin/)?(?:less|more|most|vim?|view|nano)(?:\s+-[^|;&]*)?\s*$"
)
# Programs that fill the terminal and wait for keys.
_SCREENS = words(
    "k9s lazydocker lazygit ncdu nvtop ctop tig mc ranger nmtui cfdisk menuconfig alsamixer btop glances aptitude"
    " dpkg-reconfigure sensible-editor view vimdiff ex pico joe mcedit gedit code notepad visudo vipw vigr ftp lftp"
    " ipython irb bpython cqlsh beeline sqlplus cockroachsql pgcli mycli litecli iredis"
)
_FED = ("-c", "-e", "-f", "-q", "--execute", "--eval", "--command", "--file", "--batch", "-S", "--help", "--version")
_YES = re.compile(r"(?:^|\s)(?:-y|-yy?|-f|-af|-fa|-qq?y?|--yes|--force|--assume-yes|-auto-approve|--auto-approve)\b")
_ASKS = re.compile(
    r"(?:sudo\s+)?(?:terraform\s+(?:-\S+\s+)*(?:apply|destroy)\b(?!\s+\S+\.(?:tf)?plan\b)"
    r"|docker\s+(?:system|volume|image|container|network|builder)\s+prune\b"
    r"|(?:apt|apt-get|dnf|yum)\s+(?:-\S+\s+)*(?:install|remove|purge|upgrade|dist-upgrade|autoremove)\b)"
)


def _waits(code: Code, statement: Statement) -> str:
    """What a command waits for that its program's entry does not tell, or nothing."""
    command, text = statement.command, statement.text
    if code.language is not Language.SHELL or "<<" in text:
        return ""
    if _PAGED.search(text):
        return "opens a pager"
    if not command.argv or not text.lstrip().removeprefix("sudo ").startswith(command.argv[0]):
        return ""
    name, args = command.argv[0], command.argv[1:]
    if name == "git":
        return _git_waits(args)
    is_fed = any(a.startswith(_FED) for a in args) or re.search(r"[<|]", text) is not None
    if name in _SCREENS and not is_fed:
        return f"{name} takes over the terminal"
    if name == "sftp" and "-b" not in args and not is_fed:
        return "sftp prompt"
    if command.argv in {("aws", "configure"), ("vault", "login"), ("gh", "auth", "login"), ("gcloud", "init")}:
        return "asks for credentials"
    if command.does is not Does.READS and _ASKS.match(text) and not _YES.search(text) and "|" not in text:
        return "asks whether to go on"
    return ""


_LEAVES_EDITOR = (
    "-m",
    "-am",
    "-F",
    "-C",
    "--message",
    "--file",
    "--no-edit",
    "--reuse-message",
    "--fixup",
    "-sm",
    "-aF",
)


def _git_waits(args: tuple[str, ...]) -> str:
    verb = next((a for a in args if not a.startswith("-")), "")
    options = tuple(a.partition("=")[0] for a in args if a.startswith("-"))
    if verb == "commit" and not any(o in _LEAVES_EDITOR or re.fullmatch(r"-\w*[mFC].*", o) for o in options):
        return "opens an editor"
    if (verb == "rebase" and {"-i", "--interactive"} & {*options}) or verb in {"mergetool", "citool", "gui"}:
        return "opens an editor"
    if verb in {"add", "checkout", "stash", "reset", "restore"} and {"-p", "-i", "--patch", "--interactive"} & {
        *options
    }:
        return "asks for each piece"
    return ""
