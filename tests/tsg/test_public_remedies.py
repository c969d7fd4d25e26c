"""Remedies as people write them: in tables, after a fix, in the past tense, before going on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tsg.test_public_reading import brief
from tsg.compile import Compiled

# Each case: the text, its steps as "lines kind" (! risky), and its ways, as in test_public_reading.
CASES: dict[str, tuple[str, list[str] | None, list[str]]] = {
    "a row is a step under its symptom, also when the remedy is the third column and prose": (
        """\
        ## Diagnosis
        Look at the link:
        ```bash
        ip -s link show eth1
        ```
        ## Repair
        | Symptom | Likely cause | Fix |
        |---|---|---|
        | link down on **one** host | its port is in no VLAN | Add the port to the storage VLAN, then probe again. |
        | link down on all hosts | the switch is off | Check the power of the switch. |
        | drops only | a worn cable | Replace the cable. |
        """,
        ["1-5 query", "6-6,9-9 action!", "10-10 query", "11-11 action!"],
        ["0>1", "1>2 ? link down on one host", "1>3 ? link down on all hosts", "1>4 ? drops only"],
    ),
    "a remedy's column may be the last of four, be called action, and hold nothing but a command": (
        """\
        ## Repair
        | # | State | Meaning | Recommended action |
        |---|---|---|---|
        | 1 | `Draining` | it empties itself | none |
        | 2 | `Failed` | it gave up | `systemctl restart exporter` |
        """,
        ["1-1,5-5 action!"],
        ["0>1 ? `Failed`"],
    ),
    "a command in the symptom is not carried out": (
        """\
        ## Repair
        | Symptom | Resolution |
        |---|---|
        | `kubectl delete pod web-0` hangs | Check the finalizers of the pod |
        """,
        ["1-1,4-4 query"],
        ["0>1 ? `kubectl delete pod web-0` hangs"],
    ),
    "a record of faults says what was seen, why, and what mended it, also in the past and several times": (
        """\
        ## Faults of the ranker
        1. Slow start
        Symptom: the first request takes a minute.

        Cause: an empty cache.

        Fix: Applied the warm-up job.

        2. Full disk
        Symptom: replicas are evicted.

        Cause: images pile up.

        Fixes:

        Pruned the image cache.

        Resized the root volume.

        3. Lost claims
        Symptom: the volume is not mounted.

        Fix: Corrected the storage class.

        Lessons learned
        Provision larger disks.
        """,
        ["1-7 action!", "9-16 action!", "18-18 action!", "20-23 action!"],
        [
            "0>1 ? the first request takes a minute",
            "0>2 ? replicas are evicted",
            "2>3",
            "0>4 ? the volume is not mounted",
        ],
    ),
    "a remedy that did not help has its next rung, and all of them hand over where none did": (
        """\
        ## Diagnosis
        ### CPU of the server
        ```bash
        kubectl top pod
        ```
        ### Disks
        ```bash
        lsblk
        ```
        ## Repair
        1. **Raise the CPU:**

           If the CPU of the server is used up, raise its limit:
           ```bash
           kubectl set resources deploy/ranker --limits=cpu=8
           ```
           **Note:** If the above step does not help, that is the CPU is still used up,
           ask for the next higher limit.

        2. **Move the disks:**

           For disk-heavy workloads, consider migrating to flash.

           If the fault persists after taking the above actions, call the storage team.
        """,
        ["2-5 query", "6-9 query", "10-16 action!", "17-18 action!", "20-24 action!"],
        [
            "0>1",
            "0>2",
            "1>3 ? the CPU of the server is used up",
            "3>4 ? the above step does not help, that is the CPU is still used up",
            "2>5 ? disk-heavy workloads",
            *(f"{i}>E ? the fault persists after taking the above actions" for i in "345"),
        ],
    ),
    "an issue is decided by the step that speaks of it, by its title or else by what it begins with": (
        """\
        ## Diagnosis
        ```bash
        # 1. Check the pods for an issue of scheduling
        kubectl get pods
        # 2. Check the claims
        kubectl get pvc
        # 3. Check the certificates
        kubectl get certificates
        ```
        ## Issue 1: Expired certificates
        ```bash
        kubectl describe certificates
        ```
        ## Issue 2: No class
        ```bash
        kubectl describe pvc
        ```
        """,
        None,
        [
            "0>1",
            "0>2",
            "0>3",
            "3>4 ? Issue 1: Expired certificates",
            "2>5 ? Issue 2: No class",
        ],
    ),
    "a column of commands belongs to the remedy beside it": (
        """\
        ## Repair
        | Condition | Action | Command |
        |---|---|---|
        | cache full | Clear the cache | `redis-cli flushall` |
        """,
        ["1-1,4-4 action!"],
        ["0>1 ? cache full"],
    ),
    "versions, states of work, roles and history in a table are no remedies": (
        """\
        ## Diagnosis
        List the replicas:
        ```bash
        kubectl get pods -l app=ranker
        ```
        | Issue | Fix version |
        |---|---|
        | leak in the cache | 2.4.1 |

        | Issue | Fix | Status |
        |---|---|---|
        | leak in the cache | Restart the cache at night | done |

        | Role | Action |
        |---|---|
        | operator | Restart replicas |

        | Date | Incident | Resolution |
        |---|---|---|
        | 3 May | cache down | Restart of the cache by hand |
        """,
        ["1-20 query"],
        ["0>1"],
    ),
    "a table of states and what they mean is no list of steps": (
        """\
        ## Diagnosis
        Read the state:
        ```bash
        sinfo -N
        ```
        | State | Meaning |
        |---|---|
        | drained | Remove from the partition by an operator |
        """,
        ["1-8 query"],
        ["0>1"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_remedy_becomes(compiled: Callable[[str], Compiled], name: str) -> None:
    text, steps, ways = CASES[name]
    lines = text.split("\n")
    made = brief(compiled("\n".join(line[8:] if line[:8].isspace() else line for line in lines)).plan)
    assert steps is None or made[0] == steps
    assert sorted(made[1]) == sorted(ways)
