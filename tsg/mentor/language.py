"""What a block of code is written in, as far as its text alone tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from tsg.words import words


class Content(StrEnum):
    SHELL = "shell"
    POWERSHELL = "powershell"
    SQL = "sql"
    PROMQL = "promql"
    KQL = "kql"
    YAML = "yaml"
    JSON = "json"
    OUTPUT = "output"
    UNKNOWN = "unknown"


TAGS = {
    **dict.fromkeys(
        [
            "bash",
            "console",
            "fish",
            "sh",
            "shell",
            "shell-session",
            "shellsession",
            "terminal",
            "zsh",
            "command",
            "shel",
        ],
        Content.SHELL,
    ),
    **dict.fromkeys(["powershell", "pwsh", "ps1", "ps"], Content.POWERSHELL),
    **dict.fromkeys(
        ["sql", "mysql", "postgresql", "postgres", "psql", "pgsql", "sqlite", "tsql", "plsql"], Content.SQL
    ),
    **dict.fromkeys(["promql", "prometheus", "metricsql"], Content.PROMQL),
    **dict.fromkeys(["kql", "kusto"], Content.KQL),
    **dict.fromkeys(["yaml", "yml"], Content.YAML),
    **dict.fromkeys(["json", "jsonc", "json5"], Content.JSON),
    **dict.fromkeys(["output", "log", "logs", "none"], Content.OUTPUT),
}
CONSOLES = frozenset({"console", "shell-session", "shellsession", "terminal"})
PLAIN = frozenset({"", "text", "txt", "plain", "plaintext"})

TOOLS = words(
    "amtool apt apt-get awk aws az bash blkid calicoctl cat cd ceph cephadm chmod chown chronyc cilium consul cp"
    " crictl crontab ctr curl cut date dcgmi dd df dig dmesg dnf docker docker-compose du echo etcdctl ethtool exit"
    " export find flux free fuser gcloud gdb git grep gunzip gzip head helm host hostname htop ibstat ifconfig iostat"
    " ip ipmitool iptables istioctl jq journalctl k kill killall kubeadm kubectl kustomize less ln ls lsblk lsof lspci"
    " mkdir mkfs more mount mpstat mtr mv mysql mysqldump nano nc netstat nfsstat nmap nmcli nping nslookup nvidia-smi"
    " oc openssl pg_dump pg_restore pgrep ping pip pkill podman printf promtool ps psql pvs python python3 rabbitmqctl"
    " rados rbd reboot redis-cli rm rmdir rpm rsync sacct salt sar scancel scontrol scp sed service sftp sh shutdown"
    " sinfo sleep smartctl snap sort source squeue srun ss ssh stat strace su sudo swapoff sysctl systemctl tail tar"
    " tcpdump tee telnet terraform time timedatectl timeout top touch tr traceroute truncate ulimit umount uname uniq"
    " unzip uptime vault velero vi vim vmstat watch wc wget which wipefs xargs yum zgrep zypper argocd kafka-topics"
    " kafka-topics.sh kafka-consumer-groups kafka-consumer-groups.sh mongo mongosh nginx node npm sqlite3 fio fsck"
    " envsubst ansible ansible-playbook celery mysqladmin rclone grpcurl nats skopeo iftop dstat pidstat perf numactl"
    " resize2fs lvextend lvs vgs parted fdisk nvme ibv_devinfo sbatch torchrun kubectx kubens stern talosctl"
)
# ... that are English words too: they need an argument that is not one.
ENGLISH = words(
    "at cat cut date find head host kill less more mount node sort source stat tail time top touch watch which"
    " service snap salt exit echo set test service split join last write wall time strip flux vault consul"
)
_SHELL_WORDS = words("if for while until case function then else elif fi do done esac [[ [ test set unset read alias")
_ENV = re.compile(r"(?:[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|\$\([^()]*\)|\S*)\s+)+(?=\S)")
_ASSIGN = re.compile(r"(?:export\s+|local\s+|declare\s+(?:-\w+\s+)?)?[A-Za-z_]\w*=")
_PROMPT = re.compile(
    r"(?:\(?[\w.@~:/\[\] -]{0,60}\)?[$%]|[\w.-]+@[\w.-]+:[^\s#$]*[#$]|\[[\w.-]+@[^\]\n]{1,60}\][#$]) (?=\S)"
)
_PS_PROMPT = re.compile(r"PS(?: (?:[A-Z]:|/)[^>\n]{0,120})?> ?")
_SQL = re.compile(
    r"(?:SELECT|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|WITH\s+\w+\s+AS|CREATE\s+(?:TABLE|INDEX|VIEW)|"
    r"DROP\s+(?:TABLE|INDEX|DATABASE|VIEW)|ALTER\s+(?:TABLE|SYSTEM)|TRUNCATE|EXPLAIN|SHOW\s+(?:TABLES|"
    r"PROCESSLIST|VARIABLES|STATUS))\b",
    re.IGNORECASE,
)
_PROMQL = re.compile(
    r"^(?:[a-z_][\w:]*\{[^}]*\}|(?:sum|avg|max|min|count|rate|irate|increase|histogram_quantile|topk|bottomk|changes|"
    r"delta|deriv|absent|quantile|label_replace|(?:max|min|avg|sum)_over_time)\s*(?:by|without)?\s*\()"
)
_KQL_TABLE = re.compile(r"[A-Za-z_]\w+(?:\s*\|.*)?")
_KQL_PIPE = re.compile(
    r"\s*\|\s*(?:where|summarize|project|extend|take|top|order|sort|join|render|count|distinct|limit|parse)\b"
)
_METRIC = re.compile(r"^[a-z][a-z0-9_:]*_[a-z0-9_:]+(?:\s*(?:[<>=!]=?|[-+*/])\s*[\w.:]+)?$")
_CMDLET = re.compile(
    r"(?:\$\w+\s*=\s*)?(?:Get|Set|New|Remove|Start|Stop|Restart|Test|Invoke|Add|Enable|Disable|Import|"
    r"Export|Clear|Reset|Update|Write|Select|Where|Install|Uninstall)-[A-Z]\w+"
)
_KEY = re.compile(r"^\s*(?:- )?[\w./\"'-]+:(?:\s|$)")
_DASH = re.compile(r"^\s*- \S")
_LOG = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|[IWEF]\d{4} \d\d:\d\d|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d|\[\s*\d+\.\d+\])"
)
_HEADS = re.compile(r"^[A-Z][A-Z0-9_()%/-]+(?:(?: {2,}|\t| )[A-Z][A-Z0-9_()%/-]+){1,}\s*$")


def strip_prompt(line: str) -> str:
    """The command after a shell's prompt, or the line as it is."""
    bare = line.strip()
    if bare.startswith("$ "):
        return bare[2:].strip()
    found = _PS_PROMPT.match(bare) or _PROMPT.match(bare)
    return bare[found.end() :].strip() if found else bare


