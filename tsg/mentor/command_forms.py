"""Forms of shell commands that stop a reader: interactive, endless, broken; and what a change is."""

from __future__ import annotations

import re
from functools import lru_cache

from tsg.commands import Command, Does, read_code, read_inline
from tsg.words import words

_WRAPPERS = re.compile(
    r"^(?:(?:sudo(?:\s+-[A-Za-z]+(?:\s+\w+)?)*|time|nohup|env|command|exec|nice|ionice|then|do|else|"
    r"!)\s+|[A-Za-z_]\w*=(?:\"[^\"]*\"|'[^']*'|\$\([^()]*\)|\S*)\s+(?=\S))+"
)
_HEREDOC_BODY = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?.*", re.DOTALL)


def plain_command(text: str) -> str:
    """A statement without here-documents, trailing comments and what it is wrapped in."""
    bare = _HEREDOC_BODY.sub("<<EOF", text) if "<<" in text else text
    bare = re.sub(r"\s#\s.*$", "", " ".join(bare.split()))
    return _WRAPPERS.sub("", bare.strip())


def pieces(text: str) -> list[str]:
    """Commands of a chain, split at ; && || and |, quotes respected roughly."""
    return [_WRAPPERS.sub("", p.strip()) for p in re.split(r"&&|\|\||;|\|", _quoted_away(text)) if p.strip()]


def _quoted_away(text: str) -> str:
    """Text with the inside of quotes blanked, so that splitting does not see it."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", lambda m: m[0][0] + "q" * (len(m[0]) - 2) + m[0][-1], text)
    return re.sub(r"\$\([^()]*(?:\([^()]*\)[^()]*)*\)", lambda m: "$" + "q" * (len(m[0]) - 1), plain)


_REMOTE = r"(?:kubectl|oc|docker|podman|crictl|docker-compose|docker compose|k)"
_IT = r"(?:-it|-ti|-i\s+-t|-t\s+-i|--stdin\s+--tty|--tty\s+--stdin|-i\b|--interactive)"
_SHELL = r"(?:/(?:usr/)?bin/)?(?:ba|z|da|a|k|c|fi)?sh"
_CLIENTS = {
    "psql": r"-c|--command|-f|--file|-l\b|--list|--version|<|-tAc|-Atc|-At?c",
    "mysql": r"-e|--execute|<|--version|-\w*e\s",
    "redis-cli": r"",
    "mongo": r"--eval|\.js",
    "mongosh": r"--eval|\.js",
    "sqlite3": r"\"|'|<",
    "python": r"-c|-m|\.py|-V|--version|<|-\s*$|-$",
    "python3": r"-c|-m|\.py|-V|--version|<|-\s*$|-$",
    "gdb": r"-batch|--batch",
    "ceph": r"",
    "sqlplus": r"@|<",
    "cqlsh": r"-e|-f|--execute",
    "clickhouse-client": r"-q|--query|<",
}


def interactive_form(text: str) -> str:
    """Why a command waits for a person's typing, or nothing."""
    for piece in pieces(text):
        if why := _interactive(piece, text):
            return why
    return ""


def _interactive(piece: str, whole: str) -> str:
    first = piece.split(" ", 1)[0].rsplit("/", 1)[-1]
    if re.match(r"(?:kubectl|oc|k)\s+(?:(?:-n|--namespace|--context)[ =]\S+\s+)*edit\b", piece):
        return "opens an editor"
    if first in {
        "vi",
        "vim",
        "nano",
        "emacs",
        "pico",
        "visudo",
        "vipw",
        "gedit",
        "notepad",
        "notepad.exe",
        "code",
    } and (first != "code" or "." in piece):
        return "opens an editor"
    if re.match(
        r"crontab\s+(?:-u\s+\S+\s+)?-e\b|systemctl\s+edit\b|git\s+rebase\s+-i\b|git\s+commit\s*$|helm\s+edit", piece
    ):
        return "opens an editor"
    if first in {
        "htop",
        "atop",
        "less",
        "more",
        "nmtui",
        "menuconfig",
        "iotop",
        "nvtop",
        "man",
        "screen",
        "tmux",
        "k9s",
        "dialog",
        "gpustat-i",
        "lazydocker",
        "ctop",
        "glances",
        "iftop",
        "nethogs",
        "btop",
    }:
        if (first == "iotop" and re.search(r"\s-\w*b", piece)) or (
            first in {"less", "more"} and len(piece.split()) < 2 and "|" not in whole
        ):
            return ""
        return "opens a screen of its own"
    if re.search(rf"^{_REMOTE}\b.*\b(?:exec|run|attach|debug)\b", piece):
        return _remote(piece)
    if re.match(r"oc\s+(?:\S+\s+\S+\s+)?rsh\b", piece):
        rest = re.sub(r"(?:-n|-c|--container|--namespace|--shell|--timeout)[ =]\S+", "", piece).split()
        return "opens a shell in the pod" if len(rest) <= 3 or re.fullmatch(_SHELL, rest[-1]) else ""
    if first in {"ssh", "telnet", "sftp", "ftp"}:
        return _remote_login(first, piece)
    if re.fullmatch(
        rf"(?:su|su -|su - \S+|su \S+|-i|-s|chroot \S+|chroot \S+ {_SHELL}|passwd(?: \S+)?|fdisk /\S+|"
        rf"parted /\S+|cfdisk \S+|gdisk \S+|mysql_secure_installation|ipmitool .* sol activate)",
        piece,
    ):
        return "opens a shell or asks questions"
    if first in _CLIENTS:
        return _client(first, piece, whole)
    if first == "read" and re.search(r"\s-p\b", piece):
        return "asks a question"
    return ""


