"""A command in a sentence without code marks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.commands.tools import rule_for
from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

_IN_PROSE = re.compile(
    r"(?<![\w`/.-])(?:(?:kubectl|oc)\s+(?:--?[\w-]+(?:=\S+|\s+\S+)\s+){0,4}(?:get|describe|logs|delete|apply|exec"
    r"|scale|"
    r"rollout|drain|cordon|uncordon|patch|edit|label|annotate|top|create|set|adm|rsh|port-forward|cp|"
    r"taint)\s+(?!(?:and|or|to|is|on|are|was|were|will|would|can|could|should|may|might|must|as|in|for|with"
    r"|without|if"
    r"|when|then|but|from|that|which|of|by|at|until|after|before|only|does?|shows?|gives?|fails?|hangs?|works?"
    r"|returns?"
    r"|prints?|lists?|output|access|rights?|permissions?|stops?|commands?)\b)[\w<./-]+|helm\s+(?:upgrade|rollback"
    r"|list|get|"
    r"uninstall|install|history|status)\s+[\w<./-]*|docker\s+(?:ps|logs|restart|inspect|exec|rm|stop|"
    r"start|run)\b|"
    r"systemctl\s+(?:status|restart|start|stop|reload|enable|disable|is-active)\s+[\w@.<-]+|"
    r"journalctl\s+-\S+|ceph\s+(?:-s\b|status|health|df|tell|(?:osd|pg|mds|mon|fs)\s+(?:stat|status|"
    r"tree|df|dump|ls|rm|out|in|set|fail|repair|purge|perf|crush)\b)|rbd\s+(?:ls|info|snap|children|"
    r"status|du)\b|nvidia-smi\s+-\S+|scontrol\s+(?:show|update|reconfigure)\s+\w+|(?:squeue|sinfo|"
    r"sacct|scancel)\s+-\S+|scancel\s+\d+|etcdctl\s+(?:endpoint|member|defrag|alarm|get|snapshot|"
    r"del)\b|"
    r"aws\s+[a-z0-9]+\s+[a-z]+-[a-z-]+|gcloud\s+\w+\s+\w+|az\s+\w+\s+(?:list|show|delete|create|"
    r"update|restart)|curl\s+(?:-\S+|https?:)|ssh\s+[\w.-]+@|psql\s+-\S|mysql\s+-\S|redis-cli\s+\S+|"
    r"rm\s+-rf?\s|df\s+-\S+|du\s+-\S+|free\s+-\S+|tail\s+-\S+|ps\s+aux|kill\s+-\d+|crictl\s+(?:ps|"
    r"logs|rmi|images|pods)\b|terraform\s+(?:apply|plan|destroy)\b|git\s+(?:revert|reset|pull|push|"
    r"checkout|log)\s+\S|dmesg\s*\||iptables\s+-\S|nslookup\s+\S+\.\S|(?:scp|rsync)\s+(?:-\S+\s+)*\S+:\S+|"
    r"ssh\s+\S+\s+\"?(?:sudo|systemctl|docker|tail|cat|df|ls)\b|ansible(?:-playbook)?\s+-\S+|"
    r"SELECT\s+[^.;\n]{1,120}\sFROM\s+\w+|(?:DELETE\s+FROM|INSERT\s+INTO|DROP\s+TABLE)\s+\w+"
    r"|UPDATE\s+\w+\s+SET\s+\w+|"
    r"(?:Get|Set|New|Remove|Start|Stop|Restart|Test|Invoke|Add|Enable|Disable|Clear|Reset|Update)-[A-Z]\w+\s+-\w+"
    r"|rabbitmqctl\s+\w+_\w+)"
)
_WITH_OPTION = re.compile(r"(?<![\w`/.-])(?P<name>[a-z][\w.-]{0,30})[ ](?:[a-z][\w-]{1,20}[ ]){0,2}--?[A-Za-z][\w-]*")
_PIPED = re.compile(
    r"\S[ ]\|[ ](?:grep|jq|awk|wc|head|tail|sort|uniq|less|sed|xargs|cut|tee|tr|kubectl)(?:[ ]-\w|[ ]['\".\w]|$)"
)
_SQL = re.compile(
    r"\bselect\s+(?:[\w.]+\s*\(|\*|[\w.]+\s*,|\w+_\w+"
    r"|[\w.]+\s+from\s+\w+\s+where\s+\w+\s*[=<>])[^;\n]{0,120}?\bfrom\s+\w+"
    r"|\b(?:delete\s+from|insert\s+into)\s+\w+\s+(?:where\s+\w+\s*[=<>]|values|\()|\bupdate\s+\w+\s+set\s+\w+\s*="
    r"|\b(?:truncate|drop)\s+table\s+\w*_\w+",
    re.IGNORECASE,
)
_QUERY = re.compile(
    r"\b[a-z_:][\w:]*\{[^{}\n]{0,200}?[=!]~?\"[^\"\n]*\"[^{}\n]{0,200}\}"
    r"|\b(?:sum|avg|max|min|count|rate|irate|increase|delta|deriv|topk|histogram_quantile|\w+_over_time)"
    r"[ ]?(?:(?:by|without)[ ]?\([\w, ]{0,80}\)[ ]?)?\([^\n]{1,160}?\[\d{1,4}[smhdw]\]"
    r"|\b[A-Z]\w+[ ]\|[ ](?:where|summarize|extend|project)[ ]\w+"
)


@check(
    "code-in-prose",
    Category.QUERY,
    Severity.INFO,
    "a command in a sentence without code marks",
    "Dashes and quotes change when the page is rendered, and no tool sees the command.",
)
def code_in_prose(view: View) -> Iterator[Issue]:
    for part in view.parts:
        for prose in part.proses:
            plain = re.sub(r"`[^`]*`", lambda m: "x" * len(m[0]), prose.text)
            for piece in prose.block.pieces:
                if piece.target:
                    plain = plain.replace(piece.text, "x" * len(piece.text), 1) if piece.text else plain
            for found in _commands_in(plain, is_row=prose.block.kind == "row"):
                yield Issue(
                    prose.line_of(found.start()),
                    f"the command '{shortened(found[0], 40)}' stands in the sentence without code marks",
                    "put it between backticks, or into a fence of its own",
                )


def _commands_in(plain: str, *, is_row: bool) -> Iterator[re.Match[str]]:
    """Commands and queries in running text, by their first words; of those that overlap the first."""
    found = [*_IN_PROSE.finditer(plain), *_SQL.finditer(plain), *_QUERY.finditer(plain)]
    found += [m for m in _WITH_OPTION.finditer(plain) if rule_for(m["name"]) is not None]
    if not is_row:
        found += _PIPED.finditer(plain)
    end = -1
    for one in sorted(found, key=lambda m: m.start()):
        if one.start() >= end:
            yield one
        end = max(end, plain.find("\n", one.end()), one.end())
