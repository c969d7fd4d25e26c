"""What commands of runbooks do. Nothing here is ever executed.

A row is a letter and a command: R reads, C changes, D changes and destroys, ? is not known to only read,
- does nothing outside its shell.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tsg.commands import Command, Does, Language, read_code

LETTERS = {"R": Does.READS, "C": Does.CHANGES, "D": Does.CHANGES, "?": Does.UNKNOWN, "-": Does.NOTHING}


def rows(text: str) -> Iterator[object]:
    for line in text.strip().splitlines():
        letter, _, command = line.strip().partition(" ")
        yield pytest.param(letter, command.strip(), id=command.strip()[:70])


def the_worst(body: str, tag: str = "bash") -> Command:
    rank = [Does.NOTHING, Does.READS, Does.UNKNOWN, Does.CHANGES]
    commands = read_code(tag, body, 1).commands
    assert commands, "no command was found"
    return max(commands, key=lambda c: (rank.index(c.does), c.destructive))


KUBERNETES = """
R kubectl get pods -A
R kubectl get nodes -l role=gpu -o wide
R kubectl -n gpu describe pod trainer-0
R kubectl logs deploy/web --tail=50 -c app
R kubectl logs web-0 --previous
R kubectl top pods --containers
R kubectl get events --sort-by=.lastTimestamp
R kubectl rollout status deployment/web
R kubectl rollout history deployment/web
R kubectl auth can-i patch nodes --as=system:serviceaccount:a:b
R kubectl config current-context
R kubectl config view --minify
R kubectl explain pod.spec
R kubectl api-resources
R kubectl cluster-info
R kubectl diff -f web.yaml
R kubectl get --raw /healthz
R kubectl wait --for=condition=Ready pod/web-0 --timeout=60s
R kubectl cp web-0:/var/log/app.log ./app.log
R kubectl get secret tls -o jsonpath='{.data.crt}' | base64 -d
R kubectl apply -f web.yaml --dry-run=server
R kubectl delete pod web-0 --dry-run=client
R kubectl exec web-0 -- cat /etc/resolv.conf
R kubectl exec -it web-0 -c app -- df -h
R kubectl exec web-0 -- sh -c "ls -la /data | wc -l"
R kubectl exec deploy/web -- curl -s localhost:8080/metrics
R kubectl port-forward svc/web 8080:80
R kubectl --context prod get pods
R kubectl --kubeconfig=/etc/k/admin.conf get nodes
R kubectl get pods | grep -v Running | awk '{print $1}'
R kubectl get pod <POD> -n <NAMESPACE> -o yaml
R kubectl get pods --field-selector spec.nodeName=${NODE}
R kubectl get nodes -o custom-columns=NAME:.metadata.name
R k get pods
R oc get clusteroperators
R oc adm top nodes
R oc whoami
R oc adm node-logs NODE -u kubelet
R oc debug node/worker-1 -- chroot /host journalctl -u kubelet
R oc debug node/worker-1 -- chroot /host crictl ps
R oc rsh etcd-0 etcdctl endpoint health
C kubectl apply -f web.yaml
C kubectl create deployment web --image=nginx
C kubectl create -f job.yaml
C kubectl scale deployment/web --replicas=3
C kubectl cordon gpu03
C kubectl uncordon gpu03
C kubectl taint nodes gpu03 maintenance=true:NoSchedule
C kubectl label node gpu03 pool=spare --overwrite
C kubectl annotate pod web-0 note=x
C kubectl patch svc web -p '{"spec":{"selector":{"v":"1"}}}'
C kubectl set image deployment/web app=web:2
C kubectl set env deployment/web A=b
C kubectl rollout restart deployment/web
C kubectl rollout undo deployment/web
C kubectl rollout pause deployment/web
C kubectl edit cm web
C kubectl drain gpu03 --ignore-daemonsets
C kubectl run tmp --rm -it --image=busybox -- sh
C kubectl debug node/gpu03 -it --image=busybox
C kubectl cp ./fix.conf web-0:/etc/app/fix.conf
C kubectl expose deployment web --port=80
C kubectl certificate approve csr-1
C kubectl config set-context --current --namespace=x
C kubectl exec web-0 -- kill -HUP 1
C kubectl get pod web-0 -o yaml | sed s/a/b/ | kubectl apply -f -
C oc adm cordon gpu03
C oc adm policy add-scc-to-user privileged -z x
C oc new-project demo
C oc debug node/worker-1 -- chroot /host systemctl restart kubelet
D kubectl delete pod web-0
D kubectl delete pod web-0 --force --grace-period=0
D kubectl -n prod delete pvc -l app=db
D kubectl delete -f web.yaml
D kubectl replace --force -f web.yaml
D kubectl drain gpu03 --ignore-daemonsets --delete-emptydir-data
D kubectl patch ns stuck -p '{"metadata":{"finalizers":null}}'
D kubectl apply --prune -f dir/
D kubectl get pods | xargs kubectl delete
D kubectl get pods -o name | xargs -I{} kubectl delete {}
D kubectl exec web-0 -- rm -rf /data/cache
D kubectl exec web-0 -- sh -c 'find /data -mtime +7 -delete'
D kubectl exec web-0 -- bash -c "redis-cli flushall"
D oc delete <webhook_type> <webhook_name>
D oc adm prune images --confirm
D kubectl exec -it web-0 -- psql -U app -c "DELETE FROM jobs"
D kubectl replace --raw /api/v1/namespaces/x/finalize -f -
D for p in $(kubectl get pods -o name); do kubectl delete $p; done
D kubectl get pods && kubectl delete pod x
D kubectl get pods || kubectl delete pod x
D kubectl get pods; kubectl delete pod x
? kubectl exec -it web-0 -- bash
? kubectl exec -it web-0 -- /bin/sh
? kubectl attach web-0
? kubectl $VERB pod x
? kubectl --unknown get delete pod x
? kubectl rook-ceph mons restore-quorum c
? kubectl exec web-0
? oc rsh web-0
? kubectl fnord pods
? kubectl exec -i web-0 -- mysql < dump.sql
"""
SYSTEM = """
R sudo journalctl -u kubelet --since '1 hour ago' 2>/dev/null
R systemctl status kubelet
R systemctl is-active nvidia-fabricmanager
R systemctl list-units --failed
R systemctl --no-pager status slurmd
R journalctl -k -b -1 | grep -i xid
R dmesg -T | tail -50
R ps aux --sort=-%mem | head
R df -h && du -sh /var/log/*
R ss -tlnp
R ip addr show eth0
R ip -s link
R ip route
R ethtool -S eth0
R ethtool eth0
R iptables -L -n -v
R iptables-save | grep KUBE
R sysctl net.core.somaxconn
R sysctl -a
R find /var/log -name '*.log' -mtime +7 -ls
R find . -type f -exec grep -l oops {} +
R sed -n '1,40p' app.log
R sed 's/a/b/' file
R awk '$9 >= 500 {print $1}' access.log
R awk -F: '{print $1}' /etc/passwd
R sort -rn -k2 sizes | uniq -c | head -20
R curl -s http://localhost:9090/-/healthy
R curl -X GET http://api/v1/x
R curl -G http://prom/api/v1/query --data-urlencode 'query=up'
R curl -sS -o /dev/null -w '%{http_code}' http://web/
R curl -H 'Authorization: Bearer x' https://api/v1/nodes
R curl -XPOST http://prom:9090/api/v1/query -d 'query=up'
R wget -qO- http://localhost/metrics
R ping -c 3 gpu03
R nc -zv gpu03 443
R dig +short web.svc
R openssl x509 -in crt.pem -noout -dates
R openssl s_client -connect web:443 </dev/null
R date +%s
R date -d '1 hour ago' +%s
R hostname
R mount
R tar -tzf backup.tgz
R test -f /etc/x
R cat /proc/mdstat
R ls -la /tmp
R free -m
R top -b -n 1 | head
R crontab -l
R lsblk -f
R smartctl -a /dev/sda
R nvme smart-log /dev/nvme0
R ssh gpu03 uptime
R ssh -o StrictHostKeyChecking=no root@gpu03 'nvidia-smi -q | grep -i ecc'
R timeout 10 curl -s http://web/
R env | grep PROXY
R sudo -u postgres psql -c 'select 1'
R nsenter -t 1 -m -- lsblk
R apt list --installed
R rpm -qa | grep nvidia
R dpkg -l
R pip list
R terraform plan
R git log --oneline -5
R git diff HEAD~1
R docker ps -a
R docker logs web --tail 20
R docker exec web cat /etc/hosts
R crictl ps
R crictl inspect abc
R ctr -n k8s.io containers ls
R podman images
R jq '.items[]' pods.json > /tmp/items.json
R python3 -m json.tool out.json
R echo abc | base64 -d
R watch -n 5 nvidia-smi
R pdsh -w gpu[01-04] uptime
R cat <<< "text" | grep t
R kubectl get pods 2>/dev/null -o wide
R tee /tmp/log < /proc/loadavg
R dd if=/dev/sda of=/dev/null bs=1M count=100
R kill -0 123
R cp -r /etc/kubernetes /tmp/backup
R until kubectl get pod x; do sleep 5; done
R while read n; do kubectl describe node $n; done < nodes.txt
- cd /var/log
- echo done
- export X=1
- mkdir -p /tmp/x
- sleep 30
- true
- alias k=kubectl
- source ~/.bashrc
- . /root/admin-openrc.sh
- unset HTTP_PROXY
C systemctl restart kubelet
C sudo systemctl stop slurmd
C systemctl daemon-reload
C systemctl enable --now x
C service nginx restart
C ip link set eth0 down
C ethtool -G eth0 rx 4096
C iptables -A INPUT -s 10.0.0.1 -j DROP
C sysctl -w vm.swappiness=1
C sysctl -p
C modprobe nvidia
C rmmod nvidia_uvm
C sed -i 's/a/b/' /etc/x.conf
C sed -ni p file
C cp a b
C mv a b
C chmod -R 775 /data
C chown app /data
C touch /etc/maintenance
C mkdir /data/new
C ln -s a b
C echo 1 > /proc/sys/vm/drop_caches
C echo x | sudo tee /etc/x.conf
C kubectl get cm x -o yaml > backup.yaml
C ls >> list.txt
C crontab -e
C echo '* * * * * x' | crontab -
C curl -X POST http://localhost/-/reload
C curl -XPUT http://localhost/x
C curl -d a=b http://localhost/
C curl --data-binary @f http://x/
C curl --json '{}' http://x/
C curl -T core.dump http://x/upload
C curl -sF file=@x http://x/
C curl -O http://x/y.tgz
C wget http://x/y.tgz
C wget --post-data=a http://x/
C scp core.dump user@host:/tmp/
C rsync -av /data host:/data
C apt-get install -y nvidia-driver-550
C yum update -y
C pip install vllm
C git push origin main
C git checkout v1.2
C git pull
C docker restart web
C docker run --rm busybox true
C crictl stop abc
C mount /dev/sdb1 /mnt
C umount /mnt
C terraform apply -auto-approve
C ansible-playbook site.yml
C nvidia-bug-report.sh
C kill -HUP 123
C ssh gpu03 sudo systemctl restart kubelet
C date -s '10:00'
C hostname new-name
C uniq a b
C tar -czf /data/backup.tgz /etc
C logger hello
C sort -o out in
C passwd root
C mv /etc/x.conf /tmp/x.conf
D rm -rf /data/cache
D rm core.*
D kill -KILL 123
D kill -s TERM 123
D dd if=/dev/zero of=/data/file
D sudo su - postgres -c "psql -c 'drop database x'"
D truncate -s 0 /var/log/app.log
D > /var/log/app.log
D : > /var/log/app.log
D cat /dev/null > /var/log/app.log
D dd if=/dev/zero of=/dev/sdb
D mkfs.ext4 /dev/sdb
D wipefs -a /dev/sdb
D echo x > /dev/sda
D shred -u secrets
D reboot
D sudo reboot
D sudo shutdown -r now
D systemctl reboot
D kill -9 123
D pkill -f trainer
D killall python
D find / -name core -delete
D find . -exec rm {} \\;
D find . -name x | xargs rm -f
D ip link delete eth0
D iptables -F
D apt-get purge docker
D docker rm -f web
D docker system prune -af
D crictl rmi --prune
D journalctl --vacuum-time=1d
D dmesg -C
D rsync -a --delete a/ b/
D curl -X DELETE http://es:9200/index
D git reset --hard origin/main
D git push --force
D git clean -fdx
D terraform destroy
D userdel x
D crontab -r
D ssh gpu03 'sudo reboot'
D ssh gpu03 "rm -rf /scratch"
D env A=b reboot
D nohup reboot &
D (reboot)
D { reboot; }
D if true; then reboot; fi
D while true; do reboot; done
D test -f x || reboot
D echo `reboot`
D echo $(reboot)
D echo "$(reboot)"
D echo "a $(echo $(reboot))"
D cat <(reboot)
D watch reboot
D watch 'rm -rf /x'
D bash -c reboot
D bash -lc 'reboot'
D sh -c "ls; reboot"
D eval reboot
D xargs reboot
D sudo -u root -- reboot
D timeout 5 reboot
D nsenter -t 1 -m -u reboot
D chroot /host reboot
D time nice -n 5 reboot
D /sbin/reboot
D parallel reboot ::: a
D X=1 reboot
D f() { reboot; }
D kubectl < f delete pod x
D kubectl 2>/dev/null delete pod x
D true && kubectl < f delete pod x
D >/dev/null rm x
D xargs <f rm
D kubectl <<< x delete pod y
D { { for i in a b; do reboot; done; } < file; }
D ls & reboot
D kubectl get pods | tee >(reboot)
D case $x in a) reboot;; esac
D ! reboot
D trap reboot EXIT
D alias ls=reboot; ls
D kubectl() { reboot; }; kubectl get pods
D CMD=reboot; $CMD
? ./fix.sh
? bash fix.sh
? source ./fix.sh
? . /tmp/evilrc
? curl -s http://x/install.sh | bash
? wget -qO- http://x | sh
? echo reboot | bash
? python fix.py
? python3 -c 'print(1)'
? some-unknown-tool --list
? $CMD
? ssh gpu03
? make deploy
? awk 'BEGIN { system("reboot") }'
? awk '{print > "out"}' x
? awk '{print | "sh"}' x
? sed 's/x/y/e' f
? sed 'w out' f
? curl -K config http://x
? eval "$CMD"
? LD_PRELOAD=x.so ls
? xargs sh
? tar -xf x --to-command=sh
? git -c core.pager=x log
? ssh -o ProxyCommand=x host uptime
? docker exec -it web bash
? su -
? perl -e 1
"""
CLUSTER = """
R scontrol show node gpu03
R scontrol show job 123
R scontrol ping
R sinfo -R
R squeue -u $USER
R sacct -j 123 --format=JobID,State
R sdiag
R sacctmgr show qos
R srun -w gpu03 nvidia-smi
R nvidia-smi
R nvidia-smi -q -d ECC -i 0
R nvidia-smi --query-gpu=temperature.gpu,power.draw --format=csv
R nvidia-smi topo -m
R nvidia-smi nvlink -s
R nvidia-smi -L
R dcgmi discovery -l
R dcgmi dmon -e 150,155 -c 1
R dcgmi health -c -g 1
R nv-fabricmanager --version
R ibstat
R ibv_devinfo
R ceph -s
R ceph health detail
R ceph osd tree
R ceph osd df
R ceph pg dump
R ceph pg 2.1f query
R ceph tell osd.3 dump_ops_in_flight
R ceph daemon mds.a dump_blocked_ops
R ceph auth ls
R ceph -n client.x --keyring k status
R ceph config get osd
R rados df
R rbd ls pool
R rbd snap ls pool/image
R rbd children --pool <pool> [--namespace <ns>] <image>
R etcdctl endpoint status -w table
R etcdctl --endpoints=$E --cacert=x --cert=y --key=z member list
R etcdctl alarm list
R etcdctl snapshot save /backup/etcd.db
R etcdctl get /registry --prefix --keys-only
R ETCDCTL_API=3 etcdctl endpoint health
R helm list -A
R helm get values web -n x
R helm history web
R helm template web ./chart
R helm upgrade web ./chart --dry-run
R aws ec2 describe-instances --filters a
R aws eks list-clusters
R aws s3 ls s3://bucket
R aws sts get-caller-identity
R az vm list
R az vm show -g x -n y
R az rest --method get --url x
R gcloud compute instances describe n
R gcloud projects get-iam-policy p
R gcloud logging read x --limit 1
R eksctl get nodegroup
R psql -c 'select * from pg_stat_activity'
R mysql -e 'show processlist'
R mongosh --eval 'rs.status()'
R redis-cli info memory
R redis-cli -h x get key
R rabbitmqctl list_queues
R kafka-topics.sh --list --bootstrap-server x
R amtool silence query
R promtool query instant http://x up
R vault status
R velero backup get
R argocd app get web
C scontrol update nodename=gpu03 state=drain reason=x
C scontrol update NodeName=gpu03 State=RESUME
C scontrol reconfigure
C scontrol hold 123
C scontrol requeue 123
C sbatch job.sh
C nvidia-smi -pm 1
C nvidia-smi -pl 300 -i 0
C nvidia-smi -e 0
C nvidia-smi mig -cgi 9
C nvidia-smi -mig 1
C dcgmi diag -r 3
C dcgmi health -s a
C dcgmi policy --set 0,1
C ceph osd out 3
C ceph osd in 3
C ceph osd set noout
C ceph osd reweight 3 0.8
C ceph pg repair 2.1f
C ceph config set osd x y
C ceph tell osd.3 injectargs --x=1
C ceph auth import -i key
C ceph mds fail a
C rbd map pool/image
C rbd snap create pool/i@s
C etcdctl defrag
C etcdctl compact 123
C etcdctl alarm disarm
C etcdctl put a b
C etcdctl check perf
C etcdctl member add x
C helm upgrade web ./chart -f v.yaml
C helm rollback web 3
C helm install web ./chart
C aws ec2 stop-instances --instance-ids i-1
D aws ec2 reboot-instances --instance-ids describe
C aws autoscaling set-desired-capacity --x
C aws s3 cp core.dump s3://bucket/
C aws iam attach-role-policy --role-name r
C az vm start -g x -n y
C az vm restart -g x -n list
C gcloud projects add-iam-policy-binding p
D gcloud compute instances reset n
C gcloud container clusters get-credentials c
D az vm run-command invoke -g a -n b --scripts "reboot"
C eksctl scale nodegroup x
C redis-cli set a b
C redis-cli config set maxmemory 1
C psql -c 'update t set a = 1'
C vault operator unseal
C amtool silence add alertname=x
C kubeadm certs renew all
C argocd app sync web
D scancel 123
D scontrol delete partition=x
D scontrol reboot gpu03
D nvidia-smi --gpu-reset -i 0
D nvidia-smi -r -i 0
D ceph pg 2.1f mark_unfound_lost revert
D ceph osd purge 3 --yes-i-really-mean-it
D ceph osd crush remove osd.3
D ceph osd pool delete p p --yes-i-really-really-mean-it
D ceph auth del osd.3
D rbd rm pool/image
D rados rm obj -p pool
D ceph-volume lvm zap /dev/sdb --destroy
D etcdctl del key
D etcdctl member remove abc
D helm uninstall web
D aws ec2 terminate-instances --instance-ids i-1
D aws s3 rm s3://b/k --recursive
D az vm delete -g x -n y
D gcloud compute instances delete n
D eksctl delete nodegroup x
D redis-cli flushall
D mongosh --eval 'db.tokens.deleteMany({})'
D psql -c 'drop table x'
D mysql -e 'TRUNCATE TABLE a'
D kubeadm reset
D kafka-topics.sh --delete --topic x
D rabbitmqctl purge_queue q
? scontrol
? psql
? psql -f fix.sql
? redis-cli
? ceph fnord
? etcdctl fnord
"""


@pytest.mark.parametrize(("letter", "command"), [*rows(KUBERNETES), *rows(SYSTEM), *rows(CLUSTER)])
def test_what_a_command_does(letter: str, command: str) -> None:
    found = the_worst(command)
    assert (found.does, found.destructive) == (LETTERS[letter], letter == "D"), found
    assert bool(found.why) == (letter in "CD?")


@pytest.mark.parametrize(("letter", "command"), [*rows(KUBERNETES), *rows(SYSTEM), *rows(CLUSTER)])
def test_no_wrapper_makes_a_change_look_like_a_read(letter: str, command: str) -> None:
    if letter in "CD?":
        quoted = command.replace("'", "'\\''")
        for wrapped in (f"sh -c '{quoted}'", f"({command}\n)", f"true && {command}", f"if true; then\n{command}\nfi"):
            assert the_worst(wrapped).does in {Does.CHANGES, Does.UNKNOWN}, wrapped


def test_the_table_is_not_thin() -> None:
    assert sum(1 for text in (KUBERNETES, SYSTEM, CLUSTER) for _ in rows(text)) > 400


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


@pytest.mark.parametrize(
    "command",
    [
        "kubectl edit cm web",
        "kubectl exec -it web-0 -- bash",
        "kubectl -n x exec -ti web-0 -c app -- /bin/sh",
        "oc rsh web-0",
        "oc debug node/worker-1",
        "kubectl run t --rm -it --image=busybox",
        "vi /etc/x.conf",
        "sudo vim x",
        "crontab -e",
        "psql",
        "psql -h db -U app",
        "mongosh",
        "redis-cli",
        "bash",
        "sudo -i",
        "ssh gpu03",
        "docker exec -it web bash",
        "fdisk /dev/sda",
        "terraform apply",
        "less app.log",
        "python3",
        "top",
        "read -p 'sure? ' answer",
        "passwd",
        "su - postgres",
        "screen -S x",
    ],
)
def test_a_command_that_waits_for_a_person(command: str) -> None:
    assert the_worst(command).interactive


@pytest.mark.parametrize(
    "command",
    [
        "kubectl exec web-0 -- ls",
        "kubectl exec -it web-0 -- nvidia-smi -q",
        "kubectl get pods",
        "cat x | less",
        "ssh gpu03 uptime",
        "bash -c ls",
        "psql -c 'select 1'",
        "terraform apply -auto-approve",
        "top -b -n 1",
    ],
)
def test_a_command_that_waits_for_nobody(command: str) -> None:
    assert not the_worst(command).interactive


@pytest.mark.parametrize(
    "command",
    [
        "kubectl logs -f web-0",
        "kubectl logs web-0 --follow | grep x",
        "kubectl get pods -w",
        "kubectl get nodes --watch",
        "kubectl port-forward svc/web 80",
        "kubectl proxy",
        "watch nvidia-smi",
        "tail -f app.log",
        "tail -100f app.log",
        "tail -F app.log",
        "journalctl -fu kubelet",
        "journalctl -u kubelet -f",
        "ping gpu03",
        "top",
        "htop",
        "docker logs -f web",
        "docker stats",
        "ceph -w",
        "dcgmi dmon -e 150",
        "nvidia-smi -l 1",
        "nvidia-smi dmon",
        "dmesg -w",
        "tcpdump -i eth0",
        "vmstat 1",
        "while true; do date; sleep 1; done",
        "while :; do date; done",
        "squeue -i 5",
        "redis-cli monitor",
        "etcdctl watch x",
        "kubectl exec web-0 -- tail -f /log",
    ],
)
def test_a_command_that_never_ends(command: str) -> None:
    assert the_worst(command).endless


@pytest.mark.parametrize(
    "command",
    [
        "kubectl logs web-0 -c fluentd",
        "kubectl apply -f watch.yaml",
        "tail -n 20 file",
        "journalctl -u firewalld",
        "journalctl -unfs-server",
        "ping -c 3 gpu03",
        "top -b -n 1",
        "docker stats --no-stream",
        "dcgmi dmon -e 150 -c 1",
        "vmstat 1 5",
        "while true; do date; break; done",
        "for i in 1 2 3; do date; done",
        "tcpdump -c 10",
        "nvidia-smi -q -d ECC",
        "kubectl get pods -o wide",
        "kubectl get pods --watch=false",
    ],
)
def test_a_command_that_ends(command: str) -> None:
    assert not the_worst(command).endless


@pytest.mark.parametrize(
    ("command", "uses"),
    [
        ("kubectl get pod <POD> -n <NAMESPACE>", ("<POD>", "<NAMESPACE>")),
        ("kubectl get pod $POD -n ${NS}", ("$POD", "$NS")),
        ("kubectl get pod {{ pod }}", ("{{ pod }}",)),
        ("kubectl get pod {pod}", ("{pod}",)),
        ("kubectl get pod [POD_NAME]", ("[POD_NAME]",)),
        ("kubectl get pod YOUR_POD", ("YOUR_POD",)),
        ("kubectl get pod POD_NAME", ("POD_NAME",)),
        ("kubectl describe node NODE", ("NODE",)),
        ("kubectl get pod <pod name here> -o yaml", ("<pod name here>",)),
        ("kubectl logs job/check-<NODE> -f", ("<NODE>",)),
        ("rbd info <pool>/<image>", ("<pool>", "<image>")),
        ("kubectl set env deploy/web RATE_LIMIT=1", ()),
        ("kubectl get cm x | grep LOG_RETENTION_DAYS", ()),
        ("curl -X POST http://x/", ()),
        ("NODE=<NODE_NAME> && kubectl cordon $NODE", ("<NODE_NAME>",)),
        ("for n in a b; do ping -c 1 $n; done", ()),
        ("kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}{end}'", ()),
        ("echo $?", ()),
        ("awk '{print $1}' f", ()),
    ],
)
def test_what_a_command_needs(command: str, uses: tuple[str, ...]) -> None:
    assert the_worst(command).uses == uses


@pytest.mark.parametrize(
    ("command", "does", "sets"),
    [
        ("export X=$(kubectl get pods -o name)", Does.READS, ("X",)),
        ("X=$(kubectl delete pod a)", Does.CHANGES, ("X",)),
        ("NODE=gpu03", Does.NOTHING, ("NODE",)),
        ("A=1 B=2", Does.NOTHING, ("A", "B")),
        ("readonly L=2", Does.NOTHING, ("L",)),
        ("read NODE", Does.NOTHING, ("NODE",)),
        ("KUBECONFIG=/x kubectl get pods", Does.READS, ()),
        ("X=`kubectl get pods`", Does.READS, ("X",)),
    ],
)
def test_what_a_command_sets(command: str, does: Does, sets: tuple[str, ...]) -> None:
    found = the_worst(command)
    assert (found.does, found.sets) == (does, sets)


@pytest.mark.parametrize(
    ("command", "touches"),
    [
        ("kubectl get pods", ("pod:*",)),
        ("kubectl delete po <POD> -n x", ("pod:<POD>",)),
        ("kubectl cordon $NODE", ("node:$NODE",)),
        ("kubectl -n x scale deploy/web --replicas=1", ("deployment:web",)),
        ("kubectl rollout restart deployment web", ("deployment:web",)),
        ("kubectl logs -n x web-0 -c app", ("pod:web-0",)),
        ("kubectl get pods,svc", ("pod:*", "service:*")),
        ("kubectl taint nodes gpu03 a=b:NoSchedule-", ("node:gpu03",)),
        ("kubectl label node --all a-", ("node:*",)),
        ("kubectl exec web-0 -- pkill -HUP app", ("pod:web-0", "process:app")),
        ("kubectl get statefulset.apps/db", ("statefulset:db",)),
        ("kubectl delete pod $(kubectl get pods -o name)", ("pod:*",)),
        ("systemctl restart kubelet.service", ("unit:kubelet",)),
        ("scontrol update nodename=gpu03 state=drain reason=x", ("node:gpu03",)),
        ("helm upgrade web ./chart", ("release:web",)),
        ("ceph osd out 3", ("osd:3",)),
        ("aws ec2 terminate-instances --instance-ids $ID", ("instance:$ID",)),
        ("rm -f /data/x", ("file:/data/x",)),
        ("oc adm drain $NODE", ("node:$NODE",)),
    ],
)
def test_what_a_command_touches(command: str, touches: tuple[str, ...]) -> None:
    assert the_worst(command).touches == touches


def test_a_manifest_on_the_input_names_what_is_touched() -> None:
    body = "NODE=a && cat <<EOF | kubectl apply -f -\nkind: RebootNode\nmetadata:\n  name: fix-$NODE\nEOF"
    assert the_worst(body).touches == ("rebootnode:fix-$NODE",)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("sudo -u root kubectl get pods", ("kubectl", "get", "pods")),
        ("env A=b time nohup kubectl get 'my pod'", ("kubectl", "get", "my pod")),
        ("watch -n 5 kubectl get pods", ("kubectl", "get", "pods")),
        ("kubectl get pods | xargs kubectl delete pod", ("kubectl", "delete", "pod")),
        ("kubectl exec web-0 -- rm x", ("kubectl", "exec", "web-0", "--", "rm", "x")),
        ('kubectl get "$NODE"', ("kubectl", "get", "$NODE")),
        ("kubectl get <POD>", ("kubectl", "get", "<POD>")),
        ("ls; X=1", ("ls",)),
    ],
)
def test_the_words_that_decide(command: str, argv: tuple[str, ...]) -> None:
    assert the_worst(command).argv == argv


@pytest.mark.parametrize(
    ("command", "broken"),
    [
        ("kubectl exec -it web-0", "kubectl exec needs a command to run: add -- and the command"),
        ("kubectl rsh web-0", "kubectl has no command 'rsh'; oc has"),
        ("kubectl fnord pods", "kubectl has no command 'fnord'"),
        ("systemctl fnord x", "systemctl has no command 'fnord'"),
        ("kubectl get pod 'web", "does not parse as shell"),
        ("oc patch pdb x --patch\n'{\"spec\": 1}'", "the line break before the quoted text lacks a backslash"),
    ],
)
def test_what_is_wrong_with_a_command(command: str, broken: str) -> None:
    assert the_worst(command).broken == broken


def test_a_plugin_is_not_a_mistake() -> None:
    assert the_worst("kubectl node-shell gpu03").broken == ""


def test_a_slip_loses_no_command() -> None:
    commands = read_code("bash", "kubectl get pods\necho 'open\nkubectl delete pod a\nfor x in\nreboot", 10).commands
    assert [(c.lines.first, c.does) for c in commands if c.does is Does.CHANGES] == [
        (12, Does.CHANGES),
        (14, Does.CHANGES),
    ]


def test_lines_after_a_shell_in_a_container_run_inside_it() -> None:
    body = "kubectl exec -it <POD> -- bash\ndcgmi discovery -l\nexit\nkubectl get pods"
    opened, inside, left, after = read_code("bash", body, 1).commands
    assert (opened.does, bool(opened.interactive)) == (Does.NOTHING, True)
    assert inside.touches == ("pod:<POD>",)
    assert left.does is Does.NOTHING
    assert after.touches == ("pod:*",)


def test_one_command_a_statement_on_the_guides_lines() -> None:
    body = "# first\nkubectl get pods \\\n  -A\n\nfor n in a b; do\n  kubectl cordon $n\ndone\nls; ls -l"
    block = read_code("bash", body, 100)
    assert block.language is Language.SHELL
    assert [(c.lines.first, c.lines.last) for c in block.commands] == [(101, 102), (104, 106), (107, 107), (107, 107)]
    assert block.commands[0].text == "kubectl get pods -A"


def test_a_redirection_is_told_from_a_placeholder() -> None:
    assert the_worst("cat <in.txt>out.txt").does is Does.CHANGES
    assert the_worst("cat <in>/etc/passwd").does is Does.CHANGES
    assert the_worst("cat <file>").does is Does.READS


def test_a_hole_hides_no_command() -> None:
    assert the_worst("echo {{ $(reboot) }}").destructive
    assert the_worst("echo [ $(reboot) ]").destructive
