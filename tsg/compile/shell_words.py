"""Which commands, subcommands and options only read. A command that is not here counts as a change."""

from __future__ import annotations

import re

from tsg.words import words

# Languages of blocks that nobody runs.
NO_COMMANDS = words(
    "conf csv diff hcl html ini json log markdown md mermaid none output plain properties text toml txt xml yaml yml"
)
SHELLS = words("bash console fish sh shell shell-session shellsession terminal zsh")
QUERY_LANGUAGES = words("promql logql")
SQL_LANGUAGES = words("sql kql kusto")

# Read whatever their arguments are; redirections are looked at elsewhere.
READERS = words(
    "[ [[ base64 blkid cat cd cmp column cut df diff dig du echo egrep env exit false fgrep file findmnt free getent"
    " grep head hexdump host ibstat ibstatus ibv_devinfo id iostat jq last less ll ls lsblk lscpu lshw lsmod lsof lspci"
    " lsusb md5sum more mpstat netstat nl nproc nslookup numactl pgrep ping ping6 printenv printf ps pwd read rev"
    " sacct sar sdiag set sha256sum sinfo sleep sprio squeue sshare stat strings tac tail test tr tracepath traceroute"
    " true uname uptime vmstat w wc whereis which who whoami zgrep"
)
# Read unless one of their changing options is given.
OPTIONS_FREE = words("curl dmesg find journalctl sort ss tree yq uniq")
# Read with one of these words first.
SUBCOMMANDS = {
    "amtool": words("check-config"),
    "ceph": words("status health df versions -s quorum_status"),
    "chronyc": words("tracking sources sourcestats activity"),
    "crictl": words("ps pods logs inspect inspectp images stats info version"),
    "dcgmi": words("discovery"),
    "docker": words("ps logs inspect images stats info version top"),
    "etcdctl": words("endpoint version get"),
    "git": words("status log show blame"),
    "helm": words("list ls status history version"),
    "ip": words("a addr address link route neigh rule r"),
    "kubectl": words("get describe logs top explain version cluster-info api-resources api-versions events"),
    "oc": words("get describe logs top explain version whoami status api-resources projects events"),
    "podman": words("ps logs inspect images stats info version top"),
    "promtool": words("query check"),
    "rados": words("df lspools ls"),
    "rbd": words("ls info du status children"),
    "scontrol": words("show ping"),
    "systemctl": words("status show is-active is-enabled is-failed list-units list-timers list-unit-files cat"),
    "timedatectl": words("status show"),
}
# Read with one of these pairs of words first.
PAIRS = {
    "ceph": frozenset(
        {"osd tree", "osd df", "osd status", "osd stat", "osd dump", "osd perf", "osd lspools", "pg stat", "pg dump",
         "mds stat", "fs status", "fs ls", "fs dump", "mon stat", "mon dump", "mgr services", "crash ls", "crash info",
         "device ls"}
    ),
    "etcdctl": frozenset({"member list", "alarm list"}),
    "helm": frozenset({"get values", "get manifest", "get all"}),
    "kubectl": frozenset(
        {"rollout status", "rollout history", "config view", "config get-contexts", "config current-context",
         "auth can-i"}
    ),
    "oc": frozenset({"rollout status", "rollout history", "adm top", "config view", "auth can-i"}),
    "rbd": frozenset({"snap ls", "trash ls"}),
}  # fmt: skip
# Options before a subcommand that take the next word as their value.
CLUSTER_OPTIONS = words("-n --namespace --context --kubeconfig --cluster --endpoints --cacert --cert --key -w -H")
CHANGING_OPTION = {
    "curl": re.compile(r"-[a-zA-Z]*[XdTFoOK].*|--(?:request|data|upload|form|output|json|config|remote).*"),
    "dmesg": re.compile(r"-[a-zA-Z]*[cCnDE].*|--(?:clear|console|read-clear).*"),
    "file": re.compile(r"-C|--compile"),
    "find": re.compile(r"-(?:delete|exec\w*|ok\w*|fprint\w*|fls)"),
    "ip": re.compile(r"add|del|delete|set|flush|change|replace|append|save|restore"),
    "journalctl": re.compile(r"--(?:vacuum|rotate|flush|sync|setup|update|relinquish|smart).*"),
    "nvidia-smi": re.compile(r"(?!-q$|-L$|-l$|-i$|-d$|-x$|-h$|-m$|--query|--format|--id|--loop|--list|--display)-.*"),
    "sort": re.compile(r"-[a-zA-Z]*o.*|--output.*|--compress-program.*"),
    "ss": re.compile(r"-[a-zA-Z]*K.*|--kill"),
    "tree": re.compile(r"-o.*"),
    "yq": re.compile(r"-[a-zA-Z]*i.*|--inplace"),
}
# Named so that an unlabelled block that begins with one is known to hold commands.
_WRITERS = words(
    "ansible apt apt-get bash chmod chown cp dd dnf eksctl gcloud gzip kill kustomize make mkdir mkfs modprobe mount mv"
    " nano nsenter pip pkill python python3 reboot rm rsync sbatch scancel scp sed service sh shutdown srun ssh sysctl"
    " tar tee terraform umount unzip velero vi vim xargs yum"
)
KNOWN = READERS | OPTIONS_FREE | _WRITERS | SUBCOMMANDS.keys() | words("aws az awk date hostname nvidia-smi sudo wget")
