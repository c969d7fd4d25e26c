"""Checks of queries and commands, each over whole guides: many wordings of its defect, and sound twins."""

# ruff: noqa: S608 - the SQL stands in guides, and nothing runs it

from __future__ import annotations

import pytest

from tsg.catalogue import Catalogue
from tsg.lint import lint

GUIDE = """\
# Ledger writes are late

The ledger runs in cluster `bank-eu`, namespace `ledger`; its database is `ledger-db`. Metrics are in the Prometheus
of that cluster. The alert gives the pod as `<POD>` and the node as `<NODE>`.

## 1. Look at the pods

```bash
kubectl -n ledger get pods -o wide
```

If no pod is `Pending`, go to [Hand over](#hand-over).

## 2. Deal with the writer

@BODY@

## Hand over

Call the on-call engineer of the ledger team through PagerDuty. The procedure ends here.
"""
PLAIN = """\
# Ledger writes are late

The alert gives the tenant as `<TENANT>`.

## Look at the queue

@BODY@

## Hand over

Call the on-call engineer of the ledger team through PagerDuty. The procedure ends here.
"""


def sh(text: str, tag: str = "bash") -> str:
    return f"```{tag}\n{text}\n```"


def guide(body: str) -> str:
    """A guide with the body in one of its sections; a body with a title is a guide itself."""
    return body if body.startswith("# ") else GUIDE.replace("@BODY@", body)


def plain(body: str) -> str:
    """A guide that names no system; the body is one of its sections."""
    return PLAIN.replace("@BODY@", body)


def lines_of(code: str, text: str, catalogue: Catalogue) -> list[int]:
    return [f.line for f in lint(text, catalogue, path="g.md") if f.code == code]


