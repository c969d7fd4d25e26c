"""Clients of databases: what they are told decides."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Rule, Tool, always, plain_words, verbs
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words

_REDIS_READS = words(
    "ping info get mget keys scan ttl pttl type exists strlen hget hgetall hmget hkeys hvals hlen hscan lrange llen lindex"
    " smembers scard sismember sscan zrange zrangebyscore zcard zscore zcount zscan dbsize time role object memory latency"
    " slowlog lastsave command echo xinfo xlen xrange xpending cluster config client debug pubsub getrange bitcount"
)
_REDIS_INNER = {
    "config": {"get"},
    "client": {"list", "info", "getname", "id"},
    "cluster": {"info", "nodes", "slots", "shards", "keyslot", "countkeysinslot", "links", "myid"},
    "memory": {"usage", "stats", "doctor"},
    "slowlog": {"get", "len"},
    "latency": {"latest", "history", "doctor", "graph"},
    "debug": {"object"},
    "object": {"encoding", "freq", "idletime", "refcount"},
}
_REDIS_DESTROYS = words(
    "flushall flushdb del unlink shutdown debug expire ltrim spop lpop rpop xtrim xdel hdel srem zrem"
)


def _redis(call: Call) -> Verdict:
    if call.has("--eval", "--pipe", "--functions-rdb"):
        return unknown("redis-cli runs a script")
    endless = next((f"redis-cli {o} goes on until it is stopped" for o in ("--stat", "--latency", "--monitor", "--latency-history")
                    if call.has(o)), "")  # fmt: skip
    if endless or call.has("--bigkeys", "--memkeys", "--hotkeys"):
        return replace(READS, endless=endless)
    plain = plain_words(call.args, words("-h -p -a -n -u --user --pass -s --cacert --cert --key -i -r -x_ --sni"))
    if call.args[:1] == ("--cluster",):
        return (
            READS
            if call.args[1:2] in {("info",), ("check",), ("help",)}
            else changes("redis-cli --cluster changes the cluster")
        )
    if not plain:
        return (
            replace(unknown("opens the redis prompt"), interactive="redis prompt")
            if not call.piped
            else unknown("runs what it is fed")
        )
    verb, inner = plain[0].lower(), plain[1].lower() if len(plain) > 1 else ""
    if verb == "monitor":
        return replace(READS, endless="redis-cli monitor goes on until it is stopped")
    reads = inner in _REDIS_INNER[verb] if verb in _REDIS_INNER else verb in _REDIS_READS
    return READS if reads else changes(f"redis-cli {verb} changes data", destructive=verb in _REDIS_DESTROYS)


def _sql_client(command: tuple[str, ...], files: tuple[str, ...], reads: tuple[str, ...], dialect: str) -> Rule:
    """A client that takes SQL by an option, by a file or on its input."""

    def rule(call: Call) -> Verdict:
        from tsg.commands.sql import judge_sql

        text = call.value(*command)
        if text is None:
            at = next((i for i, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-Z]*" + command[0][1], a)), None)
            text = call.args[at + 1] if at is not None and at + 1 < len(call.args) else None
        if call.has("-o", "-L", "--output", "--log-file") and call.name == "psql":
            return changes("psql writes a file", reversible=True)
        if any(call.has(o) for o in files):
            return unknown(f"{call.name} runs a file")
        if text is None:
            text = call.stdin
        if text is None and call.name == "sqlite3":
            plain = plain_words(call.args)
            text = plain[1] if len(plain) > 1 else None
        if text is not None:
            return replace(judge_sql(text, dialect), touches=("database:*",))
        if call.grants(*reads):
            return READS
        if call.piped:
            return unknown(f"{call.name} runs what it is fed")
        return replace(unknown(f"opens the {call.name} prompt"), interactive=f"{call.name} prompt")

    return rule


_MONGO_READS = re.compile(
    r"(?:find(?:One)?|count(?:Documents)?|estimatedDocumentCount|distinct|explain|stats|getIndexes|serverStatus|currentOp|status|conf|"
    r"printReplicationInfo|printSecondaryReplicationInfo|getCollectionNames|getCollectionInfos|hello|isMaster|version|help|pretty|"
    r"limit|sort|skip|toArray|forEach|projection|hint|size|getSiblingDB|getCollection|getMongo|hostInfo|dataSize|totalSize|"
    r"storageSize|validate|latencyStats|getReplicationInfo|getProfilingStatus|serverBuildInfo|getName|adminCommand|runCommand|"
    r"printjson|print|itcount|map|hasNext|next|listCommands|getUsers|getLogComponents|aggregate|config|printShardingStatus|"
    r"tojson|setSecondaryOk|setReadPref|stringify|keys|ObjectId|ISODate|Date|NumberLong|parse|filter|join|getShardDistribution)"
)
_MONGO_COMMANDS = re.compile(
    r"['\"]?(?:ping|serverStatus|replSetGetStatus|replSetGetConfig|dbStats|collStats|hello|isMaster|buildInfo|listDatabases|listCollections|"
    r"connPoolStats|getLog|currentOp|top|hostInfo|getParameter|listIndexes|getCmdLineOpts|usersInfo|connectionStatus|validate)\b"
)
_CALL = re.compile(r"([A-Za-z_$][\w$]*)\s*\(")
_MONGO_DESTROYS = re.compile(r"(?:delete|drop|remove|kill|shutdown|fsync|truncate|reset|bulkWrite)\w*", re.IGNORECASE)


def judge_mongo(text: str) -> Verdict:
    """What mongosh text does: it reads where every function it calls is known to."""
    bare = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    bare = re.sub(r"\b(?:if|for|while|function|switch|catch)\s*\(", "(", bare)
    names = [m[1] for m in _CALL.finditer(bare)]
    for name in names:
        if not _MONGO_READS.fullmatch(name):
            if _MONGO_DESTROYS.match(name):
                return replace(changes(f"{name} removes data", destructive=True), touches=("database:*",))
            return replace(changes(f"{name} is not known to only read"), touches=("database:*",))
    for found in re.finditer(r"\b(?:adminCommand|runCommand)\s*\(\s*\{?\s*", bare):
        if not _MONGO_COMMANDS.match(bare, found.end()):
            return replace(changes("runs a database command"), touches=("database:*",))
    if (
        re.search(r"\$(?:out|merge|where|function|accumulator)\b|(?<![=!<>])=(?![=>])\s*(?!.*\bfind)", bare)
        and "$" in bare
        and re.search(r"\$(?:out|merge)\b", bare)
    ):
        return replace(changes("the pipeline writes a collection"), touches=("database:*",))
    if names or re.match(r"\s*(?:show|use|help|exit|rs|sh|db)\b", bare):
        return replace(READS, touches=("database:*",))
    return unknown("not known to only read")


def _mongo(call: Call) -> Verdict:
    text = call.value("--eval")
    plain = plain_words(call.args, words("--eval -u --username -p --password --host --port --authenticationDatabase --tlsCAFile"
                                         " --tlsCertificateKeyFile --db --sslCAFile --sslPEMKeyFile -f --file"))  # fmt: skip
    if any(p.endswith(".js") for p in plain) or call.has("-f", "--file"):
        return unknown(f"{call.name} runs a file")
    if text is None:
        text = call.stdin
    if text is not None:
        return judge_mongo(text)
    if call.grants("--version"):
        return READS
    if call.piped:
        return unknown(f"{call.name} runs what it is fed")
    return replace(unknown("opens the mongo prompt"), interactive="mongo prompt")


def _dumps(call: Call) -> Verdict:
    """A dump reads the database; where it puts the copy is a file like any other."""
    name = call.value("-f", "--file", "--out", "-o", "--archive")
    if name and not name.startswith("/tmp/"):  # noqa: S108 - a path in a guide
        return replace(changes(f"{call.name} writes {name}", reversible=True), touches=(f"file:{name}",))
    if call.name == "mongodump" and name is None:
        return changes("mongodump writes a dump", reversible=True)
    return replace(READS, touches=("database:*",))


_KAFKA_CHANGES = words(
    "--alter --create --delete --execute --reset-offsets --add-config --delete-config --delete-offsets --add --remove"
)


def _kafka(call: Call) -> Verdict:
    name = call.name.removesuffix(".sh")
    if name in {
        "kafka-console-producer",
        "kafka-delete-records",
        "kafka-leader-election",
        "kafka-preferred-replica-election",
    }:
        return changes(f"{name} changes topics", destructive="delete" in name)
    if name == "kafka-console-consumer":
        endless = "" if call.has("--max-messages", "--timeout-ms") else f"{name} goes on until it is stopped"
        return replace(READS, endless=endless)
    for option in sorted(_KAFKA_CHANGES):
        if call.has(option):
            if option == "--reset-offsets" and not call.has("--execute"):
                return READS
            return changes(f"{name} {option} changes topics", destructive="delete" in option)
    return (
        READS
        if call.grants("--list", "--describe", "--version", "--verify", "--generate", "--all-groups", "--state")
        else unknown(f"{name} is not known")
    )


TOOLS: dict[str, Rule] = {
    "redis-cli": _redis,
    "valkey-cli": _redis,
    "psql": _sql_client(("-c", "--command"), ("-f", "--file"), ("-l", "--list", "--version"), "postgres"),
    "mysql": _sql_client(("-e", "--execute"), (), ("--version",), "mysql"),
    "mariadb": _sql_client(("-e", "--execute"), (), ("--version",), "mysql"),
    "sqlcmd": _sql_client(("-Q", "-q"), ("-i",), ("-L",), "tsql"),
    "sqlite3": _sql_client(("-cmd",), (), ("--version",), "sqlite"),
    "clickhouse-client": _sql_client(("-q", "--query"), ("--queries-file",), ("--version",), "clickhouse"),
    "bq": Tool(verbs(reads="ls, show, head, version", undoable="mk, cp, update", changing="load, query, insert", destroys="rm")),
    "mongosh": _mongo,
    "mongo": _mongo,
    "mongostat": always(replace(READS, endless="mongostat goes on until it is stopped")),
    "mongotop": always(replace(READS, endless="mongotop goes on until it is stopped")),
    **dict.fromkeys(("pg_dump", "pg_dumpall", "mysqldump", "mongodump", "pg_basebackup"), _dumps),
    **{name: always(changes("{name} overwrites a database", destructive=True)) for name in ("pg_restore", "mongorestore", "dropdb", "pg_resetwal", "pg_rewind")},
    "mongoexport": _dumps,
    "pg_isready": always(READS),
    "createdb": always(changes("{name} makes a database", reversible=True)),
    "pg_ctl": Tool(verbs(reads="status", undoable="start, stop", changing="restart, reload, promote, kill, initdb")),
    "patronictl": Tool(verbs(reads="list, show-config, history, topology, dsn, version", undoable="pause, resume, edit-config",
                             changing="switchover, failover, query, restart, reload, flush", destroys="reinit, remove"), words("-c -d")),
    "mysqladmin": Tool(verbs(reads="status, ping, processlist, extended-status, variables, version", changing="flush-logs, flush-hosts, refresh, reload, password, start-slave, stop-slave",
                             destroys="shutdown, drop, kill, flush-tables"), words("-u -h -p_ -P")),
    "rabbitmqctl": Tool(verbs(reads="""status, list_queues, list_connections, list_channels, list_consumers, list_exchanges, list_bindings, list_users,
        list_vhosts, list_permissions, cluster_status, node_health_check, ping, environment, report, list_policies, eval_, version""",
        undoable="add_user, set_permissions, set_policy, start_app, stop_app, set_vm_memory_high_watermark, enable_feature_flag",
        changing="join_cluster, sync_queue, eval, rotate_logs, await_startup", destroys="reset, force_reset, purge_queue, delete_queue, delete_user,"
        " forget_cluster_node, stop, shutdown, delete_vhost, clear_policy, close_connection, close_all_connections"), words("-n --node -p --vhost")),
    "nodetool": Tool(verbs(reads="""status, info, ring, tpstats, tablestats, cfstats, netstats, compactionstats, describecluster, gossipinfo, version,
        gettimeout, proxyhistograms, tablehistograms, getendpoints, compactionhistory, statusgossip, statusbinary, toppartitions""",
        undoable="disablegossip, enablegossip, disablebinary, enablebinary, pausehandoff, resumehandoff, snapshot, drain",
        changing="repair, flush, compact, cleanup, scrub, rebuild, refresh, setcompactionthroughput, bootstrap, upgradesstables",
        destroys="decommission, removenode, assassinate, clearsnapshot, truncatehints, stopdaemon, move"), words("-h -p -u -pw")),
    "cqlsh": _sql_client(("-e", "--execute"), ("-f", "--file"), ("--version",), ""),
    "influx": Tool(verbs(reads="query, ping, bucket list, org list, version", changing="write, delete, restore, backup")),
    **{name + ext: _kafka for name in ("kafka-topics", "kafka-consumer-groups", "kafka-configs", "kafka-console-consumer", "kafka-console-producer",
       "kafka-reassign-partitions", "kafka-delete-records", "kafka-leader-election", "kafka-broker-api-versions", "kafka-acls",
       "kafka-log-dirs", "kafka-get-offsets", "kafka-metadata-quorum") for ext in ("", ".sh")},
}  # fmt: skip
STRONG = words(
    "redis-cli psql mysql mongosh mongo sqlcmd sqlite3 rabbitmqctl nodetool pg_dump mysqldump patronictl kafka-topics kafka-consumer-groups kafka-topics.sh kafka-consumer-groups.sh"
)
