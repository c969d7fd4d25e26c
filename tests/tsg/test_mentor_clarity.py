"""Checks of clarity, each over whole guides: many wordings of its defect, and sound twins that it leaves in peace."""

from __future__ import annotations

import pytest

from tsg.catalogue import Catalogue
from tsg.lint import lint

STEPS = """\
# Search cluster is red

Elasticsearch runs in cluster `search-eu`, namespace `search`. The alert gives the node as `$NODE`.

1. Show the state of the cluster.

   ```bash
   kubectl -n search exec es-0 -- curl -s localhost:9200/_cluster/health
   ```

   If `status` is `red`, go to step 2; otherwise go to step 4.

2. List the shards without a node, in the columns `index` and `state`.

   ```bash
   kubectl -n search exec es-0 -- curl -s 'localhost:9200/_cat/shards?h=index,state'
   ```

   If no shard is listed as `UNASSIGNED`, go to step 4.

3. @BODY@

4. Call the on-call engineer of the search team through PagerDuty. The procedure ends here.
"""
SECTIONS = """\
# Search cluster is red

Elasticsearch runs in cluster `search-eu`, namespace `search`. The alert gives the node as `$NODE`.

## Meaning

A primary shard has no node, and searches of its index fail.

## Show the shards

List the shards without a node, in the columns `index` and `state`.

```bash
kubectl -n search exec es-0 -- curl -s 'localhost:9200/_cat/shards?h=index,state'
```

If no shard is listed as `UNASSIGNED`, go to [Hand over](#hand-over).

## Place the shards

```bash
kubectl -n search exec es-0 -- curl -s -XPOST 'localhost:9200/_cluster/reroute?retry_failed=true'
```

@BODY@

## Hand over

Call the on-call engineer of the search team through PagerDuty. The procedure ends here.
"""
READ = "```bash\nkubectl -n search get pods -l app=es\n```"


def step(body: str) -> str:
    """A guide whose third step is the body."""
    return STEPS.replace("@BODY@", body.replace("\n", "\n   ").replace("   \n", "\n"))


def section(body: str) -> str:
    """A guide with the body in one of its sections, below a command."""
    return SECTIONS.replace("@BODY@", body)


def titled(title: str, body: str) -> str:
    """A guide with a section of this title."""
    return SECTIONS.replace("@BODY@", f"## {title}\n\n{body}")


def lines_of(code: str, guide: str, catalogue: Catalogue) -> list[int]:
    return [f.line for f in lint(guide, catalogue, path="g.md") if f.code == code]


