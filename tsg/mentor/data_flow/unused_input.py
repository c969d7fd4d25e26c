"""A declared input or parameter that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.guide import PieceKind
from tsg.mentor.data_flow.shared import declared_inputs
from tsg.mentor.holes import holes_in
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View


@check(
    "unused-input",
    Category.DATA_FLOW,
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
    told = set()
    for _, line, name in declared_inputs(view):
        if not _is_used(view, name.strip("<>{}$[]"), line, 0):
            told.add(line)
            yield _unused(line, name)
    for line, name in (*_explained_once(view), *_set_and_never_read(view)):
        if line not in told:
            yield _unused(line, name)


_HOLE = re.compile(r"<[A-Za-z][\w.-]*>|\{\{\s*[A-Za-z_][\w.-]*\s*\}\}|\$\{?[A-Z][A-Z0-9_]+\}?")
_DEFINED = re.compile(
    r"^\s*(?:\)|,)?\s*(?:is|are|means?|stands? for|=|being|\(|,\s*(?:the|your|a|an|its)\b|for (?:the|your)\b|below\b"
    r"|in (?:the|all|these)\b)",
    re.IGNORECASE,
)
_NAMED_SO = re.compile(
    r"\b(?:as|is|called|written|it is|named|placeholder|parameter|variable|label|like|and|note)\W*$", re.IGNORECASE
)
_TO_REPLACE = re.compile(r"\b(?:replace|substitute|fill in|put|swap|insert)\b", re.IGNORECASE)


def _explained_once(view: View) -> Iterator[tuple[int, str]]:
    """Placeholders that prose introduces and that stand nowhere else in the guide."""
    source = "\n".join(view.source)
    used = {_core(hole.text) for hole in holes_in(view.code_text)}
    for part in view.parts:
        for prose in part.proses:
            for at, piece in enumerate(prose.block.pieces):
                if piece.kind is not PieceKind.CODE or _HOLE.fullmatch(piece.text.strip()) is None:
                    continue
                after = "".join(p.text for p in prose.block.pieces[at + 1 : at + 3])
                before = "".join(p.text for p in prose.block.pieces[:at])
                introduced = _DEFINED.match(after) or _NAMED_SO.search(before)
                replaced = _TO_REPLACE.search(before[-60:])
                own = piece.text.strip()
                if introduced and not replaced and source.count(own) == 1 and _core(own) not in used:
                    yield piece.line, own


# Variables that programs read by themselves.
_READ_BY_PROGRAMS = re.compile(
    r"PATH$|HOME$|LANG|LC_|TZ$|TERM$|EDITOR$|PAGER$|SHELL$|DEBUG|PG[A-Z]|MYSQL|KUBE|AWS_|AZURE|ARM_|GOOGLE|GCLOUD|CLOUDSDK|OS_"
    r"|VAULT_|CONSUL_|NOMAD_|ETCDCTL|CEPH|DOCKER|HELM|TF_|HTTPS?_PROXY|NO_PROXY|SSL_|CURL_|GIT_|SSH_|NCCL|CUDA|TORCH|HF_|SLURM"
    r"|SBATCH|SQUEUE|SINFO|REDIS|RABBITMQ|KAFKA|ELASTIC|CELERY|ANSIBLE|PYTHON|JAVA|NODE_OPTIONS|RUST|GO[A-Z]*$|IFS$|PS\d$"
)


def _set_and_never_read(view: View) -> Iterator[tuple[int, str]]:
    """Shell variables that a block sets for what follows, and that nothing reads."""
    text = "\n".join(view.source)
    for code in view.codes:
        if not code.is_run or any(k in code.body for k in ("-e ", "env ", "docker run")):
            continue
        for at, row in code.rows:
            found = re.match(r"\s*(?:export\s+)([A-Z][A-Z0-9_]*)=\S", row)
            if found is None or _READ_BY_PROGRAMS.match(found[1]):
                continue
            if len(re.findall(rf"(?<![A-Za-z0-9_]){found[1]}(?![A-Za-z0-9_])", text)) == 1:
                yield at, found[1]


def _core(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _unused(line: int, name: str) -> Issue:
    return Issue(
        line,
        f"the input '{name.strip('<>{}$[]')}' is declared and nothing uses it",
        "use it in the query that needs it, or leave it out",
    )


_REMARK = re.compile(r"(?:^|\s)(?:#|--|//)\s.*$")  # a comment in code uses nothing


def _is_used(view: View, name: str, line: int, after: int) -> bool:
    words = [w for w in re.split(r"[_-]|(?<=[a-z])(?=[A-Z])", name) if w]
    pattern = re.compile(
        r"(?<![A-Za-z0-9])" + r"[\s_-]?".join(map(re.escape, words)) + r"(?![A-Za-z0-9])", re.IGNORECASE
    )
    exact = re.compile(r"(?<![\w-])" + re.escape(name) + r"(?![\w-])")
    inside = {at for code in view.codes for at in range(code.lines.first, code.lines.last + 1)}
    for at, text in enumerate(view.source, start=1):
        if at == line or at <= after or len(text) > 4000:
            continue
        if at in inside:
            text = _REMARK.sub("", text)
        if exact.search(text) or pattern.search(text):
            return True
    return False
