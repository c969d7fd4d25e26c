"""What a change does to the world, as the checks weigh it: an interruption, a loss for good, a state to take back."""

from __future__ import annotations

import re

from tsg.commands import Does
from tsg.mentor.code import Statement
from tsg.mentor.wording import ACT

# What is written, fetched or signed in on the reader's own machine, by the reasons that `tsg.commands` gives.
_LOCAL = re.compile(
    r"writes |(?:mkdir|touch) makes|(?:git clone|az account|kubectl config|gcloud config|scp|docker login|Connect-\w+"
    r"|Unblock-File|Expand-Archive|Set-Az\w*Context|Set-Location)\b|nvidia-bug-report"
)
_INTERRUPTS = re.compile(
    r"\b(?:kubectl|oc|k)\s.*\bdrain\b|\b(?:kill|killall|pkill)\s|\b(?:reboot|shutdown|poweroff|scancel)\b|"
    r"\bosd\s+out\b|\bpower\s+(?:cycle|reset|off)\b|\bsystemctl\s+(?:stop|disable)\b|pg_terminate_backend|"
    r"\bStop-\w+|\bdocker\s+kill\b|\bmds\s+fail\b"
)
# What a controller or an init system starts again.
_REMADE = frozenset({"pod", "job", "deployment", "replicaset", "daemonset"})
_RESTARTS = re.compile(
    r"\b(?:reboot|shutdown|poweroff|pkill|Restart-Computer)\b|--gpu-reset\b|\bkill(?:all)?\s(?!-(?:9|KILL|SIGKILL)\b)"
)
_NAMED = ACT - {"run", "format", "map", "cut", "open", "mark", "sync", "apply", "block", "label", "tag", "set", "free"}
# What no reader of commands knows for certain, and its own words tell.
_TELLS = re.compile(
    r"(?<![\w-])--force\b(?!-with-lease|=false)|--reset-offsets\b.{0,200}--execute\b|\bstate=(?:stopped|absent)\b"
    r"|\b(?:celery|rabbitmqadmin|nomad|virsh|pulsar-admin|nats|tofu|pulumi|oci|ovs-vsctl)\b.{0,200}"
    r"\b(?:purge|destroy|delete|shutdown|-purge|reset|rm|drop|clear-backlog|del-br)\b"
    r"|\b(?:pg_drop_replication_slot|DROP COLUMN|DROP PARTITION|RESET MASTER|RESET (?:ALL )?SLAVE)\b",
    re.IGNORECASE,
)
_FORCE = re.compile(r"(?<![\w-])--force\b|--grace-period[= ]0\b")
_STAYS = re.compile(
    r"\b(?:kubectl|oc|k)\s.*\b(?:scale|cordon|patch|label|annotate|taint|set\s+(?:image|env|"
    r"resources)|edit|autoscale)\b|systemctl\s+(?:stop|disable|mask)\b|osd\s+(?:out|set|reweight)\b|"
    r"scontrol\s+(?:update|hold|suspend)\b|nvidia-smi\s.*(?:-pl|-pm|-lgc|-ac)\b|sysctl\s+-w|"
    r"sed\s+(?:-\w+\s+)*-i|ceph\s+config\s+set|config\s+set\b|(?i:CONFIG SET|ALTER SYSTEM|"
    r"ALTER TABLE)|helm\s+upgrade\b|swapoff\b|iptables\s+-[AI]|chmod\s|chown\s|git\s+push|"
    r"kafka-configs\S*\s.*--alter|set_policy|set_vm_memory_high_watermark|replicas"
)
# Changes that end by themselves, or that nobody takes back.
_PASSES = re.compile(
    r"\b(?:sbatch|srun|salloc|docker|podman|u?n?mount|u?n?map|run|create|tag|push|build|re-?start|reload|clone|annotate"
    r"|start|undo|rollback|uncordon|state=(?:resume|idle)|resume|release|kill|delete|drain|login|copy|cp|mv|touch)\b",
    re.IGNORECASE,
)


def is_change(statement: Statement) -> bool:
    """Whether it changes something beside files of the reader's own."""
    return statement.command.does is Does.CHANGES and not _LOCAL.match(statement.command.why)


def acts(statement: Statement) -> bool:
    """Whether it changes something, or is not known and names a change: `celery control rate_limit TASK 10/m`."""
    if statement.command.does is not Does.UNKNOWN:
        return is_change(statement)
    plain = (word for word in statement.command.argv[1:] if re.fullmatch(r"[a-z_-]+", word))
    return any(w in _NAMED for word in plain for w in re.split("[_-]", word))


def is_grave(statement: Statement) -> bool:
    """Whether what it destroys is gone for good."""
    command = statement.command
    if not (command.destructive and is_change(statement)):
        return False
    kinds = {key.partition(":")[0] for key in command.touches}
    if "delete" in command.argv and kinds & _REMADE and not kinds & {"persistentvolumeclaim", "node", "secret"}:
        return bool(_FORCE.search(statement.text))
    return not _RESTARTS.search(statement.text)


def is_severe(statement: Statement) -> bool:
    """Whether it interrupts or removes something: delete, drain, reboot, kill, stop."""
    if statement.command.does is Does.UNKNOWN:
        return bool(_TELLS.search(statement.text))
    return is_change(statement) and (
        statement.command.destructive or bool(_INTERRUPTS.search(statement.text) or _TELLS.search(statement.text))
    )


def is_reversible(statement: Statement) -> bool:
    """Whether it leaves a state that somebody will have to take back."""
    if not acts(statement) or is_grave(statement):
        return False
    unknown = statement.command.does is Does.UNKNOWN
    lasts = (unknown or bool(statement.command.reversible)) and not _PASSES.search(statement.text)
    return lasts or bool(_STAYS.search(statement.text))
