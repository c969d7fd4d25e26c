"""Programs that read whatever their arguments are; redirections are looked at elsewhere."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from tsg.commands.tools.table import Rule, always
from tsg.commands.verdict import READS
from tsg.words import words

_READERS = words(
    "base64 base32 blkid cat cmp column cut df diff dig du egrep fgrep findmnt free getent grep head hexdump host ibstat"
    " ibstatus ibv_devinfo ibv_devices ibdev2netdev iblinkinfo ibnetdiscover ibhosts iostat jq last lastlog ls ll lsblk lscpu"
    " lshw lsmem lsmod lsof lspci lsusb lsipc lsns md5sum mpstat netstat nl nproc nslookup pgrep pidstat printenv ps pstree"
    " readlink realpath rev sar sha1sum sha256sum sha512sum stat strings tac tail test tr tracepath traceroute mtr"
    " uname uptime vmstat w wc who whoami id groups which whereis zcat zgrep zless xxd od fold fmt paste join comm expand"
    " dmidecode cpupower getfacl getfattr lsattr dirname basename seq numfmt factor nm ldd objdump readelf"
    " ofed_info mst flint mlxlink mlxconfig perfquery smpquery saquery ethstats iftop_ showmount"
    " ss_ arp-scan_ locale cal bc expr getconf resolvectl_ tty users logname pathchk cksum b2sum tee_ yes_ ag bat"
    " [ [[ getcap dpkg-query ipcs loginctl_ lslocks lslogins lastb utmpdump nvtop_ pinky arch hostid zipinfo"
)

TOOLS: dict[str, Rule] = {
    **{name: always(READS) for name in _READERS if not name.endswith("_")},
}  # fmt: skip

# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words(
    "blkid df du egrep dmidecode findmnt getent grep iblinkinfo ibstat ibv_devinfo jq lsblk lscpu lshw lsmod lspci md5sum"
    " netstat nproc nslookup pgrep pstree readlink sha256sum traceroute uname zgrep"
)
