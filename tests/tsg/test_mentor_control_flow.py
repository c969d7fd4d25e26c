# ruff: noqa: E501 (a wording is one line)
"""Checks of control flow, each over whole guides: many wordings of its defect, and sound twins it leaves in peace."""

from __future__ import annotations

import pytest

from tsg.catalogue import Catalogue
from tsg.lint import lint

STEPS = """\
# Job queue stands still

Jobs run in the kubectl context `shop-eu`, namespace `jobs`. The alert gives the queue as `$QUEUE`, the node as `$NODE`.

1. List the workers.

   ```bash
   kubectl --context shop-eu -n jobs get pods -l app=worker
   ```

   If a pod is `Pending`, go to step 4; otherwise continue with step 2.

2. @BODY@

3. Wait 10 minutes and list the jobs.

   ```bash
   kubectl --context shop-eu -n jobs get jobs
   ```

   If all are `Complete`, close the alert: the procedure ends here. Otherwise go to step 4.

4. Call the on-call engineer of the shop team through PagerDuty. The procedure ends here.
"""
SECTIONS = """\
# Job queue stands still

Jobs run in the kubectl context `shop-eu`, namespace `jobs`. The alert gives the queue as `$QUEUE`, the node as `$NODE`.

## Meaning

If no worker takes jobs for 10 minutes, orders are not shipped.

## List the workers

```bash
kubectl --context shop-eu -n jobs get pods -l app=worker
```

If a pod is `Pending`, go to [Hand over](#hand-over); otherwise go to [Start afresh](#start-afresh).

## Start afresh

@BODY@

## Look at the jobs

Wait 10 minutes and list the jobs.

```bash
kubectl --context shop-eu -n jobs get jobs
```

If all are `Complete`, close the alert: the procedure ends here. Otherwise go to [Hand over](#hand-over).

## Hand over

Call the on-call engineer of the shop team through PagerDuty. The procedure ends here.
"""
K = "kubectl --context shop-eu -n jobs"


def step(body: str) -> str:
    """A guide whose second step is the body."""
    return STEPS.replace("@BODY@", body.replace("\n", "\n   ").replace("   \n", "\n"))


def section(body: str) -> str:
    """A guide with the body as one of its sections, between a condition and a look at the result."""
    return SECTIONS.replace("@BODY@", body)


def told(prose: str, command: str, after: str = "") -> str:
    """A sentence, its command, and what is said below it."""
    return f"{prose}\n\n```bash\n{command}\n```" + (f"\n\n{after}" if after else "")


def lines_of(code: str, guide: str, catalogue: Catalogue) -> list[int]:
    return [f.line for f in lint(guide, catalogue, path="g.md") if f.code == code]


