"""A command in a sentence without code marks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

_IN_PROSE = re.compile(
    r"(?<![\w`/.-])(?:(?:kubectl|oc)\s+(?:--?[\w-]+(?:=\S+|\s+\S+)\s+){0,4}(?:get|describe|logs|delete|apply|exec|scale|"
    r"rollout|drain|cordon|uncordon|patch|edit|label|annotate|top|create|set|adm|rsh|port-forward|cp|"
    r"taint)\s+(?!and\b|or\b|to\b|is\b|on\b|command)[\w<./-]+|helm\s+(?:upgrade|rollback|list|get|"
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
    r"SELECT\s+[^.;\n]{1,120}\sFROM\s+\w+|(?:DELETE\s+FROM|INSERT\s+INTO|DROP\s+TABLE)\s+\w+|UPDATE\s+\w+\s+SET\s+\w+|"
    r"(?:Get|Set|New|Remove|Start|Stop|Restart|Test|Invoke|Add|Enable|Disable|Clear|Reset|Update)-[A-Z]\w+\s+-\w+|rabbitmqctl\s+\w+_\w+)"
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
            for found in _IN_PROSE.finditer(plain):
                yield Issue(
                    prose.line_of(found.start()),
                    f"the command '{shortened(found[0], 40)}' stands in the sentence without code marks",
                    "put it between backticks, or into a fence of its own",
                )
