"""The names a unit takes and gives: placeholders in all their spellings, variables, files, listed results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tsg.commands import Language
from tsg.compile.public.code import QUERIES, code_of, opens_shell
from tsg.compile.public.unit import Unit
from tsg.guide import PieceKind

# A step that lists things of a kind gives the names of such things.
_LISTS = {
    "node": ("get node", "get nodes", "sinfo", "scontrol show node", "get no "),
    "pod": ("get pod", "get pods", "get po ", "get po\n"),
    "namespace": ("--all-namespaces", " -A", "get ns", "get namespaces"),
    "pvc": ("get pvc", "get pv"),
    "job": ("squeue", "get job", "sacct"),
    "deployment": ("get deploy",),
}
_SPELLINGS = re.compile(r"^(?:\$\{?|\{\{\s*|<|\{|\[)?\s*(?P<name>[\w .:/-]+?)\s*(?:\}\}|\}|>|\])?$")
_IN_PROSE = re.compile(r"<(?P<a>[A-Za-z][\w.-]{1,40})>|\$\{?(?P<b>[A-Z][A-Z0-9_]{2,40})\}?")
_SCRATCH = re.compile(r"/(?:var/)?tmp/[\w./$<>{}-]+")  # where guides put what a later step reads
# Variables that a shell sets by itself, and words of templates.
_IS_OWN = re.compile(
    r"\$\{?(?:_|null|true|false|\?|PATH|HOME|PWD|USER|HOSTNAME|SHELL|LINENO|\d|@|args|input|error|host|pwd)\}?"
    r"|\{(?:end|range\b.*|\".*)\}",
    re.I,
)
_FILE = re.compile(r"(?:>|\btee)\s*(?P<path>/[\w./$<>{}-]+)")
_NOTES = re.compile(
    r"\b(?:note|record|write down|copy|remember|take|save) (?:down )?(?:the|its|each|which)\b|\bto (?:find|get"
    r"|obtain|look up|identify) the\b",
    re.I,
)
_CALLED = re.compile(
    r"\b(?:(?:remember|note|write down|keep|save|call)\b.{0,60}\b(?:as|it)|name is|namespace|is called"
    r"|from here on)\W*$",
    re.I | re.DOTALL,
)
_SOME_POD = re.compile(r"\b(?P<name>[a-z][a-z0-9-]{0,60})-x{4,}(?![\w-])")  # `router-xxxxx`: one of the router's pods
_COUNT = re.compile(r"=(?P<name>[NXYK])\b")  # `--replicas=N`
_GIVES = re.compile(
    r"\b(?:collect|note|record|retrieve|gather|identify|list|write down|take|determine|parameters?|variables?"
    r"|values?)\b",
    re.I,
)


_CLIENTS = frozenset({"kubectl", "oc", "helm", "docker", "podman", "crictl", "ssh", "curl", "aws", "az", "gcloud"})


_STATES = re.compile(r"\W*(?:if|when)\b", re.I)
_TERM = re.compile(r"\*\*([^*\n]+)\*\*")
_IN_PLACE = re.compile(
    r"(?:validate|verify|ensure|confirm|check) (?:that )?(?:the )?`(?P<tool>[\w-]+)`(?: command| tool)? (?:is"
    r"|are) (?:available|installed|present)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Values:
    """`finds`, `needs`: what the unit finds out or rests on, in words that the guide sets apart: "the mode is"
    " **local mode**"."""

    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    finds: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


def plain(name: str) -> str:
    """One spelling for a name: `<POD_NAME>`, `$POD_NAME` and `{{ pod-name }}` are `pod_name`."""
    found = _SPELLINGS.match(name.strip())
    bare = found["name"] if found else name
    return re.sub(r"\W+", "_", bare).strip("_").lower()


def values_of(units: Sequence[Unit]) -> list[Values]:
    """Names by unit, in order: a unit gives what it sets, saves, or lists and a later unit takes."""
    used = _used_by(units)
    all_names = [name for names in used for name in names]
    passed = 0
    given: set[str] = set()
    facts: frozenset[str] = frozenset()
    taken: set[str] = set()  # somebody used it before anybody gave it: the incident's own
    found = []
    for unit, names in zip(units, used, strict=True):
        produces = dict.fromkeys(_made(unit))
        if _lists_something(unit):
            later = dict.fromkeys(all_names[passed:])
            produces |= dict.fromkeys(n for n in later if plain(n) not in taken | given and gives(unit, n))
        passed += len(names)
        own = {plain(n) for n in produces}
        written = {plain(u) for c in unit.commands for u in c.uses if u.startswith(("<", "{{"))} - given
        listed = own - {plain(n) for n in _made(unit)}
        takes = tuple(n for n in names if plain(n) not in own or plain(n) in written - listed)
        given |= own
        taken |= {plain(n) for n in takes}
        finds = _found_out(unit)
        needs = frozenset(f for f in facts if f in _text(unit)) - finds
        facts |= finds
        found.append(Values(takes, tuple(produces), finds, needs))
    return found


def _used_by(units: Sequence[Unit]) -> list[tuple[str, ...]]:
    """The names that each unit uses, the shell that its commands run in among them."""
    used = []
    shell = ""
    for unit in units:
        programs = {
            c.argv[0] for code in unit.codes if code.language is Language.SHELL for c in code.commands if c.argv
        }
        inside = shell and programs and not programs & _CLIENTS
        used.append((*_used(unit), *((shell,) if inside else ())))
        shell = next((name for c in unit.commands if (name := opens_shell(c))), shell)
    return used


def _lists_something(unit: Unit) -> bool:
    if any(_NOTES.search(s.words) for s in unit.said):
        return True
    text = " ".join(c.text for c in unit.commands) + " "
    return any(p in text for patterns in _LISTS.values() for p in patterns)


def _found_out(unit: Unit) -> frozenset[str]:
    """What a unit finds out: a term set apart in a sentence with a condition, a tool that it finds in place."""
    found = {
        t.lower()
        for b in unit.blocks
        if _STATES.match(b.text)
        for t in _TERM.findall(b.text)
        if 1 < len(t.split()) < 5 and t[-1] != "."
    }
    found |= {m["tool"] for b in unit.blocks for m in _IN_PLACE.finditer(b.text)}
    return frozenset(f for f in found if len(f) < 60)


def _text(unit: Unit) -> str:
    """Everything that a unit says, for finding terms in it."""
    parts = [
        *(b.text for b in unit.blocks),
        *(p.text for c in unit.codes for p in c.parts),
        *(s.condition for s in unit.scopes),
    ]
    return " ".join(parts).lower()


def _used(unit: Unit) -> tuple[str, ...]:
    names: dict[str, str] = {}
    for code in unit.codes:
        for command in code.commands:
            for name in command.uses:
                # Capitals in a query are its own constants more often than somebody's placeholder.
                if not _IS_OWN.fullmatch(name) and (code.language not in QUERIES or not name.isupper()):
                    names.setdefault(plain(name), _shown(name))
    for command in unit.inline:
        for name in command.uses:
            if not _IS_OWN.fullmatch(name):
                names.setdefault(plain(name), _shown(name))
    for command in unit.commands:
        for found in _COUNT.finditer(command.text):
            names.setdefault(plain(found["name"]), found["name"])
        for found in _SOME_POD.finditer(command.text):
            names.setdefault(plain(f"{found['name']}_pod"), f"{found['name']}_pod".replace("-", "_"))
        for path in _SCRATCH.findall(command.text):
            names.setdefault(plain(_file_name(path)), _file_name(path))
    for block in unit.blocks:
        for piece in block.pieces if code_of(block) is None else ():
            if piece.kind is not PieceKind.LINK:
                for found in _IN_PROSE.finditer(piece.text):
                    name = found["a"] or found["b"]
                    if not _IS_OWN.fullmatch(f"${name}"):
                        names.setdefault(plain(name), name)
    own = {plain(n) for n in _saved(unit)}
    return tuple(v for k, v in names.items() if k and k not in own)


def _file_name(path: str) -> str:
    """What a scratch file holds, by its name: `/tmp/$NODE-health-event.json` is `health_event_file`."""
    stem = re.sub(r"[$<{]+\w+[>}]*", "", path.rpartition("/")[2]).partition(".")[0]
    return f"{re.sub(r'[^A-Za-z0-9]+', '_', stem).strip('_') or 'scratch'}_file"


def _shown(name: str) -> str:
    found = _SPELLINGS.match(name.strip())
    return found["name"].strip() if found else name


def _saved(unit: Unit) -> tuple[str, ...]:
    return tuple(_file_name(m["path"]) for c in unit.commands for m in _FILE.finditer(c.text))


def _made(unit: Unit) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for command in unit.commands:
        names |= dict.fromkeys(command.sets)
        if shell := opens_shell(command):
            names[shell] = None
    names |= dict.fromkeys(_saved(unit))
    names |= dict.fromkeys(_introduced(unit))
    if not unit.runs and any(_GIVES.search(s.words) for s in unit.said):
        for block in unit.blocks:
            if block.items and block.pieces and block.pieces[0].kind is PieceKind.CODE:
                rest = block.pieces[1].text.lstrip() if len(block.pieces) > 1 else ""
                if rest[:1] in (":", "-", "–", "—") and re.fullmatch(r"[A-Za-z_]\w*", block.pieces[0].text):
                    names[block.pieces[0].text] = None
    return tuple(names)


def _notes(said: str, words: Sequence[str]) -> bool:
    """Whether a sentence tells the reader to note the thing, or what it is read for: "note the GPU index"."""
    found = _NOTES.search(said)
    return found is not None and all(w in said[found.start() :].lower() for w in words)


def _introduced(unit: Unit) -> Iterator[str]:
    """Names that a sentence gives to what was just read: "remember its name as `<pod>`"."""
    for block in unit.blocks:
        for before, piece in pairwise(block.pieces):
            if piece.kind is PieceKind.CODE and _CALLED.search(before.text) and _IN_PROSE.fullmatch(piece.text):
                yield _shown(piece.text)


def gives(unit: Unit, name: str) -> bool:
    """Whether a list that the unit prints holds things that `name` may stand for."""
    words = [w for w in plain(name).split("_") if w not in ("name", "id", "your", "the")]
    if len(words) > 1 and any(_notes(s.words, words) for s in unit.said):
        return True
    for kind, patterns in _LISTS.items():
        if not words or words[-1] != kind:
            continue
        # A command that already names one lists none.
        lists = [
            c.text + " " for c in unit.commands if not any(plain(u).split("_")[-1] in (kind, "name") for u in c.uses)
        ]
        if any(p in text for p in patterns for text in lists):
            text = " ".join(lists)
            about = text.lower() + " ".join(s.words for s in unit.said).lower()
            return all(w in about for w in words[:-1])
    return False
