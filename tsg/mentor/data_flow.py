"""Checks of data flow: where values come from, what they are called, and who uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.command_forms import plain_command
from tsg.mentor.holes import Hole, holes_in, names_set
from tsg.mentor.language import CONSOLES, Content
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, StepView, View
from tsg.mentor.wording import content_words, shortened

DATA_FLOW = Category.DATA_FLOW


def _run_codes(view: View) -> Iterator[tuple[Part, Code]]:
    for part in view.parts:
        for code in part.commands:
            if code.tag in CONSOLES and code.content is Content.UNKNOWN:
                continue
            if (
                code.is_run
                or (code.language is Content.YAML and code.tag in {"yaml", "yml"})
                or code.language is Content.SQL
            ):
                yield part, code


@check(
    "undefined-placeholder",
    DATA_FLOW,
    Severity.WARNING,
    "a placeholder or variable that is used and never produced, explained or declared",
    "The reader guesses the value; a machine has none.",
)
def undefined_placeholder(view: View) -> Iterator[Issue]:
    if view.native:
        return
    known = _known_names(view)
    produced = names_set(view.code_text)
    explained = _explained(view)
    said: set[str] = set()
    by_line: dict[int, list[str]] = {}
    for part, code in _run_codes(view):
        for hole in holes_in(code.body):
            if (
                hole.norm in said
                or not hole.norm
                or hole.name in produced
                or (not hole.is_variable and hole.norm.upper() in produced)
            ):
                continue
            if code.language is Content.PROMQL and hole.is_variable and hole.name.startswith("__"):
                continue
            if (
                code.language is Content.POWERSHELL
                and hole.is_variable
                and re.search(rf"\${re.escape(hole.name)}\s*=|\(\s*\${re.escape(hole.name)}\s+in\b", view.code_text)
            ):
                continue
            said.add(hole.norm)
            if hole.norm in known or hole.norm in explained or _spoken_of(view, part, code, hole):
                continue
            by_line.setdefault(code.body_line + code.body.count("\n", 0, hole.start), []).append(hole.text)
    for line, names in sorted(by_line.items()):
        shown = ", ".join(names[:3])
        yield Issue(
            line,
            f"{shown} {'is' if len(names) == 1 else 'are'} used, and nothing says where the value comes from",
            "say how to find it, set it from a command's output, or declare it as an input",
        )


def _known_names(view: View) -> set[str]:
    """Inputs that the front matter or a list of parameters declares."""
    known = {_norm(i.name) for i in view.guide.front.inputs}
    for part, prose, name in _declared(view):
        del part, prose
        known.add(_norm(name))
    return known


def _norm(name: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip("<>{}$[]` "))
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def _explained(view: View) -> set[str]:
    """Placeholders that the prose itself writes out, or a comment of the code."""
    found: set[str] = set()
    for part in view.parts:
        for prose in part.proses:
            if (
                prose.block.kind == "row"
                or "<" in prose.text
                or "$" in prose.text
                or "{" in prose.text
                or "[" in prose.text
                or "_" in prose.text
                or "`" in prose.text
            ):
                plain = re.sub(r"`([^`]*)`", lambda m: m[0] if " " not in m[1].strip() else "", prose.text)
                found |= {h.norm for h in holes_in(plain)}
                found |= {
                    _norm(c)
                    for c in prose.codes
                    if re.fullmatch(r"[\w<>{}$\[\] .-]{2,60}", c) and " " not in c.strip("<>[]{}")
                }
                found |= {_norm(w) for w in re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", plain)}
        for code in part.codes:
            for comment in code.comments:
                found |= {h.norm for h in holes_in(comment.text)}
                if re.search(r"\b(?:replace|set|export|where|from|is the)\b", comment.text, re.IGNORECASE):
                    found |= {_norm(w) for w in re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", comment.text)}
    return found


_OBTAIN = re.compile(
    r"\b(?:note|record|take|copy|get|find|identify|write down|save|keep|determine|obtain|remember|"
    r"pick|choose|look up|read|see|where|replace|substitute|is the|are the|stands for|affected|your|"
    r"from the (?:alert|label|ticket|incident|output)|alert)\b",
    re.IGNORECASE,
)
_FILLER = frozenset(
    {
        "name",
        "id",
        "your",
        "the",
        "my",
        "value",
        "here",
        "number",
        "of",
        "actual",
        "target",
        "new",
        "old",
        "some",
        "a",
        "an",
    }
)


def _spoken_of(view: View, part: Part, code: Code, hole: Hole) -> bool:
    """Whether the prose around a placeholder names in words what it stands for and where it is from."""
    if hole.is_variable:
        return False
    words = [w for w in hole.norm.split("_") if w not in _FILLER]
    if not words:
        return False
    if len(words) == 1 and _is_listed(view, code, words[0]):
        return True
    before = [p.text for p in part.proses if p.lines.first <= code.lines.first][-3:]
    after = [p.text for p in part.proses if p.lines.first > code.lines.last][:1]
    near = " ".join((*before, *after)).lower()
    if not all(w[:5] in near for w in words):
        intro = " ".join(view.parts[i].text for i in part.above).lower()[:2000]
        return all(w[:5] in intro for w in words) and bool(
            re.search(r"\b(?:parameter|input|variable|you will need|you need|label)", intro)
        )
    return any(
        _OBTAIN.search(s) and all(w[:5] in s.lower() for w in words)
        for s in re.split(r"[.\n;]", " ".join((*before, *after)))
    )


def _is_listed(view: View, code: Code, kind: str) -> bool:
    """Whether an earlier command lists things of that kind: `get pods` before `<POD>`."""
    listing = re.compile(
        rf"\b(?:get|list|ls|show|ps|query)\b[^\n|;]*\b{re.escape(kind)}(?:s|es|List)?\b", re.IGNORECASE
    )
    return any(listing.search(c.body) for c in view.codes if c.lines.first < code.lines.first)


_FROM_PREVIOUS = re.compile(
    r"\b(?:(?:from|in|of|by|with|using|see|use|take|per)\s+)(?:the\s+|a\s+|one of the\s+|"
    r"any of the\s+)?(?:(?:output|results?|values?|response|data|information|list|name|id)s?\s+(?:of|"
    r"from|in|returned by)\s+(?:the\s+)?)?(?P<which>previous|preceding|last|prior|earlier|above|"
    r"former|other|prior)\s+(?P<kind>steps?|commands?|query|queries|outputs?|results?|checks?|"
    r"sections?|calls?|responses?)\b"
    r"|\b(?:the\s+)?(?:output|results?|values?|list|id|name|data)\s+(?:obtained|returned|found|noted|"
    r"collected|recorded|retrieved|gathered|from|you (?:got|noted|found|saved|collected|"
    r"recorded))\s+(?:earlier|before|above|previously)\b"
    r"|\b(?:the\s+)?(?:previously|earlier)\s+(?:obtained|returned|found|noted|collected|recorded|"
    r"retrieved|gathered|saved)\s+\w+\b"
    r"|\b(?:that|the|this)\s+(?:output|result|value)\s+(?:above|from before)\b",
    re.IGNORECASE,
)


@check(
    "unknown-source",
    DATA_FLOW,
    Severity.WARNING,
    "'from the previous step' where several steps or commands could be meant",
    "The value of another step fits just as well, and does something else.",
)
def unknown_source(view: View) -> Iterator[Issue]:
    for part in view.working:
        for prose in part.proses:
            for sentence in prose.sentences:
                found = _FROM_PREVIOUS.search(sentence.text)
                if found is None or re.search(
                    r"\bsteps?\s+#?\d|\blog(?:s)? from the previous\b|--previous", sentence.text, re.IGNORECASE
                ):
                    continue
                if any(p.target and p.text in sentence.text for p in prose.block.pieces if p.text):
                    continue
                count = _candidates(view, part, prose, sentence.line, found)
                if count != 1:
                    what = f"{count} could be meant" if count else "nothing before it gives a result"
                    yield Issue(
                        sentence.line,
                        f"'{shortened(found[0])}' does not say which one: {what}",
                        "name the step: 'the PID printed in step 2', or give the value a name",
                    )


def _candidates(view: View, part: Part, prose: Prose, line: int, found: re.Match[str]) -> int:
    """How many earlier pieces of code could be meant."""
    step = view.step_of(prose)
    singular = not (found["kind"] or "").lower().endswith("s") or (found["kind"] or "").lower().endswith("ss")
    which = (found["which"] or "").lower()
    if (
        step is not None
        and step.number
        and which in {"previous", "preceding", "last", "prior", "above"}
        and (found["kind"] or "").lower().rstrip("s")
        in {"step", "section", "command", "query", "output", "result", "check", "call", "response", "queries"}
    ):
        own = [c for c in step.codes if c.lines.first < line and not c.inline]
        if own and (found["kind"] or "").lower().rstrip("s") not in {"step", "section"}:
            return sum(max(1, len(c.statements)) for c in own)
        same = [s for s in view.steps if s.by_heading == step.by_heading and s.lines.last < step.lines.first]
        if same:
            before = same[-1]
            outputs = sum(max(1, len(c.statements)) for c in before.codes if c.is_run)
            if outputs == 0:
                return (
                    len([s for s in same if s.codes])
                    if (found["kind"] or "").lower() not in {"step"}
                    else (1 if before.text else 0)
                )
            return outputs if singular else 1
    blocks = [c for p in view.parts[: part.index + 1] for c in p.codes if c.lines.first < line and c.is_run]
    here = [c for c in blocks if c.section == part.index]
    if which == "above" or not which:
        blocks = here or blocks
    if which in {"previous", "preceding", "last"} and len(here) >= 1:
        return max(1, len(here[-1].statements))
    return len(blocks)


_FROM_STEP = re.compile(
    r"(?P<what>(?:`[^`]+`|[\w<>/-]+)(?:\s+(?:`[^`]+`|"
    r"[\w<>/-]+)){0,6}?)\s*(?:\([^)]*\)\s*)?,?\s*(?:(?:that )?(?:you |we |was |were |is |"
    r"as )?(?P<how>found|obtained|noted|saved|recorded|collected|returned|listed|identified|retrieved|"
    r"printed|shown|gathered|captured|determined|got|reported|measured|seen|taken|copied|queried|"
    r"written down|displayed)?\s*)(?P<prep>from|in|by|during|at|of)\s+(?:the (?:output|"
    r"result)s? (?:of|from) )?(?:playbook |the )?step\s*#?(?P<n>\d{1,3})(?P<letter>[a-z]?)\b",
    re.IGNORECASE,
)
_WEAK = frozenset(
    [
        "the",
        "same",
        "values",
        "value",
        "result",
        "results",
        "output",
        "outputs",
        "data",
        "information",
        "list",
        "your",
        "with",
        "use",
        "using",
        "from",
        "that",
        "this",
        "which",
        "and",
        "check",
        "compare",
        "correlate",
        "replace",
        "take",
        "apply",
        "for",
        "events",
        "showing",
        "need",
        "needed",
        "see",
        "when",
        "then",
        "step",
        "name",
        "names",
        "found",
        "obtained",
        "noted",
        "saved",
        "recorded",
        "collected",
        "returned",
        "listed",
        "identified",
        "retrieved",
    ]
)


@check(
    "wrong-source",
    DATA_FLOW,
    Severity.WARNING,
    "'X from step N' where step N does not exist or gives no X",
    "The reader searches the wrong output, or takes whatever stands there.",
)
def wrong_source(view: View) -> Iterator[Issue]:
    if not view.steps:
        return
    numbers = _by_number(view)
    for part in view.parts:
        for prose in part.proses:
            for sentence in prose.sentences:
                for found in _FROM_STEP.finditer(sentence.text):
                    if message := _wrong(view, part, prose, numbers, found):
                        yield Issue(sentence.line, message, "name the step that gives the value, or let step N give it")
                        break


def _by_number(view: View) -> dict[str, list[StepView]]:
    table: dict[str, list[StepView]] = {}
    for step in view.steps:
        table.setdefault(step.number.lower(), []).append(step)
        if step.number.isdigit():
            table.setdefault(str(int(step.number)), table[step.number.lower()])
    return table


def _wrong(view: View, part: Part, prose: Prose, numbers: dict[str, list[StepView]], found: re.Match[str]) -> str:
    number = found["n"].lstrip("0") or "0"
    steps = (
        numbers.get(number + found["letter"].lower())
        or numbers.get(number)
        or [s for key, held in numbers.items() if re.fullmatch(rf"{number}[a-z]", key) for s in held]
    )
    what = found["what"].split(" by ")[-1]
    valued = found["how"] is not None or found["prep"].lower() == "from"
    if not steps:
        return "" if not valued else f"there is no step {number} that could give '{shortened(what, 40)}'"
    own = view.step_of(prose)
    if valued and own is not None and own in steps and len(steps) == 1 and own.lines.first <= prose.lines.first:
        return (
            f"step {number} is this very step: it cannot give '{shortened(what, 40)}' to itself"
            if own.number == number
            else ""
        )
    later = [s for s in steps if s.lines.first > prose.lines.last]
    if (
        valued
        and later
        and len(later) == len(steps)
        and re.search(
            r"\b(?:use|using|with|take|enter|pass|replace|from|compare)\b", found.string[: found.end()], re.IGNORECASE
        )
    ):
        return f"step {number} comes later: it has given no '{shortened(what, 40)}' yet"
    wanted = {
        w for w in content_words(re.sub(r"[`<>]", " ", what.replace("_", " "))) if w not in {x[:5] for x in _WEAK}
    }
    noun = re.findall(r"[A-Za-z][\w-]*", re.sub(r"[`<>]", " ", what))
    wanted &= content_words(re.sub(r"[_/-]", " ", " ".join(noun[-3:])))
    if not wanted or (found["how"] is None and found["prep"].lower() not in {"from", "of"}):
        return ""
    if any(_mentions(s, wanted) for s in steps):
        return ""
    others = [
        s
        for s in view.steps
        if s not in steps and s is not own and s.lines.last < prose.lines.first and _mentions(s, wanted)
    ]
    return f"step {number} does not give '{shortened(what, 40)}'; step {others[-1].number} does" if others else ""


def _mentions(step: StepView, wanted: set[str]) -> bool:
    text = (step.title + " " + step.text + " " + " ".join(c.body for c in step.codes)).lower()
    return any(re.search(rf"(?<![a-z]){re.escape(w)}", text) for w in wanted)


_COLUMN = re.compile(
    r"\b(?:the|each|every|its|their|a|column|field|by|whose|where|both)\s+(?:`(?P<code>[\w.]+)`|"
    r"\"(?P<quoted>[\w.]+)\"|(?P<word>[a-z]+_[a-z_0-9]+|[A-Z]{3,}(?:_[A-Z]+)*|"
    r"[a-z]+[A-Z]\w+))\s+(?:columns?|fields?|attribute|values?|property|properties|keys?)\b"
    r"|\b(?:columns?|fields?)\s+(?:named |called )?(?:`(?P<code2>[\w.]+)`|\"(?P<quoted2>[\w.]+)\")",
)
_WHERE_CODE = re.compile(
    r"\b(?:rows?|results?|entries|records|lines)\s+(?:with|where|whose|having)\s+(?:an?\s+|"
    r"the\s+)?`(?P<code>[a-z]\w*(?:_\w+)+)`|"
    r"\bif\s+(?:the\s+)?`(?P<code2>[a-z]+(?:_[a-z0-9]+)+)`\s+(?:is|exceeds|equals|shows|contains|goes|"
    r"stays|drops|column|above|below|>|<)"
)


@check(
    "missing-schema",
    DATA_FLOW,
    Severity.INFO,
    "a column or field of a result is read that no query selects and nothing describes",
    "Nobody can tell where to look in the result, nor what it means when the field is not there.",
)
def missing_schema(view: View) -> Iterator[Issue]:
    known = view.code_text
    tables = "\n".join(p.text for part in view.parts for p in part.proses if p.block.kind == "row")
    said: set[str] = set()
    for part in view.working:
        queries = [c for c in part.codes if c.is_run]
        above = [c for i in part.above for c in view.parts[i].codes if c.is_run]
        if not queries and not above and not (part.index and view.parts[part.index - 1].codes):
            continue
        for prose in part.proses:
            for pattern in (_COLUMN, _WHERE_CODE):
                for found in pattern.finditer(prose.text):
                    name = next((g for g in found.groups() if g), "")
                    if (
                        len(name) < 3
                        or name in said
                        or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", known, re.IGNORECASE)
                        or name.lower() in tables.lower()
                    ):
                        continue
                    leaf = name.rsplit(".", 1)[-1]
                    if leaf in known or _printed(queries or above, name):
                        continue
                    if pattern is _WHERE_CODE and not any(c.language in {Content.SQL, Content.KQL} for c in queries):
                        continue
                    said.add(name)
                    yield Issue(
                        prose.line_of(found.start()),
                        f"'{name}' is read from a result, and no query here selects it",
                        "select the column by name, or say what the result looks like",
                    )


def _printed(codes: list[Code], name: str) -> bool:
    """Whether a well-known command prints the column by itself."""
    text = "\n".join(c.body for c in codes)
    if re.search(
        r"\b(?:kubectl|oc|docker|squeue|sinfo|ps|df|free|helm|sacct|describe|-o (?:yaml|json|wide)|top|systemctl)\b",
        text,
    ):
        return True
    return bool(re.search(r"(?i)show\s|explain\b|curl|-o json", text)) and not re.search(r"(?i)\bselect\b", text)


@check(
    "placeholder-clash",
    DATA_FLOW,
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
    for _, code in _run_codes(view):
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


_INPUTS = re.compile(
    r"\b(?:inputs?|parameters?|params|variables?|required (?:information|values|data)|what you need|"
    r"arguments?|placeholders)\b",
    re.IGNORECASE,
)
_DECLARATION = re.compile(
    r"^\W*(?:`(?P<code>[<${\[]{0,2}[A-Za-z_][\w-]*[>}\]]{0,2})`|\*{0,2}(?P<word>[A-Za-z_]\w*[_-]\w+|"
    r"[A-Z][A-Z0-9_]{2,})\*{0,2})\s*(?:\([^)]*\)\s*)?(?:[:=–—-]|\||is\b|,|$)"
)


def _declared(view: View) -> Iterator[tuple[Part, int, str]]:
    """Inputs that a list or table under a heading or sentence about inputs names, with their lines."""
    for part in view.parts:
        if re.search(r"\benv(?:ironment)?\b", part.title + part.text[:300], re.IGNORECASE):
            continue
        opened = bool(_INPUTS.search(part.title))
        for prose in part.proses:
            row = prose.block.kind == "row"
            if not prose.is_item and not row:
                last = prose.text.rstrip()
                opened = bool(_INPUTS.search(part.title)) or (last.endswith(":") and bool(_INPUTS.search(last)))
                if not opened:
                    continue
            if opened and (found := _DECLARATION.match(prose.text.strip())) and (prose.is_item or row):
                name = found["code"] or found["word"]
                if name.lower() not in {"name", "parameter", "input", "variable", "placeholder"}:
                    yield part, prose.lines.first, name


@check(
    "unused-input",
    DATA_FLOW,
    Severity.INFO,
    "a declared input or parameter that nothing uses",
    "Somebody looks it up for nothing, or the query that should use it forgot to.",
)
def unused_input(view: View) -> Iterator[Issue]:
    front = view.guide.front
    for declared in front.inputs:
        line = front.input_lines.get(declared.name, front.lines.first if front.lines else 1)
        if not _is_used(view, declared.name, line, front.lines.last if front.lines else 0):
            yield _unused(line, declared.name)
    for _, line, name in _declared(view):
        if not _is_used(view, name.strip("<>{}$[]"), line, 0):
            yield _unused(line, name)


def _unused(line: int, name: str) -> Issue:
    return Issue(
        line,
        f"the input '{name.strip('<>{}$[]')}' is declared and nothing uses it",
        "use it in the query that needs it, or leave it out",
    )


def _is_used(view: View, name: str, line: int, after: int) -> bool:
    words = [w for w in re.split(r"[_-]|(?<=[a-z])(?=[A-Z])", name) if w]
    pattern = re.compile(
        r"(?<![A-Za-z0-9])" + r"[\s_-]?".join(map(re.escape, words)) + r"(?![A-Za-z0-9])", re.IGNORECASE
    )
    exact = re.compile(r"(?<![\w-])" + re.escape(name) + r"(?![\w-])")
    for at, text in enumerate(view.source, start=1):
        if at == line or at <= after or len(text) > 4000:
            continue
        if exact.search(text) or pattern.search(text):
            return True
    return False