PURGE = "rabbitmqctl purge_queue $QUEUE"
CLAIMS = f"{K} delete pvc -l app=worker"
REBOOT = "ssh $NODE sudo reboot"
UNGUARDED = [
    section(told("Delete the claims of the workers:", CLAIMS)),
    step(told("Delete the claims of the workers.", CLAIMS, "Check that they come back within 2 minutes.")),
    section(told("Workers get stuck when the broker drops a connection. Kill them:", "ssh $NODE pkill -9 worker")),
    section(told("The jobs are idempotent, so they may run twice. Purge the queue:", PURGE)),
    section(told("The queue is used only by reports. Purge it:", PURGE)),
    section(told("Broken messages block the queue. Delete all that is in it:", PURGE)),
    step(told("Remove the data directory; the standby copies it anew as soon as it starts:", "rm -rf /var/lib/jobs")),
    section("Run `ssh $NODE sudo rm -rf /var/lib/jobs/*` and go on."),
    section(told("Look at the volume:", "ssh $NODE df -h /srv") + "\n\n" + told("Then remove it:", "lvremove -f vg/srv")),
    section(told("Check the version:", "helm -n jobs list") + "\n\n" + told("Remove it:", "helm -n jobs uninstall worker")),
    step(told("Reboot the node. All jobs on it are lost.", REBOOT)),
    section("1. Note the time.\n2. Drain the node:\n\n   ```bash\n   kubectl --context shop-eu drain $NODE\n   ```"),
    section(told("Empty the cache:", "cd /srv/cache && rm -rf *")),
    section(told("For each node in the pool, drain it:", "kubectl --context shop-eu drain $NODE --delete-emptydir-data")),
    section(told("Start the pods afresh:", f"{K} delete pods -l app=worker --force --grace-period=0")),
    section(told("Clear the table, which the scheduler fills again when it starts:", 'psql -c "TRUNCATE jobs"')),
    section(told("Remove what the backup job has left:", "rm -rf /srv/backup/*")),
    section(told("Scale the workers out of the way and drop their quota.", f"{K} delete quota worker")),
    section(told("Warm pods answer sooner, so ask for a new set by removing the old one:", f"{K} delete sts worker")),
    step(told("Fail the broker over, without its questions:", "patronictl failover jobs --force")),
    step(told("Purge the tasks that wait:", "celery -A jobs purge -f")),
    section(told("Drop the slot of the standby:", "psql -c \"SELECT pg_drop_replication_slot('standby')\"")),
    section(told("If the queue grows, more workers are started by themselves. Purge it:", PURGE)),
    section(told("Move the group to the end of the topic:", "kafka-consumer-groups.sh --group g --reset-offsets --to-latest --execute --topic t")),
    section("Ask the workers for their state:\n\n```bash\nrabbitmqctl list_queues\n```\n\n" + told("Reset the node of the broker:", "rabbitmqctl reset")),
    section("| Do | How |\n|---|---|\n| Empty the queue | `rabbitmqctl purge_queue $QUEUE` |\n| List it | `rabbitmqctl list_queues` |"),
]  # fmt: skip
GUARDED = [
    section(told("If no job is `Running`, delete the claims:", CLAIMS)),
    step(told("Delete the claims, if no job is `Running`.", CLAIMS)),
    section(told("If a pod is `Ready`, go to [Hand over](#hand-over). Delete the claims:", CLAIMS)),
    section(told("Purge the queue, but only after its owner has agreed in `#jobs`:", PURGE)),
    section(told("Have the shop lead confirm it in `#jobs`. Then purge the queue:", PURGE)),
    section(told("Ask the owner of the queue for consent; without it go to [Hand over](#hand-over).", PURGE)),
    step(told("Purge the queue, as soon as its owner has approved it.", PURGE)),
    section(told("Save the table:", "pg_dump -t jobs shop > jobs.sql") + "\n\n" + told("Drop it:", 'psql -c "DROP TABLE jobs"')),
    section(told("Save the table and drop it:", 'pg_dump -t jobs shop > jobs.sql\npsql -c "DROP TABLE jobs"')),
    section(told("Delete the jobs that have been `Failed` for more than a day:", f"{K} delete jobs -l state=failed")),
    section(told("Make sure that no process uses it; the list must be empty:", "ssh $NODE lsof /srv") + "\n\n" + told("Remove it:", "ssh $NODE rm -rf /srv/jobs")),
    section(told("Unless the node runs a database, drain it:", "kubectl --context shop-eu drain $NODE")),
    section(told("Remove the directory:", '[ -z "$(ls /srv/jobs)" ] && rm -rf /srv/jobs')),
    section("> **Caution:** only for queues whose owner has agreed.\n\n" + told("Purge the queue:", PURGE)),
    section(told("Take a snapshot of the volume in the console and wait until it is complete. Remove the volume:", "lvremove -f vg/srv")),
    section("### If the broker does not answer\n\n" + told("Reboot its node:", REBOOT)),
    section(told("Reboot the node, now that nothing runs on it:", REBOOT)),
    section(told("Count the failed jobs:", f"{K} get jobs") + "\n\n" + told("If there is none, go to [Hand over](#hand-over). Remove them:", f"{K} delete jobs -l state=failed")),
    section(told("See what would go:", f"{K} delete pods -l app=worker --dry-run=server")),
    section(told("Add a limit:", f"{K} create quota worker --hard=pods=4") + "\n\n" + told("To undo this, remove it:", f"{K} delete quota worker")),
    section(told("Start a pod to look from:", f"{K} run probe --image=busybox -- sleep 600") + "\n\n" + told("Remove it again:", f"{K} delete pod probe")),
    section(told("Nobody may purge a queue without the consent of its owner. Once you have it:", PURGE)),
    section("If the owner of the queue agrees:\n\n1. Pause its producers in the console.\n2. Purge it:\n\n   ```bash\n   rabbitmqctl purge_queue $QUEUE\n   ```"),
    section(told("The purge needs the approval of the shop lead. Copy the messages away first:", "rabbitmqadmin get queue=$QUEUE count=1000 > messages.json") + "\n\n" + told("Purge it:", PURGE)),
    section("| Answer | Do |\n|---|---|\n| no consumer | `rabbitmqctl purge_queue $QUEUE` |\n| one consumer | go to [Hand over](#hand-over) |"),
]  # fmt: skip

