"""Which commands of public guides are known to only read. Nothing here is ever executed."""

from __future__ import annotations

import pytest

from tsg.commands import read_code
from tsg.compile.public.code import changes


def verdict(body: str, language: str = "bash") -> str:
    """What a step out of this block would be: nothing that runs, a read, or a change."""
    found = read_code(language, body, 1).commands
    return "nothing" if not found else "changes" if any(changes(c) for c in found) else "reads"


@pytest.mark.parametrize(
    "body",
    [
        "kubectl get nodes -l role=gpu",
        "kubectl logs -n gpu <POD> --tail=50 | grep -i dcgm",
        "kubectl -n gpu describe pod x && kubectl top nodes",
        "$ kubectl exec -it pod -- nvidia-smi -q\noutput of it",
        "# comment\nsudo journalctl -u kubelet --since '1 hour ago' 2>/dev/null",
        "NODE=$(kubectl get nodes -o name | head -1)\nkubectl describe $NODE",
        "for n in a b; do ping -c 1 $n; done",
        "curl -s http://localhost:9090/api/v1/alerts | jq .",
        "ceph -s\nceph osd tree\nceph pg dump",
        "aws ec2 describe-instances --filters a",
        "nvidia-smi --query-gpu=temperature.gpu --format=csv",
        "systemctl status kubelet",
    ],
)
def test_known_to_only_read(body: str) -> None:
    assert verdict(body) == "reads"


@pytest.mark.parametrize(
    "body",
    [
        "kubectl delete pod x",
        "kubectl get pods | xargs kubectl delete",
        "kubectl exec pod -- sh -c 'rm -rf /data'",
        "kubectl get nodes; reboot",
        "kubectl get cm x -o yaml > backup.yaml",
        "kubectl rollout restart deploy/x",
        "curl -X POST http://localhost/",
        "curl -d a=b http://localhost/",
        "find / -name core -delete",
        "sed -i s/a/b/ file",
        "echo `reboot`",
        "echo $(reboot)",
        'echo "$(reboot)"',
        "nvidia-smi --gpu-reset -i 0",
        "systemctl restart kubelet",
        "ip link set eth0 down",
        "ceph osd out 3",
        "some-unknown-tool --list",
        "env reboot",
        "aws ec2 terminate-instances --instance-ids describe",
        "kubectl config set-context x",
        "etcdctl check perf",
        "while true; do reboot; done",
        "find . -fprint /etc/passwd",
        "awk 'BEGIN { system(\"reboot\") }'",
        "dmesg -C",
        "ps aux & reboot",
        "test -f x || reboot",
        "(reboot)",
        "if true; then reboot; fi",
        "watch reboot",
        "sudo -u root reboot",
    ],
)
def test_everything_else_counts_as_a_change(body: str) -> None:
    assert verdict(body) == "changes"


@pytest.mark.parametrize(
    ("body", "language", "want"),
    [
        pytest.param("update.go:12] Rebooting node", "console", "nothing", id="a log line in a console block"),
        pytest.param("apiVersion: v1", "yaml", "nothing", id="configuration"),
        pytest.param("NAME  READY\nx     1/1", "", "nothing", id="sample output"),
        pytest.param("$ reboot", "", "changes", id="a prompt in an unlabelled block"),
        pytest.param("Get-VM | Where-Object {$_.State -eq 'Off'}", "powershell", "reads", id="cmdlets that read"),
        pytest.param("Get-VM | Stop-VM", "powershell", "changes", id="a cmdlet that changes"),
        pytest.param("SELECT 1", "sql", "reads", id="a select"),
        pytest.param("DELETE FROM x", "sql", "changes", id="a delete"),
        pytest.param("import os", "python", "changes", id="a program"),
    ],
)
def test_the_language_decides_how_a_block_is_read(body: str, language: str, want: str) -> None:
    assert verdict(body, language) == want


def test_opening_a_shell_changes_nothing_and_what_is_typed_in_it_is_judged() -> None:
    assert verdict("kubectl exec -it pod -- bash") == "reads"
    assert verdict("kubectl exec -it pod -- bash\nreboot") == "changes"
