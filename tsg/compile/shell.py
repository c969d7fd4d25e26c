"""Shell, PowerShell and query text: known to read only, or not.

The list names what only reads; everything else counts as a change. Nothing here is ever executed: the
verdict decides how a step is shown to the person who carries it out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from enum import StrEnum

from tsg.guide import Fence
from tsg.words import words


class Verdict(StrEnum):
    NO_COMMAND = "no command"  # sample output, configuration, a log line
    READS = "reads"
    CHANGES = "changes"  # or not known to read only


_OUTPUT = words(
    "text txt output log json yaml yml toml ini conf diff xml html markdown md mermaid csv hcl properties plain none"
)
_SHELL = words("bash sh shell console zsh fish terminal shell-session shellsession")
_QUERY = words("promql logql")
_SQL = words("sql kql kusto")

# Commands that only read, whatever their arguments (but for a redirection).
_READERS = words(
    "base64 blkid cat cd cmp column cut df diff dig dmesg du echo egrep env exit fgrep file findmnt free getent grep"
    " head hexdump host ibstat ibstatus ibv_devinfo id iostat journalctl jq last less ll ls lsblk lscpu lshw lsmod"
    " lsof lspci lsusb md5sum more mpstat netstat nl nproc nslookup numactl pgrep ping ping6 printenv printf ps pwd rev"
    " sacct sar sdiag sha256sum sinfo sleep sort sprio squeue ss sshare stat strings tac tail test tr tracepath"
    " traceroute tree true uname uniq uptime vmstat w wc whereis which who whoami xxd zgrep"
)
# Commands that only read with one of these words first (options left out).
_SUBCOMMANDS = {
    "kubectl": "get describe logs top explain version cluster-info api-resources api-versions events",
    "oc": "get describe logs top explain version whoami status api-resources projects events",
    "systemctl": "status show is-active is-enabled is-failed list-units list-timers list-unit-files cat",
    "docker": "ps logs inspect images stats info version top",
    "podman": "ps logs inspect images stats info version top",
    "crictl": "ps pods logs inspect inspectp images stats info version",
    "helm": "list ls status history version",
    "git": "status log show diff blame",
    "scontrol": "show ping",
    "etcdctl": "endpoint version get check",
    "dcgmi": "discovery",
    "rbd": "ls info du status children",
    "ceph": "status health df versions -s",
    "ip": "a addr address link route neigh rule r",
    "chronyc": "tracking sources sourcestats activity",
    "timedatectl": "status show",
    "promtool": "query check",
    "amtool": "check-config",
    "rados": "df lspools ls",
}
_READING = {name: words(listed) for name, listed in _SUBCOMMANDS.items()}
# ... with one of these pairs of words first.
_PAIRS = {
    "kubectl": {"rollout status", "rollout history", "config view", "config get-contexts", "config current-context",
                "auth can-i"},
    "oc": {"rollout status", "rollout history", "adm top", "config view", "auth can-i"},
    "ceph": {"osd tree", "osd df", "osd status", "osd stat", "osd dump", "osd perf", "osd lspools", "pg stat",
             "pg dump", "mds stat", "fs status", "fs ls", "fs dump", "mon stat", "mon dump", "mgr services",
             "crash ls", "crash info", "quorum_status", "device ls"},
    "rbd": {"snap ls", "trash ls", "mirror pool"},
    "etcdctl": {"member list", "alarm list"},
    "helm": {"get values", "get manifest", "get all"},
    "az": set(),
    "aws": set(),
}  # fmt: skip
_CLOUD = re.compile(r"(?:show|list|describe|get|describe-[\w-]+|list-[\w-]+|get-[\w-]+)")
_CMDLET_READS = re.compile(
    r"(?:get|test|select|where|format|sort|measure|group|compare|convertto|convertfrom|resolve|find|show|write)"
    r"-[a-z]+|foreach-object|out-string|out-host|select|where|ft|fl|sort",
    re.IGNORECASE,
)
_NOT_READING_OPTION = {
    "find": re.compile(r"-(?:delete|exec\w*|ok\w*|fprint\w*|fls)"),
    "curl": re.compile(r"-(?:X|d|T|F|o|O|K).*|--(?:request|data.*|upload.*|form.*|output|json|config|remote-name)"),
    "wget": re.compile(r".*"),
    "nvidia-smi": re.compile(r"(?!-q$|-L$|-l$|-i$|--query|--format|--id|--loop|--list|-d$|--display|-x$|-h$)-.*"),
    "sort": re.compile(r"-o.*|--output.*"),
    "dmesg": re.compile(r"-[cCnDE].*|--clear|--console.*|--read-clear"),
    "journalctl": re.compile(r"--(?:vacuum|rotate|flush|sync|setup|update).*"),
    "ip": re.compile(r"(?:add|del|delete|set|flush|change|replace|append)"),
    "awk": re.compile(r".*(?:system\s*\(|>|\|).*", re.DOTALL),
    "sed": re.compile(r"-[a-zA-Z]*i.*|--in-place.*|.*\bw\s+\S+"),
    "yq": re.compile(r"-i|--inplace"),
    "kubectl": re.compile(r"--raw.*"),
    "file": re.compile(r"-C|--compile"),
}
_WITH_OPTIONS_ONLY = frozenset({"find", "curl", "nvidia-smi", "awk", "sed", "yq", "date", "hostname"})
_WRAPPERS = frozenset({"sudo", "time", "nohup", "watch", "then", "do", "else", "command", "export", "local"})
_KEYWORDS = frozenset({"done", "fi", "esac", "}", "{", "then", "do", "else", ""})
_NAMED = re.compile(r"(?:\./|/)?[a-z][\w./+-]*|[A-Z][a-z]+-[A-Z]\w+")
_CUT = re.compile(r"\|\||&&|[|;\n]|\$\(|`|\)")
_REDIRECT = re.compile(r"(?<![0-9&<=-])>>?\s*(?!/dev/null|&)|\btee\b|<<")


def verdict(fence: Fence) -> Verdict:
    """What carrying out a block would do. An unlabelled block counts as commands only where it shows a prompt
    or begins with a command that is known.
    """
    language = fence.language
    body = fence.body.strip()
    if language in _OUTPUT or not body:
        return Verdict.NO_COMMAND
    if language in _QUERY:
        return Verdict.READS
    if language in _SQL:
        changes = re.search(r"\b(insert|update|delete|drop|alter|create|truncate|grant|merge)\b", body, re.IGNORECASE)
        return Verdict.CHANGES if changes else Verdict.READS
    if language in {"powershell", "pwsh", "ps1"}:
        return _powershell(body)
    if language in _SHELL or not language:
        return _shell(body, sure=language not in {"", "console"})
    return Verdict.CHANGES


def _shell(body: str, *, sure: bool) -> Verdict:
    body = re.sub(r"<[A-Za-z][\w.:/ -]*>", "VALUE", body)  # `<POD>` stands for a value and redirects nothing
    commands = list(_commands(body))
    if not commands:
        return Verdict.NO_COMMAND
    prompt = any(line.lstrip().startswith("$ ") for line in body.splitlines())
    first = _split(commands[0])
    if not (prompt or (first and _NAMED.fullmatch(first[0]) and (sure or _is_known(first[0])))):
        return Verdict.NO_COMMAND
    if _REDIRECT.search(re.sub(r"'[^']*'|\"[^\"]*\"", "''", body)):
        return Verdict.CHANGES
    return Verdict.READS if all(_reads(c) for c in commands) else Verdict.CHANGES


def _commands(body: str) -> Iterator[str]:
    """Simple commands of a script: prompts, comments and control words taken off."""
    joined = re.sub(r"\\\n\s*", " ", body)
    prompted = any(line.lstrip().startswith("$ ") for line in joined.splitlines())
    for line in joined.splitlines():
        line = line.strip()
        if not line or line.startswith(("#", "//", "<!--")):
            continue
        if prompted and not line.startswith("$ "):
            continue  # output below a prompt
        line = re.sub(r"\s#\s.*$", "", line.removeprefix("$ "))
        hidden = re.sub(r"'[^']*'|\"[^\"$`]*\"", lambda m: re.sub(r"[|;&()`]", "_", m[0]), line)
        yield from (part.strip() for part in _CUT.split(hidden) if part.strip())


def _split(command: str) -> list[str]:
    try:
        parts = shlex.split(command, comments=False)
    except ValueError:
        parts = command.split()
    while parts and (parts[0] in _WRAPPERS or re.fullmatch(r"[A-Za-z_]\w*=.*", parts[0])):
        parts = parts[1:]
        while parts and parts[0].startswith("-") and len(parts) > 1:
            parts = parts[1:]
    return parts


def _is_known(name: str) -> bool:
    return name in _READERS or name in _READING or name in _PAIRS or name in _WITH_OPTIONS_ONLY or name in _WRITERS


_WRITERS = words(
    "rm mv cp mkdir chmod chown kill pkill reboot shutdown mount umount tee dd mkfs apt apt-get yum dnf pip python"
    " python3 bash sh ssh scp rsync service make terraform ansible kustomize eksctl velero nsenter modprobe sysctl"
    " gcloud srun sbatch scancel tar gzip unzip vi vim nano"
)


def _reads(command: str) -> bool:
    parts = _split(command)
    if not parts or parts[0] in _KEYWORDS or re.fullmatch(r"[A-Za-z_]\w*=.*|\w+", command):
        return not parts or parts[0] in _KEYWORDS or "=" in command or parts[0] in _READERS
    name, rest = parts[0].rpartition("/")[2], parts[1:]
    if name in {"for", "while", "if", "until"}:
        return name == "for" or _reads(" ".join(rest))
    bad = _NOT_READING_OPTION.get(name)
    if bad is not None and any(bad.fullmatch(w) for w in rest):
        return False
    if name in {"kubectl", "oc"} and "exec" in rest:
        return _exec_reads(rest)
    if name in {"aws", "az", "gcloud"}:
        plain = [w for w in rest if not w.startswith("-")]
        return any(_CLOUD.fullmatch(w) for w in plain[:4])
    if name in {"date", "hostname"}:
        return not any(w in {"-s", "-b", "-F"} or w.startswith("--set") for w in rest) and len(rest) < 3
    if name in _READERS or name in _WITH_OPTIONS_ONLY:
        return True
    return _subcommand_reads(name, rest)


def _subcommand_reads(name: str, rest: list[str]) -> bool:
    plain: list[str] = []
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word in {"-n", "--namespace", "--context", "--kubeconfig", "-w", "--cluster", "--endpoints"}:
            skip = True
        elif not word.startswith("-") or word == "-s":
            plain.append(word)
    if not plain:
        return False
    return plain[0] in _READING.get(name, frozenset()) or " ".join(plain[:2]) in _PAIRS.get(name, set())


def _exec_reads(rest: list[str]) -> bool:
    """`kubectl exec POD -- COMMAND` reads when its command does; a shell in the pod could do anything."""
    if "--" not in rest:
        return False
    inner = rest[rest.index("--") + 1 :]
    return bool(inner) and inner[0].rpartition("/")[2] not in {"bash", "sh"} and _reads(shlex.join(inner))


def _powershell(body: str) -> Verdict:
    """PowerShell reads when every command in every pipe is a cmdlet that does."""
    for line in body.splitlines():
        line = re.sub(r"^(?:PS [^>]*> ?|\s*#.*$)", "", line.strip())
        line = re.sub(r"^\$[\w:.]+\s*=\s*", "", line)
        for part in re.split(r"[|;{}(]", re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)):
            parts = part.strip().split()
            if parts and re.match(r"[A-Za-z]", parts[0]) and not _CMDLET_READS.fullmatch(parts[0]):
                return Verdict.CHANGES
    return Verdict.READS