SCALE = f"{K} scale deploy/worker --replicas=$((COUNT + 2))"
RESTART = "ssh $NODE sudo systemctl restart jobs-worker"
PATCH = f"{K} patch hpa worker -p '{{}}'"
UNVERIFIED = [
    section(told("Restart the worker:", RESTART, "The incident is over: close the alert.")),
    section(told("Restart the worker:", RESTART, "That was it; you are done.")),
    section(told("Restart the worker:", RESTART, "With this the alert can be closed, and the procedure ends here.")),
    section(told("Restart the worker:", RESTART, "Go to [Hand over](#hand-over).")),
    section(told("Restart the worker:", RESTART, "The workers take up their jobs by themselves. This concludes the guide.")),
    section(told("Restart the worker:", RESTART, "Resolve the incident. A restart needs no undo.")),
    step(told("Restart the worker.", RESTART, "Close the alert; nothing else is to be done.")),
    step(told("Restart the worker, then go to step 4.", RESTART)),
    section(told("Restart the worker:", RESTART, "To undo, nothing is needed. The runbook ends here.")),
    section(told("Cancel the statement:", "psql -c 'SELECT pg_cancel_backend(4)'", "Its owner runs it again tomorrow. Nothing more to do.")),
    section("1. Read the count:\n\n   ```bash\n   kubectl -n jobs get deploy worker\n   ```\n\n2. Scale up, and the alert is resolved:\n\n   ```bash\n   " + SCALE + "\n   ```\n\n   The guide ends here."),
    section("1. Cordon the node:\n\n   ```bash\n   kubectl cordon $NODE\n   ```\n\n2. If its owner agrees, drain it:\n\n   ```bash\n   kubectl drain $NODE\n   ```\n\n3. Call the owner of the node. The procedure ends here."),
    section("Run `ssh $NODE sudo systemctl restart jobs-worker`. The alert is over; close it."),
    section(told("Set the limit of the queue:", "celery --broker redis://r control rate_limit ship 10/m", "Resolve the alert, and stop here.")),
]  # fmt: skip
VERIFIED = [
    section(told("Restart the worker:", RESTART, "Verify that it runs:") + "\n\n```bash\nssh $NODE systemctl is-active jobs-worker\n```"),
    section(told("Restart the worker:", RESTART + "\nssh $NODE systemctl is-active jobs-worker", "It must print `active`. Then close the alert.")),
    section(told("Restart the worker:", RESTART, "Go to [Look at the jobs](#look-at-the-jobs).")),
    section(told("Restart the worker and wait for it:", f"{K} rollout restart deploy/worker\n{K} rollout status deploy/worker --timeout=2m", "The guide ends here.")),
    section(told("Install the release anew:", "helm -n jobs upgrade worker ./worker --wait --timeout 5m", "The guide ends here.")),
    step(told("Restart the worker. Afterwards go on with step 3.", RESTART)),
    step(told("Restart the worker.", RESTART, "The queue should shrink within 5 minutes. If it does, close the alert; otherwise go to step 4.")),
    section(told("Restart the worker:", RESTART, "Look whether `$QUEUE` is shorter than 100 in the dashboard `Jobs`. If so, close the alert.")),
    section(told("Restart the worker:", RESTART)),
    section(told("Add a limit:", SCALE) + "\n\n" + told("Verify that the pods are `Ready`:", f"{K} get pods") + "\n\n" + told("To undo this, scale back:", f"{K} scale deploy/worker --replicas=$COUNT") + "\n\nThe guide ends here."),
    section(told("Keep the old table:", "pg_dump -t jobs shop > jobs.sql", "The guide ends here.")),
    section(told("Count again after the restart; if the worker answers, close the alert:", RESTART + "\nrabbitmqctl list_consumers --timeout 10")),
]  # fmt: skip