BROKEN_COMMAND = [
    sh("kubectl -n ledger rollout rollback deployment/writer"),
    sh("kubectl -n ledger rollout cancel deployment/writer"),
    sh("kubectl -n ledger restart deployment/writer"),
    sh("kubectl -n ledger show pods"),
    sh("systemctl bounce writer"),
    sh("helm -n ledger revert writer 3"),
    sh("docker reboot writer"),
    sh("kubectl -n ledger exec <POD> -c writer"),
    sh("kubectl -n ledger exec -it <POD> --"),
    sh('kubectl -n ledger patch deployment writer --type=merge\n  -p \'{"spec":{"paused":true}}\''),
    sh("kubectl -n ledger logs <POD>\n  --since=10m --tail=200"),
    sh("kubectl -n ledger get pods -o json\n  | jq '.items[].status.phase'"),
    sh("curl -s -X POST http://writer.ledger:8080/drain\n  -H 'Content-Type: application/json'"),
    sh("kubectl -n ledger get pods \\ \n  -o wide"),
    sh("git rollback HEAD~1"),
    sh("terraform rollback"),
    sh("kubeclt -n ledger get pods"),
    sh("sudo systemtcl restart kubelet"),
    sh("kubectl adm drain <NODE>"),
    sh("scontrol drain <NODE>"),
    sh("kubectl -n ledger scale deployment/writer"),
    sh("kubectl -n ledger rollout undo"),
    sh("kubectl -n ledger delete"),
    sh("sudo systemctl restart"),
    sh("kubectl -n ledger wait pod/<POD> --timeout=60s"),
    sh("helm -n ledger rollback"),
    sh("systemctl writer restart"),
    sh("docker compose reboot writer"),
]
SOUND_COMMAND = [
    sh("kubectl -n ledger rollout undo deployment/writer --to-revision=3"),
    sh("kubectl -n ledger rollout status deployment/writer --timeout=60s"),
    sh("kubectl -n ledger exec <POD> -c writer -- df -h"),
    sh("kubectl -n ledger exec deploy/writer -- sh -c 'df -h\n  ls /data'"),
    sh("kubectl -n ledger get pods -o json \\\n  | jq '.items[].status.phase'"),
    sh("kubectl -n ledger get pods -o json |\n  jq '.items[].status.phase'"),
    sh("docker restart writer"),
    sh("helm -n ledger rollback writer 3"),
    sh("kubectl rook-ceph ceph status"),
    sh("systemctl status kubelet --no-pager"),
    sh("git revert --no-edit HEAD"),
    sh("cat > patch.json <<'EOF'\n{\n  \"a\": 1\n}\nEOF"),
    sh("for p in a b; do\n  kubectl -n ledger get pod $p\ndone"),
    sh("kubectl -n ledger get pods\n\nNAME      READY   STATUS\nwriter-0  1/1     Running", "console"),
]
CODE_IN_PROSE = [
    "Then run kubectl -n ledger get pods -o wide and look at the column `NODE`.",
    "Restart it with systemctl restart kubelet on that node.",
    "Use sudo systemctl restart kubelet.service to bring it back.",
    "The size comes from du -sh /var/lib/ledger on the node.",
    "Look for refused writes: grep -c refused /var/log/ledger/writer.log",
    "Roll back with helm rollback writer 3 -n ledger.",
    "Ask the database: select count(*) from pg_stat_activity where state = 'active'.",
    'Query sum(rate(ledger_writes_total{result="late"}[5m])) in Prometheus.',
    "On the node, docker restart writer brings it back.",
    "Do a kubectl rollout restart deployment/writer -n ledger.",
    "- Free the lock: rm -rf /var/lib/ledger/lock",
    "Type az vm restart --name ledger-1 --resource-group bank.",
    "Open the journal (journalctl -u writer --since today) and look for `EIO`.",
    "Get-Service -Name Ledger shows whether it runs.",
    "Delete the row with DELETE FROM jobs WHERE id = 7.",
    "To find the port, netstat -tulpn | grep 9042 on the node.",
    "Drain the node by kubectl drain <NODE> --ignore-daemonsets.",
    "| State | Command |\n|---|---|\n| late | kubectl -n ledger get pods -o wide |",
]
MARKED_CODE = [
    "Then run `kubectl -n ledger get pods -o wide` and look at the column `NODE`.",
    "Both kubectl and helm must be installed on the laptop.",
    "The kubelet restarts it; systemctl shows that as a restart.",
    "Kubectl get and kubectl describe are allowed to everybody on call.",
    "Select the rows from the table and delete them from the screen.",
    "Docker restarts the container by itself, git and terraform have no part in that.",
    "Ask for the rate of late writes over the last 5 minutes.",
    "Git push rights are needed to merge the fix.",
    "Set the state from late to settled, where the console shows it.",
    "Free space of 20 GB is enough; find out who owns the rest.",
]
ENDLESS = [
    sh("kubectl -n ledger logs -f <POD>"),
    sh("kubectl -n ledger logs deploy/writer --follow --since=5m"),
    sh("kubectl -n ledger get events -w"),
    sh("kubectl -n ledger get pods --watch-only"),
    sh("watch -n 5 kubectl -n ledger get pods"),
    sh("ssh <NODE> tail -f /var/log/ledger/writer.log"),
    sh("ssh <NODE> 'journalctl -u writer -f'"),
    sh("journalctl --follow -u writer"),
    sh("ping <NODE>"),
    sh("top"),
    sh("iostat -x 5"),
    sh("vmstat 1"),
    sh("nvidia-smi -l 5"),
    sh("nvidia-smi dmon"),
    sh("docker logs -f writer"),
    sh("docker stats"),
    sh("kubectl -n ledger port-forward svc/writer 8080:80"),
    sh("while true; do kubectl -n ledger get pods; sleep 5; done"),
    sh("tcpdump -i eth0 port 9042"),
    sh("dmesg -w"),
    sh("ceph -w"),
    sh("redis-cli monitor"),
    sh("docker compose logs -f writer"),
    sh("Get-Content C:\\\\logs\\\\writer.log -Wait", "powershell"),
    sh("stern -n ledger writer"),
    sh("kubectl -n ledger exec <POD> -- tail -f /data/log"),
    sh("htop"),
    sh("redis-cli -h ledger-cache subscribe late"),
    sh("docker compose up"),
    sh("vmstat -n 1"),
    sh("kubectl -n ledger top pods --watch"),
    sh("while sleep 5; do date; done"),
    sh("sar -u 2"),
    "Follow the log with `kubectl -n ledger logs -f <POD>`.",
]
BOUNDED = [
    sh("kubectl -n ledger logs <POD> --since=5m --tail=200"),
    sh("timeout 60 kubectl -n ledger logs -f <POD>"),
    sh("kubectl -n ledger wait pod/<POD> --for=condition=Ready --timeout=60s"),
    sh("ping -c 4 <NODE>"),
    sh("top -b -n 1 | head -20"),
    sh("iostat -x 5 3"),
    sh("vmstat 1 5"),
    sh("docker stats --no-stream"),
    sh("tail -n 200 /var/log/ledger/writer.log"),
    sh("kubectl -n ledger port-forward svc/writer 8080:80 &"),
    sh("tcpdump -i eth0 -c 100 port 9042"),
    sh("nvidia-smi dmon -c 5"),
    sh("for i in 1 2 3; do kubectl -n ledger get pods; sleep 5; done"),
    sh("rm -f /data/lock\ntar -xf writer.tar\ngrep -f names.txt list.txt"),
    sh("kubectl -n ledger apply -f writer.yaml"),
    sh("kubectl -n ledger top pods"),
    sh("sar -u 2 5"),
    sh("docker compose up -d"),
    sh("stern -n ledger writer --no-follow"),
    sh("pidstat -d 2 5"),
]
HARDCODED = [
    sh("kubectl -n ledger scale deployment/writer --replicas=7"),
    sh("kubectl -n ledger delete pod writer-6d5f7c9b8d-kx2lp"),
    sh("kubectl drain gpu-node-17 --ignore-daemonsets"),
    sh("kubectl cordon ip-10-0-3-14.eu-west-1.compute.internal"),
    sh("ssh 10.20.30.41 uptime"),
    sh("ssh root@ledger-db-03.bank.internal uptime"),
    sh("SELECT pid FROM pg_stat_activity WHERE pid = 90210;", "sql"),
    sh("SELECT pg_cancel_backend(21077);", "sql"),
    sh("SELECT * FROM jobs WHERE created_at > '2024-11-02';", "sql"),
    sh("UPDATE jobs SET state = 'open' WHERE id = 771204;", "sql"),
    sh("KILL 88213;", "sql"),
    sh('rate(node_disk_io_time_seconds_total{instance="10.4.0.7:9100"}[5m])', "promql"),
    sh('up{node="bank-eu-worker-12"}', "promql"),
    sh('container_memory_rss{pod="writer-6d5f7c9b8d-kx2lp"}', "promql"),
    sh('ledger_lag{shard="ledger-shard-0042"}', "promql"),
    sh("journalctl -u writer --since '2024-11-02 14:00'"),
    sh("aws ec2 reboot-instances --instance-ids i-0a12b34c56d78e90f"),
    sh("sudo kill -9 48211"),
    sh("sudo kill 48211"),
    sh("scontrol update NodeName=gn0417 State=RESUME"),
    sh("scancel 771204"),
    sh('kubectl -n ledger patch deployment writer -p \'{"spec":{"replicas":5}}\''),
    sh("LedgerLogs\n| where TimeGenerated > datetime(2024-11-02)\n| take 20", "kusto"),
    sh("Restart-Computer -ComputerName LEDGER-WIN-07 -Force", "powershell"),
    sh("curl -s http://10.20.30.41:9100/metrics"),
    sh("nvidia-smi --gpu-reset -i GPU-5f1c2d3e-1111-2222-3333-444455556666"),
    sh("git revert --no-edit 9f3c2ab71d"),
    sh("kubectl -n ledger logs writer-6d5f7c9b8d-kx2lp --tail=100"),
    sh("docker logs --tail 100 4f5d6c7b8a9e"),
    sh("KILL QUERY 48213;", "sql"),
    sh("helm -n ledger rollback writer 41"),
]
NO_LITERAL = [
    sh("kubectl -n ledger scale deployment/writer --replicas=<REPLICAS>"),
    sh("kubectl -n ledger scale deployment/writer --replicas=0"),
    sh("kubectl -n ledger delete pod <POD>"),
    sh("kubectl -n ledger exec writer-0 -- df -h"),
    sh("SELECT pid FROM pg_stat_activity WHERE pid = <PID>;", "sql"),
    sh("SELECT count(*) FROM jobs WHERE tries > 100;", "sql"),
    sh("SELECT * FROM jobs WHERE created_at > now() - interval '2 hours' LIMIT 500;", "sql"),
    sh('rate(node_disk_io_time_seconds_total{instance="<NODE>:9100"}[5m])', "promql"),
    sh('histogram_quantile(0.99, sum by (le) (rate(ledger_write_seconds_bucket{job="writer-2"}[5m])))', "promql"),
    sh("curl -s http://127.0.0.1:9100/metrics"),
    sh("sudo ip addr show dev eth0"),
    sh("docker run --rm registry.bank.example/tools:1.24.3 ledger-check"),
    sh("kubectl -n ledger logs <POD> --tail=1000 --since=3600s"),
    sh("curl -s -m 120 http://localhost:15672/api/overview"),
    sh("SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND backend_type = 'client backend';", "sql"),
    sh("SELECT count(*) FROM pg_stat_activity WHERE wait_event_id > 3000 LIMIT 1000;", "sql"),
    sh('sum(rate(http_requests_total{code="503", service="ledger-v2"}[5m]))', "promql"),
    sh("kill -9 <PID>"),
    sh("dig +short ledger.bank.internal @8.8.8.8"),
    sh('ledger_lag{region="eu-west-1"}', "promql"),
    sh('kube_node_info{zone="eu-west-1a", pool="gpu-a100"}', "promql"),
]
INTERACTIVE = [
    sh("kubectl -n ledger exec -it <POD> -- sh"),
    sh("kubectl -n ledger exec -it <POD> -- psql -U ledger"),
    sh("kubectl -n ledger edit deployment writer"),
    sh("ssh <NODE>"),
    sh("ssh -t ops@<NODE>"),
    sh("psql -h ledger-db -U ops ledger"),
    sh("mysql -h ledger-db ledger"),
    sh("redis-cli -h ledger-cache"),
    sh("nano /etc/ledger/writer.conf"),
    sh("sudo vi /etc/ledger/writer.conf"),
    sh("kubectl -n ledger describe pod <POD> | less"),
    sh("journalctl -u writer --since -1h | more"),
    sh("less /var/log/ledger/writer.log"),
    sh("sudo less +G /var/log/ledger/writer.log"),
    sh("kubectl debug node/<NODE> -it --image=busybox"),
    sh("docker exec -it writer bash"),
    sh("docker run -it --rm tools bash"),
    sh("sqlite3 /data/ledger.db"),
    sh("python3"),
    sh("crontab -e"),
    sh("sudo visudo"),
    sh("passwd ledger"),
    sh("mongosh mongodb://ledger-db"),
    sh("sudo su - ledger"),
    sh("sudo -i"),
    sh("Enter-PSSession -ComputerName <NODE>", "powershell"),
    sh("git rebase -i HEAD~3"),
    sh("git commit --amend"),
    sh("git add -p"),
    sh("kubectl -n ledger attach -it <POD>"),
    sh("aws configure"),
    sh("fdisk /dev/sdb"),
    sh("man journalctl"),
    sh("vault login"),
    sh("read -p 'Sure? ' answer"),
    sh("ftp ledger-files"),
    sh("telnet <NODE> 9042"),
    sh("tmux attach -t ledger"),
    "Open a shell with `kubectl -n ledger exec -it <POD> -- bash` and look at `/data`.",
    "Log in with `ssh ops@<NODE>` and restart the agent.",
]
UNATTENDED = [
    sh("kubectl -n ledger exec <POD> -- df -h"),
    sh("kubectl -n ledger exec -i <POD> -- psql -U ledger -c 'SELECT 1'"),
    sh("psql -h ledger-db -U ops ledger -c 'SELECT count(*) FROM jobs'"),
    sh("psql -h ledger-db -U ops ledger < check.sql"),
    sh("psql -h ledger-db -U ops ledger <<'SQL'\nSELECT 1;\nSQL"),
    sh("ssh <NODE> uptime"),
    sh("ssh ops@<NODE> 'sudo systemctl restart writer'"),
    sh("redis-cli -h ledger-cache llen jobs"),
    sh("mysql -h ledger-db ledger -e 'SELECT 1'"),
    sh("sed -i 's/a/b/' /etc/ledger/writer.conf"),
    sh("kubectl -n ledger set image deployment/writer writer=writer:1"),
    sh("git commit -m 'Raise the limit'"),
    sh("sudo -u ledger ledgerctl state"),
    sh("docker exec writer df -h"),
    sh("echo 'SELECT 1' | sqlite3 /data/ledger.db"),
    sh("python3 -c 'print(1)'"),
    sh("journalctl -u writer --no-pager -n 50"),
    sh("kubectl -n ledger describe pod <POD> | grep -i less"),
    sh("git --no-pager log -n 5"),
    "`ssh <NODE>` works from the bastion with your own account.",
    "The shell that `kubectl exec -it` opens is of no use here, for the image has none.",
    "You can `ssh <NODE>` from there without a password.",
    "Access to the nodes is by `ssh <NODE>`, which the bastion allows to everybody on call.",
]
CONNECTION_MISSING = [
    sh("SELECT count(*) FROM jobs WHERE state = 'open';", "sql"),
    sh("sum(rate(ledger_writes_total[5m]))", "promql"),
    "Count the open jobs:\n\n" + sh("psql -At -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("psql -U ops -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh('mysql -e "SELECT count(*) FROM jobs"'),
    "Count the open jobs:\n\n" + sh('mongosh --quiet --eval "db.jobs.countDocuments()"'),
    "Measure the queue:\n\n" + sh("redis-cli llen jobs"),
    "Read the state:\n\n" + sh("kubectl exec deploy/writer -- ledgerctl state"),
    "Read the state:\n\n" + sh("oc exec writer-0 -c writer -- ledgerctl state"),
    "Measure the writes:\n\n" + sh("promtool query instant \"$PROM\" 'up'") + "\n\n" + sh("sum(ledger_lag)", "promql"),
    sh("LedgerLogs\n| where TimeGenerated > ago(10m)\n| summarize count()", "kusto"),
    sh('sum(count_over_time({app="writer"} |= "late" [5m]))', "logql"),
    "Run the query:\n\n" + sh("SELECT id FROM tenants WHERE name = '<TENANT>';", "sql"),
    "Count them with `kubectl exec deploy/writer -- ledgerctl count`.",
    "Count the open jobs:\n\n" + sh("clickhouse-client --query 'SELECT count() FROM jobs'"),
    "Jobs:\n\n" + sh("sudo -u postgres psql -At <<'SQL'\nSELECT count(*) FROM jobs;\nSQL"),
]
CONNECTION_ELSEWHERE = [
    "# Ledger is late\n\nPromQL runs in Grafana against the data source `prom-bank`.\n\n## 1. Lag\n\n"
    + sh("sum(ledger_lag)", "promql")
    + "\n\nIf it is above 100 rows, go to step 2.\n\n## 2. Limit\n\n"
    + sh("SELECT max_rows FROM limits WHERE tenant = '<TENANT>';", "sql")
    + "\n\nIf it is above 100 rows, call the ledger team.\n",
    "# Ledger is late\n\nThe alert gives the tenant.\n\n## Meaning\n\nThe label `cluster` of Prometheus is set.\n\n"
    "## Diagnosis\n\nThe owner tells more.\n\n### Lag\n\n"
    + sh("sum(ledger_lag)", "promql")
    + "\n\nIf it is above 100 rows,"
    " call the ledger team.\n",
]
CONNECTION_NAMED = [
    "In the database `ledger`:\n\n" + sh("SELECT count(*) FROM jobs WHERE state = 'open';", "sql"),
    "Ask Prometheus:\n\n" + sh("sum(rate(ledger_writes_total[5m]))", "promql"),
    "In Grafana, Explore, data source `bank`:\n\n" + sh("sum(rate(ledger_writes_total[5m]))", "promql"),
    "Count the open jobs:\n\n" + sh("psql -h ledger-db -At -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("psql service=ledger -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("psql \"$LEDGER_URL\" -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("psql -d ledger -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("psql ledger -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("psql postgresql://ledger-db/ledger -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("export PGHOST=<HOST>\npsql -At -c 'SELECT count(*) FROM jobs'"),
    "On the primary, count the open jobs:\n\n" + sh("psql -At -c 'SELECT count(*) FROM jobs'"),
    "Count the open jobs:\n\n" + sh("ssh <NODE> \"psql -At -c 'SELECT count(*) FROM jobs'\""),
    "Count the open jobs:\n\n" + sh("kubectl -n ledger exec db-0 -- psql -At -c 'SELECT count(*) FROM jobs'"),
    "Measure the queue:\n\n" + sh("redis-cli -h ledger-cache llen jobs"),
    "Measure the queue:\n\n" + sh('redis-cli -u "$REDIS_URL" llen jobs'),
    "Read the state:\n\n" + sh("kubectl -n ledger exec deploy/writer -- ledgerctl state"),
    "Read the state:\n\n" + sh("kubectl --context bank-eu exec deploy/writer -- ledgerctl state"),
    "In the namespace `ledger`:\n\n" + sh("kubectl exec deploy/writer -- ledgerctl state"),
    "In the Log Analytics workspace `bank`:\n\n"
    + sh("LedgerLogs\n| where TimeGenerated > ago(10m)\n| summarize count()", "kusto"),
    "In Loki:\n\n" + sh('sum(count_over_time({app="writer"} |= "late" [5m]))', "logql"),
]
CONNECTION_FAR = [
    "# Ledger is late\n\n## Before you start\n\nAll queries go to the Prometheus of the bank cluster.\n\n"
    "## Meaning\n\nWrites are late.\n\n## Diagnosis\n\n### Lag\n\n"
    + sh("sum(ledger_lag)", "promql")
    + "\n\nIf it is above"
    " 100 rows, call the ledger team.\n",
    "# Ledger is late\n\n## What you need\n\n| Query | Where |\n|---|---|\n| SQL | database `ledger` |\n\n## 1. One\n\n"
    + sh("kubectl -n a get pods")
    + "\n\n## 2. Two\n\n"
    + sh("kubectl -n a get jobs")
    + "\n\n## 3. Three\n\n"
    + sh("SELECT count(*) FROM jobs;", "sql")
    + "\n\nIf it is above 100 rows, call the ledger team.\n",
]
PLACEHOLDER_MISSING = [
    "Replace `<JOB>` with the job's name:\n\n" + sh("kubectl -n ledger get job settle"),
    sh("kubectl -n ledger get job settle") + "\n\nReplace `<JOB>` with the job's name.",
    "Substitute your own job for `JOB_NAME`:\n\n" + sh("kubectl -n ledger get job settle"),
    "Run this, with the name of the job filled in for `{job}`:\n\n" + sh("kubectl -n ledger get job settle"),
    "Fill in the number of the job:\n\n" + sh("kubectl -n ledger get jobs"),
    "Insert the name of the failing job:\n\n" + sh("kubectl -n ledger get job settle"),
    "Use your own namespace in the command:\n\n" + sh("kubectl -n ledger get jobs"),
    "Replace the placeholder first:\n\n" + sh("kubectl -n ledger get jobs"),
    "Put the ID of the affected tenant into the query:\n\n" + sh("SELECT count(*) FROM jobs;", "sql"),
    "Change the name to that of the affected job:\n\n" + sh("kubectl -n ledger get job settle"),
    "Where it says `<QUEUE>`, write the queue's name:\n\n" + sh("kubectl -n ledger get job settle"),
    "`<QUEUE>` stands for the queue of the alert:\n\n" + sh("kubectl -n ledger get job settle"),
    "Set `$QUEUE` to the queue of the alert before you run this:\n\n" + sh("kubectl -n ledger get job settle"),
    sh("kubectl -n ledger get job settle") + "\n\n(The part in angle brackets is the job's name.)",
    sh("kubectl -n ledger get job settle") + "\n\nwhere `<JOB>` is the job of the alert.",
    "Run the following and exchange the name for that of your job:\n\n" + sh("kubectl -n ledger get job settle"),
    "Run the following command, filling in the affected node:\n\n" + sh("kubectl get nodes"),
    "Adapt the host name to your site:\n\n" + sh("curl -s http://localhost:8080/health"),
]
PLACEHOLDER_THERE = [
    "Replace `<JOB>` with the job's name:\n\n" + sh("kubectl -n ledger get job <JOB>"),
    "Replace JOB with the job's name:\n\n" + sh("kubectl -n ledger get job JOB"),
    "Replace `settle` with the job's name:\n\n" + sh("kubectl -n ledger get job settle"),
    "Fill in the number of the job:\n\n" + sh("kubectl -n ledger get job $JOB"),
    "Put the ID of the tenant into the query:\n\n" + sh("SELECT count(*) FROM jobs WHERE tenant = '<ID>';", "sql"),
    "Replace the disk, then read its state:\n\n" + sh("kubectl -n ledger get pods"),
    "If the node does not come back, have the vendor replace it:\n\n" + sh("kubectl get nodes"),
    "Put the node back into service:\n\n" + sh("kubectl uncordon <NODE>"),
    "Fill in the incident's form, and attach what this prints:\n\n" + sh("kubectl -n ledger get jobs"),
    "The new pod replaces the old one:\n\n" + sh("kubectl -n ledger get pods"),
    "`<POD>` is the pod of the alert, as above.\n\n" + sh("kubectl -n ledger delete pod <POD>"),
    "Use your own account, and read the state:\n\n" + sh("kubectl -n ledger get pods"),
    "Insert the new disk into the slot, then:\n\n" + sh("kubectl -n ledger get pods"),
]
MIXED = [
    sh("$ kubectl -n ledger get jobs\nNAME     COMPLETIONS   DURATION   AGE\nsettle   0/1           12m        12m"),
    sh("kubectl -n ledger get jobs\nNAME     COMPLETIONS   DURATION   AGE\nsettle   0/1           12m        12m"),
    sh("kubectl -n ledger get job settle -o jsonpath='{.status.active}'\n1"),
    sh("kubectl -n ledger get job settle -o jsonpath='{.status.active}'\n\n# Output: 1"),
    sh("df -h /data\nFilesystem      Size  Used Avail Use% Mounted on\n/dev/sdb1       500G  481G   19G  97% /data"),
    sh("systemctl is-active writer\nfailed"),
    sh("psql -h ledger-db -c 'SELECT count(*) FROM jobs'\n count\n-------\n    42\n(1 row)"),
    sh("mysql -h ledger-db -e 'SELECT 1'\n+---+\n| 1 |\n+---+\n| 1 |\n+---+"),
    sh('curl -s localhost:8080/health\n{"status": "degraded", "queue": 812}'),
    sh('curl -s localhost:8080/health | jq .\n{\n  "status": "degraded",\n  "queue": 812\n}'),
    sh("curl -sI localhost:8080/health\nHTTP/1.1 503 Service Unavailable\nContent-Length: 0"),
    sh("kubectl -n ledger rollout restart deployment/writer\ndeployment.apps/writer restarted"),
    sh("kubectl cordon <NODE>\n=> node/gn04 cordoned"),
    sh("systemctl status writer --no-pager\n● writer.service - Ledger writer\n   Loaded: loaded\n   Active: failed"),
    sh("ceph health\nHEALTH_WARN 1 nearfull osd(s)"),
    sh("nvidia-smi -L\nGPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-5f1c2d3e)"),
    sh("ping -c 2 <NODE>\nPING gn04 (10.0.0.4) 56(84) bytes of data.\n64 bytes from gn04: icmp_seq=1 ttl=64"),
    sh("dmesg | grep -i xid\n[81234.123] NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus."),
    sh("kubectl -n ledger logs <POD> --tail=1\n2024-11-02T10:00:00Z ERROR cannot reach ledger-db: timeout"),
    sh("kubectl -n ledger get pods\n...\nwriter-0   0/1   CrashLoopBackOff   12   3h"),
    sh("ls /data/queue | wc -l\n# -> 1204\nls /data/dead | wc -l\n# -> 3"),
    sh("kubectl -n ledger get svc writer -o yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: writer"),
    sh("kubectl get nodes\nerror: You must be logged in to the server (Unauthorized)"),
    sh(
        "PS C:\\> Get-Service Ledger\n\nStatus   Name\n------   ----\nStopped  Ledger",
        "powershell",
    ),
    sh("scontrol show node <NODE> | grep State\n   State=IDLE+DRAIN ThreadsPerCore=2"),
    sh("free -g\n              total        used\nMem:             62          60"),
    sh("SELECT count(*) FROM jobs;\n count\n-------\n    42\n(1 row)", "sql"),
    sh('ssh <NODE> "sudo smartctl -H /dev/sdb"\nSMART overall-health self-assessment test result: FAILED!'),
    sh("kubectl -n ledger exec <POD> -- ledgerctl state\nqueue: 812\nlate: 40"),
]
UNMIXED = [
    sh("# late jobs\nkubectl -n ledger get jobs | grep Late\n\n# all\nkubectl -n ledger get jobs | grep Late | wc -l"),
    sh("ledgerctl state | grep late | sort\nledgerctl queue | sort | uniq"),
    sh("kubectl -n ledger get jobs\nkubectl -n ledger get pods"),
    sh("kubectl -n ledger get jobs") + "\n\nIt prints:\n\n" + sh("NAME     COMPLETIONS\nsettle   0/1", "text"),
    sh("# read the queue\nkubectl -n ledger get jobs\n# and the pods\nkubectl -n ledger get pods"),
    sh("cat <<'EOF' > job.json\n{\n  \"queue\": 812\n}\nEOF\nkubectl apply -f job.json"),
    sh("kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: Service\nmetadata:\n  name: writer\nEOF"),
    sh("curl -s -X POST localhost:8080/jobs -d '{\n  \"queue\": 812\n}'"),
    sh("ledgerctl queue\nledgerctl state --all"),
    sh("jq '.[] | {\n  name: .name,\n  late: .late\n}' jobs.json"),
    sh("awk '\n/late/ { n++ }\nEND { print n }\n' writer.log"),
    sh("kubectl -n ledger get jobs \\\n  -o custom-columns='NAME:.metadata.name,\nSTATE:.status.state'"),
    sh("check() {\n  curl -s localhost:8080/health\n}\ncheck"),
    sh("SELECT count(*) FROM jobs;\nSELECT count(*) FROM tenants;", "sql"),
    sh('JOBS=$(kubectl -n ledger get jobs -o name)\necho "$JOBS"'),
]
PROSE = [
    sh("kubectl -n ledger get pods\nLook at the column STATUS."),
    sh("Run the following to list the pods\nkubectl -n ledger get pods"),
    sh("kubectl -n ledger get pods\n\nIf a pod is pending, go on with the next step"),
    sh("First, list the jobs:\nkubectl -n ledger get jobs\nThen list the pods:\nkubectl -n ledger get pods"),
    sh("SELECT count(*) FROM jobs;\nThe count should be below 100.", "sql"),
    sh("Open jobs are counted by this query:\nSELECT count(*) FROM jobs;", "sql"),
    sh("kubectl -n ledger delete pod <POD>\n(wait about a minute before the next one)"),
    sh("kubectl -n ledger get pods\nNote: the writer is called writer-0"),
    sh("1. kubectl -n ledger get pods\n2. kubectl -n ledger get jobs\n3. Compare both lists with each other"),
    sh("kubectl -n ledger get pods   and check that all of them run\n"),
    sh("Get-Service Ledger\nMake sure that the service is stopped before you continue", "powershell"),
    sh("sum(ledger_lag)\nThis should go down after a while.", "promql"),
    sh("kubectl -n ledger get pods\nAll pods must be Running and Ready."),
    sh("kubectl -n ledger get pods\nit takes a minute until the new pod shows up here"),
    sh("kubectl -n ledger get pods\n>>> do not continue before the pod is gone"),
    sh("kubectl -n ledger get pods\n* every pod has to be ready here"),
]
NO_PROSE = [
    sh("kubectl -n ledger get pods\n# Look at the column STATUS."),
    sh("echo Look at the column STATUS\nkubectl -n ledger get pods"),
    sh("echo 'Wait until the pods are gone, then go on.'"),
    sh("read_state from the old queue\nledgerctl copy jobs to archive"),
    sh("SELECT count(*) FROM jobs;\n-- The count should be below 100.", "sql"),
    sh("cat <<'EOF' > note.txt\nThe writer was restarted by hand.\nEOF"),
    sh("wall 'The node goes down in five minutes'"),
    sh("git commit -m 'Raise the limit\n\nThe old limit was too low for the load.'"),
    sh("SELECT id\nFROM jobs\nWHERE state IN ('open', 'late')\nORDER BY id\nLIMIT 10;", "sql"),
    sh("scontrol update NodeName=<NODE> State=DRAIN Reason='bad disk, do not use'"),
    sh("# Drain the node first.\nkubectl drain <NODE> --ignore-daemonsets"),
    sh("install the-writer from stable\n", "text"),
]
MISMATCH = [
    "Its settings are in the ConfigMap `writer-settings`, in the namespace `conf`.\nSee what they are:\n\n"
    + sh("kubectl -n ledger get configmap writer-settings -o yaml"),
    "Delete files that are older than 7 days:\n\n" + sh("find /data/old -mtime +3 -delete"),
    "Read the log of the last 30 minutes:\n\n" + sh("kubectl -n ledger logs <POD> --since=3m --tail=200"),
    "Read the log of the past hour:\n\n" + sh("kubectl -n ledger logs <POD> --since=10m"),
    "The rate over 10 minutes:\n\n" + sh("sum(rate(ledger_writes_total[1m]))", "promql"),
    "Writes per second, averaged over a quarter of an hour:\n\n" + sh("sum(rate(ledger_writes_total[5m]))", "promql"),
    "Show the last 50 lines:\n\n" + sh("kubectl -n ledger logs <POD> --tail=500"),
    "List the ten oldest jobs:\n\n" + sh("SELECT id FROM jobs ORDER BY created_at LIMIT 100;", "sql"),
    "The three busiest tenants:\n\n" + sh("topk(10, sum by (tenant) (rate(ledger_writes_total[5m])))", "promql"),
    "Scale the writer to 6 replicas:\n\n" + sh("kubectl -n ledger scale deployment/writer --replicas=3"),
    "The 99th percentile of the latency:\n\n"
    + sh("histogram_quantile(0.95, sum by (le) (rate(w_seconds_bucket[5m])))", "promql"),
    "Look at the pods in the namespace `ledger`:\n\n" + sh("kubectl -n payments get pods"),
    "The writer runs in the namespace `ledger`.\n\n" + sh("kubectl -n payments get deployment writer"),
    "In the `ledger` namespace, list the pods:\n\n" + sh("kubectl get pods --namespace=payments"),
    "List tenants with more than 500 open jobs:\n\n"
    + sh("SELECT tenant, count(*) AS n FROM jobs GROUP BY tenant HAVING count(*) > 50;", "sql"),
    "Is any write slower than 2 s?\n\n" + sh("max(ledger_write_seconds) > 5", "promql"),
    "Sessions that wait longer than 5 minutes:\n\n"
    + sh("SELECT pid FROM pg_stat_activity WHERE now() - query_start > interval '1 minute';", "sql"),
    "Jobs of the last 24 hours:\n\n" + sh("SELECT id FROM jobs WHERE created_at > now() - interval '7 days';", "sql"),
    "Count the failures of the last 15 minutes:\n\n"
    + sh("LedgerLogs\n| where TimeGenerated > ago(5m)\n| summarize count()", "kusto"),
    "Wait up to 10 minutes for the writer:\n\n" + sh("kubectl -n ledger rollout status deployment/writer --timeout=2m"),
    "Go back to revision 4:\n\n" + sh("kubectl -n ledger rollout undo deployment/writer --to-revision=3"),
    "Look at the pods of the cluster `bank-eu`:\n\n" + sh("kubectl --context bank-us -n ledger get pods"),
    "Pods of the context `bank-eu`:\n\n" + sh("kubectl --context bank-us -n ledger get pods"),
    sh("kubectl -n ledger logs <POD> --since=3m") + "\n\nIf the last 30 minutes show `EIO`, hand over.",
    "Writes that come in, over 10 minutes:\n\n"
    + sh("sum(rate(ledger_in_total[10m]))", "promql")
    + "\n\nWrites that go out, over the same 10 minutes:\n\n"
    + sh("sum(rate(ledger_out_total[2m]))", "promql"),
    "List the newest five jobs:\n\n"
    + sh("kubectl -n ledger get jobs --sort-by=.metadata.creationTimestamp | tail -n 20"),
    "Raise the memory limit to 8Gi:\n\n" + sh("kubectl -n ledger set resources deployment/writer --limits=memory=4Gi"),
    "The share of late writes above 2 %:\n\n"
    + sh('sum(rate(w_total{s="late"}[5m])) / sum(rate(w_total[5m])) > 0.2', "promql"),
    "Ping the node four times:\n\n" + sh("ping -c 10 <NODE>"),
    "The mean of the last 6 hours:\n\n" + sh("avg_over_time(ledger_lag[1h])", "promql"),
    "Which tenants wrote the most in the last hour?\n\n"
    + sh("topk(5, sum by (tenant) (increase(ledger_writes_total[1d])))", "promql"),
]
MATCH = [
    "The writer reads its settings again within 60 s:\n\n"
    + sh("kubectl -n ledger rollout status deployment/writer --timeout=120s"),
    "Its settings are in `writer-settings`, in the namespace `conf`.\n\nNow see whether the proxy is up:\n\n"
    + sh("kubectl -n ledger get pods -l app=proxy"),
    "The limit of 4Gi is too low; raise it to 8Gi:\n\n"
    + sh("kubectl -n ledger set resources deployment/writer --limits=memory=8Gi"),
    "Delete files that are older than 7 days:\n\n" + sh("find /data/old -mtime +7 -delete"),
    "Ping it twice:\n\n" + sh("ping -c 2 <NODE>"),
    "Read the log of the last 30 minutes:\n\n" + sh("kubectl -n ledger logs <POD> --since=30m --tail=200"),
    "Read the log of the past hour:\n\n" + sh("kubectl -n ledger logs <POD> --since=60m"),
    "The rate over 10 minutes:\n\n" + sh("sum(rate(ledger_writes_total[10m]))", "promql"),
    "Show the last 50 lines:\n\n" + sh("kubectl -n ledger logs <POD> --tail=50"),
    "Scale the writer to 6 replicas:\n\n" + sh("kubectl -n ledger scale deployment/writer --replicas=6"),
    "Scale the writer back to the 6 replicas of before, one at a time, from 3:\n\n"
    + sh("kubectl -n ledger scale deployment/writer --replicas=6"),
    "Look at the pods in the namespace `ledger`:\n\n" + sh("kubectl -n ledger get pods"),
    "The writer runs in the namespace `ledger`, its database in `db`.\n\n" + sh("kubectl -n db get pods"),
    "The writer runs in the namespace `ledger`. See whether the ingress is up:\n\n" + sh("kubectl -n ingress get pods"),
    "The share of late writes above 2 %:\n\n"
    + sh('sum(rate(w_total{s="late"}[5m])) / sum(rate(w_total[5m])) > 0.02', "promql"),
    "Is any write slower than 200 ms?\n\n" + sh("max(ledger_write_seconds) > 0.2", "promql"),
    "Wait 5 minutes, then measure the rate:\n\n" + sh("sum(rate(ledger_writes_total[1m]))", "promql"),
    "If the rate stays above 5 for 10 minutes, hand over:\n\n" + sh("sum(rate(ledger_writes_total[1m]))", "promql"),
    "The alert fired after 15 minutes. Read what was logged in the last 30 minutes:\n\n"
    + sh("kubectl -n ledger logs <POD> --since=30m"),
    "Sessions that wait longer than 5 minutes:\n\n"
    + sh("SELECT pid FROM pg_stat_activity WHERE now() - query_start > interval '300 seconds';", "sql"),
    "Go back to revision 4:\n\n" + sh("kubectl -n ledger rollout undo deployment/writer --to-revision=4"),
    "Wait up to 10 minutes for the writer:\n\n"
    + sh("kubectl -n ledger rollout status deployment/writer --timeout=600s"),
    "Two of the pods should be ready within 5 minutes:\n\n"
    + sh("kubectl -n ledger wait pod -l app=writer --for=condition=Ready --timeout=5m"),
    "The 99th percentile of the latency:\n\n"
    + sh("histogram_quantile(0.99, sum by (le) (rate(w_seconds_bucket[5m])))", "promql"),
    "Jobs of the last day:\n\n" + sh("SELECT id FROM jobs WHERE created_at > now() - interval '24 hours';", "sql"),
]
SYNTAX = [
    sh("sum(rate(ledger_writes_total[5m])", "promql"),
    sh('sum(rate(ledger_writes_total{tenant="a}[5m]))', "promql"),
    sh("sum by tenant (rate(ledger_writes_total[5m]))", "promql"),
    sh("rate(ledger_writes_total[5 minutes])", "promql"),
    sh("ledger_lag > > 5", "promql"),
    sh("sum(ledger_lag{tenant=})", "promql"),
    sh("SELECT id, FROM jobs;", "sql"),
    sh("SELECT id FROM jobs WHERE (state = 'open';", "sql"),
    sh("SELECT id FORM jobs WHERE state = 'open';", "sql"),
    sh("SELECT id FROM jobs WHERE state = 'open;", "sql"),
    sh("SELECT count(* FROM jobs;", "sql"),
    sh("UPDATE jobs SET WHERE id = <ID>;", "sql"),
    sh('{"queue": 5,}', "json"),
    sh('{"queue": 5 "late": 1}', "json"),
    sh("{'queue': 5}", "json"),
    sh('{"queue": [1, 2}', "json"),
    sh("spec:\n  replicas: 2\n   paused: true", "yaml"),
    sh('spec:\n  name: "writer\n  paused: true', "yaml"),
    sh("spec:\n\treplicas: 2", "yaml"),
    sh("args: [a, b\nname: c", "yaml"),
    sh("kubectl -n ledger get pods -o jsonpath='{.items}"),
    sh("for p in a b; do\n  kubectl -n ledger get pod $p"),
    sh("if kubectl -n ledger get pod <POD>; then\n  echo yes"),
    sh('echo "$(kubectl -n ledger get pods -o name"'),
    sh("kubectl -n ledger get pods |"),
    sh("if [ -f /data/lock ] then\n  rm /data/lock\nfi"),
    sh("kubectl -n ledger get pods | | wc -l"),
    sh("kubectl -n ledger get pods && && kubectl get nodes"),
    sh("case $x in\n  a) echo a;;"),
    sh("cat > a.yaml <<EOF\nname: x"),
    sh("LedgerLogs\n| where TimeGenerated > ago(10m\n| count", "kusto"),
    sh('sum(count_over_time({app="writer" |= "late" [5m]))', "logql"),
    sh("Get-Service Ledger | Where-Object { $_.Status -eq 'Stopped'", "powershell"),
]
PARSES = [
    sh("sum(rate(ledger_writes_total[5m]))", "promql"),
    sh('sum by (tenant) (rate(ledger_writes_total{tenant=~"<TENANT>"}[5m])) > bool 5', "promql"),
    sh("SELECT id FROM jobs WHERE state = '<STATE>' AND tries > <N>;", "sql"),
    sh("SELECT pid, now() - query_start AS age FROM pg_stat_activity WHERE state <> 'idle' ORDER BY age DESC;", "sql"),
    sh('{"queue": <QUEUE>, "late": "<LATE>"}', "json"),
    sh('{"a": 1}\n{"a": 2}', "json"),
    sh("spec:\n  replicas: <REPLICAS>\n  name: {{ name }}", "yaml"),
    sh("for p in a b; do kubectl -n ledger get pod $p; done"),
    sh('echo "it\'s late"'),
    sh("kubectl -n ledger get pods -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'"),
    sh("case $x in\n  a) echo a;;\nesac"),
    sh("if [ -f /data/lock ]; then\n  rm /data/lock\nfi"),
    sh("cat > a.yaml <<EOF\nname: x\nEOF"),
    sh("LedgerLogs\n| where TimeGenerated > ago(10m)\n| count", "kusto"),
    sh("awk '{ if ($1 > 5) print $2 }' /var/log/ledger/writer.log"),
    sh("# don't run this twice\nkubectl -n ledger delete pod <POD>"),
]
TEMPLATE = [
    "[!INCLUDE [Access](../includes/access.md)]",
    '{{< include "access.md" >}}',
    "{{% notice warning %}}\nBe careful with the writer.\n{{% /notice %}}",
    "{% include access.md %}",
    "{% if cloud == 'azure' %}\nUse the portal of Azure.\n{% endif %}",
    "<%= page.owner %> owns the writer.",
    "Page {{ .Values.oncall }} with the incident's number.",
    "Page ${{ team.oncall }} with the incident's number.",
    "[[include access]]",
    ':::moniker range="v2"',
    "{{> access }}",
    "{{ include('access.md') }}",
    "@@OWNER@@ owns the writer.",
    "{{ site.data.oncall }} owns the writer.",
    "{{#include access.md}}",
    '--8<-- "access.md"',
    ".. include:: access.rst",
    "<!-- include: access.md -->",
    "{{TEAM_NAME}} owns the writer; see {{TODO}}.",
    ':::image type="content" source="a.png":::',
    '<xi:include href="access.xml"/>',
    "![[access]]",
    "include::access.adoc[]",
    "${project.version} is the release of the writer.",
    "{{ page.title }} is the title.",
    "{%- endfor %}",
    "[TOC]",
    "{{toc}}",
    "[[_TOC_]]",
    '#include "access.md"',
    '{{ env "OWNER" }} owns the writer.',
    '{{ partial "access.html" . }}',
    "{{ range .Alerts }}\nA pod is late.\n{{ end }}",
    "{{ $labels.pod }} is late.",
    '<#include "access.ftl">',
    "%%OWNER%% owns the writer.",
]
NO_TEMPLATE = [
    "The template `{{ .Values.oncall }}` is filled in by Helm.",
    "Replace {TENANT} with the tenant.",
    "Less than 5 % of the writes are late, and 10 % are lost.",
    sh("helm template writer --set 'a={{ b }}'"),
    sh("{{< not a shortcode in code >}}", "text"),
    "Prices went from <10 to >20 percent of the limit.",
    "The share [5 %] is a limit; see [the page](https://example.com/a).",
    "Write to team@example.com, @ops or @@ nothing.",
    "> [!WARNING]\n> Be careful with the writer.",
    "The set {a, b} has two members, 100% of all.",
    "<details>\n<summary>More</summary>\n\nText.\n\n</details>",
    "- [ ] Tell the owner.",
]
NO_UNIT = [
    "If the latency is above 500, hand over.",
    "If a write takes longer than 30, hand over.",
    "If `p99` exceeds 250, hand over.",
    "If the queue's age is more than 90, hand over.",
    "If less than 20 of disk space is free, hand over.",
    "If the pod's memory is over 900, hand over.",
    "If CPU usage is > 80, hand over.",
    "| Reading | Next |\n|---|---|\n| latency above 200 | hand over |",
    "Hand over when the replication lag goes past 60.",
    "If the disk usage is 85 or more, hand over.",
    "If the disk is fuller than 85, hand over.",
    "If the node has been up for less than 10, hand over.",
    "If the temperature reaches 95, hand over.",
    "If the error rate is below 1, stop here: the procedure ends.",
    "If the error rate stays under 5 for the next minutes, stop here.",
    "The backlog's age must be under 45 before you go on.",
    "Wait 30, then look again at the pods.",
    "Wait for 5 and run it again, up to 3 times.",
    "If the response time has doubled to 400 or more, hand over.",
    "Unless the write latency is at most 40, hand over.",
    "If `held_for` is more than 5, hand over.",
    "If `duration_avg` is greater than 250, hand over.",
    "If `write_latency` >= 250, hand over.",
    "If the request rate is above 300, hand over.",
    "If bandwidth drops below 10, hand over.",
    "If the volume has grown by more than 50, hand over.",
    "If utilization of the GPU stays at or below 10, hand over.",
    "If there is less than 10 free on the volume, hand over.",
    "A pod that is older than 15 is stuck: hand over.",
    "If the file is larger than 200, hand over.",
    "If the power draw goes beyond 650, hand over.",
    "If the clock is off by more than 100, hand over.",
    "- lag of 300 or less: stop here, the procedure ends.",
    "If the timeout is shorter than 30, hand over.",
    "If the average is between 200 and 400 for the latency, hand over.",
    "If it has run for over 20, hand over.",
    "If the rate of errors is above 5, hand over.",
    "If the error rate over 5 minutes is above 2, hand over.",
]
UNIT = [
    "If the latency is above 500 ms, hand over.",
    "If a write takes longer than 30 seconds, hand over.",
    "If more than 5 writes are late, hand over.",
    "If `restarts` is above 3, hand over.",
    "If the share is above 0.02, hand over.",
    "If the error rate is below 1 %, stop here: the procedure ends.",
    "If the burn rate is above 14.4, hand over.",
    "If the load average is above 16, hand over.",
    "If the number of late writes is above 20, hand over.",
    "If the disk usage is 85 % or more, hand over.",
    "If the queue has more than 500 messages, hand over.",
    "If CPU usage is above 80%, hand over.",
    "If it has 3 or more restarts, hand over.",
    "If the ratio is below 1, hand over.",
    "If the memory is above 900 MiB, hand over.",
    "If the lag is above 100 messages, hand over.",
    "If the latency, in milliseconds, is above 500, hand over.",
    "If the exit code is above 128, hand over.",
    "If the latency is above 0, hand over.",
    "If the request rate is above 300 requests per second, hand over.",
    "If the value is above 3, hand over to the ledger team.",
    "If the version is older than 14, hand over.",
    "If the consumer lag is more than 2000 records, hand over.",
    "Wait 5 minutes and run it again, up to 3 times.",
    "If the rate of writes per second is above 300, hand over.",
    "The size of the cluster is at least 3 nodes, or hand over.",
    "If the column `age_seconds` is above 300, hand over.",
    "If the priority is lower than 10, hand over.",
    "If the lag in seconds is above 60, hand over.",
]
UNIT += [
    "If `latency > 2s`, hand over.",
    "If `consumers` is 1 or more, hand over.",
    "If more than 20 % of the memory is used, hand over.",
    "If the file has more than 500 lines, hand over.",
    "If the disk shows more than 500 bad sectors, hand over.",
    "If memory errors are above 10, hand over.",
    "If over 3 pods use the volume, hand over.",
    "If the cluster's size is 3 nodes or more, hand over.",
    "The query gives the latency in milliseconds.\n\nIf the latency is above 500, hand over.",
    "If the latency over 5 minutes is above 2 s, hand over.",
    "If the job has run longer than 2 h 30 min, hand over.",
    "If between 2 and 4 disks are full, hand over.",
    "If the temperature is above 90 °C, hand over.",
    "If `write_seconds` is above 5, hand over.",
]
UNTAGGED = [
    sh("kubectl -n ledger get pods", ""),
    sh("$ kubectl -n ledger get pods", ""),
    sh("SELECT id FROM jobs;", ""),
    sh("sum(rate(ledger_writes_total[5m]))", ""),
    sh("LedgerLogs\n| where TimeGenerated > ago(10m)\n| count", ""),
    sh("Get-Service Ledger | Restart-Service", ""),
    sh("ledgerctl --all state\ncurl -s localhost:8080/health", ""),
    sh("cd /data/ledger\n./settle.sh --all", ""),
    sh("export TENANT=a\nledgerctl state --tenant $TENANT", ""),
    sh("sudo systemctl restart writer", ""),
    sh('ledger_lag{tenant="<TENANT>"}', ""),
    sh("UPDATE jobs SET state = 'open' WHERE id = <ID>;", ""),
    sh("for p in a b; do\n  kubectl -n ledger get pod $p\ndone", ""),
    "~~~\nkubectl -n ledger get pods\n~~~",
    sh('{app="writer"} |= "late"', ""),
    "- List the pods:\n\n  ```\n  kubectl -n ledger get pods\n  ```",
    sh("sudo dmesg | grep -i xid", ""),
    sh("# the pods\nkubectl -n ledger get pods", ""),
    sh("ssh <NODE>", ""),
    sh("rm -rf /data/ledger/lock", ""),
]
TAGGED = [
    sh("kubectl -n ledger get pods"),
    sh("NAME      READY   STATUS\nwriter-0  1/1     Running", ""),
    sh("error: cannot reach ledger-db: timeout", ""),
    sh("/data/ledger/\n  queue/\n  dead/", ""),
    sh("queue: 812\nlate: 40", ""),
    sh("kubectl -n ledger get pods", "console"),
    sh("+-----+     +-----+\n|  A  | --> |  B  |\n+-----+     +-----+", ""),
    sh("2024-11-02T10:00:00Z ERROR cannot reach ledger-db", ""),
    sh("Dear colleague,\n\nthe writer is down since 10:00.", ""),
]
WRONG_TAG = [
    sh("spec:\n  replicas: 2\n  paused: true", "bash"),
    sh("apiVersion: v1\nkind: Service\nmetadata:\n  name: writer", "shell"),
    sh('{\n  "queue": 5,\n  "late": 1\n}', "bash"),
    sh("SELECT id FROM jobs WHERE state = 'open';", "bash"),
    sh("SELECT id FROM jobs WHERE state = 'open';", "text"),
    sh("SELECT id FROM jobs WHERE state = 'open';", "promql"),
    sh("sum(rate(ledger_writes_total[5m]))", "bash"),
    sh("sum(rate(ledger_writes_total[5m]))", "sql"),
    sh("kubectl -n ledger get pods", "sql"),
    sh("kubectl -n ledger get pods", "yaml"),
    sh("kubectl -n ledger get pods", "json"),
    sh("kubectl -n ledger get pods\nkubectl get nodes", "text"),
    sh("kubectl -n ledger get pods", "promql"),
    sh("NAME      READY   STATUS    RESTARTS\nwriter-0  1/1     Running   0", "bash"),
    sh("JOB      OWNER     LATE\nsettle   billing   12\nsweep    billing   0", "bash"),
    sh("Filesystem      Size  Used Avail Use% Mounted on\n/dev/sdb1       500G  481G   19G  97% /data", "sh"),
    sh(" id | state\n----+-------\n  7 | open\n(1 row)", "sql"),
    sh("+----+-------+\n| id | state |\n+----+-------+\n|  7 | open  |\n+----+-------+", "bash"),
    sh("2024-11-02T10:00:00Z ERROR cannot reach ledger-db\n2024-11-02T10:00:05Z ERROR giving up", "bash"),
    sh("LedgerLogs\n| where TimeGenerated > ago(10m)\n| summarize count() by Tenant", "sql"),
    sh("Get-Service Ledger | Restart-Service -Force", "bash"),
    sh("queue: 5\nlate: 1\nowner: billing", "json"),
    sh('{"queue": 5, "late": [1, 2]}', "sql"),
    sh("import json\nprint(json.load(open('a.json'))['queue'])", "bash"),
    sh('deployment.apps/writer restarted\ndeployment "writer" successfully rolled out', "bash"),
    sh("HEALTH_WARN 1 nearfull osd(s)\n[WRN] OSD_NEARFULL: 1 nearfull osd(s)", "bash"),
    sh("groups:\n- name: ledger\n  rules:\n  - alert: Late\n    expr: ledger_lag > 5", "promql"),
    sh("sum(ledger_lag)", "json"),
    sh('sum(count_over_time({app="writer"} |= "late" [5m]))', "sql"),
    sh(
        "writer.service - Ledger writer\n   Loaded: loaded (/etc/systemd/system/writer.service)\n   Active: failed",
        "bash",
    ),
    sh("total 12\n-rw-r--r-- 1 root root 120 Nov  2 10:00 lock\n-rw-r--r-- 1 root root 900 Nov  2 10:01 queue", "bash"),
    sh("[Service]\nRestart=always\nRestartSec=5", "bash"),
    sh("QUEUE      DEPTH   OWNER\nsettle     812     billing", "sql"),
]
RIGHT_TAG = [
    sh("spec:\n  replicas: 2\n  paused: true", "yaml"),
    sh("SELECT id FROM jobs WHERE state = 'open';", "sql"),
    sh("SELECT id FROM jobs WHERE state = 'open';", "postgresql"),
    sh("NAME      READY   STATUS    RESTARTS\nwriter-0  1/1     Running   0", "text"),
    sh("$ kubectl -n ledger get pods\nNAME      READY\nwriter-0  1/1", "console"),
    sh("psql -h ledger-db -c 'SELECT id FROM jobs'", "bash"),
    sh("ledgerctl state\nledgerctl queue", "bash"),
    sh("TENANT=a\nledgerctl state --tenant $TENANT", "bash"),
    sh("./settle.sh --all", "sh"),
    sh("Get-Service Ledger", "powershell"),
    sh("kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: Service\nEOF", "bash"),
    sh('{"queue": 5, "late": [1, 2]}', "json"),
    sh("Tell the owner that kubectl get pods is slow today.", "text"),
    sh("sum(ledger_lag)", "promql"),
    sh("ledger_lag", "promql"),
    sh("- alert: Late\n  expr: sum(ledger_lag) > 5", "yaml"),
    sh("envsubst < limit.yaml | kubectl apply -f -", "bash"),
]
CASES = {
    "broken-command": (BROKEN_COMMAND, SOUND_COMMAND),
    "code-in-prose": (CODE_IN_PROSE, MARKED_CODE),
    "endless-command": (ENDLESS, BOUNDED),
    "hardcoded-parameter": (HARDCODED, NO_LITERAL),
    "interactive-command": (INTERACTIVE, UNATTENDED),
    "missing-placeholder": (PLACEHOLDER_MISSING, PLACEHOLDER_THERE),
    "mixed-output": (MIXED, UNMIXED),
    "prose-in-code": (PROSE, NO_PROSE),
    "prose-query-mismatch": (MISMATCH, MATCH),
    "syntax-error": (SYNTAX, PARSES),
    "template-unexpanded": (TEMPLATE, NO_TEMPLATE),
    "threshold-without-unit": (NO_UNIT, UNIT),
    "untagged-fence": (UNTAGGED, TAGGED),
    "wrong-language": (WRONG_TAG, RIGHT_TAG),
}


def _each(at: int) -> list[tuple[str, str]]:
    made = [(code, guide(body)) for code, pair in CASES.items() for body in pair[at]]
    connections = (CONNECTION_MISSING + CONNECTION_ELSEWHERE, CONNECTION_NAMED + CONNECTION_FAR)[at]
    return made + [("missing-connection", body if body.startswith("# ") else plain(body)) for body in connections]


@pytest.mark.parametrize(("code", "text"), _each(0))
def test_a_defect_is_seen(code: str, text: str, catalogue: Catalogue) -> None:
    assert lines_of(code, text, catalogue)


@pytest.mark.parametrize(("code", "text"), _each(1))
def test_its_sound_twin_is_left_in_peace(code: str, text: str, catalogue: Catalogue) -> None:
    assert lines_of(code, text, catalogue) == []