AMBIGUOUS_CHOICE = [
    step("You could restart the pod; rerouting the shards would work too."),
    section("Proceed with [Show the shards](#show-the-shards) or, if you like, with [Hand over](#hand-over)."),
    section("Method one: raise the watermark.\n\nMethod two: delete an old index."),
    step("Reboot the node or replace it."),
    step("Restart `es-0` or reschedule it."),
    section("Two remedies exist: a restart of the pod, and closing the index. Use one."),
    section("Solution A\n\nRestart the pods.\n\nSolution B\n\nClose the index."),
    section("Kill the query, or else drain the node."),
    section("| State | Next |\n|---|---|\n| `red` | go to step 2 or step 4 |"),
    step("Restart the node or move the shards off it."),
    step("Either restart the pod, or delete the index in the console."),
    step("Choose one of these two ways:\n\n- Restart the pod.\n- Move the shards."),
    step("If the index is closed, go to step 4. If it is open, pick one of the following:\n\n- Restart.\n- Reroute."),
    step(f"Option 1:\n\n{READ}\n\nOption 2:\n\n{READ.replace('pods', 'nodes')}"),
    step("Go to step 4 or, alternatively, to step 2."),
    step("You can continue with step 2 or with step 4."),
    section("Now either go to [Show the shards](#show-the-shards) or go to [Hand over](#hand-over)."),
    section("There are two ways to do so.\n\n**Way A.** Restart the pods.\n\n**Way B.** Reroute the shards by hand."),
    section(f"### Variant 1\n\n{READ}\n\n### Variant 2\n\n{READ.replace('pods', 'nodes')}"),
    section("Another way is to restart the pods in the console."),
    section("You may as well delete the replica and let it grow again."),
    section("Both of these do the job; take whichever you like:\n\n- Restart the pod.\n- Move the shards."),
    section("Use `kubectl -n search delete pod es-0` or `kubectl -n search rollout restart sts/es`."),
    section("- Approach 1: raise the limit of the heap in the console.\n- Approach 2: add a node in the console."),
    section("It is up to you whether to restart the pods or to wait."),
    section("Scale the set up, or throttle the clients at the gateway."),
    section("1. Variant one: move the shards.\n2. Variant two: close the index."),
    section("Do one of the following:\n\n1. Restart the pod.\n2. Close the index."),
    section("Restart the pod and/or close the index."),
    section(f"{READ}\n\nOr:\n\n{READ.replace('pods', 'nodes')}"),
    section("Take whichever command you prefer."),
]
CLEAR_CHOICE = [
    step("If `status` is `red`, restart the node; if it is `yellow`, move the shards off it."),
    step("Choose by the number of nodes:\n\n- Fewer than 3: restart the pod.\n- 3 or more: move the shards."),
    step("Pick the first of these that applies:\n\n- The index is closed: open it.\n- The index is open: reroute it."),
    step("Option 1, if the node answers:\n\n" + READ + "\n\nOption 2, if it does not:\n\n" + READ),
    step("If the count is 0, go to step 4; otherwise go to step 2."),
    section(
        "There are two ways; the state decides.\n\n**Way A, for `red`.** Restart.\n\n**Way B, for `yellow`.** Reroute."
    ),
    section(
        "Try the options in this order, and stop at the first that works.\n\n- Option 1: restart.\n- Option 2: reroute."
    ),
    section("If the reroute fails, restart the pod or ask the search team in `#search`; prefer the restart at night."),
    section("The list holds `red` or `yellow` indices."),
    section("Ask the search team or its manager for the size of the index."),
    section("If a shard is `UNASSIGNED` or `INITIALIZING` for more than 10 minutes, go to [Hand over](#hand-over)."),
    section("Once it has succeeded or failed, go to [Hand over](#hand-over)."),
    section("Use the first or the second replica of the pair, whichever has the higher `docs.count`."),
    section("Stop the traffic to one or more nodes in the console."),
    section("Delete or rename no index here."),
]
AMBIGUOUS_REFERENCE = [
    step("Once done, run both again."),
    step("Use the value you got earlier."),
    step("Repeat what was done for the primary."),
    step("Execute that once more."),
    step("Check whether it has changed."),
    section("Then rerun the first command."),
    step("Compare with the numbers from earlier."),
    section("Do as you did before."),
    step("Run that command once more after 5 minutes."),
    step("Repeat the previous command on `$NODE`."),
    step("Run it again on the other cluster."),
    step("Verify with the query from before."),
    step("Do the same as last time."),
    step("Check the output again: the one above must be empty now."),
    step("Use the other command for the second cluster."),
    step("Proceed like before."),
    step("Take the first of them and restart it in the console."),
    step("Look at this again in 10 minutes."),
    step("Compare that with the earlier result."),
    step("Wait 5 minutes, then run the same command again."),
    step("Verify in the way already described."),
    step("Repeat the check. It must be empty now."),
    step("If the value from above is 0, go to step 4."),
    section("Continue as described earlier."),
    section("Apply the procedure mentioned above to the second cluster."),
    section("Use the latter for the standby."),
    step("Proceed with the aforementioned command."),
    section("Repeat this for the other one until it is gone, at most 3 times."),
    section("Do this again as explained further up."),
    section("See above for how to read the answer."),
]
CLEAR_REFERENCE = [
    section("To undo, save the list kept above, and send it the same way."),
    step(f"Show the pods.\n\n{READ}\n\nRepeat the check after 5 minutes."),
    step("Run the script `tidy.sh` in the console."),
    step("Run the command of step 2 once more after 5 minutes."),
    step(f"Show the pods.\n\n{READ}\n\nRun this command again after 5 minutes."),
    step(f"Show the pods.\n\n{READ}\n\nIf it prints nothing, go to step 4."),
    step(f"Show the pods.\n\n{READ}\n\nThe command above prints one line for each pod."),
    step("Restart the node `$NODE` in the console, and wait until it is back."),
    step("Repeat step 2 after 5 minutes, at most 3 times."),
    step("Open the index in Kibana. If it is closed, open it."),
    step("To undo this, drain the node again with `kubectl drain $NODE --ignore-daemonsets`."),
    section("The command above places the shards that failed before."),
    section("If this fails, go to [Hand over](#hand-over)."),
    section("The same index can fail again; that is why the retry is bounded."),
    section("Use the same account as in [Show the shards](#show-the-shards)."),
    section("Go back to [Show the shards](#show-the-shards), at most 2 times."),
    section(f"Once more, with the nodes:\n\n{READ}"),
    section("To undo it, run `kubectl -n search rollout undo sts/es`."),
]
EXPLANATORY_COMMAND = [
    section(f"Some guides on the web recommend this; on our version it wipes the index:\n\n{READ}"),
    section(f"Had the timeout been set, this would not have happened:\n\n{READ}"),
    section(f"Not to be confused with:\n\n{READ}"),
    section(f"The following looks similar and stops the whole cluster:\n\n{READ}"),
    section(f"Whoever types this by mistake loses the index:\n\n{READ}"),
    section(f"A restart looks like the remedy, but it makes things worse:\n\n{READ}"),
    section(f"This is how the alert's exporter gets the number:\n\n{READ}"),
    section(f"Please leave the following alone:\n\n{READ}"),
    section(f"With the option left out, the call deletes everything:\n\n{READ}"),
    section(f"Do not run this while a restore is in progress, it breaks the restore:\n\n{READ}"),
    section(f"The call without a limit never comes back:\n\n{READ}"),
    section(f"What you must not do is the following.\n\n{READ}"),
    section(f"Earlier versions of this guide told you to type:\n\n{READ}"),
    section(f"This would delete the healthy copies as well:\n\n{READ}"),
    section(f"An example of a call that ends in a timeout:\n\n{READ}"),
    section(f"The nightly job does roughly this:\n\n{READ}"),
    section(f"The outage of March began when somebody typed\n\n{READ}"),
    section(f"Before release 7 it was done so, which no longer works:\n\n{READ}"),
    section(f"It is tempting to go on with\n\n{READ}\n\nbut that loses the copies."),
    section(f"{READ}\n\nThe command above is shown for comparison only; leave it alone."),
    section(f"Internally the operator runs:\n\n{READ}"),
    section(f"The plain form hangs when a node is gone, like this:\n\n{READ}"),
    section(f"Counterexample:\n\n{READ}"),
    section("```bash\n# WRONG: loses the copies\nkubectl -n search delete pod es-0\n```"),
    section("```bash\n# for illustration only, never run it here\nkubectl -n search get pods\n```"),
    step(f"Restart nothing by hand. Somebody did this in May, and it cost a day:\n\n{READ}"),
    step(f"On older clusters one wrote the following, and ours rejects it:\n\n{READ}"),
    step(f"Under no circumstances use:\n\n{READ}"),
    step(f"{READ}\n\nThis is only an illustration of what the script does. Do not execute it."),
    section(f"Resist the urge to force it:\n\n{READ}"),
    section(f"Without `--timeout` it waits for ever:\n\n{READ}"),
]
RUNNABLE_COMMAND = [
    section(f"Show the pods. The call takes a minute when a node is gone:\n\n{READ}"),
    section(f"If the reroute failed, show the pods:\n\n{READ}"),
    section(f"Do not use the old tool here; run this instead:\n\n{READ}"),
    section(f"Never restart by hand. List the pods first:\n\n{READ}"),
    section(f"See which pods crashed:\n\n{READ}"),
    section(f"The pods that failed are listed by:\n\n{READ}"),
    section(f"This command does not change anything:\n\n{READ}"),
    section(f"A wrong label is a frequent cause. Show the labels:\n\n{READ}"),
    section(f"{READ}\n\nIf this fails, go to [Hand over](#hand-over)."),
    section(f"Run the following, for example from the jump host:\n\n{READ}"),
    section(f"The previous deployment was rolled back; verify that its pods run:\n\n{READ}"),
    section(f"It can fail once while a node joins. Then run it again:\n\n{READ}"),
    section("```bash\n# never fails, prints nothing when no pod is there\nkubectl -n search get pods\n```"),
    section("An old form of it fails:\n\n```text\nkubectl get es\n```"),
    step(f"Keep the broken one for the review, then list what is left:\n\n{READ}"),
    step(f"Do not proceed before all pods run. Count them:\n\n{READ}"),
    section(f"Check what the nightly job left behind:\n\n{READ}"),
]
MISSING_COMMAND = [
    step("Examine the thread pools for rejected requests."),
    section("### Disk\n\nSee how much of the disk is left. Below 10 GB, go to [Hand over](#hand-over)."),
    step("Disable the allocation of shards."),
    step("Test if the node answers within 2 s."),
    step("Determine the size of the largest index. If it is above 50 GB, go to step 4."),
    step("Stop the ingest."),
    section(
        "### Heap\n\nMeasure the heap for 5 min.\n\n- Above 75 %: go to [Hand over](#hand-over).\n- Else close it."
    ),
    step("Make certain that the snapshot has finished."),
    step("Increase the number of replicas to 2."),
    section("### Backup\n\nCheck the result of the last backup. If it failed, go to [Hand over](#hand-over)."),
    step("Go through the log of the node and see whether it complains about its disk."),
    step("Find the index with the most shards."),
    step("Have a look at the heap of `$NODE`."),
    step("Count the shards that wait. If there are more than 10, go to step 4."),
    step("Make sure that `$NODE` has at least 50 GB of free disk."),
    step("Move the shards away from `$NODE`."),
    step("Query the number of pending tasks. If it is 0, go to step 4."),
    step("Undo the last change of the settings."),
    step("Review the settings of the index for a wrong number of replicas."),
    step("Once the shards are placed, turn the allocation back on."),
    step("Obtain the current master from the cluster. If it is `$NODE`, go to step 4."),
    step("Search the messages of the last hour for `OutOfMemoryError`."),
    section("Then check whether the heap is above 75 %."),
    section("After that, verify that the count of shards without a node is 0."),
    section("### Heap\n\nLook at the used heap of each node.\n\n- Below 75 %: go to [Hand over](#hand-over)."),
    section("### Undo\n\nRoll the settings back."),
    section("### Undo\n\nTo undo, restore the former number of replicas."),
    section("### Logs\n\nInspect what the master wrote in the last 10 minutes."),
    section("### Settings\n\n1. Get the watermark of the disks.\n2. Lower it to 80 %."),
]
GIVEN_COMMAND = [
    section(f"{READ}\n\nLook at the sections `Conditions` and `Events`."),
    step("Go through the log of the node:\n\n" + READ),
    step("Find the index with the most shards on the Grafana dashboard `search-shards`."),
    step("Run the command of step 2 every 10 minutes, at most 6 times."),
    step("Run the query of step 1 again. If `status` is `green`, go to step 4."),
    step("Have a look at the heap with `kubectl -n search top pod es-0`."),
    step("Check the output of step 2 for the index."),
    step("Compare the two lists. If they differ, go to step 4."),
    step("Read the reason from the column `unassigned.reason`."),
    step("Ask the search team whether the index can be closed."),
    section("Check the result: if `acknowledged` is `true`, the reroute was accepted."),
    section("Look at the first line of the answer."),
    section("Wait 5 minutes for the shards to move."),
    section(f"Check whether the pods run:\n\n{READ}"),
    section(f"### Undo\n\nTo undo, list the pods and note their names.\n\n{READ}"),
    section("Repeat the command above after 5 minutes, at most 3 times."),
]
VAGUE_CONDITION = [
    step("If there is a noticeable backlog, go to step 4."),
    step("If the node is slower than it used to be, go to step 4."),
    section("Give it some time, then close the alert."),
    section("If the hit rate is decent, close the alert."),
    step("If the disk fills up rapidly, go to step 4."),
    section("If a lot of time has passed, go to [Hand over](#hand-over)."),
    step("If the backlog is considerable, go to step 4."),
    step("Once the cluster has calmed down, go to step 4."),
    section("If the lag looks harmless, close the alert."),
    section("If only a handful of shards are left, go to [Hand over](#hand-over)."),
    section("- Heavy load: go to [Hand over](#hand-over).\n- Light load: close the alert."),
    step("If the node is struggling, go to step 4."),
    step("Wait until the load is bearable."),
    step("If the shards are placed soon, go to step 4."),
    step("If the load is tolerable, go to step 4."),
    step(f"{READ}\n\nIf the number of restarts is not reasonable, go to step 4."),
    step(f"{READ}\n\nIf enough pods run, go to step 4."),
    step("If the queue does not shrink fast enough, go to step 4."),
    step("When the cluster has had enough time, go to step 4."),
    step("If most shards are placed, go to step 4; if not, go to step 2."),
    step(f"{READ}\n\n- Many restarts: go to step 4.\n- Few restarts: go to step 2."),
    step("If a node stands out, note it as `$NODE` and go to step 4."),
    step("If the heap is nearly exhausted, go to step 4."),
    step("If too much of the disk is used, go to step 4."),
    section("If the answer takes very long, go to [Hand over](#hand-over)."),
    section("If the error rate is acceptable, go to [Hand over](#hand-over)."),
    section("Should the latency remain poor, go to [Hand over](#hand-over)."),
    section("| Heap | Next |\n|---|---|\n| high | go to [Hand over](#hand-over) |\n| low | close the alert |"),
    section("Where the response times are not satisfactory, call the search team in PagerDuty."),
    section("If the cluster is under heavy pressure, go to [Hand over](#hand-over)."),
    section("After a reasonable time, go to [Hand over](#hand-over)."),
    section("Go to [Hand over](#hand-over) if the numbers look worrying."),
    section("If several shards are missing, go to [Hand over](#hand-over)."),
    section("If the disk is getting tight, go to [Hand over](#hand-over)."),
    section("If the count is well above the norm, go to [Hand over](#hand-over)."),
    section("If things do not improve noticeably, go to [Hand over](#hand-over)."),
]
EXACT_CONDITION = [
    step("If the third number is smaller than the first, go to step 4."),
    step("If `status` is `red` for more than 5 minutes, go to step 4."),
    step(f"{READ}\n\nIf the pods are healthy, go to step 4."),
    step("If the node is older than the one in `$NODE`, go to step 4."),
    step("If no shard is listed, go to step 4."),
    step("If the longest `took` is 500 ms or less, go to step 4."),
    step("If the line contains `high disk watermark`, go to step 4."),
    step("If it is longer than 4 hours, go to step 4."),
    step("If the number has grown since step 1, go to step 4."),
    section("If it is still `red` after 10 minutes, go to [Hand over](#hand-over)."),
    section("If this fails or cannot be decided, go to [Hand over](#hand-over)."),
    section("If more nodes are listed than in [Show the shards](#show-the-shards), go to [Hand over](#hand-over)."),
    section("If the free space is lower than the size of the shard, go to [Hand over](#hand-over)."),
    section("| Heap | Next |\n|---|---|\n| above 75 % | go to [Hand over](#hand-over) |\n| other | close the alert |"),
    section("A high load is normal while shards move."),
    section("When a node leaves, the shards of many indices move, which can take a while."),
    section("If the pod is not found, go to [Hand over](#hand-over)."),
]
TITLE_MISMATCH = [
    titled("Patch the kernel", "Show the pods and their state.\n\n" + READ),
    titled("Step 2: Misc", READ),
    titled("Verify the backups", "Show the pods and their restarts.\n\n" + READ),
    titled("Flush the DNS cache", "List the pods that restarted.\n\n" + READ),
    titled("Step 2: Details", READ),
    titled("Replace the battery", "Show the pods and their state.\n\n" + READ),
    titled("Archive the invoices", "Show the pods and their state.\n\n" + READ),
    titled("Renew the certificates", "Show the pods and their restarts.\n\n" + READ),
    titled(
        "Free disk space",
        "The share of requests that failed in the last five minutes.\n\n```promql\n"
        "sum(rate(http_errors_total[5m]))\n```",
    ),
    titled("Upgrade the plugins", "List the nodes.\n\n```bash\nkubectl -n search get nodes -o wide\n```"),
    titled(
        "Rotate the passwords",
        "Measure how long a search takes.\n\n```bash\ncurl -s 'http://es:9200/_search?q=a' | jq .took\n```",
    ),
    titled("Step 1: Enlarge the volume", "Restart the pods.\n\n```bash\nkubectl -n search rollout restart sts/es\n```"),
    titled("2. Drain the queue", "Show the version of each node.\n\n```bash\nkubectl get nodes -o wide\n```"),
    titled("Inspect the firewall", "Show the heap of each pod.\n\n```bash\nkubectl -n search top pods\n```"),
    titled("Step 2: Investigation", READ),
    titled("3. Further steps", READ),
    titled(
        "Compare the clocks",
        "List the shards by size.\n\n```bash\n"
        "kubectl -n search exec es-0 -- curl -s 'localhost:9200/_cat/shards?s=store'\n```",
    ),
    titled("Notify the customers", "List the pods that restarted.\n\n" + READ),
    titled(
        "Remove the tenant", "Restart the pods one by one.\n\n```bash\nkubectl -n search rollout restart sts/es\n```"
    ),
]
FITTING_TITLE = [
    titled("Show the pods", READ),
    titled("Are the copies alive?", "Each answers with its name.\n\n```bash\ncurl -s http://es:9200/_cat/nodes\n```"),
    titled(
        "Look at the heap",
        "```bash\nkubectl -n search exec es-0 -- curl -s 'localhost:9200/_cat/nodes?h=heap.percent'\n```",
    ),
    titled("Restart the pods", "```bash\nkubectl -n search rollout restart sts/es\n```"),
    titled(
        "Give the shards room",
        "Raise the watermark.\n\n```bash\ncurl -s -XPUT http://es:9200/_cluster/settings -d '{}'\n```",
    ),
    titled("Put it back", "```bash\nkubectl -n search rollout undo sts/es\n```"),
    titled("Who writes so much?", "```bash\ncurl -s 'http://es:9200/_cat/indices?s=indexing.index_total'\n```"),
    titled("Free space", "```bash\nkubectl -n search exec es-0 -- df -h /data\n```"),
    titled("Is the disk full?", "```bash\nkubectl -n search exec es-0 -- df -h /data\n```"),
    titled("Verify", READ),
    titled("Mitigation", "```bash\nkubectl -n search rollout undo sts/es\n```"),
    titled("Step 3: Check memory", "```bash\nkubectl -n search top pods\n```"),
]
NON_ACTIONABLE = [
    step("Make every effort to get the cluster green."),
    step("Apply whatever remedy seems right."),
    step("Proceed with caution."),
    step("Escalate as appropriate."),
    step("Clear up the root of the trouble."),
    step("Ensure a swift recovery."),
    step("Take it seriously and act fast."),
    section("- If it is `red`, sort it out.\n- Otherwise go to [Hand over](#hand-over)."),
    step("Do your best to restore normal operation."),
    step("Address the remaining problems one by one."),
    step("See what can be done."),
    step("The necessary measures have to be taken."),
    step("It must then be dealt with."),
    step("Somebody should look at it."),
    step("Take suitable measures. The procedure ends here."),
    step("Do what is called for and bring the matter to a good end."),
    step("Handle it in a timely manner."),
    step("Deal with the shards accordingly."),
    step("React appropriately."),
    step("Work towards a resolution."),
    step("Think about what could have caused it."),
    step("Resolve the cause and recover."),
    step("Stay on top of the situation until it is solved."),
    step("Follow up as needed."),
    step("Manage the incident as you see fit."),
    step("Get to the bottom of it."),
    step("Make sure that nothing else is broken."),
    step("Apply the proper fix."),
    step("Act on what you have found."),
    section("| State | Next |\n|---|---|\n| `red` | deal with it |\n| `green` | close the alert |"),
    section("- If a shard is `UNASSIGNED`, do the needful.\n- Otherwise go to [Hand over](#hand-over)."),
    section("If it is still `red`, take it from there."),
    section("Bring the service back into a good state."),
    section("Use common sense and be prepared for surprises."),
    section("If a node is missing, solve the problem with the node."),
    section("Continue working on it until everything is fine again."),
]
ACTIONABLE = [
    step("Resolve the alert; you are done."),
    step("Do nothing, and continue with step 4."),
    section("Otherwise continue with [Hand over](#hand-over)."),
    step("Call the search team's on-call engineer and handle the incident with them."),
    step("Fix the mapping: add the field `lang` of type `keyword` in the console."),
    step("Take the node out of the load balancer in the console."),
    step("Wait 10 minutes, then go to step 2, at most 3 times."),
    step("Close the alert; nothing else is to be done."),
    step("Leave the node as it is and open a ticket in the queue `SEARCH`."),
    step("Decide by the state: `red`, go to step 4; `yellow`, go to step 2."),
    step("The incident is resolved. The procedure ends here."),
    step("No line is printed: the incident is resolved."),
    section(
        "| State | Next |\n|---|---|\n| `red` | search team, ticket of priority 2 |\n| `green` | close the alert |"
    ),
    section("Resolved."),
    section("The problem is solved when the list is empty."),
    section(f"Resolve the problem with a restart:\n\n{READ}"),
    section("If the issue persists, go to [Hand over](#hand-over)."),
    section("If this fails or cannot be decided, go to [Hand over](#hand-over)."),
    section("Follow the steps of [Show the shards](#show-the-shards)."),
    section("Restart the pods one at a time in the console."),
]
NARRATIVE = [
    section(
        "What led to it in June:\n\n1. The certificate ran out.\n2. Nodes refused each other.\n3. The master gave up."
    ),
    section("1. A client opens too many scrolls.\n2. The heap fills.\n3. The node is dropped."),
    section("1. Traffic doubled after the campaign.\n2. The heap could not keep up.\n3. Two nodes dropped out."),
    section("### Step 1: Load doubles\n\nA campaign went live.\n\n### Step 2: Nodes drop out\n\nTheir heap was full."),
    section("Typical culprits are:\n\n1. An oversized shard\n2. A slow disk\n3. A noisy neighbour"),
    section(
        "How the last outage went:\n\n1. A node lost its disk.\n2. Its shards moved to two others.\n3. Both ran full."
    ),
    section("1. The master was overloaded.\n2. Requests piled up.\n3. Clients gave up."),
    section(
        "### Step 1: A disk broke\n\nIt had been in use for 6 years.\n\n"
        "### Step 2: The shards moved\n\nThey went to two others."
    ),
    section("### 1. The heap fills\n\nA large query holds it.\n\n### 2. The node leaves\n\nIts shards have no place."),
    section("Known reasons:\n\n1. Full disk.\n2. Broken mapping.\n3. Lost master."),
    section(
        "It usually starts like this:\n\n1. The heap runs full.\n2. The collector stops the node.\n"
        "3. The master drops it."
    ),
    section(
        "1. Someone deletes an index by mistake.\n2. Clients create it again, with a wrong mapping.\n3. Writes fail."
    ),
    section(
        "In March it went like this:\n\n1. We lost a rack.\n2. Three copies vanished at once.\n"
        "3. The cluster turned red."
    ),
    section("The alert fires because of\n\n1. a full disk,\n2. a broken network, or\n3. a slow master."),
    section(
        "### Phase 1: the rack loses power\n\nA fuse blew.\n\n### Phase 2: copies vanish\n\nTwo of three stood there."
    ),
]
NOT_NARRATIVE = [
    section(
        "The message is one of two:\n\n1. A node left the cluster:\n\n   ```text\n   node left\n   ```\n"
        "2. A copy is lost:\n\n   ```text\n   copy lost\n   ```"
    ),
    section("### Prerequisites\n\n1. A node is free.\n2. The index was opened."),
    section(
        "1. No line is printed: the incident is resolved. Close it.\n"
        "2. Lines are printed: go to [Hand over](#hand-over)."
    ),
    section(
        "Wait until one of these is true:\n\n1. `status` is `green`: close the alert.\n"
        "2. 10 minutes are over: go to [Hand over](#hand-over)."
    ),
    section("How the last outage went:\n\n- A node lost its disk.\n- Its shards moved to two others."),
    section("1. Restart the pod in the console.\n2. Call the search team."),
    section("1. The pods: `kubectl -n search get pods`\n2. The nodes: `kubectl get nodes`"),
    section(
        "Decide by the reason:\n\n1. `NODE_LEFT`: go to [Hand over](#hand-over).\n2. `INDEX_CREATED`: wait 5 minutes."
    ),
    section(f"### 1. Which pods failed\n\n{READ}\n\n### 2. Which nodes failed\n\n{READ.replace('pods', 'nodes')}"),
    section("1. If a node left, call the search team.\n2. If none left, close the alert."),
]
CASES = {  # @@
    "ambiguous-choice": (AMBIGUOUS_CHOICE, CLEAR_CHOICE),
    "ambiguous-reference": (AMBIGUOUS_REFERENCE, CLEAR_REFERENCE),
    "explanatory-command": (EXPLANATORY_COMMAND, RUNNABLE_COMMAND),
    "missing-command": (MISSING_COMMAND, GIVEN_COMMAND),
    "narrative-steps": (NARRATIVE, NOT_NARRATIVE),
    "non-actionable-step": (NON_ACTIONABLE, ACTIONABLE),
    "title-mismatch": (TITLE_MISMATCH, FITTING_TITLE),
    "vague-condition": (VAGUE_CONDITION, EXACT_CONDITION),
}


@pytest.mark.parametrize(("code", "guide"), [(code, guide) for code, (bad, _) in CASES.items() for guide in bad])
def test_a_defect_is_seen(code: str, guide: str, catalogue: Catalogue) -> None:
    assert lines_of(code, guide, catalogue), guide


@pytest.mark.parametrize(("code", "guide"), [(code, guide) for code, (_, good) in CASES.items() for guide in good])
def test_its_sound_twin_is_left_in_peace(code: str, guide: str, catalogue: Catalogue) -> None:
    assert lines_of(code, guide, catalogue) == [], guide