NOT_UNDONE = [
    section(told("Scale the workers up:", SCALE, "Verify that they become ready within 2 minutes.")),
    section(told("Keep new jobs off the node:", "kubectl --context shop-eu cordon $NODE")),
    section(told("Raise the limit of connections:", 'psql -c "ALTER SYSTEM SET max_connections = 500"', "Check that it took effect.")),
    step(told("Lower the weight of the disk.", "ceph osd reweight 4 0.8", "If it holds, continue with step 3.")),
    section(told("Stop the timer:", "ssh $NODE sudo systemctl disable --now jobs-timer.timer")),
    section("The former owner of the queue was the shop team.\n\n" + told("Patch the limit:", PATCH).replace("former", "first")),
    section(told("Scale up:", SCALE, "To undo, scale back to the old count.") + "\n\n" + told("Then patch the limit:", PATCH, "Check that it is there.")),
    section("1. Cordon the node:\n\n   ```bash\n   kubectl cordon $NODE\n   ```\n\n   Undo: `kubectl uncordon $NODE`.\n\n2. Give it less power:\n\n   ```bash\n   ssh $NODE sudo nvidia-smi -i 0 -pl 250\n   ```"),
    section(told("Patch the limit:", PATCH, "Verify it. To undo the scaling, run `helm -n shop rollback front`.")),
    section(told("Pause the consumers:", "celery --broker redis://r control cancel_consumer ship", "The queue grows meanwhile.")),
    section(told("Write the flag:", "consul kv put jobs/slow on", "The workers read it every minute.")),
    section(told("Change the image:", f"{K} set image deploy/worker worker=worker:2", "Wait until the pods are `Ready`.")),
]  # fmt: skip
UNDONE = [
    section(told("Scale the workers up:", SCALE, f"To undo, run `{K} scale deploy/worker --replicas=$COUNT`.")),
    section(told("Keep new jobs off the node:", "kubectl --context shop-eu cordon $NODE", "Once it is well, give it back:") + "\n\n```bash\nkubectl --context shop-eu uncordon $NODE\n```"),
    section(told("Raise the limit:", 'psql -c "ALTER SYSTEM SET max_connections = 500"', "When the incident is over, put the old value back with `ALTER SYSTEM RESET max_connections`.")),
    section(told("Lower the weight of the disk:", "ceph osd reweight 4 0.8", "Undo: set it back to 1.0 in the same way.")),
    section(told("Note the limit that is set, for the way back. Raise it:", PATCH, "To return, patch it to the previous value.")),
    section(told("Raise the limit for the time being; the next deployment sets it anew:", PATCH)),
    section(told("Stop the timer:", "ssh $NODE sudo systemctl stop jobs-timer") + "\n\n" + told("Start it again when the queue is empty:", "ssh $NODE sudo systemctl start jobs-timer")),
    section(told("Scale up:", SCALE, "This cannot be taken back before the night.")),
    section(told("Restart the worker:", RESTART)),
    section(told("Delete the finished jobs:", f"{K} delete jobs -l state=done")),
    section(told("Change the image:", f"{K} set image deploy/worker worker=worker:2", "If the pods do not become `Ready`, revert with:") + f"\n\n```bash\n{K} rollout undo deploy/worker\n```"),
    section(told("Cancel the consumer:", "celery --broker redis://r control cancel_consumer ship", "Afterwards: `celery --broker redis://r control add_consumer ship`.")),
]  # fmt: skip

