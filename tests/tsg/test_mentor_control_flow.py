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

DEFECTS = {
    "destructive-without-guard": UNGUARDED,
}
SOUND = {
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
