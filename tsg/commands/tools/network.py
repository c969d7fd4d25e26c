"""Interfaces, routes, firewalls, and what looks at them."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, Tool, always, plain_words, verbs
from tsg.commands.tools.writing import is_scratch
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words


def _ping(call: Call) -> Verdict:
    bounded = call.has("-c", "-w", "-n", "--count")
    return replace(READS, endless="" if bounded else "ping without -c goes on until it is stopped")


_IP_CHANGES = words("add del delete set flush change replace append save restore")


def _ip(call: Call) -> Verdict:
    plain = plain_words(call.args, words("-n -netns -f -family -rc -rcvbuf -l -loops -b -batch"))
    if call.has("-b", "-batch", "--batch"):
        return unknown("ip -batch runs commands from a file")
    if plain[:1] == ["netns"] and plain[1:2] == ["exec"]:
        return call.judge.command(plain[3:])
    if plain[1:2] == ["monitor"] or plain[:1] in (["monitor"], ["mon"]):
        return replace(READS, endless="ip monitor goes on until it is stopped")
    verb = plain[1] if len(plain) > 1 else "show"
    if (
        plain
        and (
            len(plain) == 1
            or verb
            in {"show", "list", "ls", "get", "s", "l", "lst", "sh", "showdump", "help", "identify", "pids", "dev"}
        )
        and not _IP_CHANGES & set(plain[1:])
    ):
        return READS
    kills = verb in {"del", "delete", "flush"}
    device = (
        plain[plain.index("dev") + 1 :][:1] if "dev" in plain else [p for p in plain[2:3] if plain[0].startswith("l")]
    )
    verdict = changes(
        f"ip {' '.join(plain[:2])} changes the network", reversible=None if kills else True, destructive=kills
    )
    return replace(verdict, touches=tuple(f"interface:{d}" for d in device))


def _iptables(call: Call) -> Verdict:
    name = call.name
    if name.endswith("-save"):
        return READS if not call.has("-f", "--file") else changes(f"{name} writes a file")
    if name.endswith("-restore"):
        return changes(f"{name} replaces the rules", destructive=True)
    if call.has("-A", "-I", "--append", "--insert", "-P", "--policy", "-N", "--new-chain"):
        return changes(f"{name} changes the firewall", reversible=True)
    if call.has("-F", "--flush", "-X", "--delete-chain", "-D", "--delete", "-R", "-Z", "--zero", "--replace", "-E"):
        return changes(f"{name} removes rules", destructive=True)
    if call.has("-L", "--list", "-S", "--list-rules", "-C", "--check", "-V", "--version"):
        return READS
    return changes(f"{name} changes the firewall")


def _ethtool(call: Call) -> Verdict:
    letters = [a for a in call.args if a.startswith("-")]
    reads = words("-i -S -g -k -l -a -c -m -n -u -x -T -P -d -e -t_ --driver --statistics --show-ring --show-features"
                  " --show-channels --show-pause --show-coalesce --module-info --show-priv-flags --show-fec --show-eee"
                  " --show-time-stamping --show-permaddr --phy-statistics --show-offload --json --show-nfc --show-rxfh")  # fmt: skip
    if all(a in reads for a in letters):
        return READS
    return changes(f"ethtool {letters[0]} changes an interface", reversible=True if letters[0] != "-r" else None)


def _tc(call: Call) -> Verdict:
    plain = plain_words(call.args)
    return (
        READS
        if plain[1:2] in ([], ["show"], ["ls"], ["list"])
        else changes("tc changes traffic rules", reversible=True)
    )


def _nc(call: Call) -> Verdict:
    if call.has("-e", "-c", "--exec", "--sh-exec"):
        return unknown(f"{call.name} runs a program for a stranger")
    if any(re.fullmatch(r"-[a-zA-Z]*l[a-zA-Z]*", a) for a in call.args) or call.has("--listen"):
        return replace(READS, endless=f"{call.name} -l waits until it is stopped")
    if any(re.fullmatch(r"-[a-zA-Z]*z[a-zA-Z]*", a) for a in call.args) or not call.piped:
        return READS
    return changes(f"{call.name} sends data out")


def _ibdiagnet(call: Call) -> Verdict:
    return changes(f"{call.name} writes reports", reversible=True) if not call.grants("-h") else READS


TOOLS: dict[str, Rule] = {
    "ping": _ping,
    "ping6": _ping,
    "nmcli": Tool(verbs(reads="device!, device status, device show, connection show, general status, general!, con show, dev status, dev show, networking connectivity, c show, d show",
                        undoable="connection up, connection down, connection modify, con up, con down, con mod, con modify, device set, networking on, networking off, device connect, device disconnect, connection add, con add",
                        changing="connection reload, device reapply, general reload, con reload", destroys="connection delete, con delete, con del, device delete"),
                  words("-f --fields -m --mode -c --colors -g --get-values -e"), words("-t --terse -p --pretty")),
    "resolvectl": Tool(verbs(reads="status, query, statistics, dns!, domain!, service", changing="flush-caches, reset-statistics, reset-server-features, revert"), bare=READS),
    "ip": _ip,
    "ifconfig": lambda c: READS if len(plain_words(c.args)) < 2 else changes("ifconfig changes an interface", reversible=True),
    "route": lambda c: READS if not plain_words(c.args) else changes("route changes routes", reversible=True),
    "arp": Reader(("-d", "-s", "-f")),
    "brctl": lambda c: READS if c.args[:1] in {("show",), ("showmacs",)} else changes("brctl changes a bridge", reversible=True),
    "bridge": lambda c: READS if c.args[1:2] in {(), ("show",)} else changes("bridge changes a bridge", reversible=True),
    "tc": _tc,
    **dict.fromkeys(("iptables", "ip6tables", "iptables-save", "ip6tables-save", "iptables-restore", "ebtables", "ipset_"), _iptables),
    "nft": lambda c: READS if c.args[:1] in {("list",), ("-a",), ("describe",)} and "list" in c.args else changes("nft changes the firewall"),
    "conntrack": lambda c: READS if c.grants("-L", "-S", "-C", "-G", "--dump", "--stats", "--count") else changes("conntrack changes connections"),
    "ufw": lambda c: READS if c.args[:1] in {("status",), ("show",), ("version",)} else changes("ufw changes the firewall", reversible=True),
    "firewall-cmd": lambda c: READS if c.args and all(a.startswith(("--list", "--get", "--state", "--query", "--zone", "--info")) for a in c.args) else changes("firewall-cmd changes the firewall", reversible=True),
    "ethtool": _ethtool,
    "mii-tool": Reader(("-F", "-r", "-R", "-A", "--force", "--restart", "--reset")),
    "nfsstat": Reader(("-z",)),
    "rpcinfo": Reader(("-d",)),
    **dict.fromkeys(("nc", "ncat", "netcat", "telnet_", "socat_"), _nc),
    "telnet": always(replace(READS, interactive="waits for input")),
    "nmap": always(READS),
    "socat": always(unknown("{name} joins two streams")),
    "tcpdump": lambda c: replace(READS if not c.has("-w") or is_scratch(c.value("-w") or "") else changes("tcpdump -w writes a file", reversible=True), endless="" if c.has("-c", "-r") else "tcpdump without -c goes on until it is stopped"),
    "tshark": lambda c: replace(READS if not c.has("-w") else changes("tshark -w writes a file", reversible=True), endless="" if c.has("-c", "-r", "-a") else "tshark goes on until it is stopped"),
    "iperf3": always(changes("{name} loads the network", reversible=True)),
    "iperf": always(changes("{name} loads the network", reversible=True)),
    "ss": Reader(("-K", "--kill")),
    "mtr": lambda c: replace(READS, endless="" if c.has("-r", "--report", "-c") else "mtr goes on until it is stopped"),
    "ipset": lambda c: READS if c.args[:1] in {("list",), ("save",), ("test",), ("-L",)} else changes("ipset changes a set"),
    "getent": always(READS),
    "ssh-keygen": lambda c: READS if c.grants("-l", "-lf", "-F") else changes("ssh-keygen writes keys"),
    "ssh-keyscan": always(READS),
    "ssh-add": lambda c: READS if c.grants("-l", "-L") else changes("ssh-add changes the agent", reversible=True),
    "ssh-copy-id": always(changes("{name} gives access to another machine")),
    "mail": always(changes("{name} sends mail")),
    "sendmail": always(changes("{name} sends mail")),
    "ibdiagnet": _ibdiagnet,
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words("ethtool ifconfig ip6tables iptables ping tcpdump nmcli")