READ = f"```bash\n{K} get jobs\n```"
NO_ACTION = [
    section(f"{READ}\n\nIf no job is listed, the scheduler has stopped. Otherwise go to [Hand over](#hand-over)."),
    section(f"{READ}\n\nIf no job is listed. Otherwise go to [Hand over](#hand-over)."),
    section(f"{READ}\n\nIf a job is `Failed`, go to [Hand over](#hand-over); if none is listed, the scheduler has stopped."),
    section(f"{READ}\n\nIf a job is `Failed`; otherwise go to [Look at the jobs](#look-at-the-jobs)."),
    section(f"{READ}\n\n- A job is `Failed`: its image is broken.\n- None is listed: go to [Hand over](#hand-over).\n- All run: go to [Look at the jobs](#look-at-the-jobs)."),
    section(f"{READ}\n\n- A job is `Failed`\n- None is listed: go to [Hand over](#hand-over).\n- All run: go to [Look at the jobs](#look-at-the-jobs)."),
    section(f"{READ}\n\n| Jobs | Next |\n|---|---|\n| none | the scheduler has stopped |\n| one `Failed` | [Hand over](#hand-over) |\n| all run | [Look at the jobs](#look-at-the-jobs) |"),
    section(f"{READ}\n\n| Jobs | Next |\n|---|---|\n| none | |\n| one `Failed` | [Hand over](#hand-over) |\n| all run | [Look at the jobs](#look-at-the-jobs) |"),
    section(f"{READ}\n\nIf a job is `Failed`, restart it; if none is listed, the scheduler has stopped.\n\n```bash\n{K} rollout restart deploy/worker\n```"),
    section(f"{READ}\n\nIf the list is empty."),
    section("1. If no job is listed, the scheduler has stopped.\n2. If a job is `Failed`, go to [Hand over](#hand-over).\n3. If all run, go to [Look at the jobs](#look-at-the-jobs)."),
    step("Count the jobs.\n\n" + READ + "\n\nIf there are more than 100, the queue is blocked by one of them. If there are fewer, continue with step 3."),
]  # fmt: skip
ACTION = [
    section(f"{READ}\n\nIf no job is listed, the scheduler has stopped: go to [Hand over](#hand-over). Otherwise go on."),
    section(f"{READ}\n\nIf no job is listed, the scheduler has stopped. Call the shop team then. Otherwise go to [Hand over](#hand-over)."),
    section(f"{READ}\n\n- A job is `Failed`: delete it.\n- None is listed: go to [Hand over](#hand-over).\n- All run: the queue has recovered; close the alert."),
    section(f"{READ}\n\n| Jobs | Next |\n|---|---|\n| none | call the shop team |\n| one `Failed` | [Hand over](#hand-over) |\n| all run | [Look at the jobs](#look-at-the-jobs) |"),
    section(f"{READ}\n\n| Jobs | Whom to call |\n|---|---|\n| none | shop team, queue `SHOP` |\n| one `Failed` | `jobs-oncall` |"),
    section(f"{READ}\n\nIf a job is `Failed`, the image is broken:\n\n```bash\n{K} rollout undo deploy/worker\n```\n\nIf none is, go to [Hand over](#hand-over)."),
    section(f"{READ}\n\nIf a job is `Failed`:\n\n1. Note its name.\n2. Go to [Hand over](#hand-over).\n\nOtherwise go to [Look at the jobs](#look-at-the-jobs)."),
    section("When the scheduler stops, jobs pile up. If they do, go to [Hand over](#hand-over)."),
    section(f"{READ}\n\nIf all run, the queue has recovered by itself. If one is `Failed`, go to [Hand over](#hand-over)."),
    section("**If a job is `Failed`:**\n\n" + READ + "\n\n**If none is listed:**\n\n" + READ),
    section(f"{READ}\n\nThe columns are `name`, `state` and `age`. If `state` is `Failed`, go to [Hand over](#hand-over)."),
]  # fmt: skip


def rebooted(after: str) -> str:
    return section(told("Reboot the node:", REBOOT, after))


