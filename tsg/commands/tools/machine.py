"""The machine itself: its kernel, clock, users, firmware and power."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, Tool, always, plain_words, verbs
from tsg.commands.verdict import READS, Verdict, changes, unknown
from tsg.words import words


def _date(call: Call) -> Verdict:
    if any(call.has("-s", "--set") for a in call.args if not a.startswith("-I")) and not call.grants("-d", "--date"):
        return changes("date sets the clock")
    harmless = all(
        a.startswith(("+", "-")) or (at and call.args[at - 1] in {"-d", "--date", "-r", "-f", "-v"})
        for at, a in enumerate(call.args)
    )
    return READS if harmless else changes("date sets the clock")


def _hostname(call: Call) -> Verdict:
    return (
        READS
        if not plain_words(call.args) and not call.has("-F", "-b")
        else changes("hostname sets the name", reversible=True)
    )


def _sysctl(call: Call) -> Verdict:
    if call.has("-p", "--load", "--system", "-w", "--write") or any(
        "=" in a and not a.startswith("-") for a in call.args
    ):
        return replace(changes("sysctl sets a kernel parameter", reversible=True),
                       touches=tuple(f"sysctl:{a.partition('=')[0]}" for a in call.args if "=" in a and a[0] != "-"))  # fmt: skip
    return READS


def _dmesg(call: Call) -> Verdict:
    for option in ("-C", "--clear", "-c", "--read-clear"):
        if call.has(option):
            return changes("dmesg clears the kernel's log", destructive=True)
    if call.has("-n", "--console-level", "-D", "-E", "--console-on", "--console-off"):
        return changes("dmesg sets what the console shows", reversible=True)
    follows = call.has("-w", "-W", "--follow", "--follow-new")
    return replace(READS, endless="dmesg -w goes on until it is stopped" if follows else "")


def _alternatives(call: Call) -> Verdict:
    return (
        READS
        if call.args[:1] in {("--display",), ("--list",), ("--query",), ("--get-selections",)}
        else changes("sets a default")
    )


def _ipmitool(call: Call) -> Verdict:
    return _IPMI(call)


_IPMI = Tool(
    verbs(
        reads="""sdr!, sdr list, sdr elist, sensor!, sensor list, sel!, sel list, sel elist, sel info, fru!, fru print, chassis status,
            chassis power status, power status, mc info, lan print, bmc info, user list, sdr type, dcmi power reading, session info,
            channel info, sensor get, chassis identify, sel get""",
        undoable="chassis bootdev, lan set, user set, sol activate, user enable, user disable, chassis power on, power on",
        changing="mc reset, raw, chassis policy, bmc reset",
        destroys="chassis power off, chassis power cycle, chassis power reset, chassis power soft, power off, power cycle,"
        " power reset, power soft, sel clear",
    ),
    words("-H -U -P -I -f -L -p -C -k -R -N -E_"),
    words("-E -v -c"),
)


TOOLS: dict[str, Rule] = {
    "date": _date,
    "hostname": _hostname,
    "hostnamectl": Tool(verbs(reads="status, show", undoable="set-hostname, set-chassis, hostname, set-location")),
    "timedatectl": Tool(verbs(reads="status, show, list-timezones, timesync-status, show-timesync", undoable="set-ntp, set-timezone", changing="set-time, set-local-rtc")),
    "loginctl": Tool(verbs(reads="list-sessions, show-session, list-users, session-status, user-status, show-user", destroys="terminate-session, terminate-user, kill-session, kill-user", undoable="enable-linger, disable-linger, lock-session")),
    "chronyc": Tool(verbs(reads="tracking, sources, sourcestats, activity, ntpdata, clients, serverstats, makestep_", changing="makestep, burst, online, offline, reload, refresh, waitsync"), words("-h -p"), words("-n -a -v")),
    "ntpq": always(READS),
    "ntpdate": lambda c: READS if c.grants("-q") else changes("ntpdate sets the clock"),
    "sysctl": _sysctl,
    "modprobe": lambda c: READS if c.grants("-n", "--dry-run", "-c", "--showconfig", "-D", "--show-depends") else changes("modprobe loads or removes a module", reversible=True),
    "insmod": always(changes("{name} loads a module", reversible=True)),
    "rmmod": always(changes("{name} removes a module", reversible=True)),
    "modinfo": always(READS),
    "depmod": always(changes("{name} rewrites the list of modules")),
    "dkms": Tool(verbs(reads="status", changing="add, build, install, autoinstall", destroys="remove, uninstall")),
    "update-initramfs": always(changes("{name} rewrites the boot image")),
    "dracut": always(changes("{name} rewrites the boot image")),
    "update-grub": always(changes("{name} rewrites the boot menu")),
    "grubby": Reader(("--update-kernel", "--args", "--remove-args", "--set-default", "--remove-kernel", "--add-kernel")),
    "sensors": Reader(("-s", "--set")),
    "dmesg": _dmesg,
    "reboot": always(changes("reboot restarts the machine", destructive=True)),
    **{name: always(changes("{name} ends the machine or its services", destructive=True)) for name in ("shutdown", "poweroff", "halt", "init", "telinit", "kexec")},
    "systemd-run": lambda c: unknown("systemd-run starts a unit"),
    "systemd-analyze": lambda c: READS if not any(a.startswith(("set-", "log-", "service-w")) for a in c.args) else changes("systemd-analyze sets a level"),
    "ipmitool": _ipmitool,
    "racadm": lambda c: READS if any(a.startswith("get") for a in c.args) and not any(a.startswith(("set", "race", "serveraction", "clear")) for a in c.args) else changes("racadm changes the machine"),
    "update-alternatives": _alternatives,
    "useradd": always(changes("{name} makes a user", reversible=True)),
    "usermod": always(changes("{name} changes a user", reversible=True)),
    "userdel": always(changes("{name} removes a user", destructive=True)),
    "passwd": lambda c: READS if c.grants("-S", "--status") else replace(changes("passwd sets a password"), interactive="asks for a password"),
    "su": lambda c: c.judge.script(c.value("-c", "--command") or "") if c.has("-c", "--command") else replace(unknown("opens a shell as another user"), interactive="shell as another user"),
    "logger": always(changes("{name} writes to the log")),
    "logrotate": lambda c: READS if c.grants("-d", "--debug") else changes("logrotate rotates logs"),
    "ldconfig": lambda c: READS if c.grants("-p") else changes("ldconfig rewrites the linker's cache"),
    "sosreport": always(changes("{name} writes a report", reversible=True)),
    "sos": always(changes("{name} writes a report", reversible=True)),
    "must-gather": always(changes("{name} writes a report", reversible=True)),
    "setenforce": always(changes("{name} changes SELinux", reversible=True)),
    "getenforce": always(READS),
    "sestatus": always(READS),
    "ausearch": always(READS),
    "hdparm": lambda c: READS if all(a in {"-I", "-i", "-t", "-T", "-tT"} or not a.startswith("-") for a in c.args) else changes("hdparm changes a disk"),
    "setpci": lambda c: READS if not any("=" in a for a in c.args) else changes("setpci writes to a device"),
    "mlxconfig": lambda c: READS if not {"set", "s", "reset", "r"} & set(c.args) else changes("mlxconfig changes firmware settings"),
    "flint": lambda c: READS if {"q", "query", "verify", "v"} & set(c.args) else changes("flint writes firmware"),
    "mst": lambda c: READS if c.args[:1] in {("status",), ("version",)} else changes("mst changes device files", reversible=True),
    "mlxlink": Reader(("--port_state", "--test_mode", "--cable")),
    "mlxfwreset": always(changes("{name} resets an adapter", destructive=True)),
    "perfquery": Reader(("-R", "--Reset_only", "-r", "--reset_after_read")),
    "cpupower": lambda c: READS if c.args[:1] in {("frequency-info",), ("idle-info",), ("info",), ("monitor",)} else changes("cpupower changes a setting", reversible=True),
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words("dmesg modprobe rmmod sysctl ipmitool systemd-analyze hostnamectl timedatectl chronyc sudo")
