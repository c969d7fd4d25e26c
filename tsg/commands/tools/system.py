"""Files, text, processes, the network and the kernel."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import re
from dataclasses import replace

from tsg.commands.tools.table import Call, Reader, Rule, Tool, always, plain_words, verbs
from tsg.commands.verdict import NOTHING, READS, Verdict, changes, unknown
from tsg.words import words

# Read whatever their arguments are; redirections are looked at elsewhere.
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
_FILE_WRITERS = words("cp install ln rename")
_PATHS_THAT_SWITCH = ("/proc/", "/sys/")
SCRATCH = re.compile(r"(?:/tmp|/var/tmp|/dev/shm|\$\{?TMPDIR\}?)(?:/(?!\.\.(?:/|$))[^/]*)*/?$")
_AWK_SCRIPT = re.compile(r"(?:(?!system|getline)[\w\s${},\"'=~!&/().:;+*^\[\]?%<\\#@-])*")


def is_scratch(path: str) -> bool:
    """Whether a path lies in a folder for temporary files: writing there changes nothing that matters."""
    return SCRATCH.match(path) is not None and "/../" not in path and "$(" not in path


def _paths(call: Call, valued: frozenset[str] = frozenset()) -> list[str]:
    return plain_words(call.args, valued)


def _rm(call: Call) -> Verdict:
    paths = _paths(call)
    verdict = changes(f"{call.name} removes {' '.join(paths[:3]) or 'files'}", destructive=True)
    return replace(verdict, touches=tuple(f"file:{p}" for p in paths[:8]))


def _mkdir(call: Call) -> Verdict:
    paths = _paths(call, words("-m --mode -t --reference -d --date -p_"))
    if paths and all(is_scratch(p) for p in paths):
        return NOTHING
    return replace(
        changes(f"{call.name} makes {' '.join(paths[:3])}", reversible=True),
        touches=tuple(f"file:{p}" for p in paths[:8]),
    )


def _copy(call: Call) -> Verdict:
    paths = _paths(call, words("-t --target-directory -m --mode -o --owner -g --group -S --suffix"))
    target = call.value("-t", "--target-directory") or (paths[-1] if paths else "")
    moves = call.name == "mv"
    if target and is_scratch(target) and not moves:
        return replace(READS, touches=(f"file:{target}",))
    verdict = changes(f"{call.name} writes {target}", reversible=True if moves else None)
    return replace(verdict, touches=tuple(f"file:{p}" for p in (paths if moves else [target]) if p))


def _mode(call: Call) -> Verdict:
    paths = _paths(call)[1:]
    return replace(
        changes(f"{call.name} changes rights", reversible=True), touches=tuple(f"file:{p}" for p in paths[:8])
    )


_FIND_ACTIONS = words("-exec -execdir -ok -okdir")


def _find(call: Call) -> Verdict:
    """`find` is as harmful as what it runs for each file."""
    if "-delete" in call.args:
        return replace(changes("find -delete removes files", destructive=True), touches=_starts(call))
    for word in call.args:
        if word.startswith(("-fprint", "-fls")):
            return changes(f"find {word} writes a file")
    verdict = replace(READS, touches=_starts(call))
    for at, word in enumerate(call.args):
        if word in _FIND_ACTIONS:
            inner = []
            for part in call.args[at + 1 :]:
                if part in {";", "+", "\\;"}:
                    break
                inner.append(part)
            inside = call.judge.command(inner)
            if inside.is_change or inside.broken:
                return replace(
                    inside, why=f"find {word}: {inside.why}", interactive="asks for each file" if "ok" in word else ""
                )
    return verdict


def _starts(call: Call) -> tuple[str, ...]:
    found = []
    for word in call.args:
        if word.startswith(("-", "(", "!")):
            break
        found.append(f"file:{word}")
    return tuple(found[:4])


def _sed(call: Call) -> Verdict:
    if call.has("--in-place") or any(_short_i(w) for w in call.args):
        paths = _paths(call, words("-e --expression -f --file"))
        files = paths if call.has("-e", "--expression") else paths[1:]
        return replace(changes("sed -i edits files in place"), touches=tuple(f"file:{p}" for p in files[:8]))
    scripts = [call.value("-e", "--expression") or next(iter(_paths(call)), "")]
    if (
        call.has("-f", "--file")
        or any(_sed_acts(s) for s in scripts)
        or sum(w in {"-e", "--expression"} for w in call.args) > 1
    ):
        every = [a for a in call.args if not a.startswith("-")]
        if call.has("-f", "--file") or any(_sed_acts(s) for s in every):
            return unknown("sed runs a script that may write or execute")
    return READS


def _short_i(word: str) -> bool:
    """`-i`, `-i.bak`, `-ni`: but not `-e` or `-E` with a script joined that holds an i."""
    if word.startswith("--") or not word.startswith("-"):
        return False
    for letter in word[1:]:
        if letter == "i":
            return True
        if letter not in "nrEsuz":
            return False
    return False


def _sed_acts(script: str) -> bool:
    """Whether a script has a `w` or `e` command or flag, by a generous look."""
    if re.search(r"(?:^|[;{}\n0-9/$])\s*[weW]\s+\S", script):
        return True
    if re.search(r"(?:^|[;{}\n0-9/$])\s*e\s*(?:$|[;}])", script):
        return True
    found = re.match(r"[\d,$]*s(.)", script)
    if found is None:
        return False
    flags = script.rpartition(found[1])[2]
    return re.match(r"[gpiIm0-9]*[ew]", flags) is not None


def _awk(call: Call) -> Verdict:
    plain = _paths(call, words("-F -v -f --field-separator --assign --file -e --source"))
    if call.has("-f", "--file") or (call.name == "gawk" and call.has("-i", "-l", "--include", "--load")):
        return unknown(f"{call.name} runs a script file")
    scripts = plain[:1]
    if not scripts or _runs_or_writes(scripts[0]):
        return unknown(f"{call.name} runs a program that is not known to only read")
    return READS


def _runs_or_writes(script: str) -> bool:
    """Whether an awk program may run a command or write a file: by `system`, a pipe, or `print > "file"`.

    Strings and comparisons are told from redirections by what stands before: only `print` redirects.
    """
    if re.search(
        r"\b(?:system|getline|close|fflush)\b|@load|@include|\|&?", re.sub(r"\|\||/(?:\\.|[^/\n\\])*/", " ", script)
    ):
        return True
    bare = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', script)
    return any(">" in statement for statement in re.findall(r"\bprintf?\b[^;}\n]*", bare))


def _sort(call: Call) -> Verdict:
    if call.has("--output", "--compress-program") or any(
        re.fullmatch(r"-[a-zA-Z]*o.*", a) and not a.startswith("--") for a in call.args
    ):
        name = call.value("-o", "--output") or ""
        return READS if is_scratch(name) else changes("sort -o writes a file", reversible=True)
    return READS


def _tee(call: Call) -> Verdict:
    paths = [p for p in _paths(call) if not p.startswith("/dev/std") and p != "/dev/null"]
    return writes_to(paths, appends=call.has("-a", "--append"))


def writes_to(paths: list[str], *, appends: bool = True) -> Verdict:
    """The verdict on writing files: those for temporary use do not matter, devices and switches of the kernel do."""
    kept = [p for p in paths if not is_scratch(p)]
    keys = tuple(f"file:{p}" for p in paths[:8])
    if not kept:
        return replace(READS if paths else NOTHING, touches=keys)
    first = kept[0]
    if first.startswith("/dev/") and not first.startswith(("/dev/null", "/dev/std", "/dev/tty", "/dev/fd", "/dev/pts")):
        return replace(changes(f"writes to the device {first}", destructive=True), touches=keys)
    if first.startswith(("/dev/null", "/dev/std", "/dev/tty", "/dev/fd")):
        return NOTHING
    if first.startswith(_PATHS_THAT_SWITCH):
        drops = first.endswith(("sysrq-trigger", "/remove", "/reset", "/delete"))
        return replace(changes(f"sets {first}", destructive=drops), touches=keys)
    system = first.startswith(("/etc/", "/usr/", "/boot/", "/lib/", "/var/lib/"))
    return replace(changes(f"writes {first}", reversible=None if system or not appends else True), touches=keys)


def _truncate(call: Call) -> Verdict:
    return changes("truncate cuts files", destructive=True)


def _tail(call: Call) -> Verdict:
    follows = call.has("--follow", "--retry") or any(
        re.fullmatch(r"-\d*[a-zA-Z]*[fF]\w*|-[0-9]+[fF]", a) for a in call.args
    )
    return replace(
        READS, endless=f"{call.name} -f goes on until it is stopped" if follows or call.name == "tailf" else ""
    )


def _ping(call: Call) -> Verdict:
    bounded = call.has("-c", "-w", "-n", "--count")
    return replace(READS, endless="" if bounded else "ping without -c goes on until it is stopped")


def _top(call: Call) -> Verdict:
    bounded = call.has("-n", "-b") and call.has("-n")
    if bounded or (call.has("-b") and call.piped):
        return READS
    screen = "" if call.has("-b") else f"{call.name} fills the screen"
    return replace(READS, endless=f"{call.name} goes on until it is stopped", interactive=screen)


def _pager(call: Call) -> Verdict:
    return replace(READS, interactive="" if call.piped else f"{call.name} waits for keys")


def _editor(call: Call) -> Verdict:
    if call.name == "view":
        return replace(READS, interactive="opens a pager")
    paths = _paths(call)
    verdict = changes(f"{call.name} edits {' '.join(paths[:2]) or 'a file'}")
    return replace(verdict, interactive="opens an editor", touches=tuple(f"file:{p}" for p in paths[:4]))


def _kill(call: Call) -> Verdict:
    if (call.grants("-l", "-L", "--list") and call.name == "kill") or "-0" in call.args:
        return READS
    plain = plain_words(call.args, words("-s --signal -u --uid -g -t -P -n"))
    gentle = any(a in {"-HUP", "-1", "-USR1", "-USR2", "-SIGHUP", "-CONT", "-STOP"} for a in call.args)
    gentle = gentle or (call.value("-s", "--signal") or "").upper().removeprefix("SIG") in {
        "HUP",
        "USR1",
        "USR2",
        "CONT",
    }
    verdict = changes(
        f"{call.name} sends a signal" if gentle else f"{call.name} ends processes", destructive=not gentle
    )
    return replace(verdict, touches=tuple(f"process:{p}" for p in plain[:8]))


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
        READS if not _paths(call) and not call.has("-F", "-b") else changes("hostname sets the name", reversible=True)
    )


def _uniq(call: Call) -> Verdict:
    return READS if len(_paths(call, words("-f -s -w"))) < 2 else changes("uniq writes its second file")


def _tar(call: Call) -> Verdict:
    mode = next((a for a in call.args if a.startswith("--") or a.startswith("-") or a == call.args[0]), "")
    if call.has("--checkpoint-action", "--to-command", "--use-compress-program", "-I", "--info-script"):
        return unknown("tar runs a program of its own")
    if call.has("--list") or (not mode.startswith("--") and "t" in mode and not set(mode) & set("xcru")):
        return READS
    if call.has("--remove-files", "--delete"):
        return changes("tar removes files", destructive=True)
    target = call.value("-C", "--directory") or ""
    if target and is_scratch(target) and ("x" in mode or call.has("--extract")):
        return READS
    name = _archive(call)
    if name and ("c" in mode or call.has("--create")):
        return (
            replace(READS, touches=(f"file:{name}",))
            if is_scratch(name) or name == "-"
            else changes(f"tar writes {name}", reversible=True)
        )
    return changes("tar writes files")


def _archive(call: Call) -> str:
    for at, word in enumerate(call.args):
        if at == 0 or word.startswith("-"):
            letters = word.lstrip("-")
            if not word.startswith("--") and letters.endswith("f") and at + 1 < len(call.args):
                return call.args[at + 1]
    return call.value("--file") or ""


def _gzip(call: Call) -> Verdict:
    if call.grants("-l", "--list", "-t", "--test", "-c", "--stdout", "-dc", "-cd") or (call.piped and not _paths(call)):
        return READS
    return changes(f"{call.name} replaces files", reversible=True)


def _unzip(call: Call) -> Verdict:
    return READS if call.grants("-l", "-t", "-Z", "-v", "-p") else changes("unzip writes files")


def _sysctl(call: Call) -> Verdict:
    if call.has("-p", "--load", "--system", "-w", "--write") or any(
        "=" in a and not a.startswith("-") for a in call.args
    ):
        return replace(changes("sysctl sets a kernel parameter", reversible=True),
                       touches=tuple(f"sysctl:{a.partition('=')[0]}" for a in call.args if "=" in a and a[0] != "-"))  # fmt: skip
    return READS


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


_CURL_SENDS = ("-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--data-ascii", "-F", "--form", "--form-string",
               "-T", "--upload-file", "--json")  # fmt: skip


def _curl(call: Call) -> Verdict:
    """The method and the body decide; `-K` reads further options from a file."""
    url = next((a for a in call.args if "://" in a or a.startswith(("localhost", "$", "<", "{"))), "")
    method = (call.value("-X", "--request") or "").upper()
    if method == "":
        method = next((m[1].upper() for a in call.args if (m := re.fullmatch(r"-[a-zA-Z]*X([A-Za-z]+)", a))), "")
    cluster = next((at for at, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-WYZ]+X", a)), None)
    if cluster is not None and not method and cluster + 1 < len(call.args):
        method = call.args[cluster + 1].upper()
    if call.has("--config", "--quote", "--next") or _in_cluster(call, "K") or _in_cluster(call, "Q"):
        return unknown("curl takes further orders from elsewhere")
    if call.has("--upload-file") or _in_cluster(call, "T"):
        return changes("curl sends a file out")
    sends = any(call.has(o) for o in _CURL_SENDS if o.startswith("--")) or any(_in_cluster(call, o) for o in "dF")
    as_get = call.grants("--get") or _in_cluster(call, "G")
    if call.has("--remote-name", "--remote-name-all", "--output-dir") or _in_cluster(call, "O"):
        return _downloads(call, "a file")
    verdict = READS
    output = call.value("-o", "--output")
    if output is None:
        at = next((i for i, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-Z]*o", a)), None)
        output = call.args[at + 1] if at is not None and at + 1 < len(call.args) else None
    if output is not None and output not in {"/dev/null", "-"} and not is_scratch(output):
        verdict = _downloads(call, output)
    for option in (
        "-D",
        "--dump-header",
        "-c",
        "--cookie-jar",
        "--trace",
        "--trace-ascii",
        "--stderr",
        "--libcurl",
        "--etag-save",
    ):
        name = call.value(option)
        if name is not None and name not in {"-", "/dev/null", "/dev/stdout", "/dev/stderr"} and not is_scratch(name):
            verdict = _downloads(call, name)
    if method in {"POST", "PUT", "PATCH", "DELETE"} or (method and method not in {"GET", "HEAD", "OPTIONS"}):
        if method in {"POST", "GET"} and _asks_only(url):
            return replace(verdict, touches=(f"url:{url}",))
        return replace(
            changes(f"curl sends {method}", destructive=method == "DELETE", reversible=None),
            touches=(f"url:{url}",) if url else (),
        )
    if sends and not as_get and not method:
        if _asks_only(url):
            return verdict
        return replace(changes("curl sends data"), touches=(f"url:{url}",) if url else ())
    if sends and method in {"GET", "HEAD"} and not as_get and not _asks_only(url):
        return unknown("curl sends a body with GET")
    if re.search(r"/(?:-/(?:reload|quit)|shutdown|restart|delete|reset|flush)\b", url):
        return unknown(f"curl asks for {url}")
    return verdict


def _asks_only(url: str) -> bool:
    """Whether an address takes questions by POST: queries of Prometheus and Loki, searches of Elasticsearch."""
    return re.search(r"/api/v1/(?:query|query_range|series|labels)\b|/_search\b|/_count\b|/_cat/", url) is not None


def _downloads(call: Call, name: str) -> Verdict:
    return replace(changes(f"{call.name} writes {name}", reversible=True), touches=(f"file:{name}",))


def _in_cluster(call: Call, letter: str) -> bool:
    """Whether a cluster of short options holds a letter before one that takes the rest as its value."""
    for word in call.args:
        if word.startswith("--") or not word.startswith("-"):
            continue
        for char in word[1:]:
            if char == letter:
                return True
            if char in "AbcCdDeEFHhKmoPQrtTuUwxXyYz":
                break
    return False


def _wget(call: Call) -> Verdict:
    if call.has("--post-data", "--post-file", "--body-data", "--body-file"):
        return changes("wget sends data")
    method = (call.value("--method") or "GET").upper()
    if method not in {"GET", "HEAD"}:
        return changes(f"wget sends {method}")
    name = call.value("-O", "--output-document")
    if (
        call.grants("--spider")
        or name in {"-", "/dev/null", "/dev/stdout"}
        or any(re.fullmatch(r"-[a-zA-Z]*O-", a) for a in call.args)
    ):
        return READS
    cluster = next((i for i, a in enumerate(call.args) if re.fullmatch(r"-[a-zA-Z]*O", a)), None)
    if cluster is not None and call.args[cluster + 1 : cluster + 2] == ("-",):
        return READS
    return READS if name and is_scratch(name) else _downloads(call, name or "a file")


def _scp(call: Call) -> Verdict:
    plain = plain_words(call.args, words("-P -i -o -F -J -l -S -c -e --rsh --exclude --include --bwlimit --port"))
    if call.has("-S") or (call.name == "rsync" and call.has("--rsync-path")):
        return unknown(f"{call.name} runs a program of its own")
    remote = bool(plain) and re.match(r"[\w.@<>${}-]+:", plain[-1]) is not None
    if call.grants("--dry-run") or (call.name == "rsync" and _in_cluster(call, "n")):
        return READS
    if call.has("--delete", "--remove-source-files", "--delete-after", "--delete-before", "--delete-excluded"):
        return changes(f"{call.name} removes files", destructive=True)
    if remote:
        return changes(f"{call.name} sends files out")
    if plain and is_scratch(plain[-1]):
        return READS
    return _downloads(call, plain[-1] if plain else "files")


def _nc(call: Call) -> Verdict:
    if call.has("-e", "-c", "--exec", "--sh-exec"):
        return unknown(f"{call.name} runs a program for a stranger")
    if any(re.fullmatch(r"-[a-zA-Z]*l[a-zA-Z]*", a) for a in call.args) or call.has("--listen"):
        return replace(READS, endless=f"{call.name} -l waits until it is stopped")
    if any(re.fullmatch(r"-[a-zA-Z]*z[a-zA-Z]*", a) for a in call.args) or not call.piped:
        return READS
    return changes(f"{call.name} sends data out")


def _dmesg(call: Call) -> Verdict:
    for option in ("-C", "--clear", "-c", "--read-clear"):
        if call.has(option):
            return changes("dmesg clears the kernel's log", destructive=True)
    if call.has("-n", "--console-level", "-D", "-E", "--console-on", "--console-off"):
        return changes("dmesg sets what the console shows", reversible=True)
    follows = call.has("-w", "-W", "--follow", "--follow-new")
    return replace(READS, endless="dmesg -w goes on until it is stopped" if follows else "")


def _repeats(valued: frozenset[str]) -> Rule:
    """vmstat, iostat and the like go on where an interval is given without a count."""

    def rule(call: Call) -> Verdict:
        numbers = [p for p in plain_words(call.args, valued) if p.isdigit()]
        if call.name == "sar" and call.has("-o"):
            return changes("sar -o writes a file", reversible=True)
        return replace(READS, endless=f"{call.name} goes on until it is stopped" if len(numbers) == 1 else "")

    return rule


def _alternatives(call: Call) -> Verdict:
    return (
        READS
        if call.args[:1] in {("--display",), ("--list",), ("--query",), ("--get-selections",)}
        else changes("sets a default")
    )


def _ibdiagnet(call: Call) -> Verdict:
    return changes(f"{call.name} writes reports", reversible=True) if not call.grants("-h") else READS


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


def _lsof(call: Call) -> Verdict:
    return replace(READS, endless="lsof -r goes on until it is stopped" if call.has("-r", "+r") else "")


_BUILTINS = words(
    "echo printf cd pushd popd export set unset true false : sleep read local declare typeset readonly alias unalias pwd"
    " shift return break continue exit logout hash type let getopts shopt umask ulimit_ history jobs wait_ bg fg disown clear"
    " sync trap_ dirs help stty reset_ yes command_"
)

TOOLS: dict[str, Rule] = {
    **{name: always(READS) for name in _READERS if not name.endswith("_")},
    **{name: always(NOTHING) for name in _BUILTINS if not name.endswith("_")},
    "wait": always(NOTHING),
    "pwd": always(READS),
    "history": Reader(("-c", "-d", "-w")),
    "type": always(READS),
    "ulimit": always(NOTHING),
    "rm": _rm,
    "rmdir": always(changes("rmdir removes empty folders", reversible=True)),
    "unlink": _rm,
    "mkdir": _mkdir,
    "touch": _mkdir,
    "mktemp": always(NOTHING),
    **dict.fromkeys(_FILE_WRITERS | {"mv"}, _copy),
    **dict.fromkeys(("chmod", "chown", "chgrp", "setfacl", "chattr", "chcon", "restorecon", "setcap", "setfattr"), _mode),
    "find": _find,
    "sed": _sed,
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    "sort": _sort,
    "tee": _tee,
    "truncate": _truncate,
    "fallocate": always(changes("{name} reserves space in a file")),
    "split": always(changes("{name} writes files", reversible=True)),
    "patch": always(changes("{name} edits files")),
    "tail": _tail,
    "tailf": _tail,
    "less": _pager,
    "more": _pager,
    "man": _pager,
    "ping": _ping,
    "ping6": _ping,
    **dict.fromkeys(("top", "htop", "atop", "iotop", "nvtop", "btop", "iftop", "nethogs", "powertop", "slurmtop", "k9s"), _top),
    **dict.fromkeys(("vi", "vim", "nano", "emacs", "ed", "view", "visudo", "nvim", "vipw"), _editor),
    **dict.fromkeys(("kill", "pkill", "killall", "skill", "xkill"), _kill),
    "date": _date,
    "hostname": _hostname,
    "hostnamectl": Tool(verbs(reads="status, show", undoable="set-hostname, set-chassis, hostname, set-location")),
    "timedatectl": Tool(verbs(reads="status, show, list-timezones, timesync-status, show-timesync", undoable="set-ntp, set-timezone", changing="set-time, set-local-rtc")),
    "loginctl": Tool(verbs(reads="list-sessions, show-session, list-users, session-status, user-status, show-user", destroys="terminate-session, terminate-user, kill-session, kill-user", undoable="enable-linger, disable-linger, lock-session")),
    "resolvectl": Tool(verbs(reads="status, query, statistics, dns!, domain!, service", changing="flush-caches, reset-statistics, reset-server-features, revert"), bare=READS),
    "chronyc": Tool(verbs(reads="tracking, sources, sourcestats, activity, ntpdata, clients, serverstats, makestep_", changing="makestep, burst, online, offline, reload, refresh, waitsync"), words("-h -p"), words("-n -a -v")),
    "ntpq": always(READS),
    "ntpdate": lambda c: READS if c.grants("-q") else changes("ntpdate sets the clock"),
    "nmcli": Tool(verbs(reads="device!, device status, device show, connection show, general status, general!, con show, dev status, dev show, networking connectivity, c show, d show",
                        undoable="connection up, connection down, connection modify, con up, con down, con mod, con modify, device set, networking on, networking off, device connect, device disconnect, connection add, con add",
                        changing="connection reload, device reapply, general reload, con reload", destroys="connection delete, con delete, con del, device delete"),
                  words("-f --fields -m --mode -c --colors -g --get-values -e"), words("-t --terse -p --pretty")),
    "uniq": _uniq,
    "tar": _tar,
    **dict.fromkeys(("gzip", "gunzip", "bzip2", "xz", "zstd", "bunzip2", "unxz", "lz4"), _gzip),
    "zip": always(changes("{name} writes an archive", reversible=True)),
    "unzip": _unzip,
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
    "rg": Reader(("--pre",)),
    "fd": Reader(("-x", "-X", "--exec", "--exec-batch")),
    "sensors": Reader(("-s", "--set")),
    "nfsstat": Reader(("-z",)),
    "rpcinfo": Reader(("-d",)),
    "curl": _curl,
    "wget": _wget,
    "http": lambda c: READS if not ({"POST", "PUT", "PATCH", "DELETE"} & set(c.args)) and not any(re.match(r"[\w-]+:?=", a) for a in c.args) else changes("sends data"),
    "grpcurl": lambda c: READS if c.args[-1:] == ("list",) or "describe" in c.args or "list" in c.args else unknown("grpcurl calls a method"),
    **dict.fromkeys(("scp", "rsync", "sftp"), _scp),
    **dict.fromkeys(("nc", "ncat", "netcat", "telnet_", "socat_"), _nc),
    "telnet": always(replace(READS, interactive="waits for input")),
    "nmap": always(READS),
    "socat": always(unknown("{name} joins two streams")),
    "tcpdump": lambda c: replace(READS if not c.has("-w") or is_scratch(c.value("-w") or "") else changes("tcpdump -w writes a file", reversible=True), endless="" if c.has("-c", "-r") else "tcpdump without -c goes on until it is stopped"),
    "tshark": lambda c: replace(READS if not c.has("-w") else changes("tshark -w writes a file", reversible=True), endless="" if c.has("-c", "-r", "-a") else "tshark goes on until it is stopped"),
    "iperf3": always(changes("{name} loads the network", reversible=True)),
    "iperf": always(changes("{name} loads the network", reversible=True)),
    **{name: always(changes("{name} loads the machine", reversible=True)) for name in ("ib_write_bw", "ib_read_bw", "ib_send_bw", "ib_write_lat", "ib_read_lat", "ib_send_lat", "all_reduce_perf", "fio", "stress", "stress-ng", "sysbench")},
    "ss": Reader(("-K", "--kill")),
    "dmesg": _dmesg,
    **{name: _repeats(words("-p -P -d -I -n -f -s -e -C -m_")) for name in ("vmstat", "iostat", "mpstat", "pidstat", "sar")},
    "dstat": always(replace(READS, endless="dstat goes on until it is stopped")),
    "tree": Reader(("-o",)),
    "file": Reader(("-C", "--compile")),
    "yq": Reader(("-i", "--inplace")),
    "lsof": _lsof,
    "fuser": Reader(("-k", "--kill")),
    "strace": always(replace(unknown("{name} stops and traces a process"), endless="")),
    "gdb": always(replace(unknown("{name} stops a process"), interactive="gdb prompt")),
    "py-spy": lambda c: READS if c.args[:1] in {("dump",), ("top",)} else changes("py-spy writes a recording", reversible=True),
    "perf": lambda c: READS if c.args[:1] in {("top",), ("stat",), ("report",), ("list",)} else changes("perf writes a recording", reversible=True),
    "numactl": lambda c: READS if c.grants("-H", "--hardware", "-s", "--show") else c.judge.command(_after(c, words("-N -m -C -i -p"))),
    "reboot": always(changes("reboot restarts the machine", destructive=True)),
    **{name: always(changes("{name} ends the machine or its services", destructive=True)) for name in ("shutdown", "poweroff", "halt", "init", "telinit", "kexec")},
    "systemd-run": lambda c: unknown("systemd-run starts a unit"),
    "systemd-analyze": lambda c: READS if not any(a.startswith(("set-", "log-", "service-w")) for a in c.args) else changes("systemd-analyze sets a level"),
    "ipmitool": _ipmitool,
    "racadm": lambda c: READS if any(a.startswith("get") for a in c.args) and not any(a.startswith(("set", "race", "serveraction", "clear")) for a in c.args) else changes("racadm changes the machine"),
    "ipcrm": always(changes("{name} removes shared memory", destructive=True)),
    "ibdiagnet": _ibdiagnet,
    "update-alternatives": _alternatives,
    "useradd": always(changes("{name} makes a user", reversible=True)),
    "usermod": always(changes("{name} changes a user", reversible=True)),
    "userdel": always(changes("{name} removes a user", destructive=True)),
    "passwd": lambda c: READS if c.grants("-S", "--status") else replace(changes("passwd sets a password"), interactive="asks for a password"),
    "su": lambda c: c.judge.script(c.value("-c", "--command") or "") if c.has("-c", "--command") else replace(unknown("opens a shell as another user"), interactive="shell as another user"),
    "logger": always(changes("{name} writes to the log")),
    "logrotate": lambda c: READS if c.grants("-d", "--debug") else changes("logrotate rotates logs"),
    "sync": always(NOTHING),
    "trap": lambda c: c.judge.script(c.args[0]) if c.args and c.args[0] not in {"-", "-l", "-p"} else NOTHING,
    "ldconfig": lambda c: READS if c.grants("-p") else changes("ldconfig rewrites the linker's cache"),
    "make": lambda c: READS if c.grants("-n", "--dry-run") else unknown("make runs what its file says"),
    "screen": always(replace(unknown("{name} opens a terminal"), interactive="terminal")),
    "tmux": always(replace(unknown("{name} opens a terminal"), interactive="terminal")),
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
    "mtr": lambda c: replace(READS, endless="" if c.has("-r", "--report", "-c") else "mtr goes on until it is stopped"),
    "inotifywait": Reader((), ("-m", "--monitor")),
    "ipset": lambda c: READS if c.args[:1] in {("list",), ("save",), ("test",), ("-L",)} else changes("ipset changes a set"),
    "getent": always(READS),
    "bc": always(READS),
    "xxd": lambda c: READS if not c.has("-r") or len(plain_words(c.args)) < 2 else changes("xxd -r writes a file"),
    "base64": always(READS),
    "dos2unix": always(changes("{name} edits files")),
    "envsubst": always(READS),
    "locate": always(READS),
    "updatedb": always(changes("{name} rewrites an index")),
    "gpg": lambda c: READS if c.grants("--list-keys", "--verify", "-d", "--decrypt", "-k") else changes("gpg changes keys or files"),
    "ssh-keygen": lambda c: READS if c.grants("-l", "-lf", "-F") else changes("ssh-keygen writes keys"),
    "ssh-keyscan": always(READS),
    "ssh-add": lambda c: READS if c.grants("-l", "-L") else changes("ssh-add changes the agent", reversible=True),
    "ssh-copy-id": always(changes("{name} gives access to another machine")),
    "mail": always(changes("{name} sends mail")),
    "sendmail": always(changes("{name} sends mail")),
    "at": always(changes("{name} plans a command")),
}  # fmt: skip


def _after(call: Call, valued: frozenset[str]) -> list[str]:
    skip = False
    for at, word in enumerate(call.args):
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return list(call.args[at:])
    return []


# Programs whose names are no English words: seeing one first in a line is enough to see a command.
STRONG = words(
    "chmod chown chgrp curl wget dmesg df du ethtool ifconfig iostat ip6tables iptables jq lsblk lscpu lsmod lspci lsof mkdir"
    " modprobe mpstat netstat nslookup nproc pgrep ping pkill rmmod rsync scp sed sysctl tar tcpdump uname vmstat awk grep egrep"
    " ibstat ibv_devinfo iblinkinfo ipmitool nmcli rmdir umount traceroute systemd-analyze sudo findmnt blkid lshw fuser"
    " hostnamectl timedatectl chronyc dmidecode getent mktemp zgrep sha256sum md5sum readlink pstree"
)