def _remote(piece: str) -> str:
    if re.search(rf"(?:--\s+|\s){_SHELL}(?:\s+-[il]+)?$", piece) and re.search(rf"{_IT}|\bdebug\b|\brun\b", piece):
        return "opens a shell; the lines after it are meant to be typed inside"
    if re.search(rf"\s{_SHELL}$", piece) and re.search(r"\bexec\b", piece):
        return "opens a shell; the lines after it are meant to be typed inside"
    if re.search(rf"\s{_SHELL}\s+-\w*c\b", piece):
        return ""
    if (
        re.match(r"(?:kubectl|oc|k)\s+(?:(?:-n|--namespace|--context)[ =]\S+\s+)*debug\b", piece)
        and " -- " not in piece
        and not re.search(r"\bdebug\s+-f\b", piece)
        and not re.search(r"--(?:debug|v)\b", piece)
    ):
        return "opens a shell on the node" if re.search(r"\bdebug\s+(?:-\S+\s+)*(?:node/|pod/|\S+)", piece) else ""
    if re.search(r"\bexec\b", piece) and re.search(_IT, piece):
        tail = re.split(r"\s--\s", piece, maxsplit=1)
        inner = tail[1] if len(tail) > 1 else piece.split()[-1]
        name = inner.split()[0].rsplit("/", 1)[-1] if inner.split() else ""
        if name in _CLIENTS:
            return _client(name, inner, inner)
        if name in {"top", "htop", "vi", "vim", "nano", "less"}:
            return "opens a screen of its own"
    if (
        re.search(r"\brun\b", piece)
        and re.search(r"(?:-it|-ti|--stdin --tty|-i --tty)\b", piece)
        and re.match(r"(?:kubectl|oc|docker|podman)", piece)
        and (" -- " not in piece and re.match(r"(?:kubectl|oc)", piece))
    ):
        return "opens a shell in a new container"
    return ""


def _remote_login(first: str, piece: str) -> str:
    if first != "ssh":
        return "opens a session" if first in {"telnet", "sftp", "ftp"} and "<" not in piece else ""
    rest = re.sub(r"\s-(?:[bcDEeFIiJLlmOopQRSWw])\s+\S+", "", piece)
    rest = re.sub(r"\s-[A-Za-z]+\b", "", rest)
    rest = re.sub(r"<[^<>]*>", "HOST", rest)
    return "opens a session on another machine" if len(rest.split()) == 2 and "<<" not in piece else ""


def _client(first: str, piece: str, whole: str) -> str:
    if first == "ceph":
        return "opens its own prompt" if piece == "ceph" else ""
    if first == "redis-cli":
        rest = re.sub(
            r"\s(?:-[hpanu]|--user|--pass|--cacert|--cert|--key)\s+\S+|\s--(?:tls|raw|no-auth-warning|"
            r"insecure)\b|\s-c\b",
            "",
            piece,
        ).split()
        return "opens its own prompt" if len(rest) == 1 and "|" not in whole and "<" not in whole else ""
    if re.search(rf"(?:^|\s)(?:{_CLIENTS[first]})", piece[len(first) :]) and _CLIENTS[first]:
        return ""
    if re.search(rf"\|\s*(?:sudo\s+)?{first}\b", whole) or "<<" in whole or re.search(r"(?<!<)<\s*[\w./]+\.\w+", whole):
        return ""
    if first.startswith("python") and len(piece.split()) > 1:
        return ""
    if first == "sqlite3" and len(piece.split()) > 2:
        return ""
    return "opens its own prompt"


