"""Sub-commands that programs have, and what they cannot do without: lists that are closed, as of their manuals."""

from __future__ import annotations

from collections.abc import Sequence

from tsg.commands.tools.kubernetes import VALUED as OF_KUBECTL
from tsg.commands.tools.table import plain_words
from tsg.words import words

_ROLLOUT = words("status history undo restart pause resume")
_ENGINE = words(
    "attach build builder buildx commit compose config container context cp create diff events exec export generate"
    " healthcheck history image images import info init inspect kill kube load login logout logs machine manifest mount"
    " network node pause plugin pod port ps pull push rename restart rm rmi run save scout search secret service stack"
    " start stats stop swarm system tag top trust unmount unpause unshare untag update version volume wait play help"
    " artifact auto-update farm login model mcp debug desktop extension"
)
_COMPOSE = words(
    "attach bridge build commit config cp create down events exec export images kill logs ls pause port ps publish pull"
    " push restart rm run scale start stats stop top unpause up version volumes wait watch help alpha"
)
_HELM = words(
    "completion create dependency dep env get help history hist install lint list ls package plugin pull fetch push"
    " registry repo rollback search show inspect status template test uninstall del delete un upgrade verify version"
    " diff secrets s3 mapkubeapis"
)
_TERRAFORM = words(
    "init validate plan apply destroy console fmt force-unlock get graph import login logout metadata modules output"
    " providers refresh rpc query show stacks state taint test untaint version workspace help env 0.13upgrade"
)
_GIT = words(
    "add am annotate apply archive backfill bisect blame branch bugreport bundle cat-file check-ignore checkout"
    " cherry cherry-pick clean clone column commit config count-objects credential describe diff diff-tree difftool"
    " fast-export fast-import fetch filter-branch for-each-ref format-patch fsck gc gitk grep gui hash-object help"
    " init instaweb lfs log ls-files ls-remote ls-tree maintenance merge merge-base merge-file mergetool mv name-rev"
    " notes prune pull push range-diff read-tree rebase reflog remote repack replace request-pull rerere reset restore"
    " rev-list rev-parse revert rm send-email shortlog show show-branch show-ref sparse-checkout stash status"
    " stripspace submodule subtree svn switch symbolic-ref tag"
    " update-index update-ref var verify-commit verify-pack version"
    " whatchanged worktree write-tree crypt flow p4 cvsimport daemon archimport interpret-trailers update-server-info"
)
_SCONTROL = words(
    "abort assoc_mgr cancel_reboot completing config create delete details errnumstr exit help hold notify oneliner"
    " partition pidinfo listjobs liststeps listpids ping power quiet quit reboot reboot_nodes reconfigure release"
    " requeue requeuehold resume schedloglevel schedtoday setdebug setdebugflags show shutdown suspend takeover token"
    " top uhold update update_job verbose version wait_job write getaddrs fsdampeningfactor bbstat dwstat"
)
_SYSTEMCTL = words(
    "list-units list-sockets list-timers list-automounts list-paths is-active is-failed status show cat help"
    " list-dependencies start stop reload restart try-restart reload-or-restart try-reload-or-restart force-reload"
    " isolate kill clean freeze thaw set-property bind mount-image service-log-level service-log-target reset-failed"
    " whoami list-unit-files enable disable reenable preset preset-all is-enabled mask unmask link revert add-wants"
    " add-requires edit get-default set-default list-machines list-jobs cancel show-environment set-environment"
    " unset-environment import-environment log-level log-target service-watchdogs daemon-reload daemon-reexec"
    " is-system-running default rescue emergency halt poweroff reboot kexec soft-reboot exit switch-root sleep suspend"
    " hibernate hybrid-sleep suspend-then-hibernate condrestart"
)
_CLOSED: dict[tuple[str, ...], frozenset[str]] = {
    ("kubectl", "rollout"): _ROLLOUT,
    ("oc", "rollout"): _ROLLOUT | words("latest retry cancel"),
    ("kubectl", "top"): words("node nodes no pod pods po"),
    ("kubectl", "auth"): words("can-i reconcile whoami"),
    ("kubectl", "certificate"): words("approve deny"),
    ("kubectl", "set"): words("image env resources selector serviceaccount sa subject"),
    ("docker",): _ENGINE,
    ("podman",): _ENGINE,
    ("docker", "compose"): _COMPOSE,
    ("docker-compose",): _COMPOSE,
    ("helm",): _HELM,
    ("terraform",): _TERRAFORM,
    ("git",): _GIT,
    ("scontrol",): _SCONTROL,
    ("systemctl",): _SYSTEMCTL,
    ("etcdctl", "endpoint"): words("health status hashkv"),
    ("etcdctl", "member"): words("add list promote remove update"),
    ("crictl",): words(
        "attach create exec version images inspect inspecti imagefsinfo inspectp logs port-forward ps pull run runp rmi"
        " rm rmp pods start info stop stopp update config stats statsp completion checkpoint runtime-config events"
        " update-runtime-config help img image rt"
    ),
}
_VALUED = {
    "docker": words("-H --host -c --context --config -l --log-level"),
    "docker-compose": words("-f --file -p --project-name --profile --env-file"),
    "docker compose": words("-f --file -p --project-name --profile --env-file"),
    "helm": words("-n --namespace --kube-context --kubeconfig --kube-token --kube-apiserver"),
    "git": words("-C -c --git-dir --work-tree --namespace"),
    "scontrol": words("-M --clusters -u --uid"),
    "systemctl": words("-H --host -M --machine -t --type -n --lines -o --output -p --property -s --signal --state"),
    "crictl": words("-r --runtime-endpoint -i --image-endpoint -t --timeout -c --config"),
    "etcdctl": words("--endpoints --cacert --cert --key --user --password --command-timeout --dial-timeout -w"),
}
_AFTER = OF_KUBECTL | words(
    "-l --selector -f --filename -k --kustomize -o --output -c --container --timeout --grace-period --to-revision"
    " --replicas -p --patch --type --for --field-selector --revision --current-replicas --resource-version --patch-file"
)
_NEEDS_OBJECT = words(
    "get rollout delete cordon uncordon drain describe scale patch label annotate edit exec logs taint wait"
)
_NEEDS_ONE = {
    "systemctl": words("start stop restart reload enable disable mask unmask try-restart reload-or-restart"),
    "helm": words("rollback upgrade uninstall install history"),
    "docker": words("restart stop start kill rm inspect logs exec"),
    "podman": words("restart stop start kill rm inspect logs exec"),
    "scontrol": words("requeue hold release suspend resume update"),
}
_NAMES_BY_OPTION = ("-f", "--filename", "-k", "--kustomize", "-l", "--selector", "--all", "--raw", "-R", "--patch-file")


