"""How the Mentor weighs a command: a change, an interruption, a loss for good, a state to take back."""

from __future__ import annotations

import pytest

from tsg.commands import read_code
from tsg.mentor.code import Statement
from tsg.mentor.deeds import is_change, is_grave, is_reversible, is_severe

WEIGHTS = [
    # command, change, interrupts or removes, gone for good, a state to take back
    ("kubectl -n mail get pods", False, False, False, False),
    ("kubectl -n mail get cm relay -o yaml > relay.yaml", False, False, False, False),
    ("git clone https://git.example/mail.git", False, False, False, False),
    ("docker login registry.example", False, False, False, False),
    ("kubectl -n mail rollout restart deploy/relay", True, False, False, False),
    ("kubectl -n mail scale deploy/relay --replicas=0", True, False, False, True),
    ("kubectl cordon <NODE>", True, False, False, True),
    ("kubectl uncordon <NODE>", True, False, False, False),
    ("kubectl drain <NODE> --ignore-daemonsets", True, True, False, False),
    ("kubectl drain <NODE> --delete-emptydir-data", True, True, True, False),
    ("kubectl -n mail delete pod <POD>", True, True, False, False),
    ("kubectl -n mail delete pod <POD> --force --grace-period=0", True, True, True, False),
    ("kubectl -n mail delete pvc spool-relay-0", True, True, True, False),
    ("systemctl stop postfix", True, True, False, True),
    ("systemctl restart postfix", True, False, False, False),
    ("sudo reboot", True, True, False, False),
    ("ssh ops@<HOST> sudo reboot", True, True, False, False),
    ("pkill -HUP qmgr", True, True, False, False),
    ("kill -9 <PID>", True, True, True, False),
    ("rm -rf /var/spool/postfix/deferred", True, True, True, False),
    ("nvidia-smi --gpu-reset -i 0", True, True, False, False),
    ("DELETE FROM mails WHERE state = 'stuck'", True, True, True, False),
    ("sysctl -w net.core.somaxconn=1024", True, False, False, True),
    ("sbatch relay-test.sh", True, False, False, False),
]


@pytest.mark.parametrize(("command", "change", "severe", "grave", "stays"), WEIGHTS, ids=[w[0] for w in WEIGHTS])
def test_a_command_has_its_weight(command: str, change: bool, severe: bool, grave: bool, stays: bool) -> None:
    (read,) = read_code("", command, 1).commands
    statement = Statement(read)
    assert (is_change(statement), is_severe(statement), is_grave(statement), is_reversible(statement)) == (
        change,
        severe,
        grave,
        stays,
    )
