"""A date, address, pod, host, id or replica count written out in a command or query."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

MAX_READ = 4_000  # characters of one command
_LITERALS = (
    ("a date", re.compile(r"\b20\d\d-[01]\d-[0-3]\d(?:[T ][\d:.]+Z?)?\b|\b20\d\d/[01]\d/[0-3]\d\b")),
    (
        "an IP address",
        re.compile(
            r"(?<![\d.])(?!127\.|0\.0\.0\.0|169\.254\.169\.254|255\.|8\.8\.|1\.1\.1\.1|"
            r"1\.0\.0\.1)(?:\d{1,3}\.){3}\d{1,3}(?![\d.]|/(?:8|12|16)\b)"
        ),
    ),
    (
        "the name of one pod",
        re.compile(r"\b[a-z][a-z0-9]*(?:-[a-z0-9]+)*-(?=[a-f0-9]*\d)[a-f0-9]{7,10}-(?=[a-z0-9]*[a-z])[a-z0-9]{5}\b"),
    ),
    (
        "an id",
        re.compile(
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?:i|vol|sg|subnet|ami|eni|"
            r"snap|vpc)-[0-9a-f]{8,17}\b|\b\d{12}\b",
            re.IGNORECASE,
        ),
    ),
    (
        "the name of one host",
        re.compile(
            r"\bip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}\b|(?<![\w./<$-])(?:[a-z][a-z0-9]*-)*"
            r"(?:(?:node|gpu|worker|host|server|dgx|compute|master|srv|rack|cn|gn|hypervisor|login)s?-?\d{1,5}|"
            r"(?:web|db|prod|app|cache|kafka|broker|redis|mon|api|edge|head|mds"
            r"|shard)s?-?\d{2,5})(?:\.[a-z][\w.-]*)?(?![\w/:=>}-])|"
            r"(?<![\w./<$-])[a-z][a-z0-9]*(?:-[a-z0-9]+)*-\d{2,4}(?:\.[a-z][\w-]*)+\b|\b[a-z][\w-]*\.(?:prod|"
            r"staging|internal|corp|intra|lan|local)\.[a-z.]{2,20}\b"
        ),
    ),
    ("a replica count", re.compile(r"--replicas[= ][\"']?[1-9]\d*\b|\"replicas\"\s*:\s*[1-9]\d*\b")),
    (
        "the id of one job or process",
        re.compile(
            r"\b(?:scancel|scontrol (?:show|requeue|hold|release|suspend|resume|update) job(?:id)?[= ]?|"
            r"sacct -j|sstat -j|squeue -j|kill(?: -\w+)*|strace -p|gdb -p|lsof -p|pmap|"
            r"py-spy dump --pid) *=?(?<![\w])[1-9]\d{2,9}\b"
        ),
    ),
    (
        "the id of one process",
        re.compile(
            r"\bpg_(?:terminate|cancel)_backend\s*\(\s*\d+|(?:^|;|\n)\s*KILL\s+(?:QUERY\s+|CONNECTION\s+)?\d{2,}\b",
            re.I,
        ),
    ),
    (
        "the id of one row",
        re.compile(
            r"\b(?:\w*_)?(?:id|pid|spid|uuid|number|no|key)\s*(?:==?\s*['\"]?"
            r"|IN\s*\(\s*['\"]?)(?=\w*\d{3})[\w-]+(?=['\"),;\s]|$)",
            re.IGNORECASE,
        ),
    ),
    (
        "the id of one commit, container or member",
        re.compile(
            r"\bgit\s+(?:-\S+\s+)*(?:revert|reset|checkout|cherry-pick|show|switch)\s(?:[^"
            r"|;&\n]*\s)?(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}\b"
            r"|\b(?:docker|podman|nerdctl|crictl)\s(?:[^|;&\n]*\s)?(?=[a-f]*\d)(?=\d*[a-f])(?:[0-9a-f]{64}"
            r"|[0-9a-f]{12,13})\b(?![./:])"
            r"|\bmember\s+(?:remove|update|promote)\s+[0-9a-f]{15,16}\b"
        ),
    ),
    (
        "the number of one revision",
        re.compile(
            r"--to-revision[= ][1-9]\d*\b|\bhelm\s+(?:[^|;&\n]*\s)?rollback\s+(?:-\S+\s+)*[\w$<>{}-]+\s+[1-9]\d*\b"
        ),
    ),
    (
        "the number of one device",
        re.compile(
            r"\bosd\.\d+\b|\bceph\s+(?:[^|;&\n]*\s)?osd\s+(?:out|in|down|purge|destroy|rm|lost|reweight"
            r"|crush\s+(?:reweight|remove|rm)"
            r"|find|metadata|ok-to-stop|safe-to-destroy)\s+\d+\b|\bpg\s+(?:repair|scrub|deep-scrub|query"
            r"|\d)\S*\s*\d+\.[0-9a-f]+\b"
            r"|\bnvidia-smi\s(?=[^|;&\n]*(?:--gpu-reset|\s-r\b|-pm\b|-mig\b))[^|;&\n]*(?:-i|--id)[ =]\d+\b"
            r"|\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"
        ),
    ),
    (
        "a date",
        re.compile(
            r"(?<![\w.])1[67]\d{8}(?:\d{3})?(?![\w.])"
            r"|['\"](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? +\d{1,2}\b"
            r"|\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* 20\d\d\b"
        ),
    ),
    (
        "the name of one host",
        re.compile(
            r"-(?:ComputerName|VMName|CimSession|HostName)\s+['\"]?(?=[A-Za-z-]*\d)[A-Za-z][\w.-]+"
            r"|\b(?:pod|instance|node|nodename|host|hostname|replica|server|machine|computer|broker|vm|device"
            r"|member|shard"
            r"|kubernetes_node|exported_instance|Computer|_ResourceId|Hostname|HostName)\s*(?:==?|=~|in~?\s*\()\s*"
            r"['\"](?=[^'\"\n]*\d{2})[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)+(?::\d+)?['\"]"
        ),
    ),
)
_VERSION = re.compile(r"(?:v|version[= ]?|:|@|-)$", re.IGNORECASE)


@check(
    "hardcoded-parameter",
    Category.QUERY,
    Severity.WARNING,
    "a date, address, pod, host, id or replica count written out in a command or query",
    "It fits the incident it was copied from; in the next one it asks about, or changes, the wrong thing.",
)
def hardcoded_parameter(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for code in part.commands:
            if not code.is_run or (code.inline and part.is_background):
                continue
            for statement in code.statements:
                if found := _literal(statement.text, inline=code.inline):
                    kind, text, offset = found
                    line = statement.lines.first + (statement.text.count("\n", 0, offset))
                    yield Issue(
                        min(line, statement.lines.last),
                        f"'{shortened(text, 40)}' is {kind} written into the command",
                        "write a placeholder and say where its value comes from: <NODE>, <START_TIME>",
                    )


def _literal(text: str, *, inline: bool) -> tuple[str, str, int] | None:
    text = text[:MAX_READ]
    if text.startswith("export ") or re.match(r"[A-Za-z_]\w*=[^\s;|&]+$", text):
        return None
    for kind, pattern in _LITERALS:
        if inline and kind in {"the name of one host", "a replica count"}:
            continue
        for found in pattern.finditer(text):
            before = text[max(0, found.start() - 14) : found.start()]
            if kind == "an IP address" and (
                (
                    _VERSION.search(before)
                    and not before.endswith(("://", "@", " -h "))
                    and not re.search(r"--?\w+[= ]$", before)
                )
                or any(int(p) > 255 for p in found[0].split("."))
            ):
                continue
            if kind == "the name of one host" and (
                before.endswith(
                    (
                        "deploy/",
                        "deployment ",
                        "sts ",
                        "statefulset ",
                        "app=",
                        'job="',
                        "-n ",
                        "-c ",
                        "namespace ",
                        "image=",
                    )
                )
                or re.match(r"(?:python|node|app|api|web)\d?$", found[0])
                or re.search(r"apiVersion|/v\d$", found[0])
            ):
                continue
            if kind == "an id" and found[0].isdigit() and not re.search(r"arn:|account", text):
                continue
            return kind, found[0], found.start()
    return None
