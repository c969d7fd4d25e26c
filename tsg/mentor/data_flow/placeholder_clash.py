"""One placeholder with two meanings, or two spellings of one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.command_forms import plain_command
from tsg.mentor.data_flow.shared import run_codes
from tsg.mentor.holes import Hole, holes_in, names_set
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "placeholder-clash",
    Category.DATA_FLOW,
    Severity.WARNING,
    "one placeholder with two meanings, or two spellings of one",
    "Filled in once, it is right in one command and wrong in the other.",
)
def placeholder_clash(view: View) -> Iterator[Issue]:
    spelt: dict[str, tuple[str, int]] = {}
    meant: dict[str, tuple[str, int]] = {}
    said: set[str] = set()
    assigned = {m[1].lower() for m in re.finditer(r"([A-Za-z_]\w*)=[\"']?(?:<|\{\{|\[|\$\()", view.code_text)} | {
        n.lower() for n in names_set(view.code_text)
    }
    for _, code in run_codes(view):
        for hole in holes_in(_uncommented(code)):
            line = code.body_line + code.body.count("\n", 0, hole.start)
            core = _core(hole)
            if (
                core in spelt
                and spelt[core][0] != hole.text
                and core not in said
                and not _legit(hole, spelt[core][0], assigned)
            ):
                said.add(core)
                yield Issue(
                    line,
                    f"{hole.text} here is {spelt[core][0]} in line {spelt[core][1]}",
                    "spell one value in one way throughout",
                )
            if core:
                spelt.setdefault(core, (hole.text, line))
            if hole.is_variable:
                continue
            kind = _meaning(code.body, hole)
            if not kind:
                continue
            if hole.text in meant and meant[hole.text][0] != kind and hole.text not in said:
                said.add(hole.text)
                yield Issue(
                    line,
                    f"{hole.text} is a {kind} here and a {meant[hole.text][0]} in line {meant[hole.text][1]}",
                    "give each meaning a name of its own: <POD_NAME>, <NODE_NAME>",
                )
            meant.setdefault(hole.text, (kind, line))


def _uncommented(code: Code) -> str:
    """The body with its comment lines blanked, offsets kept."""
    if not code.comments:
        return code.body
    return re.sub(r"^\s*(?:#|--|//)[^\n]*", lambda m: " " * len(m[0]), code.body, flags=re.MULTILINE)


def _core(hole: Hole) -> str:
    """What a placeholder's name is about: `<pod-name>` and `$POD` are both `pod`."""
    words = [
        w for w in hole.norm.split("_") if w not in {"name", "your", "the", "my", "id", "here", "of", "value", "actual"}
    ]
    return "_".join(words)


def _legit(hole: Hole, other: str, assigned: set[str]) -> bool:
    """Two forms that are one by assignment: `NODE=<NODE_NAME>`, then `$NODE`."""
    bare = re.sub(r"[^\w]", "", other).lower()
    if hole.is_variable != other.startswith("$"):
        return hole.name.lower() in assigned or bare in assigned
    if hole.is_variable:
        return other.strip("${}") == hole.name or (hole.name.lower() in assigned and bare in assigned)
    a, b = re.sub(r"[^a-z0-9]", "", hole.name.lower()), re.sub(r"[^a-z0-9]", "", other.lower())
    return {"id", "name"} <= {w for x in (hole.name, other) for w in re.split(r"[^a-z]+", x.lower())} and a != b


_KINDS = {
    "po": "pod",
    "pod": "pod",
    "pods": "pod",
    "node": "node",
    "nodes": "node",
    "no": "node",
    "deploy": "deployment",
    "deployment": "deployment",
    "deployments": "deployment",
    "svc": "service",
    "service": "service",
    "pvc": "claim",
    "pv": "volume",
    "cm": "config map",
    "configmap": "config map",
    "secret": "secret",
    "sts": "stateful set",
    "statefulset": "stateful set",
    "ds": "daemon set",
    "daemonset": "daemon set",
    "job": "job",
    "jobs": "job",
    "ns": "namespace",
    "namespace": "namespace",
    "drain": "node",
    "cordon": "node",
    "uncordon": "node",
    "logs": "pod",
    "exec": "pod",
    "-n": "namespace",
    "--namespace": "namespace",
    "-c": "container",
    "--container": "container",
    "--pool": "pool",
    "-w": "node",
    "--nodelist": "node",
    "ssh": "node",
    "ping": "node",
    "nodename": "node",
    "jobid": "job",
    "job_id": "job",
    "-h": "node",
    "--host": "node",
    "database": "database",
    "-d": "database",
    "from": "table",
    "scancel": "job",
}


def _meaning(body: str, hole: Hole) -> str:
    """The kind of thing that a placeholder stands for, by the word before it."""
    start = body.rfind("\n", 0, hole.start) + 1
    before = body[max(start, hole.start - 80) : hole.start]
    line = plain_command(body[start : hole.start + len(hole.text)])
    if "namespace" in hole.norm and re.match(r"(?:rbd|rados)\b", line):
        return "Ceph namespace"
    found = re.search(r"(--?[\w-]+|[\w-]+)(?:\s+|=|/)[\"']?$", before)
    word = found[1].lower() if found else ""
    kind = _KINDS.get(word, "")
    if kind == "container" and not re.match(r"(?:kubectl|oc)\b", line):
        return ""
    if word in {"-h", "-d", "-w", "-n"} and not re.match(
        r"(?:kubectl|oc|psql|mysql|redis-cli|sbatch|srun|squeue|helm)\b", line
    ):
        return ""
    if word in {"logs", "exec"} and hole.text and "/" in body[hole.start : hole.start + len(hole.text)]:
        return ""
    return kind