def unknown_subcommand(argv: Sequence[str]) -> str:
    """What is wrong with the sub-command of a command, or nothing."""
    if not argv:
        return ""
    name = "kubectl" if argv[0] == "k" else argv[0]
    valued = OF_KUBECTL if name in {"kubectl", "oc"} else _VALUED.get(name, frozenset())
    if name == "docker" and "compose" in argv:
        valued |= _VALUED["docker compose"]
    plain = plain_words(argv[1:], valued)
    for deep in (1, 2):
        known = _CLOSED.get((name, *plain[: deep - 1]))
        word = plain[deep - 1] if len(plain) >= deep else ""
        if known is not None and word.replace("-", "").replace("_", "").isalpha() and word.lower() not in known:
            if word.isupper() or (deep == 1 and word[0].isupper()):
                return ""
            group = " ".join((argv[0], *plain[: deep - 1]))
            some = ", ".join(sorted(known)) if len(known) <= 8 else ""
            return f"{group} has no command '{word}'" + (f"; it has {some}" if some else "")
    return ""


def missing_argument(argv: Sequence[str]) -> str:
    """What a command cannot do without and lacks, or nothing."""
    if not argv or "--help" in argv or "-h" in argv:
        return ""
    if argv[0] in _NEEDS_ONE:
        plain = plain_words(argv[1:], _VALUED.get(argv[0], frozenset()))
        is_bare = len(plain) == 1 and plain[0] in _NEEDS_ONE[argv[0]] and "--all" not in argv
        return f"{argv[0]} {plain[0]} names nothing to work on" if is_bare else ""
    return _missing_of_kubectl(argv) if argv[0] in {"kubectl", "oc", "k"} else ""


def _missing_of_kubectl(argv: Sequence[str]) -> str:
    plain = plain_words(argv[1:], _AFTER)
    if not plain or plain[0] not in _NEEDS_OBJECT:
        return ""
    verb = " ".join(plain[:2]) if plain[0] == "rollout" else plain[0]
    rest = plain[2:] if plain[0] == "rollout" else plain[1:]
    if plain[0] == "rollout" and len(plain) < 2:
        return ""
    by_option = any(w.partition("=")[0] in _NAMES_BY_OPTION or w[:2] in {"-f", "-l", "-k"} for w in argv)
    if not rest and not by_option:
        return f"{argv[0]} {verb} names nothing to work on"
    if verb == "scale" and not any(w.startswith("--replicas") for w in argv):
        return f"{argv[0]} scale needs --replicas"
    if verb == "wait" and not any(w.startswith("--for") for w in argv):
        return f"{argv[0]} wait needs --for: what to wait for"
    if verb == "exec" and "--" not in argv and len(rest) < 2 and not by_option:
        return f"{argv[0]} exec needs a command to run: add -- and the command"
    return ""
