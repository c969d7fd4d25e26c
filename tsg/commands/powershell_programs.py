"""Programs in PowerShell that are no cmdlets: those of Windows, and those that a shell knows too."""

from __future__ import annotations

from dataclasses import replace

from tsg.commands.judge import Scope, ShellJudge
from tsg.commands.tools import rule_for
from tsg.commands.verdict import READS, Verdict, changes, unknown


def judge_program(name: str, tokens: list[str]) -> Verdict:
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