def endless_form(text: str) -> str:
    """Why a command never ends, or nothing."""
    ends = re.search(r"\btimeout\s+(?:-\S+\s+)*\d", text) is not None
    return _endless_words(text) or next((c.endless for c in commands_in(text) if c.endless and not ends), "")


def _endless_words(text: str) -> str:
    if re.match(r"timeout\b", text) or re.search(r"\btimeout\s+(?:-\S+\s+)*\d", text):
        return ""
    if text.rstrip().endswith("&") and not text.rstrip().endswith("&&"):
        return ""
    if re.match(r"while\s+(?:true|:|\[\s*1\s*\]|sleep)\b|until\s+false", text):
        return "" if re.search(r"\bbreak\b", text) else "loops without end"
    plain = _quoted_away(text)
    stops = re.search(r"\|\s*(?:head|grep -\w*m|sed \S*q|timeout)\b|\bgrep\s+(?:-\S+\s+)*-m", plain)
    for piece in pieces(text):
        why = _endless(piece)
        if why and not stops:
            return why
    inner = re.search(r"(?:sh|bash)\s+-\w*c\s+(['\"])(.*?)\1", text)
    return _endless(inner[2].strip()) if inner else ""


_FOLLOW = re.compile(r"\s(?:-[a-zA-Z]*[fF][a-zA-Z]*|--follow(?:=true|=name)?)(?=\s|$)")


def _endless(piece: str) -> str:
    words_ = piece.split()
    first = words_[0].rsplit("/", 1)[-1] if words_ else ""
    if first in {
        "kubectl",
        "oc",
        "k",
        "docker",
        "podman",
        "crictl",
        "stern",
        "docker-compose",
        "nomad",
        "heroku",
        "ctr",
    }:
        return _endless_remote(piece, words_)
    if first == "watch" and len(words_) > 1:
        return "repeats for ever"
    if first in {"tail", "journalctl"} and _FOLLOW.search(piece):
        return "follows the log for ever"
    if first == "dmesg" and re.search(r"\s(?:-\w*[wW]|--follow)\b", piece):
        return "follows the log for ever"
    if first == "top" and not re.search(r"\s-\w*[bn]|\s-l\s*\d", piece):
        return "runs until somebody quits it"
    if first == "ping" and not re.search(r"\s-\w*[cnw]\s*\w|\s-[cw]\b|\s-n\b|--count", piece) and len(words_) > 1:
        return "pings for ever: it has no count"
    if first == "tcpdump" and not re.search(r"\s-\w*[crG]\b|\s-\w*c\s*\d|--count", piece):
        return "captures for ever: it has no count"
    if first in {"vmstat", "iostat", "mpstat", "sar", "pidstat", "dstat", "ifstat", "numastat"}:
        numbers = [w for w in words_[1:] if re.fullmatch(r"\d+(?:\.\d+)?", w)]
        return "prints for ever: it has an interval and no count" if len(numbers) == 1 else ""
    if first == "nvidia-smi" and (
        re.search(r"\s(?:-l|--loop(?:-ms)?)(?:[ =]\d+)?\b", piece)
        or (re.search(r"\s(?:dmon|pmon)\b", piece) and not re.search(r"\s-c\s*\d", piece))
    ):
        return "prints for ever"
    if first == "dcgmi" and re.search(r"\sdmon\b", piece) and not re.search(r"\s-c\s*\d|--count", piece):
        return "prints for ever"
    if (
        (first == "rabbitmqctl" and "log_tail_stream" in piece)
        or (first == "redis-cli" and re.search(r"\s(?:monitor|MONITOR|--stat|--latency)\b", piece))
        or (first == "ceph" and re.search(r"\s(?:-w|--watch)\b", piece))
    ):
        return "prints for ever"
    if first == "mtr" and not re.search(r"\s-\w*[rc]|--report", piece):
        return "runs until somebody quits it"
    if first in {"Get-Content", "gc"} and re.search(r"-Wait\b", piece):
        return "follows the file for ever"
    if re.search(r"\bxargs\s+tail\b.*\s-f", piece) or first == "yes" or (first == "sleep" and "infinity" in piece):
        return "never ends"
    if first in {"kafka-console-consumer", "kafka-console-consumer.sh"} and not re.search(
        r"--(?:max-messages|timeout-ms)", piece
    ):
        return "consumes for ever"
    if first == "inotifywait" and re.search(r"\s(?:-m|--monitor)\b", piece):
        return "never ends"
    return ""


