"""What a command needs, sets and touches, which words decide, what is wrong with it."""

from __future__ import annotations

import pytest

from tests.tsg.commands.shell_rows import the_worst
from tsg.commands import Does


@pytest.mark.parametrize(
    ("command", "uses"),
    [
        ("kubectl get pod <POD> -n <NAMESPACE>", ("<POD>", "<NAMESPACE>")),
        ("kubectl get pod $POD -n ${NS}", ("$POD", "$NS")),
        ("kubectl get pod {{ pod }}", ("{{ pod }}",)),
        ("kubectl get pod {pod}", ("{pod}",)),
        ("kubectl get pod [POD_NAME]", ("[POD_NAME]",)),
        ("kubectl get pod YOUR_POD", ("YOUR_POD",)),
        ("kubectl get pod POD_NAME", ("POD_NAME",)),
        ("kubectl describe node NODE", ("NODE",)),
        ("kubectl get pod <pod name here> -o yaml", ("<pod name here>",)),
        ("kubectl logs job/check-<NODE> -f", ("<NODE>",)),
        ("rbd info <pool>/<image>", ("<pool>", "<image>")),
        ("kubectl set env deploy/web RATE_LIMIT=1", ()),
        ("kubectl get cm x | grep LOG_RETENTION_DAYS", ()),
        ("curl -X POST http://x/", ()),
        ("NODE=<NODE_NAME> && kubectl cordon $NODE", ("<NODE_NAME>",)),
        ("for n in a b; do ping -c 1 $n; done", ()),
        ("kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}{end}'", ()),
        ("echo $?", ()),
        ("awk '{print $1}' f", ()),
    ],
)
def test_what_a_command_needs(command: str, uses: tuple[str, ...]) -> None:
    assert the_worst(command).uses == uses


@pytest.mark.parametrize(
    ("command", "does", "sets"),
    [
        ("export X=$(kubectl get pods -o name)", Does.READS, ("X",)),
        ("X=$(kubectl delete pod a)", Does.CHANGES, ("X",)),
        ("NODE=gpu03", Does.NOTHING, ("NODE",)),
        ("A=1 B=2", Does.NOTHING, ("A", "B")),
        ("readonly L=2", Does.NOTHING, ("L",)),
        ("read NODE", Does.NOTHING, ("NODE",)),
        ("KUBECONFIG=/x kubectl get pods", Does.READS, ()),
        ("X=`kubectl get pods`", Does.READS, ("X",)),
    ],
)
def test_what_a_command_sets(command: str, does: Does, sets: tuple[str, ...]) -> None:
    found = the_worst(command)
    assert (found.does, found.sets) == (does, sets)


@pytest.mark.parametrize(
    ("command", "touches"),
    [
        ("kubectl get pods", ("pod:*",)),
        ("kubectl delete po <POD> -n x", ("pod:<POD>",)),
        ("kubectl cordon $NODE", ("node:$NODE",)),
        ("kubectl -n x scale deploy/web --replicas=1", ("deployment:web",)),
        ("kubectl rollout restart deployment web", ("deployment:web",)),
        ("kubectl logs -n x web-0 -c app", ("pod:web-0",)),
        ("kubectl get pods,svc", ("pod:*", "service:*")),
        ("kubectl taint nodes gpu03 a=b:NoSchedule-", ("node:gpu03",)),
        ("kubectl label node --all a-", ("node:*",)),
        ("kubectl exec web-0 -- pkill -HUP app", ("pod:web-0", "process:app")),
        ("kubectl get statefulset.apps/db", ("statefulset:db",)),
        ("kubectl delete pod $(kubectl get pods -o name)", ("pod:*",)),
        ("systemctl restart kubelet.service", ("unit:kubelet",)),
        ("scontrol update nodename=gpu03 state=drain reason=x", ("node:gpu03",)),
        ("helm upgrade web ./chart", ("release:web",)),
        ("ceph osd out 3", ("osd:3",)),
        ("aws ec2 terminate-instances --instance-ids $ID", ("instance:$ID",)),
        ("rm -f /data/x", ("file:/data/x",)),
        ("oc adm drain $NODE", ("node:$NODE",)),
    ],
)
def test_what_a_command_touches(command: str, touches: tuple[str, ...]) -> None:
    assert the_worst(command).touches == touches


def test_a_manifest_on_the_input_names_what_is_touched() -> None:
    body = "NODE=a && cat <<EOF | kubectl apply -f -\nkind: RebootNode\nmetadata:\n  name: fix-$NODE\nEOF"
    assert the_worst(body).touches == ("rebootnode:fix-$NODE",)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("sudo -u root kubectl get pods", ("kubectl", "get", "pods")),
        ("env A=b time nohup kubectl get 'my pod'", ("kubectl", "get", "my pod")),
        ("watch -n 5 kubectl get pods", ("kubectl", "get", "pods")),
        ("kubectl get pods | xargs kubectl delete pod", ("kubectl", "delete", "pod")),
        ("kubectl exec web-0 -- rm x", ("kubectl", "exec", "web-0", "--", "rm", "x")),
        ('kubectl get "$NODE"', ("kubectl", "get", "$NODE")),
        ("kubectl get <POD>", ("kubectl", "get", "<POD>")),
        ("ls; X=1", ("ls",)),
    ],
)
def test_the_words_that_decide(command: str, argv: tuple[str, ...]) -> None:
    assert the_worst(command).argv == argv


@pytest.mark.parametrize(
    ("command", "broken"),
    [
        ("kubectl exec -it web-0", "kubectl exec needs a command to run: add -- and the command"),
        ("kubectl rsh web-0", "kubectl has no command 'rsh'; oc has"),
        ("kubectl fnord pods", "kubectl has no command 'fnord'"),
        ("systemctl fnord x", "systemctl has no command 'fnord'"),
        ("kubectl get pod 'web", "does not parse as shell"),
        ("oc patch pdb x --patch\n'{\"spec\": 1}'", "the line break before the quoted text lacks a backslash"),
    ],
)
def test_what_is_wrong_with_a_command(command: str, broken: str) -> None:
    assert the_worst(command).broken == broken


def test_a_plugin_is_not_a_mistake() -> None:
    assert the_worst("kubectl node-shell gpu03").broken == ""
