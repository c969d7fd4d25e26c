"""Commands that wait for a person, and commands that never end. Nothing here is ever executed."""

from __future__ import annotations

import pytest

from tests.tsg.commands.shell_rows import the_worst


@pytest.mark.parametrize(
    "command",
    [
        "kubectl edit cm web",
        "kubectl exec -it web-0 -- bash",
        "kubectl -n x exec -ti web-0 -c app -- /bin/sh",
        "oc rsh web-0",
        "oc debug node/worker-1",
        "kubectl run t --rm -it --image=busybox",
        "vi /etc/x.conf",
        "sudo vim x",
        "crontab -e",
        "psql",
        "psql -h db -U app",
        "mongosh",
        "redis-cli",
        "bash",
        "sudo -i",
        "ssh gpu03",
        "docker exec -it web bash",
        "fdisk /dev/sda",
        "terraform apply",
        "less app.log",
        "python3",
        "top",
        "read -p 'sure? ' answer",
        "passwd",
        "su - postgres",
        "screen -S x",
    ],
)
def test_a_command_that_waits_for_a_person(command: str) -> None:
    assert the_worst(command).interactive


@pytest.mark.parametrize(
    "command",
    [
        "kubectl exec web-0 -- ls",
        "kubectl exec -it web-0 -- nvidia-smi -q",
        "kubectl get pods",
        "cat x | less",
        "ssh gpu03 uptime",
        "bash -c ls",
        "psql -c 'select 1'",
        "terraform apply -auto-approve",
        "top -b -n 1",
    ],
)
def test_a_command_that_waits_for_nobody(command: str) -> None:
    assert not the_worst(command).interactive


@pytest.mark.parametrize(
    "command",
    [
        "kubectl logs -f web-0",
        "kubectl logs web-0 --follow | grep x",
        "kubectl get pods -w",
        "kubectl get nodes --watch",
        "kubectl port-forward svc/web 80",
        "kubectl proxy",
        "watch nvidia-smi",
        "tail -f app.log",
        "tail -100f app.log",
        "tail -F app.log",
        "journalctl -fu kubelet",
        "journalctl -u kubelet -f",
        "ping gpu03",
        "top",
        "htop",
        "docker logs -f web",
        "docker stats",
        "ceph -w",
        "dcgmi dmon -e 150",
        "nvidia-smi -l 1",
        "nvidia-smi dmon",
        "dmesg -w",
        "tcpdump -i eth0",
        "vmstat 1",
        "while true; do date; sleep 1; done",
        "while :; do date; done",
        "squeue -i 5",
        "redis-cli monitor",
        "etcdctl watch x",
        "kubectl exec web-0 -- tail -f /log",
    ],
)
def test_a_command_that_never_ends(command: str) -> None:
    assert the_worst(command).endless


@pytest.mark.parametrize(
    "command",
    [
        "kubectl logs web-0 -c fluentd",
        "kubectl apply -f watch.yaml",
        "tail -n 20 file",
        "journalctl -u firewalld",
        "journalctl -unfs-server",
        "ping -c 3 gpu03",
        "top -b -n 1",
        "docker stats --no-stream",
        "dcgmi dmon -e 150 -c 1",
        "vmstat 1 5",
        "while true; do date; break; done",
        "for i in 1 2 3; do date; done",
        "tcpdump -c 10",
        "nvidia-smi -q -d ECC",
        "kubectl get pods -o wide",
        "kubectl get pods --watch=false",
    ],
)
def test_a_command_that_ends(command: str) -> None:
    assert not the_worst(command).endless