def _endless_remote(piece: str, words_: list[str]) -> str:
    if re.search(r"\slogs?\b", piece) and _FOLLOW.search(re.sub(r"\sexec\b.*", "", piece)):
        return "follows the log for ever"
    if (
        re.search(r"\s(?:get|status|top)\b", piece)
        and re.search(r"\s(?:-\w*w|--watch(?:=true|-only)?)(?=\s|$)", re.sub(r"\s--\s.*", "", piece))
        and "rollout" not in piece
    ):
        return "watches for ever"
    if re.search(r"\s(?:port-forward|proxy)\b", piece):
        return "holds the terminal until it is stopped"
    if re.search(r"\sevents\b", piece) and (
        re.search(r"\s(?:--watch|-w)\b", piece) or (words_[0] == "docker" and not re.search(r"--until", piece))
    ):
        return "watches for ever"
    if words_[0] == "docker" and re.match(r"docker stats\b(?!.*--no-stream)", piece):
        return "watches for ever"
    if words_[0] == "stern" and "--no-follow" not in piece:
        return "follows the log for ever"
    if (inner := re.split(r"\s--\s", piece, maxsplit=1)) and len(inner) == 2 and re.search(r"\bexec\b", piece):
        return _endless(inner[1].strip())
    return ""


_KUBECTL = words(
    "alpha annotate api-resources api-versions apply attach auth autoscale certificate cluster-info completion config"
    " cordon cp create debug delete describe diff drain edit events exec explain expose get help kustomize label logs"
    " options patch plugin port-forward proxy replace rollout run scale set taint top uncordon version wait"
)
_OC = _KUBECTL | words(
    "adm image login logout new-app new-build new-project observe policy process project projects registry rollback rsh"
    " rsync secrets serviceaccounts start-build status tag whoami extract idle import-image "
    "cancel-build ex debug get-token"
)
_PLUGINS = words(
    "krew neat ctx ns tree view-secret directpv cnpg argo hns node-shell rook-ceph cert-manager "
    "minio netshoot sniff trace stern"
)
_SUBCOMMANDS = {
    "kubectl": _KUBECTL,
    "k": _KUBECTL,
    "oc": _OC,
    "systemctl": words(
        "status start stop restart reload enable disable is-active is-enabled is-failed show cat "
        "list-units list-timers list-unit-files list-dependencies list-sockets list-jobs daemon-reload "
        "daemon-reexec mask unmask edit kill reset-failed reload-or-restart try-restart isolate poweroff "
        "reboot halt suspend hibernate set-property get-default set-default preset revert default rescue "
        "emergency set-environment show-environment reenable link clean freeze thaw import-environment "
        "unset-environment condrestart try-reload-or-restart help"
    ),
    "docker": words(
        "attach build builder buildx commit compose config container context cp create diff events exec "
        "export history image images import info init inspect kill load login logout logs manifest "
        "network node pause plugin port ps pull push rename restart rm rmi run save scout search secret "
        "service stack start stats stop swarm system tag top trust unpause update version volume wait"
    ),
    "helm": words(
        "completion create dependency dep env get help history install lint list ls package plugin pull "
        "push registry repo rollback search show inspect status template test uninstall delete upgrade "
        "verify version diff secrets del fetch init reset hist un"
    ),
    "scontrol": words(
        "show update hold release requeue requeuehold suspend resume reconfigure ping shutdown takeover "
        "create delete cancel_reboot reboot abort write top wait_job setdebug token uhold listpids "
        "notify completing cluster errnumstr help hostlist hostnames hostlistsorted pidinfo power "
        "schedloglevel setdebugflags version details fsdampeningfactor reconfig quiet getaddrs getent"
    ),
    "etcdctl": words(
        "alarm auth check compaction completion defrag del elect endpoint get help lease lock "
        "make-mirror member move-leader put role snapshot txn user version watch cluster-health ls set rm"
    ),
}
_ROLLOUT = words("status history undo restart pause resume retry latest cancel")
_FLAG_VALUE = re.compile(
    r"^\s+(?:(?:-n|--namespace|--context|--kubeconfig|--cluster|--user|--as|--token|-s|--server|-H|"
    r"--host|-M|--machine|-c|--config|--kube-context|-l|--log-level|--endpoints|--cacert|--cert|--key|"
    r"--request-timeout|-v)(?:[ =])(?:\"[^\"]*\"|'[^']*'|<[^<>]*>|\$\([^()]*\)|\S+)|"
    r"--?[A-Za-z][\w-]*(?:=\S+)?)(?=\s|$)"
)

