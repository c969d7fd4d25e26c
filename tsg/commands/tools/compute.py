"""Slurm, GPUs, clouds and version control."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, Tool, always, plain_words, verbs
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words

_SCONTROL = verbs(
    reads="show, ping, listpids, getaddrs, listjobs, liststeps, write batch_script, help, version, errnumstr, token",
    undoable="update, hold, release, suspend, resume, uhold, create, write config, setdebug, setdebugflags, schedloglevel",
    changing="reconfigure, requeue, requeuehold, takeover, power, cluster, crontab, completing, top, notify, reboot",
    destroys="delete, shutdown, cancel_reboot, abort",
)


def _scontrol_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    settings = dict(w.lower().partition("=")[::2] for w in rest if "=" in w)
    names = {w.lower().partition("=")[0]: w.partition("=")[2] for w in rest if "=" in w}
    keys = [f"node:{names[k]}" for k in ("nodename", "node", "nodes") if names.get(k)]
    keys += [f"job:{names[k]}" for k in ("jobid", "job") if names.get(k)]
    if phrase == "show" and len(rest) > 1 and rest[0].lower() in {"node", "nodes", "job", "partition"}:
        keys = [f"{rest[0].lower().rstrip('s')}:{rest[1]}"]
    elif phrase in {"hold", "release", "requeue", "suspend", "resume"}:
        keys = [f"job:{r}" for r in rest[:8]]
    elif phrase == "reboot":
        keys = [f"node:{r}" for r in rest if "=" not in r and r.upper() != "ASAP"]
    if phrase == "reboot":
        verdict = changes("scontrol reboot restarts nodes", destructive=True)
    if phrase == "update" and settings.get("state", "") in {"down", "fail", "power_down", "power_down_force"}:
        verdict = replace(verdict, reversible=None, why="scontrol update ends the jobs on a node")
    return replace(verdict, touches=tuple(keys))


def _submits(call: Call) -> Verdict:
    """sbatch, srun and salloc take machines and run a program there."""
    inner = _slurm_program(call.args)
    if call.name == "srun" and inner:
        inside = call.judge.command(inner)
        interactive = inside.interactive or ("joins a terminal" if call.has("--pty") else "")
        if not inside.is_change:
            return replace(inside, interactive=interactive)
        return replace(inside, interactive=interactive, why=inside.why or "srun runs a program")
    if call.grants("--test-only"):
        return READS
    interactive = "waits in a shell on the allocated nodes" if call.name == "salloc" else ""
    return replace(changes(f"{call.name} starts a job"), interactive=interactive)


_SLURM_VALUED = words(
    "-A --account -p --partition -N --nodes -n --ntasks -w --nodelist -x --exclude -t --time -J --job-name -o --output -e"
    " --error -C --constraint -c --cpus-per-task --gres --gpus -G --mem --qos -q -d --dependency -D --chdir --mpi -m -M"
    " --jobid --reservation --ntasks-per-node --gpus-per-node --container-image --container-mounts -i --input --cpu-bind"
)


def _slurm_program(args: tuple[str, ...]) -> list[str]:
    skip = False
    for at, word in enumerate(args):
        if skip:
            skip = False
        elif word in _SLURM_VALUED:
            skip = True
        elif not word.startswith("-"):
            return list(args[at:])
    return []


def _sacctmgr(call: Call) -> Verdict:
    return Tool(
        verbs(reads="show, list, ping, dump, version", undoable="add, create, modify", changing="load, reconfigure, archive",
              destroys="delete, remove, shutdown, clear"),
        flags=words("-i -n -P -p --immediate --noheader --parsable --parsable2 -s"),
    )(call)  # fmt: skip


def _scancel(call: Call) -> Verdict:
    plain = plain_words(
        call.args, words("-u --user -p --partition -n --name -t --state -w -A --account -s --signal -q")
    )
    return replace(changes("scancel ends jobs", destructive=True), touches=tuple(f"job:{p}" for p in plain[:8]))


_SMI_READS = re.compile(
    r"-(?:q|L|l|i|d|x|h|B|f|s|c|o|u|a|lms|dm)|--(?:query|format|id|loop|list|display|help|version|filename|unit|xml|dtd|loop-ms)"
    r"[\w-]*(?:=.*)?"
)


def _nvidia_smi(call: Call) -> Verdict:
    first = next((a for a in call.args if not a.startswith("-")), "")
    gpu = call.value("-i", "--id")
    keys = (f"gpu:{gpu}",) if gpu else ()
    if call.has("--gpu-reset") or "-r" in call.args:
        return replace(changes("nvidia-smi resets the GPU", destructive=True), touches=keys or ("gpu:*",))
    loops = any(a in {"-l", "-lms"} or a.startswith(("--loop", "-l=")) for a in call.args)
    if call.args[:1] in {
        ("topo",),
        ("dmon",),
        ("pmon",),
        ("nvlink",),
        ("mig",),
        ("compute-policy",),
        ("c2c",),
        ("vgpu",),
        ("clocks",),
    }:
        return _smi_command(call, first, keys)
    for word in call.args:
        if word.startswith("-") and not _SMI_READS.fullmatch(word):
            return replace(changes(f"nvidia-smi {word.partition('=')[0]} changes a setting", reversible=True),
                           touches=keys or ("gpu:*",))  # fmt: skip
        if word.startswith("-c") and word != "-c":
            return changes("nvidia-smi -c sets the compute mode", reversible=True)
    if "-c" in call.args or "-f" in call.args or call.has("--filename"):
        name = call.value("-f", "--filename")
        if "-c" in call.args:
            return replace(changes("nvidia-smi -c sets the compute mode", reversible=True), touches=keys or ("gpu:*",))
        if name is not None and not name.startswith("/tmp/"):  # noqa: S108 - a path in a guide
            return changes(f"nvidia-smi writes {name}", reversible=True)
    endless = "nvidia-smi -l goes on until it is stopped" if loops else ""
    return replace(READS, touches=keys or ("gpu:*",), endless=endless)


def _smi_command(call: Call, first: str, keys: tuple[str, ...]) -> Verdict:
    options = {a.partition("=")[0] for a in call.args[1:] if a.startswith("-")}
    allowed = {
        "topo": None,
        "dmon": None,
        "pmon": None,
        "nvlink": {
            "-s",
            "-e",
            "-i",
            "-g",
            "-c",
            "-R",
            "-h",
            "--status",
            "--capabilities",
            "--errorcounters",
            "--id",
            "-gt",
        },
        "mig": {"-lgip", "-lgi", "-lci", "-lcip", "-lgipp", "-i", "-gi", "-h"},
        "c2c": {"-s", "-i"},
        "vgpu": {"-q", "-u", "-s", "-c", "-i"},
        "clocks": set(),
    }.get(first, set())
    if allowed is not None and not options <= allowed:
        kills = bool({"-dgi", "-dci"} & options)
        return replace(changes(f"nvidia-smi {first} changes a setting", destructive=kills), touches=keys or ("gpu:*",))
    endless = ""
    if first in {"dmon", "pmon"} and not call.has("-c", "--count"):
        endless = f"nvidia-smi {first} without -c goes on until it is stopped"
    return replace(READS, touches=keys or ("gpu:*",), endless=endless)


def _dcgmi(call: Call) -> Verdict:
    first = call.args[0] if call.args else ""
    options = {a.partition("=")[0] for a in call.args[1:] if a.startswith("-")}
    match first:
        case "discovery" | "dmon" | "nvlink" | "topo" | "modules" | "introspect" | "-v" | "--version" | "version":
            endless = ""
            if first == "dmon" and not call.has("-c", "--count") and "-l" not in options:
                endless = "dcgmi dmon without -c goes on until it is stopped"
            if first == "modules" and call.has("--denylist", "--blacklist"):
                return changes("dcgmi modules changes what is loaded")
            return replace(READS, endless=endless)
        case "health" if not options & {"-s", "--set", "--clear"}:
            return READS
        case "policy" if not options & {"--set", "--clear", "--reg"}:
            return READS
        case "config" if not options & {"--set", "--enforce"}:
            return READS
        case "group" | "fieldgroup" if options & {"-l", "--list", "-i", "--info"} and not options & {
            "-c",
            "-d",
            "-a",
            "-r",
        }:
            return READS
        case "stats" if options <= {"-v", "--verbose", "-j", "--job", "-p", "--pid", "-g", "--group", "--host"}:
            return READS
        case "diag":
            return replace(changes("dcgmi diag loads the GPUs with tests"), touches=("gpu:*",))
    return changes(f"dcgmi {first} changes a setting")


_AWS_READS = re.compile(
    r"(?:describe|list|get|head|batch-get|lookup|search|scan|query|select|filter|estimate|preview|detect|check|view|simulate|validate|ls|wait|tail|receive)(?:-[\w-]+)?"
)
_AWS_DESTROYS = re.compile(
    r"(?:delete|terminate|remove|rm|deregister|purge|revoke|disassociate|detach|reset|reboot|cancel|release|rb|stop|abort|batch-delete|force)(?:-[\w-]+)?"
)
_AWS_UNDOABLE = re.compile(
    r"(?:attach|create|add|tag|untag|put|enable|disable|associate|authorize|register|start|update|modify|set|suspend|resume|enter|exit)(?:-[\w-]+)?"
)
_AWS_VALUED = words(
    "--region --profile --output --query --endpoint-url --cli-input-json --ca-bundle --color --cli-read-timeout"
)
_AWS_CAREFUL = words("get-session-token")  # reads by its name, and does no more than that


def _aws(call: Call) -> Verdict:
    plain = plain_words(call.args, _AWS_VALUED)
    if call.grants("--dry-run", "--dryrun", "--generate-cli-skeleton"):
        return READS
    if len(plain) < 2:
        return READS if plain == ["help"] or call.grants("--version") else unknown("aws without an operation")
    service, verb = plain[0], plain[1]
    if service == "configure":
        return (
            READS
            if verb in {"list", "get", "list-profiles"}
            else changes("aws configure writes settings", reversible=True)
        )
    if service == "eks" and verb == "update-kubeconfig":
        return changes("aws eks update-kubeconfig writes the kubeconfig", reversible=True)
    if service == "s3" and verb in {"cp", "sync", "mv"}:
        to_here = len(plain) > 3 and plain[2].startswith("s3://") and not plain[3].startswith("s3://")
        if to_here and plain[3] == "-" and verb == "cp":
            return READS
        return changes(f"aws s3 {verb} writes files", destructive=verb == "mv" or call.has("--delete"))
    if service == "ssm" and verb == "start-session":
        return replace(unknown("aws ssm start-session opens a shell"), interactive="shell on an instance")
    if service in {"lambda", "stepfunctions"} and verb in {"invoke", "start-execution"}:
        return changes(f"aws {service} {verb} runs code")
    key = _aws_keys(call)
    if _AWS_READS.fullmatch(verb) and not (service == "sqs" and verb.startswith("receive")):
        endless = (
            "aws logs tail --follow goes on until it is stopped" if verb == "tail" and call.has("--follow") else ""
        )
        return replace(READS, touches=key, endless=endless)
    if verb == "stop-instances":
        return replace(changes("aws stop-instances stops machines", reversible=True), touches=key)
    if _AWS_DESTROYS.fullmatch(verb):
        return replace(changes(f"aws {service} {verb} cannot be undone", destructive=True), touches=key)
    if _AWS_UNDOABLE.fullmatch(verb):
        return replace(
            changes(f"aws {service} {verb} changes state that can be put back", reversible=True), touches=key
        )
    return replace(changes(f"aws {service} {verb} changes state"), touches=key)


def _aws_keys(call: Call) -> tuple[str, ...]:
    named = {"--instance-ids": "instance", "--instance-id": "instance", "--cluster-name": "cluster", "--role-name": "role",
             "--nodegroup-name": "nodegroup", "--volume-id": "volume", "--auto-scaling-group-name": "asg", "--bucket": "bucket"}  # fmt: skip
    return tuple(f"{kind}:{v}" for option, kind in named.items() if (v := call.value(option)))


_CLOUD_READS = re.compile(
    r"(?:list|show|get|describe|read|exists|wait|export-template|download|tail|print|search|query)(?:-[\w-]+)?"
)
_CLOUD_DESTROYS = re.compile(
    r"(?:delete|remove|purge|reset|deallocate|stop|restart|reimage|cancel|revoke)(?:-[\w-]+)?|redeploy"
)
_CLOUD_UNDOABLE = re.compile(
    r"(?:create|add|update|set|start|attach|detach|enable|disable|scale|resize|tag|assign|add-[\w-]+|set-[\w-]+)"
)


def _cloud(call: Call) -> Verdict:
    """`az vm list`, `gcloud compute instances describe NAME`: the verb ends the words before the options."""
    leading: list[str] = []
    for word in call.args:
        if word.startswith("-"):
            break
        leading.append(word)
    if call.name == "gcloud" and leading[:1] in (["alpha"], ["beta"]):
        leading = leading[1:]
    name = " ".join([call.name, *leading[:4]])
    if not leading:
        return READS if call.grants("--version") else unknown(f"{call.name} without an operation")
    match (call.name, *leading[:3]):
        case ("gcloud", "info" | "version" | "topic", *_):
            return READS
        case ("gcloud", "auth", "login" | "activate-service-account" | "application-default", *_) | (
            "az",
            "login" | "logout",
            *_,
        ):
            return replace(
                changes(f"{name} changes the login", reversible=True),
                interactive="asks to log in" if "login" in leading else "",
            )
        case ("gcloud", "compute", "ssh", *_) | ("az", "ssh", *_):
            command = call.value("--command")
            if command:
                return call.judge.script(command)
            return replace(unknown(f"{name} opens a shell"), interactive="shell on another machine")
        case ("gcloud", "logging", "read" | "tail", *_) | ("az", "monitor", "metrics", "list", *_):
            return READS
        case ("az", "rest", *_):
            method = (call.value("--method", "-m") or "get").lower()
            return (
                READS
                if method in {"get", "head"}
                else changes(f"az rest {method} changes state", destructive=method == "delete")
            )
        case ("az", "account", "set", *_) | ("gcloud", "config", "set", *_):
            return changes(f"{name} changes local settings", reversible=True)
        case ("az", "aks", "get-credentials", *_) | ("gcloud", "container", "clusters", "get-credentials"):
            return changes(f"{name} writes the kubeconfig", reversible=True)
        case ("az", "vm", "run-command", "invoke" | "create") | ("az", "aks", "command", "invoke"):
            scripts = call.value("--scripts", "--command", "-c")
            return call.judge.script(scripts) if scripts else unknown(f"{name} runs a script")
    verbs_at = [w for w in leading[1:6] if not w.startswith(("<", "$", "{"))]
    for word in reversed(verbs_at):
        if word in {"stop", "deallocate", "restart"}:
            return changes(f"{name} ends what runs there", reversible=None if word == "restart" else True)
        if _CLOUD_DESTROYS.fullmatch(word):
            return changes(f"{name} cannot be undone", destructive=True)
        if word == leading[-1] and _CLOUD_UNDOABLE.fullmatch(word):
            return changes(f"{name} changes state that can be put back", reversible=True)
    last = leading[-1]
    if call.name == "az":
        reads = _CLOUD_READS.fullmatch(last) is not None
    else:
        named = (
            len(leading) > 2 and re.fullmatch(r"describe|get-[\w-]+|list|read|ssh-diagnose", leading[-2]) is not None
        )
        reads = (_CLOUD_READS.fullmatch(last) is not None and last != "describe") or named
    return READS if reads else changes(f"{name} is not known to only read")


_GIT = verbs(
    reads="""status, log, show, blame, diff, describe, rev-parse, rev-list, ls-files, ls-remote, ls-tree, cat-file, shortlog,
        reflog, grep, whatchanged, branch, tag, remote, remote show, remote get-url, stash list, stash show, config, version,
        fsck, count-objects, cherry, merge-base, name-rev, worktree list, submodule status, bisect log, for-each-ref, help,
        verify-commit, show-ref, symbolic-ref, archive""",
    undoable="""add, commit, checkout, switch, clone, fetch, pull, merge, revert, stash, stash push, stash save, stash pop,
        stash apply, cherry-pick, remote add, remote set-url, mv, init, apply, am, restore, worktree add, bisect,
        submodule update, submodule init, notes, sparse-checkout""",
    changing="push, rebase, gc, repack, maintenance",
    destroys="reset, clean, rm, stash drop, stash clear, remote remove, remote rm, filter-branch, prune, reflog expire,"
    " reflog delete, update-ref, worktree remove, filter-repo",
)


def _git_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    if phrase == "push":
        forced = call.has("--force", "-f", "--delete", "--force-with-lease", "--mirror", "--prune")
        return changes("git push sends commits", destructive=forced)
    if phrase in {"branch", "tag"} and call.has("-D", "-d", "--delete"):
        return changes(f"git {phrase} -d removes a name", destructive=True)
    if (
        phrase in {"branch", "tag"}
        and rest
        and not call.grants("-l", "--list", "--contains", "--merged", "--no-merged", "--points-at")
    ):
        return changes(f"git {phrase} makes a name", reversible=True)
    if phrase in {"branch"} and call.has("-m", "-M", "-f", "-u", "--set-upstream-to"):
        return changes("git branch changes a name", reversible=True)
    if (
        phrase == "config"
        and not call.grants("--get", "--list", "-l", "--get-all", "--get-regexp", "get", "list")
        and len(rest) != 1
    ):
        return changes("git config changes settings", reversible=True)
    if phrase == "symbolic-ref" and len(rest) > 1:
        return changes("git symbolic-ref moves a name", reversible=True)
    if phrase in {"archive", "diff", "log", "show"} and call.has("-o", "--output"):
        return changes(f"git {phrase} writes a file", reversible=True)
    if phrase == "remote" and rest:
        return changes("git remote changes settings", reversible=True)
    if phrase == "reset" and not call.has("--hard", "--merge", "--keep"):
        return changes("git reset moves a branch", reversible=True)
    if phrase == "clean" and call.grants("-n", "--dry-run"):
        return READS
    if phrase in {"checkout", "restore"} and (
        "--" in call.args or phrase == "restore" or "." in rest or call.has("-f", "--force")
    ):
        return changes(f"git {phrase} drops local changes", destructive=True)
    return verdict


GIT = Tool(
    _GIT,
    words("-C -c --git-dir --work-tree --namespace --exec-path"),
    words("--no-pager -P -p --paginate --bare"),
    _git_refined,
)


def _git(call: Call) -> Verdict:
    setting = call.value("-c") or ""
    if setting.startswith(("alias.", "core.pager", "core.editor", "core.sshCommand", "core.fsmonitor")):
        return unknown("git -c runs a program of its own")
    return GIT(call)


TOOLS: dict[str, Rule] = {
    "scontrol": Tool(_SCONTROL, words("-M --clusters -u --uid"), words("-o --oneliner -d --details -a --all -Q --quiet -v --json"),
                     _scontrol_refined, bare=replace(unknown("opens the scontrol prompt"), interactive="scontrol prompt")),
    "scancel": _scancel,
    "sbatch": _submits,
    "srun": _submits,
    "salloc": _submits,
    "sacctmgr": _sacctmgr,
    "strigger": Reader(("--set", "--clear")),
    "sattach": always(replace(unknown("{name} joins a running job"), interactive="joins a terminal")),
    **{n: Reader((), ("-i", "--iterate")) for n in ("squeue", "sinfo")},
    **{n: always(READS) for n in ("sacct", "sprio", "sshare", "sstat", "sreport", "seff", "nodeset")},
    "sdiag": Reader(("-r", "--reset")),
    "slurmd": lambda c: READS if c.grants("-C", "-V", "-G") else unknown("slurmd starts a node's daemon"),
    "slurmctld": always(unknown("{name} starts the controller")),
    "nvidia-smi": _nvidia_smi,
    "dcgmi": _dcgmi,
    "nv-fabricmanager": lambda c: READS if c.grants("-v", "--version", "-h", "--help") else changes("starts the fabric manager"),
    "nvidia-bug-report.sh": always(changes("{name} writes a report", reversible=True)),
    **{n: always(changes("{name} loads the GPUs with tests")) for n in ("dcgmproftester12", "dcgmproftester11", "gpu-burn", "gpu_burn", "nvbandwidth")},
    "nvidia-persistenced": always(changes("{name} keeps the driver loaded", reversible=True)),
    "rocm-smi": lambda c: READS if all(a.startswith(("--show", "-a", "-i", "--json")) or not a.startswith("-") for a in c.args) else changes("rocm-smi changes a setting"),
    "aws": _aws,
    "az": _cloud,
    "gcloud": _cloud,
    "eksctl": Tool(verbs(reads="get, version, info, utils describe-stacks", undoable="create, scale, enable, disable, associate, set",
                         changing="upgrade, drain, utils, register", destroys="delete, deregister, unset")),
    "gsutil": Tool(verbs(reads="ls, cat, stat, du, version, hash, logging get, iam get", undoable="cp, mb, setmeta, iam ch", changing="acl, iam set, perfdiag",
                         destroys="rm, rb, mv, rsync")),
    "git": _git,
    "gh": Tool(verbs(reads="pr view, pr list, pr diff, pr status, pr checks, issue view, issue list, run view, run list, run watch, repo view, auth status,"
                           " release list, release view, workflow list, workflow view, search",
                     undoable="pr create, issue create, pr comment, issue comment, pr edit, pr close, pr reopen, repo clone, workflow disable, workflow enable",
                     changing="pr merge, workflow run, run rerun, run cancel, api, auth login", destroys="repo delete, release delete, run delete, issue delete")),
}  # fmt: skip
STRONG = words(
    "scontrol scancel sbatch srun salloc sacctmgr squeue sinfo sacct nvidia-smi dcgmi nv-fabricmanager aws az gcloud eksctl git"
    " sdiag sprio sshare gsutil nvidia-bug-report.sh"
)