def has_prompt(line: str) -> bool:
    bare = line.strip()
    return bare.startswith("$ ") or bool(_PS_PROMPT.match(bare)) or bool(_PROMPT.match(bare))


def first_word(line: str) -> str:
    """The command's name: without prompt, sudo and assignments before it."""
    bare = strip_prompt(line)
    bare = re.sub(r"^(?:sudo(?: -\w+)*|time|nohup|exec|env|command) +", "", bare)
    if found := _ENV.match(bare):
        bare = bare[found.end() :]
    return bare.split(None, 1)[0].rstrip(";") if bare else ""


def is_command(line: str) -> bool:
    """Whether a line of code starts like a command of a shell."""
    bare = strip_prompt(line)
    if not bare or bare.startswith("#"):
        return False
    word = first_word(bare)
    if word in ENGLISH and not re.search(r"[-/$<>|*.=]|\d", bare[len(word) :]):
        return False
    if word in _SHELL_WORDS:
        return bool(re.search(r"[;\[$(]|\bdo\b", bare)) or bare in {"fi", "done", "else", "do", "esac"}
    return (
        word in TOOLS
        or word.startswith(("./", "/usr/", "/bin/", "/opt/"))
        or bool(_ASSIGN.match(bare) and " = " not in bare)
    )


def content_of(body: str) -> Content:
    """What the text looks like; UNKNOWN where it is in doubt."""
    lines = [line for line in body.splitlines() if line.strip()]
    code = [line for line in lines if not line.lstrip().startswith(("#", "--", "//"))]
    if not code:
        return Content.UNKNOWN
    first = code[0].strip()
    if _PS_PROMPT.match(first) or _CMDLET.match(first):
        return Content.POWERSHELL
    if has_prompt(first) or is_command(first):
        return Content.SHELL
    if _KQL_TABLE.fullmatch(first) and len(code) > 1 and _KQL_PIPE.match(code[1]):
        return Content.KQL
    if _SQL.match(first):
        return Content.SQL
    if first[0] in "{[" and first[-1:] in '{[,}]"' and not first.startswith("[["):
        return (
            Content.JSON
            if re.search(r'"[^"\n]*"\s*:|^\[\s*(?:"|\d|\{|$)', body) or first in {"{", "["}
            else Content.UNKNOWN
        )
    if _looks_like_yaml(code):
        return Content.YAML
    if re.search(r"\}\s*\|[=~]|!=\s*`|\|\s*(?:json|logfmt)\b", body):
        return Content.UNKNOWN
    if _PROMQL.match(first) or (len(code) <= 3 and _METRIC.match(first)):
        return Content.PROMQL
    if _HEADS.match(first) or sum(bool(_LOG.match(line.strip())) for line in code) * 2 > len(code):
        return Content.OUTPUT
    return Content.UNKNOWN


def _looks_like_yaml(code: Sequence[str]) -> bool:
    keys = sum(bool(_KEY.match(line)) for line in code)
    dashes = sum(bool(_DASH.match(line)) and not _KEY.match(line) for line in code)
    return keys >= 1 and (keys + dashes) * 10 >= len(code) * 7 and (keys >= 2 or code[0].rstrip().endswith(":"))
