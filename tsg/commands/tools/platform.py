"""Services, packages, containers, charts and stores that hold a cluster together."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, Tool, always, verbs
from tsg.commands.verdict import READS, Verdict, changes, unknown, worst
from tsg.words import words

_HELM = verbs(
    reads="""list, ls, status, history, version, get, get values, get manifest, get all, get notes, get hooks, show, search,
        inspect, template, lint, env, verify, repo list, plugin list, dependency list, diff, test, pull, fetch""",
    undoable="install, upgrade, rollback, repo add, repo update, dependency update, dependency build, registry login, create,"
    " plugin install, repo index, package",
    changing="push",
    destroys="uninstall, delete, del, un, repo remove, plugin uninstall",
)


def _helm_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    if call.grants("--dry-run"):
        verdict = READS
    if phrase == "template" and call.has("--output-dir"):
        return changes("helm template writes files", reversible=True)
    if phrase == "test":
        verdict = changes("helm test starts pods", reversible=True)
    if phrase in {"pull", "fetch"}:
        verdict = changes("helm pull writes files", reversible=True)
    takes_release = {"install", "upgrade", "rollback", "uninstall", "delete", "status", "history"}
    names = rest[:1] if phrase in takes_release or phrase.startswith("get ") else []
    if phrase == "upgrade" and call.has("--force", "--reset-values"):
        verdict = replace(verdict, reversible=None)
    return replace(verdict, touches=tuple(f"release:{n}" for n in names))


_SYSTEMCTL = verbs(
    reads="""status, show, is-active, is-enabled, is-failed, is-system-running, list-units, list-timers, list-unit-files,
        list-sockets, list-dependencies, list-jobs, list-machines, cat, help, get-default, show-environment""",
    undoable="start, stop, enable, disable, mask, unmask, set-property, set-default, isolate, add-wants, link, preset",
    changing="""restart, reload, try-restart, reload-or-restart, reset-failed, daemon-reload, daemon-reexec, edit, revert,
        set-environment, cancel, freeze, thaw, reenable, condrestart, force-reload""",
    destroys="kill, reboot, poweroff, halt, kexec, rescue, emergency, suspend, hibernate, soft-reboot, clean",
)


def _systemctl_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    keys = tuple(f"unit:{r.removesuffix('.service')}" for r in rest[:8])
    interactive = "opens an editor" if phrase == "edit" else ""
    return replace(verdict, touches=keys, interactive=interactive)


def _service(call: Call) -> Verdict:
    if call.has("--status-all") or call.args[1:2] == ("status",):
        return READS
    action = call.args[1] if len(call.args) > 1 else ""
    verdict = changes(f"service {action} changes a service", reversible=True if action in {"start", "stop"} else None)
    return replace(verdict, touches=tuple(f"unit:{a}" for a in call.args[:1]))


def _journalctl(call: Call) -> Verdict:
    for option in ("--vacuum-size", "--vacuum-time", "--vacuum-files"):
        if call.has(option):
            return changes(f"journalctl {option} removes old logs", destructive=True)
    for option in ("--rotate", "--flush", "--sync", "--setup-keys", "--update-catalog", "--relinquish-var",
                   "--smart-relinquish-var", "--cursor-file"):  # fmt: skip
        if call.has(option):
            return changes(f"journalctl {option} changes the journal")
    follows = "--follow" in call.args or any(
        w[0] == "-" and not w.startswith("--") and "f" in _journal_flags(w) for w in call.args if len(w) > 1
    )
    return replace(READS, endless="journalctl -f goes on until it is stopped" if follows else "")


def _journal_flags(word: str) -> str:
    """The letters of a cluster of short options up to the one that takes the rest as its value (`-unfs-server`)."""
    letters = ""
    for letter in word[1:]:
        letters += letter
        if letter in "uStpnocgDM":
            break
    return letters


_DOCKER = verbs(
    reads="""ps, logs, inspect, images, stats, info, version, top, port, history, diff, search, events, container ls,
        container list, container inspect, container logs, container stats, container top, image ls, image list,
        image inspect, image history, volume ls, volume inspect, network ls, network inspect, system df, system info,
        system events, context ls, node ls, node inspect, node ps, service ls, service ps, service inspect, service logs,
        stack ls, stack ps, compose ps, compose logs, compose config, compose top, compose images, compose version,
        compose ls, manifest inspect, plugin ls, container ps, pod ps, pod inspect, pod stats, healthcheck run, wait,
        buildx ls, swarm unlock-key, container diff, container port, scout""",
    undoable="""start, stop, pause, unpause, tag, pull, create, rename, update, build, run, compose up, compose start,
        compose stop, compose build, compose pull, compose scale, compose pause, network create, network connect,
        network disconnect, volume create, container start, container stop, login, logout, image pull, image tag, commit,
        service scale, service update, service create, service rollback, node update, image build, buildx build, load,
        import, image load, context use, save, export, container run, container create, secret create, config create,
        checkpoint, unmount, mount""",
    changing="restart, exec, container restart, container exec, compose restart, compose run, compose exec, cp, container cp,"
    " push, image push, attach, stack deploy, swarm, compose cp, manifest, container attach, compose push, system migrate",
    destroys="""rm, rmi, kill, container rm, container kill, container prune, image rm, image prune, volume rm,
        volume prune, network rm, network prune, system prune, compose down, compose rm, compose kill, builder prune,
        stack rm, service rm, node rm, secret rm, config rm, pod rm, system reset, buildx prune, manifest rm, plugin rm""",
)
_CRICTL = verbs(
    reads="ps, pods, logs, inspect, inspecti, inspectp, images, image, img, imagefsinfo, stats, statsp, info, version, port-forward,"
    " metricsp, events, completion",
    undoable="start, stop, stopp, config, pull, create, update, run, runp",
    changing="exec, attach",
    destroys="rm, rmp, rmi",
)
_CTR = verbs(
    reads="""containers ls, containers list, containers info, container ls, c ls, images ls, images list, images check, image ls,
        i ls, tasks ls, tasks list, task ls, t ls, tasks ps, task ps, tasks metrics, namespaces ls, namespace ls, ns ls,
        snapshots ls, snapshot ls, snapshots usage, content ls, plugins ls, leases ls, version, events, info""",
    undoable="images pull, image pull, images tag, images import, image import, images export, images mount, run",
    changing="tasks exec, task exec, t exec, tasks start, tasks pause, tasks resume, images push",
    destroys="containers rm, container rm, c rm, images rm, image rm, i rm, tasks kill, task kill, t kill, tasks rm, task rm,"
    " snapshots rm, snapshot rm, content prune, images prune, namespaces rm",
)
_CONTAINER_VALUED = words(
    "-H --host -c --context --config -l --log-level --tlscacert --tlscert --tlskey -n --namespace -a --address"
    " -r --runtime-endpoint -i --image-endpoint -t --timeout --root --url --connection --storage-driver -f --file"
    " --project-name -p --profile --project-directory --env-file"
)


def _container_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    last = phrase.rpartition(" ")[2]
    if last == "exec":
        return _container_exec(call, rest, verdict)
    keys = tuple(f"container:{r}" for r in rest[:8]) if last in _OF_CONTAINERS else ()
    verdict = replace(verdict, touches=keys)
    if last == "logs" and call.has("-f", "--follow"):
        return replace(verdict, endless=f"{call.name} logs --follow goes on until it is stopped")
    if last in {"stats", "events", "top"} and last != "top" and not call.has("--no-stream", "--until"):
        endless = call.name in {"docker", "podman", "nerdctl"} or last == "events"
        return replace(verdict, endless=f"{call.name} {last} goes on until it is stopped" if endless else "")
    if last == "run" and call.has("-i", "-t", "-it", "-ti", "--interactive", "--tty"):
        return replace(verdict, interactive="joins a container's terminal")
    if last == "attach":
        return replace(verdict, interactive="joins a container's terminal")
    if last == "cp" and len(rest) >= 2 and ":" in rest[0] and ":" not in rest[1]:
        return READS
    if phrase in {"ps", "pods", "images", "image"} and call.name == "crictl":
        return verdict
    if phrase in {"save", "export"}:
        return changes(f"{call.name} {phrase} writes a file", reversible=True)
    if phrase == "compose down" and not call.has("-v", "--volumes", "--rmi"):
        return replace(verdict, reversible=True, destructive=False, why="compose down stops and removes containers")
    return verdict


_OF_CONTAINERS = words(
    "start stop restart kill rm logs inspect top pause unpause stats attach update rename inspectp rmp"
)


def _container_exec(call: Call, rest: list[str], verdict: Verdict) -> Verdict:
    valued = words("-e --env -u --user -w --workdir --env-file --exec-id --timeout -r --runtime-endpoint --index --cwd")
    args = call.args[call.args.index("exec") + 1 :] if "exec" in call.args else ()
    inner = _after_options(args, valued)
    keys = tuple(f"container:{n}" for n in inner[:1])
    words_inside = inner[2:] if inner[1:2] == ["--"] else inner[1:]
    if not words_inside:
        broken = f"{call.name} exec needs a command to run"
        return replace(unknown(f"{call.name} exec without a command"), touches=keys, broken=broken)
    inside = call.inside(words_inside)
    interactive = inside.interactive and "inside a container: " + inside.interactive
    return replace(
        inside, touches=(*keys, *(k for k in inside.touches if not k.startswith("file:"))), interactive=interactive
    )


def _after_options(args: tuple[str, ...], valued: frozenset[str]) -> list[str]:
    skip = False
    for at, word in enumerate(args):
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return list(args[at:])
    return []


_ETCD = verbs(
    reads="""endpoint health, endpoint status, endpoint hashkv, version, get, member list, alarm list, user list, role list,
        user get, role get, snapshot status, snapshot save, watch, lease list, lease timetolive, cluster-health,
        auth status""",
    undoable="put, member add, member update, member promote, user add, role add, user grant-role, role grant-permission,"
    " auth enable, auth disable, lease grant, move-leader, lock, elect",
    changing="defrag, compact, compaction, alarm disarm, check perf, check datascale, snapshot restore, lease keep-alive, make-mirror, downgrade,"
    " txn, migrate, user passwd, user revoke-role",
    destroys="del, member remove, lease revoke, role delete, user delete",
)


def _etcd_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    keys = tuple(f"member:{r}" for r in rest[:1]) if phrase.startswith("member ") else ()
    if phrase == "watch":
        verdict = replace(verdict, endless="etcdctl watch goes on until it is stopped")
    if phrase == "snapshot save":
        verdict = replace(verdict, touches=("etcd:*",))
    return replace(verdict, touches=keys or verdict.touches or (("etcd:*",) if verdict.is_change else ()))


_ETCD_VALUED = words(
    "--endpoints --cacert --cert --key --user --password -w --write-out --command-timeout --dial-timeout --ca-file --cert-file"
    " --key-file --discovery-srv --keepalive-time --keepalive-timeout"
)


def _package_manager(reads: str, destroys: str) -> Rule:
    tool = Tool(
        verbs(reads=reads, undoable="install, add, reinstall, localinstall, groupinstall, swap, mark, hold",
              changing="""upgrade, update, dist-upgrade, full-upgrade, autoremove, clean, makecache, distro-sync, downgrade,
              build-dep, source, download, refresh, config, wheel, ci, run, publish, versionlock, history undo,
              history rollback, module, edit-sources, autoclean, cache""", destroys=destroys),
        words("-c --config -o --option -t --target-release --root --releasever --enablerepo --disablerepo --proxy"),
        words("-y --yes -q --quiet -qq --assume-yes --assumeyes"),
    )  # fmt: skip

    def rule(call: Call) -> Verdict:
        if call.grants("--dry-run", "-s", "--simulate", "--just-print", "--assumeno"):
            return READS
        return tool(call)

    return rule


def _dpkg(call: Call) -> Verdict:
    first = call.args[0] if call.args else ""
    if first in {"-l", "--list", "-L", "--listfiles", "-s", "--status", "-S", "--search", "-c", "-I", "--audit", "-V", "--verify",
                 "--get-selections", "--print-architecture", "-p"}:  # fmt: skip
        return READS
    return changes("dpkg changes packages", destructive=first in {"-r", "-P", "--remove", "--purge"})


def _rpm(call: Call) -> Verdict:
    first = call.args[0] if call.args else ""
    if (first.startswith("-q") or first in {"--query", "-V", "--verify", "-Va"}) and not call.has(
        "--erase", "--install"
    ):
        return READS
    return changes("rpm changes packages", destructive=first.startswith(("-e", "--erase")))


def _crontab(call: Call) -> Verdict:
    if call.grants("-l"):
        return READS
    if call.has("-r"):
        return changes("crontab -r removes all jobs", destructive=True)
    interactive = "opens an editor" if call.has("-e") else ""
    return replace(changes("crontab replaces the jobs"), interactive=interactive)


def _terraform_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    interactive = (
        "asks before it goes on"
        if phrase in {"apply", "destroy"} and not call.grants("-auto-approve", "--auto-approve")
        else ""
    )
    if phrase == "apply" and call.has("-destroy", "--destroy"):
        verdict = changes("terraform apply -destroy removes what it manages", destructive=True)
    if phrase == "fmt" and call.grants("-check", "-diff"):
        return READS
    return replace(verdict, interactive=interactive)


_TERRAFORM = Tool(
    verbs(
        reads="""plan, show, output, validate, version, providers, graph, state list, state show, state pull, workspace list,
            workspace show, console""",
        undoable="init, workspace new, workspace select, get, import, fmt, state mv",
        changing="apply, refresh, taint, untaint, state push, state replace-provider, force-unlock, login",
        destroys="destroy, state rm, workspace delete",
    ),
    refine=_terraform_refined,
)


def _ansible(call: Call) -> Verdict:
    if call.name == "ansible-playbook":
        dry = call.grants("--check", "-C", "--syntax-check", "--list-hosts", "--list-tasks", "--list-tags")
        return READS if dry else changes("ansible-playbook changes hosts")
    if call.name == "ansible-inventory" or call.grants("--list-hosts"):
        return READS
    module = call.value("-m", "--module-name")
    if module in {"ping", "setup", "stat", "debug"}:
        return READS
    if module in {None, "command", "shell", "raw"}:
        return worst([call.judge.script(call.value("-a", "--args") or ""), READS])
    return changes(f"ansible runs {module} on hosts")


_HELM_VALUED = words(
    "-n --namespace --kube-context --kubeconfig --kube-apiserver --kube-token --repository-config --repository-cache"
    " --registry-config -f --values --version --set --set-string --set-file --timeout -o --output --max --revision --history-max"
)
TOOLS: dict[str, Rule] = {
    "helm": Tool(_HELM, _HELM_VALUED, words("--debug --reuse-values --wait --install -i -A --all-namespaces --atomic"),
                 _helm_refined, complete=True),
    "systemctl": Tool(_SYSTEMCTL, words("-t --type -H --host -M --machine -p --property -n --lines -o --output -s --signal --state"
                                        " --root --job-mode --kill-whom"),
                      words("--user --system --no-pager -l --full -a --all -q --quiet --now --no-block --failed --runtime"
                            " --no-legend -f --force --plain"), _systemctl_refined, complete=True),
    "service": _service,
    "journalctl": _journalctl,
    **{name: Tool(_DOCKER, _CONTAINER_VALUED, words("-D --debug --tls --tlsverify --remote"), _container_refined)
       for name in ("docker", "podman", "nerdctl")},
    "docker-compose": lambda call: TOOLS["docker"](replace(call, name="docker", args=("compose", *call.args))),
    "crictl": Tool(_CRICTL, words("-r --runtime-endpoint -i --image-endpoint -t --timeout -c --config"),
                   words("-D --debug"), _container_refined, complete=True),
    "ctr": Tool(_CTR, _CONTAINER_VALUED, words("--debug"), _container_refined),
    "etcdctl": Tool(_ETCD, _ETCD_VALUED,
                    words("--insecure-skip-tls-verify --insecure-transport --debug --hex --cluster"), _etcd_refined, complete=True),
    "etcdutl": Tool(verbs(reads="snapshot status, hashkv, version", changing="defrag, snapshot restore, migrate")),
    "apt": _package_manager("list, show, search, policy, depends, rdepends, changelog", "remove, purge"),
    "apt-get": _package_manager("check, changelog, indextargets", "remove, purge"),
    "apt-cache": always(READS),
    "dpkg-query": always(READS),
    "yum": _package_manager("list, info, search, repolist, history!, history list, history info, provides, deplist, check-update,"
                            " repoquery, check, grouplist, repoinfo, updateinfo", "remove, erase"),
    "dnf": _package_manager("list, info, search, repolist, history!, history list, history info, provides, deplist, check-update,"
                            " repoquery, check, repoinfo, updateinfo", "remove, erase"),
    "zypper": _package_manager("search, info, list-updates, repos, lr, se", "remove"),
    "apk": _package_manager("info, list, search, version, policy", "del"),
    "snap": _package_manager("list, info, find, changes, services, logs, version", "remove"),
    "pip": _package_manager("list, show, freeze, check, search, index, debug", "uninstall"),
    "pip3": _package_manager("list, show, freeze, check, search, index, debug", "uninstall"),
    "conda": _package_manager("list, info, search, env list", "remove, uninstall, env remove"),
    "npm": _package_manager("list, ls, view, outdated, audit", "uninstall, remove"),
    "dpkg": _dpkg,
    "rpm": _rpm,
    "crontab": _crontab,
    "terraform": _TERRAFORM,
    "tofu": _TERRAFORM,
    "ansible": _ansible,
    "ansible-playbook": _ansible,
    "ansible-inventory": _ansible,
    "kustomize": Tool(verbs(reads="build, version, cfg tree", undoable="create, edit, localize")),
    "argocd": Tool(verbs(reads="""app get, app list, app diff, app history, app logs, app manifests, app resources, app wait,
        cluster list, cluster get, repo list, repo get, proj list, proj get, version, account list, account get-user-info,
        context!, account can-i""", undoable="login, logout, app set, app create, app rollback, app unset, relogin",
        changing="app sync, app actions run, app patch, app terminate-op, cluster add, repo add",
        destroys="app delete, cluster rm, repo rm, proj delete, app delete-resource, logout-all")),
    "flux": Tool(verbs(reads="get, check, logs, version, stats, tree, trace, events, export, diff", undoable="suspend, resume, create",
                       changing="reconcile, install, bootstrap, push, tag", destroys="delete, uninstall")),
    "velero": Tool(verbs(reads="get, describe, version, backup get, backup describe, backup logs, restore get, restore describe,"
                               " restore logs, schedule get, backup-location get, debug, schedule describe",
                         undoable="backup create, schedule create, schedule pause, schedule unpause, backup-location create",
                         changing="restore create, install, create", destroys="backup delete, restore delete, schedule delete, uninstall, delete")),
    "amtool": Tool(verbs(reads="alert, alert query, silence query, check-config, config show, config routes, cluster show, config!,"
                               " config routes test, template render, silence!",
                         undoable="silence add, silence update, silence expire, silence import, alert add"),
                   words("--alertmanager.url --config.file -o --output --timeout")),
    "promtool": Tool(verbs(reads="query, check, test, tsdb list, tsdb analyze, tsdb dump, promql format",
                           changing="tsdb create-blocks-from, push"), refine=None),
    "logcli": always(READS),
    "vault": Tool(verbs(reads="""status, read, list, kv get, kv list, kv metadata get, token lookup, auth list, secrets list,
        policy list, policy read, audit list, operator members, version, token capabilities, operator raft list-peers,
        print token, path-help""", undoable="kv put, kv patch, login, write, policy write, auth enable, secrets enable, token renew,"
        " token create, kv undelete, audit enable, lease renew, unwrap, operator raft snapshot save", changing="operator unseal, operator step-down, operator rekey,"
        " operator init, operator raft snapshot restore, kv rollback", destroys="delete, kv delete, kv destroy, token revoke, lease revoke,"
        " policy delete, auth disable, secrets disable, operator seal, operator rotate, kv metadata delete, operator raft remove-peer,"
        " audit disable")),
    "consul": Tool(verbs(reads="members, info, catalog, kv get, operator raft list-peers, version, monitor, rtt, validate, snapshot inspect",
                         undoable="kv put, maint, snapshot save, join", changing="reload, snapshot restore, leave, lock, exec",
                         destroys="kv delete, force-leave, operator raft remove-peer")),
    "istioctl": Tool(verbs(reads="analyze, proxy-status, proxy-config, version, describe, x describe, ps, pc, dashboard, bug-report",
                           undoable="kube-inject, tag set", changing="install, upgrade", destroys="uninstall, operator remove")),
    "cmctl": Tool(verbs(reads="status, check, inspect, version", changing="renew, approve, deny, create")),
    "kubeadm": Tool(verbs(reads="version, config view, config images list, token list, certs check-expiration, upgrade plan,"
                                " upgrade diff, config print", undoable="token create, config images pull, config migrate",
                          changing="init, join, upgrade, certs renew, upgrade apply, upgrade node, kubeconfig, init phase, config",
                          destroys="reset, token delete")),
    "kubelet": always(unknown("kubelet starts a node's agent")),
    "kind": Tool(verbs(reads="get, version", undoable="create, load", changing="export", destroys="delete")),
    "minikube": Tool(verbs(reads="status, ip, version, logs, profile list, service, addons list", undoable="start, stop, pause, unpause,"
                           " addons enable, addons disable, tunnel", destroys="delete")),
    "openssl": Reader(("-out", "-keyout", "-CAcreateserial", "-writerand")),
    "keytool": Reader(("-delete", "-import", "-importcert", "-genkey", "-genkeypair", "-storepasswd", "-changealias")),
}  # fmt: skip
STRONG = frozenset(
    words(
        "helm systemctl journalctl docker podman nerdctl docker-compose crictl ctr etcdctl etcdutl apt apt-get yum dnf dpkg rpm"
        " pip pip3 terraform ansible ansible-playbook kustomize argocd velero amtool promtool vault kubeadm istioctl openssl"
        " logcli"
    )
)
