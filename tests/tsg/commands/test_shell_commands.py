"""What commands of runbooks do, and whether it can be undone. Nothing here is ever executed."""

from __future__ import annotations

import pytest

from tests.tsg.commands.shell_rows import LETTERS, rows, the_worst
from tsg.commands import Does

ROWS = [pytest.param(letter, command, id=command[:70]) for letter, command in rows()]


@pytest.mark.parametrize(("letter", "command"), ROWS)
def test_what_a_command_does(letter: str, command: str) -> None:
    found = the_worst(command)
    assert (found.does, found.destructive) == (LETTERS[letter], letter == "D"), found
    assert bool(found.why) == (letter in "CD?")


@pytest.mark.parametrize(("letter", "command"), ROWS)
def test_no_wrapper_makes_a_change_look_like_a_read(letter: str, command: str) -> None:
    if letter in "CD?":
        quoted = command.replace("'", "'\\''")
        for wrapped in (f"sh -c '{quoted}'", f"({command}\n)", f"true && {command}", f"if true; then\n{command}\nfi"):
            assert the_worst(wrapped).does in {Does.CHANGES, Does.UNKNOWN}, wrapped


def test_the_table_is_not_thin() -> None:
    assert len(ROWS) > 400


REVERSIBLE = """
kubectl cordon gpu03
kubectl scale deploy/web --replicas=0
kubectl patch cm web -p '{"data":{"a":"b"}}'
kubectl label node gpu03 a=b
kubectl annotate node gpu03 a=b
kubectl taint nodes gpu03 a=b:NoSchedule
kubectl apply -f x.yaml
kubectl create -f x.yaml
kubectl run t --rm -it --image=busybox -- ls
kubectl debug node/gpu03 -it --image=busybox
systemctl stop slurmd
ceph osd out 3
mkdir /data/x
touch /data/x
scontrol update nodename=gpu03 state=drain reason=x
"""


@pytest.mark.parametrize("command", REVERSIBLE.strip().splitlines())
def test_what_can_be_put_back(command: str) -> None:
    found = the_worst(command)
    assert (found.does, found.reversible, found.destructive) == (Does.CHANGES, True, False)


@pytest.mark.parametrize("command", ["rm -rf /x", "kubectl delete pod a", "kubectl cordon a && rm x", "dropdb x"])
def test_what_cannot_be_put_back(command: str) -> None:
    assert the_worst(command).reversible is False


@pytest.mark.parametrize("command", ["kubectl get pods", "cd /x", "kubectl rollout restart deploy/x", "etcdctl defrag"])
def test_a_read_and_a_restart_say_nothing_of_undoing(command: str) -> None:
    assert the_worst(command).reversible is None
