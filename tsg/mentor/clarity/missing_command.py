"""'check X', 'verify X' or 'roll back X' with no command, query or tool near."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.compile.headings import ending_of
from tsg.findings import Severity
from tsg.mentor.code import Code
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, Sentence, View
from tsg.mentor.wording import ACT, LOOK, TOOL_NAMES, instructions_in, shortened

_UNTOOLED = frozenset(
    [
        "contact",
        "ask",
        "call",
        "notify",
        "page",
        "escalate",
        "tell",
        "inform",
        "email",
        "file",
        "open",
        "wait",
        "decide",
        "agree",
        "choose",
        "pick",
        "note",
        "record",
        "document",
        "acknowledge",
        "schedule",
        "coordinate",
        "engage",
        "report",
        "raise",
        "request",
        "talk",
        "message",
        "post",
        "ping",
        "announce",
        "involve",
        "hand",
        "go",
        "proceed",
        "continue",
        "skip",
        "return",
        "stop",
        "end",
        "close",
        "repeat",
        "log",
        "login",
        "ssh",
        "sign",
        "connect",
        "raise",
        "write",
        "save",
        "send",
    ]
)
_HOW = re.compile(
    r"\b(?:using|via|through|by (?:running|checking|looking|opening|using|executing|examining|\w+ing)|"
    r"in (?:the )?(?:\w+\s+){0,3}(?:ui|console|dashboard|portal|panel|page|tab|menu|output|"
    r"tool|log|logs|wiki|spreadsheet|calendar|channel|bios|result|results|table|list|alert|labels?|"
    r"column|row)|on (?:the )?(?:\w+\s+){0,3}(?:dashboard|page|panel|tab|graph|chart)|output|"
    r"following|below|ssh|"
    r"this (?:command|query)|physically|visually|cable|led|power button|with the (?:team|owner|vendor|"
    r"customer|on-call))\b|\bstep \d|https?://",
    re.IGNORECASE,
)


@check(
    "missing-command",
    Category.CLARITY,
    Severity.WARNING,
    "'check X', 'verify X' or 'roll back X' with no command, query or tool near",
    "The reader has to know by heart how it is done, and which system to ask.",
)
def missing_command(view: View) -> Iterator[Issue]:
    said: set[tuple[int, int]] = set()
    bound = {fence.attributes["as"] for c in view.codes if (fence := c.fence) and "as" in fence.attributes}
    for part in view.working:
        if ending_of(part.section) is not None:
            continue
        for at, flow in enumerate(part.flow):
            if not isinstance(flow, Prose) or flow.block.kind == "row" or bound & set(flow.codes):
                continue
            sentence = _asking(flow)
            if sentence is None or _is_served(view, part, at, flow):
                continue
            step = view.step_of(flow)
            key = (part.index, step.lines.first if step and not step.by_heading else flow.lines.first)
            if key in said:
                continue
            said.add(key)
            yield Issue(
                sentence.line,
                f"'{shortened(sentence.text)}' gives no command, query or tool for it",
                "add the command or query in a fenced block, or name the dashboard or the person to ask",
            )


def _asking(prose: Prose) -> Sentence | None:
    """The first sentence that asks to look at or change something."""
    for sentence in prose.sentences:
        verb = instructions_in(sentence.text)
        if not verb or (verb not in LOOK and verb not in ACT) or verb in _UNTOOLED:
            continue
        if re.match(r"\W*\[[ x]\]|\W*`", sentence.text):
            continue
        if len(sentence.text.split()) < 2 or sentence.text.rstrip().endswith("?"):
            continue
        if re.match(
            r"\W*(?:see|read|note|review) (?:the |also |our )?(?:\[|doc|guide|wiki|above|below)",
            sentence.text,
            re.IGNORECASE,
        ):
            continue
        if re.search(r"\b(?:do not|don't|never|avoid|no need)\b", sentence.text, re.IGNORECASE) and not re.search(
            r"[,;]", sentence.text
        ):
            continue
        return sentence
    return None


def _is_served(view: View, part: Part, at: int, prose: Prose) -> bool:
    """Whether a command, a tool or a place to look stands near enough."""
    if any(" " in code.strip() or code.startswith(("/", "http", "./")) for code in prose.codes):
        return True
    if any(piece.target for piece in prose.block.pieces) or TOOL_NAMES.search(prose.text) or _HOW.search(prose.text):
        return True
    if any(p in prose.text.lower() for p in ("kubectl ", "ssh ", "systemctl ", "powershell")):
        return True
    step = view.step_of(prose)
    if step is not None and not step.by_heading:
        if any(c for c in step.codes):
            return True
        siblings = [f for f in step.flow if f is not prose and isinstance(f, Prose)]
        first = step.flow[0] is prose
        return first and any(TOOL_NAMES.search(s.text) or any(" " in c for c in s.codes) for s in siblings)
    around = [f for f in (*part.flow[at - 1 : at if at else 0], *part.flow[at + 1 : at + 2]) if not _is_other(f, prose)]
    if any(isinstance(f, Code) for f in around):
        return True
    if (
        len(part.flow) > at + 2
        and isinstance(part.flow[at + 2], Code)
        and not instructions_in(_first_text(part.flow[at + 1]))
    ):
        return True
    if prose.text.rstrip().endswith(":"):
        rest = part.flow[at + 1 : at + 12]
        if any(isinstance(f, Code) for f in rest):
            return True
        children = range(part.index + 1, part.end)
        if not rest and any(view.parts[i].flow for i in children):
            return True
    if prose.is_item:
        return any(isinstance(f, Code) for f in part.flow[at : at + 6] if f.block.items[:1] == prose.block.items[:1])
    asking = [p for p in part.proses if not p.is_item and _asking(p) is not None]
    return bool(part.codes) and len(asking) == 1


def _is_other(flow: Prose | Code, prose: Prose) -> bool:
    """Whether an inline command belongs to another paragraph."""
    return isinstance(flow, Code) and flow.inline and flow.block is not prose.block


def _first_text(flow: Prose | Code) -> str:
    return flow.sentences[0].text if isinstance(flow, Prose) and flow.sentences else ""