GUARD_BELOW = [
    rebooted("Only do this if no job runs on it."),
    rebooted("Do this only while no job runs on it."),
    rebooted("Before you do so, ask the owner of the node in `#jobs`."),
    rebooted("Ask the owner of the node before you reboot it."),
    rebooted("This needs the consent of the owner of the node."),
    rebooted("The owner of the node must agree first."),
    rebooted("Do not reboot it while a job runs on it."),
    rebooted("If a job still runs on it, do not reboot; go to [Hand over](#hand-over)."),
    rebooted("Skip the reboot if a job runs on it."),
    rebooted("Nodes with running jobs must not be rebooted."),
    rebooted("Make sure beforehand that no job runs on it."),
    rebooted("The command above is meant for drained nodes only."),
    rebooted("A reboot is allowed only when the node is drained."),
    rebooted("Check first whether a job runs on it."),
    rebooted("Without the approval of the shop lead the node must not be rebooted."),
    rebooted("Note: the node has to be drained before this."),
    rebooted("Unless the node is drained, leave it as it is and go to [Hand over](#hand-over)."),
    rebooted("This is safe only as long as no job runs on the node."),
    rebooted("Prerequisite: the node is drained."),
    rebooted("If its owner objects, go to [Hand over](#hand-over) instead."),
    rebooted("It presupposes that the node is drained."),
    step(told("Reboot the node.", REBOOT, "Only nodes without jobs may be rebooted.")),
    section("1. Reboot the node:\n\n   ```bash\n   ssh $NODE sudo reboot\n   ```\n\n2. Step 1 may be carried out only if no job runs.\n3. Close the alert."),
    section("1. Reboot the node:\n\n   ```bash\n   ssh $NODE sudo reboot\n   ```\n\n2. Before step 1, make sure that no job runs.\n3. Close the alert."),
    section("Run `ssh $NODE sudo reboot`. Do this only if no job runs on it."),
    section("1. Reboot the node in the console. Only do this if no job runs on it.\n2. Wait 5 minutes."),
    section(told("Scale to two more:", SCALE, "That holds for counts below 10; from 10 on, go to [Hand over](#hand-over) instead.")),
]  # fmt: skip
GUARD_ABOVE = [
    section(told("Only do this if no job runs on it. Reboot the node:", REBOOT)),
    section(told("Reboot the node, but only if no job runs on it:", REBOOT)),
    rebooted("If the node is `Ready` again, close the alert; otherwise go to [Hand over](#hand-over)."),
    rebooted("Do not close the alert before the jobs have run."),
    rebooted("If the reboot fails, go to [Hand over](#hand-over)."),
    rebooted("Only one job at a time starts afterwards."),
    rebooted("Wait until the node is `Ready` before you go on."),
    rebooted("If the node is not back after 10 minutes, do not reboot it again; go to [Hand over](#hand-over)."),
    rebooted("Verify that only pods of DaemonSets are left."),
    rebooted("The list must be empty now."),
    rebooted("This takes 5 minutes, and the jobs start only after that."),
    rebooted("Undo is not possible. A reboot loses nothing that is not lost already."),
    section(told("Reboot the node:", REBOOT, "Only if it is `Ready` again, uncordon it:") + "\n\n```bash\nkubectl uncordon $NODE\n```"),
    step("Reboot the node. Before that, make sure that no job runs; the list must be empty:\n\n" + READ + "\n\n" + told("If it is empty, reboot:", REBOOT)),
    section(told("Reboot the node:", REBOOT) + "\n\n" + told("If it does not come back, and only then, cycle its power:", "ipmitool -H $NODE power cycle")),
    section(told("Look at the node:", f"{K} get pods -o wide", "Only look at pods of the app `worker`.")),
    section(told("Reload the server, which interrupts no query:", "ssh $NODE sudo systemctl reload postgresql", "Verify with the list of step 1 that a row came back. If not, go to [Hand over](#hand-over).")),
    section(told("Scale to two more:", SCALE, "If they are not `Ready` within 2 minutes, go to [Hand over](#hand-over) and undo it first.")),
]  # fmt: skip


def commented(comment: str, command: str = REBOOT, prose: str = "Reboot the node:") -> str:
    return section(told(prose, f"# {comment}\n{command}"))