_FLAG_ALONE = re.compile(r"^\s+(?:(?:-H|-M|-t|-p|-n)\s+\S+|--?[A-Za-z][\w-]*(?:=\S+)?)(?=\s|$)")


def broken_form(text: str) -> str:
    """Why a command cannot work, or nothing."""
    for piece in pieces(text):
        if why := _broken(piece):
            return why
    return ""


def _broken(piece: str) -> str:
    words_ = piece.split()
    first = words_[0].rsplit("/", 1)[-1] if words_ else ""
    known = _SUBCOMMANDS.get(first)
    if known is None or len(words_) < 2:
        return ""
    rest = piece[piece.find(words_[0]) + len(words_[0]) :]
    flags = _FLAG_ALONE if first == "systemctl" else _FLAG_VALUE
    for _ in range(12):
        found = flags.match(rest)
        if found is None:
            break
        rest = rest[found.end() :]
    sub = rest.split()[0] if rest.split() else ""
    if not sub or re.search(r"[<>$\"'{}\[\]()*|\\]|\.\.\.|^[A-Z_]+$", sub) or sub.startswith("-"):
        return ""
    if sub not in known and not (first in {"kubectl", "k", "oc"} and (sub in _PLUGINS or "/" in sub)):
        return f"{first} has no sub-command '{sub}'"
    after = rest.split()[1:]
    if first in {"kubectl", "k", "oc"}:
        if sub == "exec":
            return _exec_without_command(rest)
        if sub == "rollout" and (not after or (not after[0].startswith(("-", "<", "$")) and after[0] not in _ROLLOUT)):
            return f"'{first} rollout' needs one of status, history, undo, restart, pause, resume"
        if (
            sub
            in {
                "describe",
                "get",
                "delete",
                "scale",
                "logs",
                "drain",
                "cordon",
                "uncordon",
                "label",
                "annotate",
                "taint",
                "patch",
                "cp",
            }
            and not after
        ):
            return f"'{first} {sub}' names nothing to {sub}"
    return ""


def _exec_without_command(rest: str) -> str:
    text = re.sub(r"\$\([^()]*(?:\([^()]*\)[^()]*)*\)|<[^<>]*>|\"[^\"]*\"|'[^']*'", "X", rest)
    if re.search(r"\s--\s+\S", text):
        return ""
    if re.search(r"\s--\s*$", text):
        return "exec has no command after '--'"
    bare = re.sub(r"\s(?:-n|-c|--namespace|--container|--context|--pod-running-timeout)[ =]\S+", " ", text)
    rest_words = [w for w in bare.split()[1:] if not w.startswith("-")]
    return "exec has no command to run in the container" if len(rest_words) <= 1 else ""


