"""One placeholder with two meanings, or two spellings of one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.guide import PieceKind
from tsg.mentor.code import Code
from tsg.mentor.data_flow.shared import run_codes
from tsg.mentor.holes import Hole, holes_in, names_set
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.words import words


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
    yield from _defined_twice(view)
    yield from _in_one_place(view)
    yield from _of_two_variables(view)
    shell = _set_in_shell(view)
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
            if core and hole.is_variable and core not in said:
                # `NODE` is set, and `$NODE_NAME` is used: the shell has no such variable.
                twin = next((n for n in shell if _core_of(n) == core and n != hole.name), None)
                if twin is not None and hole.name not in shell:
                    said.add(core)
                    told = f"{hole.text} is set nowhere; line {shell[twin]} sets {twin}"
                    yield Issue(line, told, "spell one value in one way throughout")
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


def _set_in_shell(view: View) -> dict[str, int]:
    """Shell variables that a block of the guide sets, with the line."""
    found: dict[str, int] = {}
    for _, code in run_codes(view):
        for at, row in code.rows:
            for match in re.finditer(r"(?:^|[\s;&(])(?:export\s+|read\s+(?:-\w+\s+)*)?([A-Z][A-Z0-9_]*)(?==|$)", row):
                found.setdefault(match[1], at)
    return found


_HOLE = r"(?:<[A-Za-z][\w.-]*>|\{\{\s*[A-Za-z_][\w.-]*\s*\}\}|\$\{?[A-Z][A-Z0-9_]+\}?)"
_DEFINES = re.compile(
    r"^\W{0,2}\s*(?:(?:is|are|means|stands for|being)\s+|,\s*(?=(?:the|your|a|an|its)\b)|(?::|\||=|–|—|-)\s+)"
    r"(?P<what>[^.;:()|]{3,80})",
    re.IGNORECASE,
)
_EMPTY = words(
    "the a an your our its his their this that of in on for by to from with and or is are be it name names value values"
    " number id identifier own actual current same which what where below above here all one written called"
)


def _defined_twice(view: View) -> Iterator[Issue]:
    """A placeholder of which two sentences say what it is, and they have no word in common."""
    meanings: dict[str, tuple[frozenset[str], int, str]] = {}
    for part in view.parts:
        for prose in part.proses:
            for at, piece in enumerate(prose.block.pieces):
                if piece.kind is not PieceKind.CODE or re.fullmatch(_HOLE, piece.text.strip()) is None:
                    continue
                after = "".join(p.text for p in prose.block.pieces[at + 1 : at + 4])
                found = _DEFINES.match(after)
                if found is None:
                    continue
                said = re.split(r",|\b(?:in|at|where|that|which|whose|when|as)\b", found["what"])[0]
                told = frozenset(w[:6] for w in re.findall(r"[a-z]{3,}", said.lower()) if w not in _EMPTY)
                own = piece.text.strip()
                if not told or _STATE.match(said.strip()):
                    continue
                first = meanings.setdefault(own, (told, piece.line, said.strip()))
                if not first[0] & told:
                    message = f"{own} is '{said.strip()}' here and '{first[2]}' in line {first[1]}"
                    yield Issue(piece.line, message, "give each meaning a name of its own")


def _in_one_place(view: View) -> Iterator[Issue]:
    """Two placeholders that stand behind the very same words of a query, one named by words of the other."""
    seen: dict[str, tuple[Hole, int]] = {}
    for _, code in run_codes(view):
        for hole in holes_in(_uncommented(code)):
            start = code.body.rfind("\n", 0, hole.start) + 1
            before = " ".join(code.body[start : hole.start].split())
            line = code.body_line + code.body.count("\n", 0, hole.start)
            if len(before) < _PLACE or hole.is_variable:
                continue
            first, at = seen.setdefault(before, (hole, line))
            one, other = set(_core(first).split("_")), set(_core(hole).split("_"))
            if first.text != hole.text and one and other and one != other and (one < other or other < one):
                told = f"{hole.text} stands where line {at} has {first.text}"
                yield Issue(line, told, "spell one value in one way throughout")


_PLACE = 12  # characters of a line before a placeholder that make two places alike


def _of_two_variables(view: View) -> Iterator[Issue]:
    """One placeholder that two variables are set from."""
    given: dict[str, tuple[str, int]] = {}
    for _, code in run_codes(view):
        for at, row in code.rows:
            found = re.match(rf"\s*(?:export\s+|\$)?([A-Za-z_]\w*)\s*=\s*[\"']?({_HOLE})[\"']?\s*(?:#.*)?$", row)
            if found is None:
                continue
            name, hole = found[1].lower(), found[2]
            first, line = given.setdefault(hole, (name, at))
            if first != name and not set(first.split("_")) & set(name.split("_")):
                told = f"{hole} is given to {found[1]} here and to {first.upper()} in line {line}"
                yield Issue(at, told, "give each meaning a name of its own")


# "`<count>` is 0": what a value is at the moment, and not what it stands for.
_STATE = re.compile(
    r"(?:not|now|still|already|empty|zero|set|above|below|less|more|at|over|under|between|\d|`|one of)\b", re.IGNORECASE
)


def _core_of(name: str) -> str:
    return "_".join(w for w in name.lower().split("_") if w not in _GENERIC)


def _uncommented(code: Code) -> str:
    """The body with its comment lines blanked, offsets kept."""
    if not code.comments:
        return code.body
    return re.sub(r"^\s*(?:#|--|//)[^\n]*", lambda m: " " * len(m[0]), code.body, flags=re.MULTILINE)


_GENERIC = frozenset({"name", "your", "the", "my", "id", "here", "of", "value", "actual"})


def _core(hole: Hole) -> str:
    """What a placeholder's name is about: `<pod-name>` and `$POD` are both `pod`."""
    return _core_of(hole.norm)


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


_SUDO = re.compile(r"(?:sudo|time|env)\s+")


def _meaning(body: str, hole: Hole) -> str:
    """The kind of thing that a placeholder stands for, by the word before it."""
    start = body.rfind("\n", 0, hole.start) + 1
    before = body[max(start, hole.start - 80) : hole.start]
    line = _SUDO.sub("", body[start : hole.start + len(hole.text)].strip().removeprefix("$ "))
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
