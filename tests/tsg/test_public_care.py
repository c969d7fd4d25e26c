"""What is risky stands alone, under its condition and in order; what is only shown or told is no step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tsg.test_public_reading import brief
from tsg.compile import Compiled

# Each case: the text, its steps as "lines kind" (! risky), and its ways, as in test_public_reading.
CASES = {
    "reads and each destructive command of one block are steps in a row, under the block's condition": (
        """\
        ## Repair
        List the claims:
        ```bash
        kubectl get pvc -n ranker
        ```
        If the claim is bound to the lost zone:
        ```bash
        kubectl describe pod ranker-0 -n ranker
        kubectl delete pvc ranker-0 -n ranker
        kubectl delete pod ranker-0 -n ranker
        ```
        """,
        ["1-5 query", "6-8 query", "9-9 action!", "10-10 action!"],
        ["0>1", "1>2 ? the claim is bound to the lost zone", "2>3", "3>4"],
    ),
    "a case told before the change, and a warning between them, hold for all commands of the block": (
        """\
        ### Step 1: Check the paths
        ```bash
        multipath -ll
        ```
        If the array is not listed, its disks have no paths. You can register the array, then reboot.

        > [!WARNING]
        > The commands below reboot the host.

        ```bash
        systemctl restart multipathd
        systemctl reboot
        ```
        ### Step 2: Read the disks
        ```bash
        lsblk
        ```
        """,
        ["1-4 query", "5-8,11-11 action!", "12-12 action!", "14-17 query"],
        ["0>1", "1>2 ? the array is not listed", "2>3", "1>4 ? otherwise", "3>4"],
    ),
    "a note behind a command says for what alone it is meant": (
        """\
        ## Repair
        Take the card out of use:
        ```bash
        scontrol update nodename=g7 state=drain reason=card
        systemctl stop exporter        # on workers only
        systemctl reboot               # brings the driver back
        ```
        """,
        ["1-4 action!", "5-5 action!", "6-6 action!"],
        ["0>1", "1>2 ? on workers only", "1>3 ? otherwise", "2>3"],
    ),
    "the commands of one of several ways are one step": (
        """\
        ## Repair
        Option 1: reload the driver
        ```bash
        modprobe -r nvidia
        ```
        Option 2: empty the node and reboot it
        ```bash
        kubectl drain g7 --ignore-daemonsets
        ssh g7 sudo reboot
        ```
        """,
        ["1-5 action!", "6-10 action!"],
        ["0>1 ? Option 1: reload the driver", "0>2 ? Option 2: empty the node and reboot it"],
    ),
    "a command below nothing but a condition is run in that case": (
        """\
        ## Repair
        Read the queue:
        ```bash
        squeue -t PD
        ```
        If a job is to be run again:
        ```bash
        scontrol requeue 4711
        ```
        """,
        ["1-5 query", "6-9 action!"],
        ["0>1", "1>2 ? a job is to be run again"],
    ),
    "what a command printed below it is not carried out": (
        """\
        ## Diagnosis
        Who holds the lock:

            kubectl get lease -n ranker

            holder: ranker-2
            seconds: 15

        Read the log of any replica:

            kubectl logs -n ranker ranker-xxxxx
        """,
        ["1-4 query", "9-11 query"],
        ["0>1", "0>2"],
    ),
    "a pod named by its pattern comes from the list of such pods": (
        """\
        ## Diagnosis
        Do all replicas run?

            kubectl get pod -n ranker -l app=ranker

        Read the log of one of them:

            kubectl logs -n ranker ranker-xxxxx
        """,
        ["1-4 query", "6-8 query"],
        ["0>1", "1>2"],
    ),
    "under a condition a change that should be made is made": (
        """\
        ## Mitigation
        Once, the volume is copied, the old instance should be terminated.
        """,
        ["1-2 action!"],
        ["0>1 ? the volume is copied"],
    ),
    "a change that somebody else makes is no step": (
        """\
        ## Mitigation
        Check the volume:
        ```bash
        lsblk
        ```
        When it is gone, the instance should be replaced by the autoscaler.
        """,
        ["1-6 query"],
        ["0>1"],
    ),
    "what is run for a change is a change, even where its commands stand on another page": (
        """\
        ## Restore the metrics
        In order to restore the metrics, run the commands of the other page.
        """,
        ["1-2 manual!"],
        ["0>1"],
    ),
    "you will want to, or you can: both ask": (
        """\
        ## Repair
        You will also want to list the zones:
        ```bash
        kubectl get nodes -L zone
        ```
        Or, you can delete the pod by hand.
        """,
        ["1-5 query", "6-6 manual!"],
        ["0>1", "1>2"],
    ),
    "what is begun or tried is what is done": (
        """\
        ## Diagnosis
        Start examining the pods of the node.
        ## Repair
        Try restarting the exporter.
        """,
        ["1-2 query", "3-4 action!"],
        ["0>1", "1>2"],
    ),
    "to consider a change is a change by a person": (
        """\
        ## Repair
        If the pool is on disks, consider migrating it to flash.
        """,
        ["1-2 manual!"],
        ["0>1 ? the pool is on disks"],
    ),
    "a check behind a change waits for all that changed it": (
        """\
        ## Repair
        | Symptom | Fix |
        |---|---|
        | one host misses it | Add the host to the zone |
        | all hosts miss it | Create the volume |

        Scan again:
        ```bash
        lsblk
        ```
        ## Verify
        Verify that all hosts have it:
        ```bash
        lsblk -S
        ```
        """,
        ["1-1,4-4 action!", "5-5 action!", "7-10 query", "11-15 query"],
        ["0>1 ? one host misses it", "0>2 ? all hosts miss it", "1>3", "2>3", "3>4", "4>R"],
    ),
    "what is set for later queries is set before them": (
        """\
        ## Diagnosis
        Change the time window of the queries to that of the alert.
        ### Reads
        ```promql
        rate(reads_total[5m])
        ```
        ### Writes
        ```promql
        rate(writes_total[5m])
        ```
        """,
        ["1-2 manual", "3-6 query", "7-10 query"],
        ["0>1", "1>2", "1>3"],
    ),
    "the listed things were listed before": (
        """\
        ## Diagnosis
        Read the log:
        ```bash
        journalctl -u drainer
        ```
        Inspect the listed pods for finalizers.
        """,
        ["1-5 query", "6-6 query"],
        ["0>1", "1>2"],
    ),
    "a condition ends where the reader begins to act, also without a comma, in and behind other words": (
        """\
        ## Diagnosis
        Read the log:
        ```bash
        journalctl -u hook
        ```
        ## Repair
        - If the budget blocks the drain you can temporarily lower it.
        - The drain goes on and if the hook stays away you can recreate it.
        """,
        ["1-5 query", "6-7 action!", "8-8 action!"],
        ["0>1", "1>2 ? the budget blocks the drain", "1>3 ? the hook stays away"],
    ),
    "the numbered steps of a case in a list of cases are steps in that case": (
        """\
        ## Diagnosis
        Read the log:
        ```bash
        journalctl -u hook
        ```
        ## Repair
        - If a hook blocks the drain:

          1. Find the hook in the log of the server.
          2. Check whether it is a mutating one.
          3. Delete the hook.

        - If the volume is stuck, detach it.
        """,
        ["1-5 query", "6-6,9-9 query", "10-10 query", "11-11 action!", "13-13 action!"],
        [
            "0>1",
            "1>2 ? a hook blocks the drain",
            "2>3",
            "3>4",
            "1>5 ? the volume is stuck",
        ],
    ),
    "what an item has done when something is over is done behind it": (
        """\
        ## Repair
        Read the budget:
        ```bash
        kubectl get pdb
        ```
        - If the budget blocks the drain, patch it to 0.
          Patch it back after the upgrade completes.

          ```bash
          kubectl patch pdb ranker -p '{"spec":{"minAvailable":0}}'
          ```
        """,
        ["1-5 query", "6-6,9-11 action!", "7-7 action!"],
        ["0>1", "1>2 ? the budget blocks the drain", "2>3 ? the upgrade completes"],
    ),
    "then, for each thing, the reader acts": (
        """\
        ## Repair
        List the pods:
        ```bash
        kubectl get pods
        ```
        Then for each pod, you will want to read its log:
        ```bash
        kubectl logs ranker-0
        ```
        """,
        ["1-5 query", "6-9 query"],
        ["0>1", "1>2"],
    ),
    "an arrow tells a case, and a word behind a step's number names the rows that are meant": (
        """\
        ### Step 1: Look
        ```bash
        lsblk
        ```
        - The disk is **absent** -> a matter of zones. Go to step 3 (missing).
        - The disk is there but slow -> a matter of paths. Go to step 2.

        ### Step 2: Read the paths
        ```bash
        multipath -ll
        ```
        ### Step 3: Repair
        | Symptom | Fix |
        |---|---|
        | missing on one host | Add the host to the zone |
        | missing on all hosts | Create the disk |
        | slow | Restart multipathd |

        Scan again:
        ```bash
        lsblk
        ```
        """,
        ["1-6 query", "8-11 query", "12-12,15-15 action!", "16-16 action!", "17-17 action!", "19-22 query"],
        [
            "0>1",
            "1>2 ? The disk is there but slow",
            "1>3 ? The disk is absent; missing on one host",
            "1>4 ? The disk is absent; missing on all hosts",
            "2>5 ? slow",
            "3>6",
            "4>6",
            "5>6",
        ],
    ),
    "sections by severity are cases, and a list of what values mean is no list of steps": (
        """\
        ## Critical
        Check the label `window`.

        - `window: 1h`: the budget is gone in a day. You should act now.
        - `window: 6h`: the budget is gone in a week.

        ## Warning
        Check the label `window`.

        - `window: 1d`: you should take a look this week.
        - `window: 3d`: it can wait.

        ## Procedure
        1. Take a look at the dashboard.
        2. Check the log by this query: `{app="ranker"}`

        ### Further
        ```promql
        rate(errors_total[5m])
        ```
        """,
        ["1-5 query", "7-11 query", "13-14 query", "15-15 query", "17-20 query"],
        ["0>1 ? Critical", "0>2 ? Warning", "1>3", "2>3", "0>4", "0>5"],
    ),
    "what the reader may do stands behind what is told": (
        """\
        ## Repair
        The policy should not block the agents, however if you find that it does, you can disable it.
        """,
        ["1-2 action!"],
        ["0>1 ? you find that it does"],
    ),
    "a change that begins with or is another way for the same case, or a choice": (
        """\
        ## Repair
        Look at the pods:
        ```bash
        kubectl get pods
        ```
        - If the pod hangs, restart it.
        - Or, delete the pod.

        ## Other
        1. Restart the exporter.
        2. Or, reboot the node.
        3. Check the pods with `kubectl get pods`.
        """,
        ["1-5 query", "6-6 action!", "7-7 action!", "9-10 action!", "11-11 action!", "12-12 query"],
        [
            "0>1",
            "1>2 ? the pod hangs",
            "1>3 ? the pod hangs",
            *(f"{i}>{way}" for i in "123" for way in ("4 ? Restart the exporter.", "5 ? Or, reboot the node.")),
            "4>6",
            "5>6",
        ],
    ),
    "a link to read more is no step, and nothing below lessons learned is": (
        """\
        ## Repair
        Restart the exporter.

        See [the handbook](https://example.org/handbook)

        Lessons learned
        Restart exporters in pairs.

        Follow-ups: bake the driver into the image.
        """,
        ["1-4 action!"],
        ["0>1"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_with_care(compiled: Callable[[str], Compiled], name: str) -> None:
    text, steps, ways = CASES[name]
    lines = text.split("\n")
    made = brief(compiled("\n".join(line[8:] if line[:8].isspace() else line for line in lines)).plan)
    assert made[0] == steps
    assert sorted(made[1]) == sorted(ways)
