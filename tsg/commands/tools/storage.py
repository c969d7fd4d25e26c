"""Ceph and its companions, and block devices."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, Tool, always, verbs
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words

_CEPH = verbs(
    reads="""status, health, df, versions, version, quorum_status, report, features!, time-sync-status, log last, pg stat,
        pg dump, pg ls, pg map, pg query, pg dump_stuck, pg dump_json, pg ls-by-pool, pg ls-by-osd, pg ls-by-primary,
        pg debug, osd tree, osd df, osd status, osd stat, osd dump, osd perf, osd lspools, osd ls, osd find, osd metadata,
        osd blocked-by, osd utilization, osd pool ls, osd pool get, osd pool stats, osd pool autoscale-status, osd map,
        osd crush tree, osd crush dump, osd crush rule ls, osd crush rule dump, osd crush class ls, osd crush show-tunables,
        osd crush get-tunable, osd getmap, osd getcrushmap, osd safe-to-destroy, osd ok-to-stop, osd info, osd numa-status,
        osd count-metadata, osd versions, osd tier status, osd blocklist ls, osd blacklist ls, osd erasure-code-profile ls,
        osd erasure-code-profile get, osd get-require-min-compat-client, osd df tree, osd pool application get, mds stat,
        mds metadata, mds versions, mds ok-to-stop, fs status, fs ls, fs dump, fs get, fs subvolume ls, fs subvolume info,
        fs subvolumegroup ls, fs volume ls, mon stat, mon dump, mon metadata, mon versions, mon getmap, mon ok-to-stop,
        mgr services, mgr dump, mgr stat, mgr metadata, mgr versions, mgr module ls, crash ls, crash ls-new, crash info,
        crash stat, device ls, device info, device ls-by-host, device ls-by-daemon, device get-health-metrics, config dump,
        config get, config show, config log, config help, config ls, config-key ls, config-key get, config-key dump,
        config-key exists, auth ls, auth list, auth get, auth get-key, auth print-key, auth print_key, auth export,
        balancer status, balancer eval, balancer ls, orch ls, orch ps, orch status, orch host ls, orch device ls,
        orch upgrade status, orch osd rm status, telemetry status, telemetry show, progress!, progress json, node ls, insights!,
        iostat, dashboard get-prometheus-api-host, rbd perf image iostat, rbd task list, tell""",
    undoable="""osd out, osd in, osd set, osd unset, osd set-group, osd unset-group, osd reweight, osd crush reweight,
        osd primary-affinity, osd pool set, osd noout, mgr module enable, mgr module disable, config set, config rm,
        balancer on, balancer off, balancer mode, health mute, health unmute, osd set-full-ratio, osd set-nearfull-ratio,
        osd set-backfillfull-ratio, osd pool set-quota, crash archive, crash archive-all, orch pause, orch resume, fs set,
        osd add-noout, osd rm-noout, osd pool create, osd pool rename, osd pool application enable, auth add, auth caps,
        auth get-or-create, auth get-or-create-key, fs fail, orch daemon start, orch daemon stop, osd down, osd unpause,
        osd pause, osd blocklist add, osd blacklist add, osd crush set-device-class, osd crush move, osd crush add-bucket""",
    changing="""pg repair, pg scrub, pg deep-scrub, pg force-recovery, pg force-backfill, osd scrub, osd deep-scrub,
        osd repair, mds fail, mgr fail, osd reweight-by-utilization, osd new, osd crush, osd add, auth import, daemon,
        orch daemon restart, orch restart, orch apply, orch upgrade start, orch upgrade stop, mon add, injectargs,
        osd stop, mds repaired, osd crush add, osd crush set, osd setcrushmap, config-key set, fs new, balancer execute,
        osd pool application, orch host add, orch device zap, mgr module""",
    destroys="""osd purge, osd rm, osd destroy, osd lost, osd crush remove, osd crush rm, osd pool delete, osd pool rm,
        auth del, auth rm, mon remove, mon rm, pg force_create_pg, osd force-create-pg, pg mark_unfound_lost, fs rm,
        fs reset, fs volume rm, fs subvolume rm, mds rm, mds rmfailed, crash rm, crash prune, config-key rm, config-key del,
        orch rm, orch osd rm, orch host rm, orch daemon rm, osd purge-new, config reset, osd erasure-code-profile rm,
        osd crush rule rm, osd pool rmsnap""",
)
_ADMIN_READS = words(
    "dump_ops_in_flight dump_blocked_ops dump_historic_ops dump_historic_slow_ops perf status version help config session"
    " ops get_subtrees mon_status quorum_status dump_mempools list_unfound list_missing get dump log bench_status ls"
    " dump_pgstate_history dump_reservations dump_scrubs dump_watchers dump_objectstore_kv_stats objecter_requests"
    " cache git_version heap sessions list-unfound query df scrub_path_status show"
)
_CEPH_VALUED = words(
    "-c --conf --id -i --name -n -m --mon-host --cluster -k --keyring --connect-timeout -o -f --format --user --setuser"
    " -w --in-file --out-file --host"
)


def _ceph_refined(call: Call, phrase: str, rest: list[str], verdict: Verdict) -> Verdict:
    if call.value("-o", "--out-file") and not verdict.is_change:
        return changes(f"ceph {phrase} writes a file", reversible=True)
    if phrase in {"tell", "daemon"}:
        daemon, words_after = (rest[0], rest[1:]) if rest else ("", [])
        key = (f"ceph:{daemon}",) if daemon else ()
        reads = bool(words_after) and words_after[0].split("_")[0] in {"dump", "list", "get"}
        reads = reads or (bool(words_after) and words_after[0] in _ADMIN_READS)
        inner = " ".join(words_after[:2])
        if words_after[:1] in (["config"], ["perf"], ["heap"], ["cache"], ["log"], ["session"], ["sessions"]):
            reads = inner in {"config show", "config get", "config diff", "perf dump", "perf schema", "heap stats",
                              "cache status", "session ls", "config help", "perf histogram"}  # fmt: skip
        if reads:
            return replace(READS, touches=key)
        return replace(changes(f"ceph {phrase} {inner} changes a daemon"), touches=key)
    if phrase.startswith("osd ") and rest and rest[0].removeprefix("osd.").isdigit():
        verdict = replace(verdict, touches=tuple("osd:" + r.removeprefix("osd.") for r in rest[:4]))
    if phrase in {"osd set", "osd unset"} or (phrase.startswith("osd ") and verdict.is_change and not verdict.touches):
        verdict = replace(verdict, touches=("ceph:osdmap",))
    return verdict


def _dd(call: Call) -> Verdict:
    """`dd` without a target, or with none that is kept, measures how fast a device reads."""
    target = next((a[3:] for a in call.args if a.startswith("of=")), "/dev/null")
    if target == "/dev/null":
        return READS
    return replace(changes(f"dd overwrites {target}", destructive=True), touches=(f"file:{target}",))


def _placement_group(pg: str, words_after: tuple[str, ...]) -> Verdict:
    verb = words_after[0] if words_after else ""
    if verb in {"query", "list_unfound", "list_missing"}:
        return replace(READS, touches=(f"pg:{pg}",))
    destroys = verb in {"mark_unfound_lost", "force_create_pg"}
    return replace(changes(f"ceph pg {verb} changes a placement group", destructive=destroys), touches=(f"pg:{pg}",))


def _ceph(call: Call) -> Verdict:
    if call.args[:1] == ("pg",) and len(call.args) > 2 and _PGID.fullmatch(call.args[1]):
        return _placement_group(call.args[1], call.args[2:])
    if call.has("-w", "--watch", "--watch-debug"):
        return replace(READS, endless="ceph -w goes on until it is stopped")
    if call.args in {(), ("-i",)}:
        return replace(unknown("opens the ceph prompt"), interactive="ceph prompt")
    return CEPH(call)


_PGID = re.compile(r"\d+\.[0-9a-f]+|[<$\[{].*")
_CEPH_FLAGS = words("-s --status -v --version --verbose --concise --admin-daemon -q --yes-i-really-mean-it")
CEPH = Tool(_CEPH, _CEPH_VALUED, _CEPH_FLAGS, _ceph_refined)

_RBD = verbs(
    reads="""ls, list, info, du, disk-usage, status, children, snap ls, snap list, trash ls, trash list, showmapped,
        device list, device ls, diff, lock ls, lock list, watch, mirror pool status, mirror image status, mirror pool info,
        image-meta list, image-meta get, pool stats, group list, group ls, namespace ls, namespace list,
        feature list, object-map check, perf image iostat, perf image iotop, task list, snap limit, config image list""",
    undoable="""create, map, unmap, device map, device unmap, snap create, feature disable, feature enable, resize, clone,
        cp, copy, rename, mv, trash mv, trash move, trash restore, snap protect, snap unprotect, lock add, image-meta set,
        mirror image enable, mirror pool enable, deep cp, export, namespace create, pool init, import, snap rename, snap add""",
    changing="bench, object-map rebuild, flatten, mirror image resync, migration, mirror image promote, mirror image demote",
    destroys="""rm, remove, snap rm, snap remove, snap purge, snap rollback, snap revert, trash rm, trash remove,
        trash purge, lock rm, lock remove, mirror pool disable, mirror image disable, sparsify, namespace rm""",
)
_RADOS = verbs(
    reads="df, lspools, ls, stat, get, listomapkeys, listomapvals, getomapval, listxattr, getxattr, lssnap, list-inconsistent-pg,"
    " list-inconsistent-obj, listwatchers",
    undoable="mksnap, setxattr, setomapval, lock",
    changing="bench, put, append, load-gen",
    destroys="rm, rmomapkey, clearomap, rmpool, purge, truncate, rmsnap, rollback, cleanup, rmxattr",
)
_VOLUME = verbs(
    reads="lvm list, raw list, inventory, simple scan",
    changing="lvm create, lvm prepare, lvm activate, lvm deactivate, lvm batch, simple activate, raw prepare, lvm migrate",
    destroys="lvm zap, lvm trigger",
)
_POOL = words("-p --pool --namespace --image --snap -c --conf --id -n --name -m -k --keyring --cluster --format --user")
_LVM_READS = ("lvs", "vgs", "pvs", "lvdisplay", "vgdisplay", "pvdisplay", "lvscan", "vgscan", "pvscan")
_FORMATS = changes("{name} erases what is on the device", destructive=True)


def _disk_tool(reads: frozenset[str]) -> Rule:
    def rule(call: Call) -> Verdict:
        if any(a.partition("=")[0] in reads for a in call.args) or "print" in call.args:
            changing = {"mkpart", "rm", "mklabel", "resizepart", "-d", "-n", "-Z", "-z", "-o", "-t", "--delete"}
            if not changing & set(call.args):
                return READS
        return replace(changes(f"{call.name} changes the partition table", destructive=True), interactive=_edits(call))

    return rule


def _edits(call: Call) -> str:
    return f"{call.name} asks for commands" if call.name in {"fdisk", "gdisk", "cfdisk", "parted"} else ""


def _mount(call: Call) -> Verdict:
    if not call.args or call.args in {("-l",), ("--version",)} or (call.args[0] == "-t" and len(call.args) == 2):
        return READS
    return changes("mount attaches a filesystem", reversible=True)


def _smartctl(call: Call) -> Verdict:
    if call.has("-t", "--test", "-s", "--smart", "-o", "-S", "--set", "-X", "--saveauto", "--offlineauto"):
        return changes("smartctl starts a test or changes a setting", reversible=True)
    return READS


def _nvme(call: Call) -> Verdict:
    return _NVME(call)


_NVME = Tool(
    verbs(
        reads="""list, list-subsys, smart-log, id-ctrl, id-ns, error-log, fw-log, list-ns, list-ctrl, get-feature, show-regs,
            get-log, telemetry-log, version, effects-log, endurance-log, self-test-log, sanitize-log, get-ns-id""",
        changing="fw-download, fw-commit, set-feature, attach-ns, detach-ns, create-ns, device-self-test, reset, connect",
        destroys="format, sanitize, delete-ns, write, write-zeroes, subsystem-reset, disconnect, disconnect-all",
    )
)
_ZFS = verbs(
    reads="list, get, holds, diff, userspace, status, iostat, history, events, allow!, version",
    undoable="create, set, snapshot, mount, unmount, hold, release, clone, rename, online, offline, clear, inherit",
    changing="scrub, add, attach, replace, upgrade, trim, import, export, receive, recv, promote, resilver",
    destroys="destroy, rollback, remove, detach, labelclear, reguid, split",
)


def _fsck(call: Call) -> Verdict:
    if call.grants("-n", "-N", "--dry-run"):
        return READS
    return changes(f"{call.name} repairs the filesystem")


def _xfs(call: Call) -> Verdict:
    return _fsck(call)


def _monmaptool(call: Call) -> Verdict:
    if call.grants("--print") and not call.has(
        "--rm", "--add", "--addv", "--create", "--clobber", "--generate", "--fsid"
    ):
        return READS
    return changes("monmaptool edits a monitor map", destructive=call.has("--rm", "--clobber"))


def _objectstore(call: Call) -> Verdict:
    if call.value("--op") in {"list", "list-pgs", "info", "log", "fsck", "dump-super", "dump-journal", "export"}:
        return READS
    return changes("ceph-objectstore-tool changes an OSD's store", destructive=True)


def _mdadm(call: Call) -> Verdict:
    if call.grants("-D", "--detail", "-E", "--examine", "-Q", "--query"):
        return READS
    return changes(
        "mdadm changes an array", destructive=call.has("--zero-superblock", "--remove", "-r", "--fail", "-f")
    )


TOOLS: dict[str, Rule] = {
    "ceph": _ceph,
    "rbd": Tool(_RBD, _POOL, words("--no-progress --debug-rbd -l --long")),
    "rados": Tool(_RADOS, _POOL | words("-i --num-objects"), frozenset({"--all"})),
    "radosgw-admin": Tool(
        verbs(
            reads="""user info, user list, user stats, bucket list, bucket stats, bucket limit check, usage show, zone get,
                zonegroup get, realm list, period get, sync status, log list, quota get, gc list, lc list, metadata list,
                metadata get, bucket check, zone list, zonegroup list, sync error list, reshard list, reshard status""",
            undoable="user create, user modify, user suspend, user enable, quota set, quota enable, quota disable, caps add",
            changing="period update, gc process, lc process, reshard add, bucket reshard, zone modify, key create",
            destroys="user rm, bucket rm, object rm, key rm, usage trim, realm rm, zone rm, caps rm, zone delete",
        ),
        words("--uid --bucket --rgw-zone --rgw-realm --id"),
    ),
    "ceph-volume": Tool(_VOLUME),
    "ceph-mon": always(changes("ceph-mon runs or edits a monitor")),
    "ceph-osd": always(changes("ceph-osd runs or edits an OSD")),
    "ceph-mds": always(changes("ceph-mds runs a metadata server")),
    "ceph-bluestore-tool": always(changes("ceph-bluestore-tool changes an OSD's store")),
    "ceph-objectstore-tool": _objectstore,
    "ceph-kvstore-tool": always(changes("ceph-kvstore-tool changes a store")),
    "cephadm": Tool(
        verbs(
            reads="ls, version, inspect-image, check-host",
            changing="shell, bootstrap, adopt, deploy",
            destroys="rm-daemon, rm-cluster, zap-osds",
        )
    ),
    "crushtool": Reader(("-o", "-i", "-c", "-d", "--build")),
    "monmaptool": _monmaptool,
    "mount": _mount,
    "umount": always(changes("umount detaches a filesystem", reversible=True)),
    "swapon": lambda c: (
        READS if c.args[:1] in {("--show",), ("-s",)} else changes("swapon enables swap", reversible=True)
    ),
    "swapoff": always(changes("swapoff disables swap", reversible=True)),
    "dd": _dd,
    "wipefs": lambda c: (
        READS if not c.has("-a", "--all", "-o", "--offset") else changes("wipefs erases", destructive=True)
    ),
    "blkdiscard": always(_FORMATS),
    "sgdisk": _disk_tool(words("-p --print -i --info -v --verify")),
    "fdisk": _disk_tool(words("-l --list -x")),
    "gdisk": _disk_tool(words("-l")),
    "cfdisk": _disk_tool(frozenset()),
    "sfdisk": _disk_tool(words("-l --list -d --dump")),
    "parted": _disk_tool(words("-l --list")),
    "smartctl": _smartctl,
    "nvme": _nvme,
    "zpool": Tool(_ZFS),
    "zfs": Tool(_ZFS),
    "fsck": _fsck,
    "xfs_repair": _xfs,
    "e2fsck": _fsck,
    "mdadm": _mdadm,
    "lvextend": always(changes("{name} grows a volume")),
    "resize2fs": always(changes("{name} resizes a filesystem")),
    "xfs_growfs": always(changes("{name} grows a filesystem")),
    "fstrim": always(changes("{name} discards free blocks")),
    "partprobe": always(changes("{name} makes the kernel read partition tables again")),
    **{n: always(READS) for n in _LVM_READS},
    **{n: always(_FORMATS) for n in ("mkfs", "mke2fs", "mkswap", "shred", "lvremove", "vgremove", "pvremove")},
    **{n: always(changes("{name} makes a volume", reversible=True)) for n in ("lvcreate", "vgcreate", "pvcreate")},
    "iscsiadm": lambda c: (
        READS
        if not c.has("--login", "-l", "--logout", "-u", "-o", "--op", "-R")
        else changes("iscsiadm changes sessions")
    ),
    "multipath": lambda c: READS if c.args[:1] in {("-ll",), ("-l",), ("-v3",)} else changes("multipath changes maps"),
    "dmsetup": Tool(
        verbs(
            reads="ls, info, status, table, deps, version",
            changing="create, suspend, resume, reload, rename",
            destroys="remove, remove_all, wipe_table",
        )
    ),
    "rclone": Tool(
        verbs(
            reads="ls, lsd, lsl, lsf, lsjson, size, check, about, version, listremotes, cat, md5sum, tree",
            undoable="mkdir, copy, copyto, touch",
            destroys="sync, delete, purge, rmdir, move, deletefile, cleanup, dedupe",
        )
    ),
}
STRONG = frozenset(
    {"ceph", "rbd", "rados", "radosgw-admin", "ceph-volume", "smartctl", "nvme", "zpool", "mdadm", "umount"}
)
