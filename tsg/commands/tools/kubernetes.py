"""kubectl and oc."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tsg.commands.model import Does
from tsg.commands.tools.table import Call, Rule, Tool, in_words, is_sure, plain_words, verbs
from tsg.commands.verdict import READS, Verdict, changes, unknown, worst
from tsg.words import words

VERBS = verbs(
    reads="""get, describe, logs, top, explain, version, cluster-info, api-resources, api-versions, events, diff, options,
        completion, wait, rollout status, rollout history, config view, config get-contexts, config get-clusters,
        config get-users, config current-context, auth can-i, auth whoami, plugin list, kustomize,
        apply view-last-applied, port-forward, proxy, krew list, krew search, krew info, convert""",
    undoable="""cordon, uncordon, scale, autoscale, label, annotate, taint, patch, set, apply, create, run, expose, debug,
        edit, replace, rollout undo, rollout pause, rollout resume, config use-context, config set-context, config set,
        config unset, config set-cluster, config set-credentials, config rename-context, auth reconcile,
        certificate approve, certificate deny, drain, cp""",
    changing="rollout restart, exec, attach, krew install, krew upgrade, alpha",
    destroys="delete, config delete-context, config delete-cluster, config delete-user, krew uninstall",
)
OC_VERBS = {
    **VERBS,
    **verbs(
        reads="""whoami, status, projects, project, adm top, adm inspect, adm must-gather, adm node-logs, adm release info,
            adm policy who-can, adm policy scc-review, adm policy scc-subject-review, adm verify-image-signature,
            adm upgrade!, adm upgrade status, adm wait-for-stable-cluster, adm wait-for-node-reboot, adm ocp-certificates check-api,
            registry info, image info, image extract, observe, login, logout, process, extract, adm release extract""",
        undoable="""adm cordon, adm uncordon, adm taint, adm drain, adm policy, adm pod-network, adm groups, new-app,
            new-project, new-build, start-build, tag, import-image, policy, secrets, rollback, idle, adm catalog,
            adm certificate approve, adm release mirror, image mirror, adm new-project, set""",
        changing="rsh, rsync, adm restart-kubelet, adm reboot-machine-config-pool, adm upgrade channel",
        destroys="adm prune, adm migrate, cancel-build",
    ),
}
_ALIASES = {"log": "logs", "pf": "port-forward"}
VALUED = words(
    "-n --namespace --context --kubeconfig --cluster --user --as --as-group --as-uid -s --server --token"
    " --request-timeout --cache-dir --certificate-authority --client-certificate --client-key --tls-server-name -v --v"
    " --username --password --config --loglevel --profile-output"
)
_VALUED_AFTER = VALUED | words(
    "-l --selector -o --output -c --container --filename --field-selector -L --label-columns --sort-by --template --since"
    " --since-time --tail --type --patch --patch-file --replicas --timeout --grace-period --image --for --to-revision"
    " --from-literal --from-file --from --schedule --overrides --env --port --target-port --labels --address --raw"
    " --kustomize -k --subresource --limits --requests --current-replicas --resource-version --target --limit-bytes"
    " --chunk-size --field-manager --pod-selector --profile --class --rule --min --max --cpu-percent --docker-server"
    " --sub-path --cert --key --verb --resource --clusterrole --role --serviceaccount --duration --revision --for"
    " --restart --to --to-image --dest-dir --node-selector --as-user --name --source-image --keys"
)
FLAGS = words("--insecure-skip-tls-verify --match-server-version --warnings-as-errors -A --all-namespaces")
# -f and -p mean another thing for each verb.
_F_TAKES_FILE = words("apply create delete replace get describe patch label annotate scale set edit diff wait expose")
_KINDS = {
    "po": "pod", "no": "node", "deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "rs": "replicaset",
    "svc": "service", "cm": "configmap", "ns": "namespace", "pvc": "persistentvolumeclaim", "pv": "persistentvolume",
    "ep": "endpoints", "ing": "ingress", "sa": "serviceaccount", "cj": "cronjob", "hpa": "horizontalpodautoscaler",
    "pdb": "poddisruptionbudget", "netpol": "networkpolicy", "sc": "storageclass", "ev": "event", "events": "event",
    "crd": "customresourcedefinition", "csr": "certificatesigningrequest", "quota": "resourcequota",
    "networkpolicies": "networkpolicy", "ingresses": "ingress", "storageclasses": "storageclass",
    "endpoints": "endpoints", "bc": "buildconfig", "dc": "deploymentconfig", "mcp": "machineconfigpool",
    "co": "clusteroperator",
}  # fmt: skip
_KIND_LESS = {
    "cordon": "node", "uncordon": "node", "drain": "node", "adm cordon": "node", "adm uncordon": "node",
    "adm drain": "node", "logs": "pod", "exec": "pod", "attach": "pod", "rsh": "pod", "port-forward": "pod",
    "adm node-logs": "node", "cp": "", "debug": "pod", "run": "pod",
}  # fmt: skip
_NO_KIND = words(
    "version cluster-info api-resources api-versions options completion explain whoami status login diff apply"
)


def kind(word: str) -> str:
    """The kind of resource that a word of a command names, in the singular."""
    word = word.lower().partition(".")[0]
    if word in _KINDS:
        return _KINDS[word]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def touches(phrase: str, rest: Sequence[str], *, selected: bool = False) -> tuple[str, ...]:
    """Keys of the resources that the words after a verb name: `pod:web`, `node:$NODE`, `pod:*` for all of a kind."""
    names = ["*" if "$(" in w or "`" in w else w for w in rest if not _is_setting(phrase, w)]
    if phrase in {"set", "config", "auth can-i"} or phrase.startswith(("rollout", "adm top", "top")):
        names = names[1:] if phrase == "set" else names
    if not names and selected and phrase in _KIND_LESS:
        return (f"{_KIND_LESS[phrase]}:*",) if _KIND_LESS[phrase] else ()
    if not names or phrase.partition(" ")[0] in _NO_KIND or phrase.startswith(("config", "auth")):
        return ()
    if phrase in {"create", "adm taint", "taint"} and names[0] in {"secret", "clusterrolebinding", "rolebinding"}:
        names = [names[0], *names[2:3]]
    fixed = _KIND_LESS.get(phrase)
    if fixed == "":
        return ()
    if fixed is not None:
        return tuple(
            _key(*n.split("/", 1)) if "/" in n and not n.startswith("/") else f"{fixed}:{n}" for n in names[:8]
        )
    if "/" in names[0]:
        return tuple(_key(*n.split("/", 1)) for n in names[:16] if "/" in n)
    kinds = [kind(k) for k in names[0].split(",") if k][:8]
    if names[0].startswith(("$", "<", "{", "`")):
        return ()
    if phrase in {"taint", "adm taint", "label", "annotate", "expose", "create", "autoscale", "patch", "scale"}:
        names = names[:2]
    return tuple(f"{k}:{n}" for k in kinds for n in (names[1:16] or ["*"]))


def _is_setting(phrase: str, word: str) -> bool:
    if phrase in {"label", "annotate", "taint", "adm taint", "set"}:
        return "=" in word or word.endswith("-")
    return phrase == "set" and "=" in word


def _key(kind_word: str, name: str) -> str:
    return f"{kind(kind_word)}:{name}"


def _after_verb(call: Call, phrase: str) -> list[str]:
    """The words after the verb that name resources."""
    verb = phrase.rpartition(" ")[2]
    valued = _VALUED_AFTER
    if phrase in _F_TAKES_FILE or verb in {"run"}:
        valued |= {"-f"}
    if phrase == "patch":
        valued |= {"-p"}
    args = call.args[: call.args.index("--")] if "--" in call.args else call.args
    plain = plain_words(args, valued)
    at = next((i for i, w in enumerate(plain) if _ALIASES.get(w, w) == verb), None)
    return plain[at + 1 :] if at is not None else []


def _refine(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    named = _after_verb(call, phrase)
    verdict = replace(
        verdict, touches=touches(phrase, named, selected=call.has("-l", "--selector")) or _in_manifest(call)
    )
    args = call.args
    if phrase == "exec" or phrase == "rsh":
        return _exec(call, phrase, verdict.touches)
    if call.value("--dry-run") not in {None, "none"} and phrase.partition(" ")[0] != "debug":
        return replace(READS, touches=verdict.touches)
    match phrase:
        case "get" | "events" if call.has("-w", "--watch", "--watch-only") and "--watch=false" not in args:
            return replace(verdict, endless=f"{call.name} {phrase} --watch goes on until it is stopped")
        case "logs" if call.has("-f", "--follow") and "--follow=false" not in args:
            return replace(verdict, endless=f"{call.name} logs --follow goes on until it is stopped")
        case "port-forward" | "proxy" | "observe":
            return replace(verdict, endless=f"{call.name} {phrase} goes on until it is stopped")
        case "delete":
            what = in_words(verdict.touches) or "what it names"
            forced = " by force" if call.has("--force", "--now") or call.value("--grace-period") == "0" else ""
            return replace(verdict, why=f"{call.name} delete removes {what}{forced}")
        case "drain" | "adm drain" if call.has("--force", "--delete-emptydir-data", "--delete-local-data"):
            return replace(
                verdict,
                why=f"{call.name} drain ends pods and drops their local data",
                reversible=False,
                destructive=True,
            )
        case "replace" if call.has("--force") or "/finalize" in (call.value("--raw") or ""):
            return replace(verdict, why="replace by force deletes first", reversible=False, destructive=True)
        case "apply" if call.has("--prune"):
            return replace(verdict, why="apply --prune deletes what is not given", reversible=False, destructive=True)
        case "patch" if _removes(call.value("-p", "--patch") or ""):
            return replace(verdict, why=f"{call.name} patch removes finalizers", reversible=False, destructive=True)
        case "edit":
            return replace(verdict, interactive="opens an editor")
        case "attach":
            return replace(unknown(f"{call.name} attach joins a running process"), interactive="joins a terminal",
                           touches=verdict.touches)  # fmt: skip
        case "cp":
            return _copy(call, named, verdict)
        case "debug" | "run":
            return _pod(call, phrase, verdict)
        case "project" if rest:
            return changes("oc project switches the project of later commands", reversible=True)
        case "adm upgrade!" if call.has("--to", "--to-latest", "--to-image", "--force", "--clear"):
            return replace(changes("oc adm upgrade changes the cluster's version"), touches=verdict.touches)
        case "set" if rest[:1] in (["probe"], ["triggers"]) and call.has("--remove", "--remove-all"):
            return replace(verdict, reversible=None)
        case "cluster-info" if call.value("--output-directory") and not (
            call.value("--output-directory") or ""
        ).startswith("/tmp"):  # noqa: S108 - a path in a guide
            return changes("cluster-info dump writes files", reversible=True)
        case "alpha":
            return unknown(f"{call.name} alpha is not known to only read")
        case "process" | "extract" | "image extract" if call.has("--to", "--dest-dir", "--path"):
            return changes(f"{call.name} {phrase} writes files", reversible=True)
    return verdict


def _removes(patch: str) -> bool:
    return "finalizers" in patch and ("null" in patch or '"remove"' in patch or "[]" in patch.replace(" ", ""))


def _in_manifest(call: Call) -> tuple[str, ...]:
    """Kinds and names in a manifest that is fed to the command."""
    if not call.stdin:
        return ()
    found: list[str] = []
    current = ""
    for line in call.stdin.splitlines()[:400]:
        key, _, value = line.strip().partition(":")
        if key == "kind" and value and not line.startswith((" ", "\t")):
            current = kind(value.strip())
        elif key == "name" and current and value.strip():
            found.append(f"{current}:{value.strip()}")
            current = ""
    return tuple(found)


def _exec(call: Call, phrase: str, keys: tuple[str, ...]) -> Verdict:
    if "--" in call.args:
        inner = call.args[call.args.index("--") + 1 :]
    else:
        plain = _plain_tail(call.args, phrase)
        inner = tuple(plain[1:])
        keys = touches(phrase, plain[:1])
    if not inner and phrase == "exec":
        broken = f"{call.name} exec needs a command to run: add -- and the command"
        return replace(unknown(f"{call.name} exec without a command"), touches=keys, broken=broken)
    if not inner:
        return replace(
            unknown("opens a shell inside the container"), touches=keys, interactive="shell inside a container"
        )
    verdict = call.inside(inner)
    interactive = verdict.interactive and "inside a container: " + verdict.interactive
    inner_keys = tuple(k for k in verdict.touches if not k.startswith("file:"))
    return replace(verdict, touches=(*keys, *inner_keys), interactive=interactive)


def _plain_tail(args: Sequence[str], phrase: str) -> list[str]:
    """POD and the words after it in the old form `exec POD command`; options of the command stay."""
    valued = VALUED | {"-c", "--container", "-f", "--filename", "--pod-running-timeout", "--shell", "--timeout"}
    at = list(args).index(phrase) + 1
    skip = False
    for i in range(at, len(args)):
        if skip:
            skip = False
        elif args[i] in valued:
            skip = True
        elif not args[i].startswith("-"):
            return list(args[i:])
    return []


def _copy(call: Call, named: list[str], verdict: Verdict) -> Verdict:
    """`cp POD:/path /local` reads; the other way round changes the container."""
    if len(named) >= 2 and ":" in named[0] and ":" not in named[-1]:
        return replace(READS, touches=("pod:" + named[0].partition(":")[0].rpartition("/")[2],))
    keys = tuple("pod:" + n.partition(":")[0].rpartition("/")[2] for n in named[-1:] if ":" in n)
    return replace(verdict, why=f"{call.name} cp writes into a container", touches=keys, reversible=None)


def _pod(call: Call, phrase: str, verdict: Verdict) -> Verdict:
    """A pod of its own. `oc debug` takes its pod away again: what it runs decides."""
    inner = call.args[call.args.index("--") + 1 :] if "--" in call.args else ()
    asks = call.has("-i", "-t", "--stdin", "--tty", "-it", "-ti") or (call.name == "oc" and phrase == "debug")
    inside = call.judge.command(inner) if inner else None
    if phrase == "debug" and call.name == "oc":
        if inside is not None:
            return replace(inside, touches=(*verdict.touches, *inside.touches))
        opened = unknown("opens a shell on what it debugs")
        return replace(opened, touches=verdict.touches, interactive="shell in a debug pod")
    makes = replace(verdict, why=f"{call.name} {phrase} starts a pod")
    if inside is not None:
        makes = worst([makes, inside])
    interactive = makes.interactive or ("shell in a pod" if asks and inside is None else "")
    return replace(makes, interactive=interactive)


_PLUGINS = words(
    "rook-ceph neat ctx node-shell argo-rollouts argo krew hns tree view-secret stern mayastor minio directpv"
)
_KUBECTL = Tool(VERBS, VALUED, FLAGS, _refine, complete=True)
_OC = Tool(OC_VERBS, VALUED, FLAGS, _refine, complete=True)


def tool(name: str) -> Tool:
    """The sub-commands of kubectl or oc."""
    return _OC if name == "oc" else _KUBECTL


def kubectl(call: Call) -> Verdict:
    table = tool(call.name)
    plain = plain_words(call.args, VALUED)
    if plain and plain[0] in _ALIASES:
        args = tuple(_ALIASES.get(w, w) if w == plain[0] else w for w in call.args)
        call = replace(call, args=args)
    if plain and call.name != "oc" and table.phrase(plain) is None:
        return _no_such_verb(call, plain, is_sure(call.args, VALUED, FLAGS))
    return table(call)


def _no_such_verb(call: Call, plain: list[str], sure: bool) -> Verdict:
    verb = plain[0]
    hint = f"{call.name} has no command '{verb}'"
    if _OC.phrase(plain) is not None:
        hint += "; oc has"
        of_oc = replace(call, name="oc", args=tuple(call.args))
        verdict = _OC(of_oc)
        if verdict.does is Does.READS:
            verdict = unknown(f"{call.name} {verb} is not known")
        return replace(verdict, broken=hint)
    verdict = unknown(f"{call.name} {verb} is not known to only read")
    is_group = any(p.startswith(verb + " ") for p in VERBS)
    plugin = verb in _PLUGINS or "-" in verb or not verb.isalpha() or is_group
    return replace(verdict, broken="" if plugin or not sure else hint)


TOOLS: dict[str, Rule] = {"kubectl": kubectl, "oc": kubectl, "k": kubectl, "microk8s.kubectl": kubectl}
STRONG = frozenset({"kubectl", "oc"})