IN_COMMENT = [
    commented("only if no job runs on it"),
    commented("if no job runs on it:"),
    commented("when the count above is 0"),
    commented("unless the node is drained already"),
    commented("for the standby only"),
    commented("skip this on the primary"),
    commented("not on the primary!"),
    commented("in case the drain has timed out"),
    commented("provided that its owner has agreed"),
    commented("as long as the weight is below 0.7"),
    commented("otherwise"),
    commented("once the list is empty"),
    commented("after the shop lead has approved it"),
    commented("run on the standby only"),
    commented("assuming no job is left"),
    commented("do not run this while a job is left"),
    commented("stop here if the count is 0"),
    commented("needs the consent of the owner"),
    commented("the count must be 0 before you do this"),
    commented("Only with fewer than 3 nodes left"),
    commented("never on the primary"),
    commented("where the node is drained"),
    commented("else leave it as it is"),
    commented("continue only with an empty list"),
    section(told("Reboot the node:", f"{REBOOT}  # only when it is drained")),
    section(told("Reboot the node:", f"{REBOOT}  # if no job runs")),
    section(told("Reboot the node:", f"{REBOOT}  # not on the primary")),
    section("Cancel it:\n\n```sql\n-- only for sessions of the role reports\nSELECT pg_cancel_backend(4);\n```"),
    section("Stop it:\n\n```powershell\n# only if it hangs\nStop-VM -Name $NODE\n```"),
    section(told("Look, then reboot:", f"ssh $NODE uptime\n# if it is up for more than 90 days\n{REBOOT}")),
]  # fmt: skip
NOT_IN_COMMENT = [
    commented("host of the alert"),
    commented("restarts the host, takes 5 minutes"),
    commented("see if it answers", "ssh $NODE uptime"),
    commented("check whether a job is left", READ.split("\n")[1]),
    commented("list only the workers", f"{K} get pods -l app=worker"),
    commented("label `node` of the alert, for the commands below", "export NODE=<node>"),
    commented("prints one line for each job", READ.split("\n")[1]),
    commented("wait until it is back", "ssh $NODE uptime"),
    commented("shows jobs that were not finished when the node stopped", READ.split("\n")[1]),
    section(told("If no job runs on the node, reboot it:", f"# only if no job runs\n{REBOOT}")),
    section("Save this:\n\n```yaml\n# only if the queue is durable\nmax-length: 5\n```"),
    section("```sql\n-- host: $NODE, database: shop\nSELECT 1;\n```"),
    commented("if the list is empty, nothing is left to do", 'if [ -z "$(ls /srv)" ]; then rmdir /srv; fi'),
    commented("reads the numbers of the last hour only", f"{K} logs deploy/worker --since=1h --tail=50"),
    commented("otherwise known as the broker", "ssh $NODE uptime"),
]  # fmt: skip

CONTRADICTS = [
    section(told("Add two workers:", f"{K} scale deploy/worker --replicas=$((COUNT + 3))")),
    section(told("Double the number of workers:", f"{K} scale deploy/worker --replicas=$((COUNT + 2))")),
    section(told("Lower the weight by a tenth:", 'ceph osd reweight 4 $(echo "$WEIGHT - 0.2" | bc)')),
    section(told("Raise the weight by 0.1:", 'ceph osd reweight 4 $(echo "$WEIGHT - 0.1" | bc)')),
    section(told("Scale up by one:", f"{K} scale deploy/worker --replicas=5")),
    section(told("Scale the workers to 4:", f"{K} scale deploy/worker --replicas=6")),
    section(told("Scale the workers down to zero:", f"{K} scale deploy/worker --replicas=1")),
    section(told("Let it start at most 10 jobs a minute:", "celery --broker redis://r control rate_limit ship 100/m")),
    section(told("Restart one host after another:", "ansible all --forks 20 -b -m systemd -a 'name=jobs state=restarted'")),
    section(told("Remove them one at a time:", "xargs --max-procs=8 -n 1 rbd snap rm < expired")),
    section("Never use `osd reweight` here.\n\n" + told("Lower the weight:", "ceph osd reweight 4 0.8")),
    section("Do not use `--force`.\n\n" + told("If it hangs, delete the pod:", f"{K} delete pod worker-0 --force")),
    section(told("Reload the server, which interrupts nobody:", "ssh $NODE sudo systemctl restart postgresql")),
    section(told("Stop the timer:", "ssh $NODE sudo systemctl start jobs-timer")),
    section(told("Return the node:", "kubectl --context shop-eu cordon $NODE")),
    section(told("Cordon the node:", "kubectl --context shop-eu uncordon $NODE")),
    section(told("This only reads the queue:", "rabbitmqctl purge_queue $QUEUE")),
    section(told("Cancel the statement; the session stays:", 'psql -c "SELECT pg_terminate_backend(4)"')),
    section(told("Restart the pods one after another:", f"{K} delete pods -l app=worker")),
    section(told("Roll back to the release before:", f"{K} rollout restart deploy/worker")),
    section(told("Drain the node gracefully; pods without a controller must stay:", "kubectl drain $NODE --force")),
    section(told("Restart the worker on the node:", "ssh $NODE sudo reboot")),
    section(told("Turn the balancer on:", "ceph balancer off")),
    section(told("Pause the consumers:", f"{K} rollout resume deploy/worker")),
    section(told("Keep new work off the node; pods that run on it stay:", "kubectl drain $NODE --ignore-daemonsets")),
    section(told("Read the logs of the last 15 minutes:", f"{K} logs deploy/worker --since=15m --tail=300", "Nothing is changed by that.").replace("logs deploy/worker --since=15m --tail=300", "rollout restart deploy/worker")),
    step(told("Allow 4 pods to be scheduled at once.", f"{K} patch hpa worker -p '{{\"spec\":{{\"maxReplicas\":8}}}}'")),
    section(told("Take the OSD out of the cluster:", "ceph osd in 4")),
]  # fmt: skip
AGREES = [
    section(told("Add two workers:", f"{K} scale deploy/worker --replicas=$((COUNT + 2))")),
    section(told("Double the number of workers:", f"{K} scale deploy/worker --replicas=$((COUNT * 2))")),
    section(told("Lower the weight by a tenth:", 'ceph osd reweight 4 $(echo "$WEIGHT - 0.1" | bc)')),
    section(told("Scale the workers to 4:", f"{K} scale deploy/worker --replicas=4")),
    section(told("If there are 10 or more, go to [Hand over](#hand-over). If there are fewer, scale to two more:", f"{K} scale deploy/worker --replicas=$((COUNT + 2))")),
    section(told("Let it start at most 10 jobs a minute:", "celery --broker redis://r control rate_limit ship 10/m")),
    section(told("Restart one host after another:", "ansible all --forks 1 -b -m systemd -a 'name=jobs state=restarted'")),
    section("Never use `osd out` here.\n\n" + told("Lower the weight:", "ceph osd reweight 4 0.8")),
    section("Do not use `--force` unless it hangs.\n\n" + told("If it hangs, delete the pod:", f"{K} delete pod worker-0 --force")),
    section(told("Restart the server; a reload is not enough:", "ssh $NODE sudo systemctl restart postgresql")),
    section(told("Stop the timer, which starts the jobs:", "ssh $NODE sudo systemctl stop jobs-timer")),
    section(told("Before you return the node, keep it cordoned:", "kubectl --context shop-eu cordon $NODE")),
    section(told("Give the node back:", "kubectl --context shop-eu uncordon $NODE")),
    section(told("Cancel the statement. If that does not help, terminate the session:", 'psql -c "SELECT pg_terminate_backend(4)"')),
    section(told("Restart the pods one after another:", f"{K} rollout restart deploy/worker")),
    section(told("Turn the balancer on:", "ceph balancer mode upmap\nceph balancer on")),
    section(told("Wait 2 minutes, then allow 4 pods:", f"{K} patch hpa worker -p '{{\"spec\":{{\"maxReplicas\":4}}}}'")),
    section(told("Ask every worker for a pong, for no longer than 10 s:", "celery --broker redis://r inspect ping --timeout 10")),
    section(told("Delete the pod; its controller starts another one:", f"{K} delete pod worker-0")),
    section(told("Keep new work off the node, then drain it:", "kubectl drain $NODE --ignore-daemonsets")),
    section(told("Restart the worker; to do so, start the two timers anew:", "ssh $NODE sudo systemctl restart jobs-worker jobs-timer")),
]  # fmt: skip

