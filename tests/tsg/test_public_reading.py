"""How people write procedures, one habit at a time: what becomes a step, what it is, and what leads to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dag.model import START, EdgeKind, Plan, Step
from tsg.compile import Compiled

# Each case: the text, its steps as "lines kind" (! risky), and its ways as "from>to", "from>to ? condition".
# Steps count from 1; 0 is START; R, E and N are the ends.
CASES = {
    "a numbered heading is one step, with its fence and what to look for": (
        """\
        ## Procedure
        ### 1. Read the log
        ```bash
        kubectl logs -n gpu <EXPORTER_POD> --tail=50
        ```
        Look for:
        - `connection refused`
        - `no such device`
        ### 2. Read the driver
        ```bash
        nvidia-smi -q -i 0
        ```
        """,
        ["2-8 query", "9-12 query"],
        ["0>1", "0>2"],
    ),
    "items are steps though an unindented fence breaks their list": (
        """\
        ## Diagnosis
        1. List the pods:
        ```bash
        kubectl get pods -n serving
        ```
        2. Read the events:
        ```bash
        kubectl get events -n serving
        ```
        """,
        ["1-5 query", "6-9 query"],
        ["0>1", "0>2"],
    ),
    "what is to be done before continuing comes before everything behind it": (
        """\
        ## Diagnosis
        Check that no other alert fires before you continue:
        ```bash
        amtool alert query
        ```
        Read the log:
        ```bash
        kubectl logs -n serving deploy/router
        ```
        Read the events:
        ```bash
        kubectl get events -n serving
        ```
        """,
        ["1-5 query", "6-9 query", "10-13 query"],
        ["0>1", "1>2", "1>3"],
    ),
    "a sentence and the code that it introduces are one step": (
        """\
        ## Diagnosis
        The scheduler keeps its own view of the nodes.

        List the nodes that are down:

        ```bash
        sinfo --states=down
        ```

        Show why one was taken out:

        ```bash
        scontrol show node <NODE_NAME>
        ```
        """,
        ["1-1,4-8 query", "10-14 query"],
        ["0>1", "1>2"],
    ),
    "a bold condition begins a step and leaves the one that it asks about": (
        """\
        ### 1. Look for stuck pods
        ```bash
        kubectl get pods --field-selector spec.nodeName=$NODE
        ```
        **If pods are stuck:**

        Delete them:
        ```bash
        kubectl delete pod $POD --force
        ```
        """,
        ["1-4 query", "5-10 action!"],
        ["0>1", "1>2 ? If pods are stuck"],
    ),
    "options are alternatives": (
        """\
        ### 1. Decide how to reset
        Choose the mode that fits.
        #### Option A: Drop what has queued up
        ```bash
        redis-cli FLUSHDB
        ```
        #### Option B: Keep what has queued up
        ```bash
        systemctl restart ingest
        ```
        """,
        ["1-2 check", "3-6 action!", "7-10 action!"],
        ["0>1", "1>2 ? Drop what has queued up", "1>3 ? Keep what has queued up"],
    ),
    "a state with a section of its own is a way of the dispatch": (
        """\
        ### 1. Read the state
        ```bash
        kubectl get node $NODE -L fleet/state
        ```
        ### 2a. If the state is `draining`
        ```bash
        kubectl get pods -A --field-selector spec.nodeName=$NODE
        ```
        ### 2b. If the state is `failed`
        ```bash
        kubectl uncordon $NODE
        ```
        """,
        ["1-4 query", "5-8 query", "9-12 action!"],
        ["0>1", "1>2 ? If the state is draining", "1>3 ? If the state is failed"],
    ),
    "comments in code are conditions, and a delete behind reads is a step of its own": (
        """\
        ### 1. Make room
        ```bash
        # Show the largest folders
        du -sh /var/log/*

        # Only when the disk is over 90 percent: remove old logs
        find /var/log -name '*.gz' -mtime +30 -delete
        ```
        """,
        ["1-4 query", "6-7 action!"],
        ["0>1", "1>2 ? Only when the disk is over 90 percent: remove old logs"],
    ),
    "a change comes after what was read, and before what follows": (
        """\
        1. Check the queue with `squeue -t PD`.
        2. Check the nodes with `sinfo -R`.
        3. Restart the controller: `systemctl restart slurmctld`.
        4. Check that it answers: `scontrol ping`.
        """,
        ["1-1 query", "2-2 query", "3-3 action!", "4-4 query"],
        ["0>1", "0>2", "1>3", "2>3", "3>4", "4>R"],
    ),
    "background, causes and samples are not carried out": (
        """\
        ## Meaning
        Run nothing here; `kubectl delete pod x` is what the alert is about.
        ## Impact
        Sessions are lost.
        ## First checks
        1. Check the error rate.
        2. Check the last deploy.
        ## Likely causes
        1. **New model.** It is slower.
        2. **Cold cache.** Latency returns to normal by itself.
        ## Mitigation
        - Roll back the model if the last deploy is to blame.
        """,
        ["5-6 query", "7-7 query", "8-10 check", "11-12 action!"],
        ["0>1", "0>2", "1>3", "2>3", "3>4 ? the last deploy is to blame", "3>R ? Cold cache."],
    ),
    "go-tos by number, forward and back": (
        """\
        ### 1. Measure
        ```bash
        ib_write_bw -d mlx5_0 --report_gbits
        ```
        If the bandwidth is above 380 Gb/s, go to step 3.
        ### 2. Reseat the cable
        Replug the cable at both ends.
        Return to step 1.
        ### 3. Report
        Tell the network team what was found.
        """,
        None,
        ["0>1", "1>3 ? the bandwidth is above 380 Gb/s", "1>2 ? otherwise", "2<1"],
    ),
    "steps that a sentence names as simultaneous": (
        """\
        ## Step 1 - Collect the parameters
        Note the region. Afterwards run steps 2 to 3 in parallel.
        ## Step 2 - Read the latency
        ```promql
        max(latency)
        ```
        ## Step 3 - Read the errors
        ```promql
        sum(errors)
        ```
        """,
        ["1-2 query", "3-6 query", "7-10 query"],
        ["0>1", "1>2", "1>3"],
    ),
    "what a shell inside a container is opened for comes after it": (
        """\
        1. Enter the toolbox: `kubectl exec -it deploy/toolbox -- bash`
        2. Read the state:
           ```bash
           ceph health detail
           ```
        3. Read the pools:
           ```bash
           ceph df
           ```
        """,
        ["1-1 query", "2-5 query", "6-9 query"],
        ["0>1", "1>2", "1>3"],
    ),
    "a table that sends each symptom to a step branches where the run begins": (
        """\
        ## Start
        | Sign | Begin with |
        |---|---|
        | the link flaps | step 2 → step 3 |
        | the link is slow | step 1 |
        | the whole switch is dark | Decide 1, nothing else helps |

        ## Collect
        1. Check the rate with `ibstat`.
        2. Check the events with `journalctl -u opensm`.
        3. Check the optics with `mlxlink -d mlx5_0`.

        ## Decide
        1. Compare what you have with the plan of the fabric.
        """,
        None,
        [
            "0>1 ? the link is slow",
            "0>2 ? the link flaps",
            "2>3 ? the link flaps",
            "0>4 ? the whole switch is dark",
            "1>4",
            "3>4",
        ],
    ),
    "a row with a command that changes something is a step under its first cell": (
        """\
        ## Mitigation
        | Sign | Command |
        |---|---|
        | the pod hangs | `kubectl delete pod <pod>` |
        | the disk is full | `df -h` |
        """,
        ["1-1,4-4 action!"],
        ["0>1 ? the pod hangs"],
    ),
    "by running a command is an instruction to run it": (
        """\
        ## Recovery
        1. Bring the operator back by running `kubectl scale deploy/operator --replicas=1`.
        2. The operator was stopped with `kubectl scale deploy/operator --replicas=0` before.
        """,
        ["1-2 action!", "3-3 check"],
        ["0>1", "1>2"],
    ),
    "to look at something under a condition is what to do then": (
        """\
        ## Judge
        1. Compare both counters of the port.
        2. If none of these fit, look at the warnings of the jobs.
        """,
        ["1-2 check", "3-3 query"],
        ["0>1", "1>2 ? none of these fit"],
    ),
    "an end needs a case: without one it is a remark": (
        """\
        ## Check
        1. Read the queue with `squeue`. The queue is empty: this guide does not apply.
        2. Read the partitions with `sinfo`. This guide does not apply.
        """,
        None,
        ["0>1", "1>2 ? otherwise", "1>N ? The queue is empty"],
    ),
}


def brief(plan: Plan) -> tuple[list[str], list[str]]:
    steps = [f"{_lines(s)} {s.kind}{'!' if s.risky else ''}" for s in plan.steps]
    number = {START: "0", "END.resolved": "R", "END.escalate": "E", "END.not_applicable": "N"}
    number |= {s.id: str(i) for i, s in enumerate(plan.steps, 1)}
    ways = []
    for e in plan.edges:
        sign = "<" if e.kind is EdgeKind.LOOP else ">"
        words = f" ? {e.condition.text}" if e.condition is not None else ""
        ways.append(f"{number[e.source]}{sign}{number[e.target]}{words}")
    return steps, ways


def _lines(step: Step) -> str:
    return ",".join(f"{span.first}-{span.last}" for span in step.lines)


@pytest.mark.parametrize("name", CASES)
def test_what_people_write_becomes(compiled: Callable[[str], Compiled], name: str) -> None:
    text, steps, ways = CASES[name]
    lines = text.split("\n")
    made = brief(compiled("\n".join(line[8:] if line[:8].isspace() else line for line in lines)).plan)
    assert steps is None or made[0] == steps
    assert sorted(made[1]) == sorted(ways)