_GRAVE = re.compile(
    r"(?<![\w-])--force\b|--grace-period[= ]0|(?<![\w.-])rm\s+(?:-\w+\s+)*-\w*[rRf]|"
    r"\b(?i:DROP\s+(?:TABLE|DATABASE|SCHEMA)|TRUNCATE\b|DELETE\s+FROM)|\bmkfs|\bwipefs|\bdd\b.*\bof=|"
    r"\bblkdiscard|\bsgdisk\b.*(?:-Z|--zap)|\bshred\b|\b(?:lv|vg|pv)remove\b|osd\s+(?:purge|destroy|"
    r"lost)|fs\s+rm\b|pool\s+(?:rm|delete)|\bsnap\s+purge|\brbd\s+(?:rm|remove)\b|terraform\s+destroy|"
    r"helm\s+(?:uninstall|delete)\b|(?i:flushall|flushdb)|force_reset|purge_queue|delete_queue|"
    r"git\s+push\s+.*(?:-f\b|--force)|reset\s+--hard|(?:terminate|delete)-[a-z]|s3\s+r[mb]\b|"
    r"(?:gcloud|az)\s.*\sdelete\b|member\s+remove|snapshot\s+restore|(?:system|volume|image)\s+prune|"
    r"kubeadm\s+reset|--delete-emptydir-data|--delete-local-data|find\s.*-delete\b|find\s.*-exec\s+rm|"
    r"kill\s+-(?:9|KILL|SIGKILL)|--topic\b.*--delete|--delete\b.*--topic|"
    r"\bkubectl\s.*\bdelete\s+(?:ns|namespaces?|pvc?s?|persistentvolume\w*|crd|customresource\w*|"
    r"nodes?|no|secrets?|all|sts|statefulsets?)\b|Remove-Item\b.*-Recurse|Format-Volume|Clear-Disk|"
    r"\btruncate\s+-s\s*0|velero\s+.*delete|vault\s+.*delete|cluster\s+reset",
)
_SEVERE = re.compile(
    r"\b(?:kubectl|oc|k)\s.*\b(?:delete|drain)\b|(?<![\w.-])rm\s|\breboot\b|\bshutdown\b|\bpoweroff\b|"
    r"nvidia-smi\s.*(?:-r\b|--gpu-reset)|\bscancel\b|osd\s+out|power\s+(?:cycle|reset|off)|"
    r"\bkill(?:all)?\s|\bpkill\s|scontrol\s+reboot|docker\s+(?:rm|kill)\b|crictl\s+(?:rmi?|rmp)\b|"
    r"systemctl\s+(?:stop|disable)\b|etcdctl\s.*\bdel\b|pg_terminate_backend|Stop-\w+|Remove-\w+|"
    r"Restart-Computer|ceph\s+.*mds\s+fail|-X\s*DELETE",
)
_REVERSIBLE = re.compile(
    r"\b(?:kubectl|oc|k)\s.*\b(?:scale|cordon|patch|label|annotate|taint|set\s+(?:image|env|"
    r"resources)|edit|autoscale)\b|systemctl\s+(?:stop|disable|mask)\b|osd\s+(?:out|set|reweight)\b|"
    r"scontrol\s+(?:update|hold|suspend)\b|nvidia-smi\s.*(?:-pl|-pm|-lgc|-ac)\b|sysctl\s+-w|"
    r"sed\s+(?:-\w+\s+)*-i|ceph\s+config\s+set|config\s+set\b|(?i:CONFIG SET|ALTER SYSTEM|"
    r"ALTER TABLE)|helm\s+upgrade\b|swapoff\b|iptables\s+-[AI]|chmod\s|chown\s|git\s+push|"
    r"kafka-configs\S*\s.*--alter|set_policy|set_vm_memory_high_watermark|replicas",
)
# Changes that end by themselves, or that nobody takes back.
_PASSING = re.compile(
    r"\b(?:sbatch|srun|salloc|docker|podman|u?n?mount|u?n?map|run|create|tag|push|build|re-?start|reload|clone|annotate"
    r"|start|undo|rollback|uncordon|state=(?:resume|idle)|resume|release|kill|delete|drain|login|copy|cp|mv|touch)\b",
    re.IGNORECASE,
)
# What is written, fetched or signed in on the reader's own machine, by the reasons that `tsg.commands` gives.
_LOCAL = re.compile(
    r"writes |(?:mkdir|touch) makes|(?:git clone|az account|kubectl config|gcloud config|scp|docker login|Connect-\w+"
    r"|Unblock-File|Expand-Archive|Set-Az\w*Context|Set-Location)\b|nvidia-bug-report"
)


def is_change(text: str) -> bool:
    """Whether a command changes something beside files of the reader's own."""
    return any(c.does is Does.CHANGES and not _LOCAL.match(c.why) for c in commands_in(text))


def is_grave(text: str) -> bool:
    """Whether what a change destroys is gone for good."""
    return is_change(text) and bool(_GRAVE.search(plain_command(text)))


def is_severe(text: str) -> bool:
    """Whether a change interrupts or removes something: delete, drain, reboot, kill, stop."""
    destroys = any(c.destructive for c in commands_in(text)) or bool(_SEVERE.search(plain_command(text)))
    return is_grave(text) or (is_change(text) and destroys)


def is_reversible(text: str) -> bool:
    """Whether a change leaves a state that somebody will have to take back."""
    if not is_change(text) or is_grave(text):
        return False
    plain = plain_command(text)
    lasting = any(c.reversible for c in commands_in(text)) and not _PASSING.search(plain)
    return lasting or bool(_REVERSIBLE.search(plain))


@lru_cache(maxsize=4096)
def commands_in(text: str) -> tuple[Command, ...]:
    """The parsed commands of a statement; what they are wrapped in (ssh, sudo, timeout) is taken off their words."""
    found = read_code("", text, 1).commands
    if found:
        return found
    inline = read_inline(text, 1)
    return (inline,) if inline is not None else ()