DEFECTS = {
    "action-without-undo": NOT_UNDONE,
    "action-without-verification": UNVERIFIED,
    "condition-after-action": GUARD_BELOW,
    "condition-in-comment": IN_COMMENT,
    "condition-without-action": NO_ACTION,
    "contradiction": CONTRADICTS,
    "destructive-without-guard": UNGUARDED,
}
SOUND = {
    "action-without-undo": UNDONE,
    "action-without-verification": VERIFIED,
    "condition-after-action": GUARD_ABOVE,
    "condition-in-comment": NOT_IN_COMMENT,
    "condition-without-action": ACTION,
    "contradiction": AGREES,
    "destructive-without-guard": GUARDED,
}


@pytest.mark.parametrize(("code", "guide"), [(code, guide) for code, guides in DEFECTS.items() for guide in guides])
def test_a_defect_is_seen_in_many_wordings(code: str, guide: str, catalogue: Catalogue) -> None:
    assert lines_of(code, guide, catalogue)


@pytest.mark.parametrize(("code", "guide"), [(code, guide) for code, guides in SOUND.items() for guide in guides])
def test_a_sound_twin_is_left_in_peace(code: str, guide: str, catalogue: Catalogue) -> None:
    assert lines_of(code, guide, catalogue) == []


def test_each_table_holds_both_kinds() -> None:
    assert DEFECTS.keys() == SOUND.keys()
    assert all(len(guides) >= 10 for guides in (*DEFECTS.values(), *SOUND.values()))
