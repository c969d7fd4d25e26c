"""PowerShell's cmdlets: a verb that only looks reads, any other counts as a change."""

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.powershell_programs import judge_program
from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown
from tsg.words import words

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


def has_cmdlet(line: str) -> bool:
    """Whether a cmdlet is named anywhere in a line."""
    return any(is_cmdlet(word) for word in re.findall(r"[A-Z][A-Za-z]+-[A-Z]\w*", line[:2_000]))


def is_cmdlet(word: str) -> bool:
    """Whether a word is named as a cmdlet is: an approved verb, a hyphen, a noun."""
    found = _CMDLET.match(word)
    if found is None or word.lower() in _HEADERS:
        return False
    return found[1].lower() in _VERB_WORDS and found[2][0].isupper() and word[0].isupper()


def judge_cmdlet(name: str, tokens: list[str]) -> Verdict:
    """The verdict on a cmdlet, an alias or a program with its words."""
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
        return judge_program(name, tokens)
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
