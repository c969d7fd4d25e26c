"""Checks of structure: what a renderer, a table of contents or a reader's eye would trip over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dag.model import Span
from tsg.findings import Fix, Severity
from tsg.guide import Item
from tsg.mentor.code import Code, Statement
from tsg.mentor.command_forms import is_change, is_grave, is_severe, plain_command
from tsg.mentor.language import Content
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import Part, Prose, StepView, View
from tsg.mentor.wording import ACT, LOOK, instructions_in, shortened

STRUCTURE = Category.STRUCTURE


@check(
    "list-broken",
    STRUCTURE,
    Severity.INFO,
    "an unindented block between two items ends the list, and the numbers start again",
    "A renderer shows other numbers than the text refers to, and a tool sees several lists.",
)
def list_broken(view: View) -> Iterator[Issue]:
    for part in view.parts:
        flow = [f for f in part.flow if not (isinstance(f, Code) and f.inline)]
        last: Item | None = None
        between: list[Prose | Code] = []
        for f in flow:
            outer = f.block.items[0] if f.block.items else None
            if outer is None:
                between.append(f)
                continue
            if outer.number is None:
                last, between = None, []
                continue
            if last is not None and outer.list_id != last.list_id and between and _continues(last, outer, between):
                code = next((b for b in between if isinstance(b, Code)), None)
                line = (code or between[0]).lines.first
                fix = _indented(view, last, between) if all(isinstance(b, Code) and b.fence for b in between) else None
                yield Issue(
                    line,
                    f"the block ends the numbered list; item {outer.number} starts a new one",
                    f"indent it to the text of item {last.number}",
                    fix,
                )
            last, between = outer, []


def _continues(last: Item, outer: Item, between: Sequence[Prose | Code]) -> bool:
    if last.number is None or outer.number is None:
        return False
    if outer.number == last.number + 1:
        return len(between) <= 4
    if outer.number != 1 or last.number < 1:
        return False
    return all(isinstance(b, Code) for b in between) and between[0].lines.first <= last.lines.last + 1


def _indented(view: View, item: Item, between: Sequence[Prose | Code]) -> Fix | None:
    """The fences moved to the item's text. None where a line is less indented than its fence, or holds tabs."""
    found = re.match(r"(\s*\d+[.)]\s+)\S", view.source[item.lines.first - 1])
    if found is None or any(b.block.quoted for b in between):
        return None
    width = len(found[1].expandtabs(4))
    first, last = between[0].lines.first, between[-1].lines.last
    lines = view.source[first - 1 : last]
    if any("\t" in line for line in lines) or any(
        not b.fence or not b.fence.closed for b in between if isinstance(b, Code)
    ):
        return None
    return Fix(first, last, "\n".join(" " * width + line if line.strip() else line for line in lines))


@check(
    "numbering-gap",
    STRUCTURE,
    Severity.WARNING,
    "the numbers of steps skip one, or one occurs twice",
    "The reader looks for the missing step, and references by number lead astray.",
)
def numbering_gap(view: View) -> Iterator[Issue]:
    refers = _refers_by_number(view)
    for chain in _chains(view):
        numbers = [n for n, _, _ in chain]
        if len(set(numbers)) == 1:
            continue
        for (before, _, _), (number, line, listed) in pairwise(chain):
            if number == before + 1 or (number == 1 and before >= 1) or (before == 0 and number == 1):
                continue
            what = f"step {number} follows step {before}" if number != before else f"two steps have the number {number}"
            if number < before and not listed:
                what = f"step {number} stands after step {before}"
            fix = _renumbered(view, chain) if not refers and listed else None
            yield Issue(line, what, "number the steps one after another, and mend what refers to them", fix)
            break


def _chains(view: View) -> Iterator[list[tuple[int, int, bool]]]:
    """Numbers of sibling steps with their lines; items of one list, then headings under one parent."""
    for part in view.parts:
        lists: dict[object, list[tuple[int, int, bool]]] = {}
        seen: set[tuple[int, Span]] = set()
        last_key: object = None
        for f in part.flow:
            for depth, item in enumerate(f.block.items):
                if item.number is None or (item.list_id, item.lines) in seen:
                    continue
                seen.add((item.list_id, item.lines))
                key: object = item.list_id
                if (
                    depth == 0
                    and item.list_id not in lists
                    and last_key in lists
                    and item.number == lists[last_key][-1][0] + 2
                ):
                    key = last_key
                lists.setdefault(key, []).append((item.number, item.lines.first, True))
                if depth == 0:
                    last_key = key
        yield from lists.values()
    headings: dict[tuple[int, tuple[int, ...]], list[tuple[int, int, bool]]] = {}
    for part in view.parts:
        if part.number:
            chain = headings.setdefault((part.section.level, part.above), [])
            number = int(part.number.rstrip("abcdefghijklmnopqrstuvwxyz"))
            if part.number.isdigit() or not chain or chain[-1][0] != number:
                chain.append((number, part.section.lines.first, False))
    for chain in headings.values():
        if not any(n >= 1000 for n, _, _ in chain):
            yield chain


_BY_NUMBER = re.compile(r"\b(?:steps?|items?|points?|no\.?|number)\s*#?\d|#\d\b", re.IGNORECASE)


def _refers_by_number(view: View) -> bool:
    return any(_BY_NUMBER.search(p.text) for part in view.parts for p in part.proses)


def _renumbered(view: View, chain: Sequence[tuple[int, int, bool]]) -> Fix | None:
    """The list's numbers counted on from its first. None where widths change, which would move the indent."""
    first, last = chain[0][1], chain[-1][1]
    lines = list(view.source[first - 1 : last])
    number = chain[0][0]
    for n, line, _ in chain:
        found = re.match(r"(\s*(?:>\s*)?)(\d+)([.)]\s)", lines[line - first])
        if found is None or int(found[2]) != n or len(str(number)) != len(found[2]):
            return None
        lines[line - first] = f"{found[1]}{number}{lines[line - first][found.end(2) :]}"
        number += 1
    return Fix(first, last, "\n".join(lines))


@check(
    "table-ragged",
    STRUCTURE,
    Severity.WARNING,
    "a table's row has more or fewer cells than its head",
    "Cells are dropped or shift under the wrong head when the page is rendered.",
)
def table_ragged(view: View) -> Iterator[Issue]:
    inside = {line for c in view.codes for line in range(c.lines.first, c.lines.last + 1)}
    lines = view.source
    at = 0
    while at + 1 < len(lines):
        head, rule = lines[at].strip(), lines[at + 1].strip()
        if (
            at + 1 in inside
            or "|" not in head
            or not re.fullmatch(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?", rule)
            or ("|" not in rule and "-" not in rule)
        ):
            at += 1
            continue
        width = _cells(head)
        ruled = _cells(rule)
        if ruled != width:
            if "|" in rule:
                yield Issue(
                    at + 2, f"the rule has {ruled} cells, the head {width}", "give every row as many cells as the head"
                )
                at += 2
                continue
            at += 1
            continue
        at += 2
        while at < len(lines) and "|" in lines[at] and lines[at].strip():
            if _cells(lines[at].strip()) != width:
                yield Issue(
                    at + 1,
                    f"the row has {_cells(lines[at].strip())} cells, the head {width}",
                    "give every row as many cells as the head; write \\| for a bar inside a cell",
                )
            at += 1


def _cells(row: str) -> int:
    bare = re.sub(r"\\\|", "", row)
    bare = bare.removeprefix("|")
    bare = bare.removesuffix("|")
    return bare.count("|") + 1


@check(
    "multi-step-fence",
    STRUCTURE,
    Severity.WARNING,
    "several steps of differing risk in one fence, such as a delete among reads",
    "It is pasted as a whole: the look and the deed happen at once, and nobody decides between them.",
)
def multi_step_fence(view: View) -> Iterator[Issue]:
    for code in view.codes:
        if code.language not in {Content.SHELL, Content.POWERSHELL, Content.SQL} or not code.is_run:
            continue
        statements = [s for s in code.statements if not _is_setting(s)]
        if len(statements) < 2 or len(statements) > 400:
            continue
        if at := _mixed_at(code, statements):
            yield Issue(
                code.lines.first,
                f"the fence holds several steps of differing risk; the one in line {at} changes something",
                "give each step a fence of its own, with the sentence that decides whether it is done",
            )


def _is_setting(statement: Statement) -> bool:
    text = statement.text.strip()
    return bool(
        re.match(
            r"(?:export\s+|\$)?[A-Za-z_]\w*\s?=(?!=)(?!.*[;&|]{2})|(?:cd|echo|set|source|mkdir -p|sleep|"
            r"export|printf|fi|done|exit|clear|Write-\w+)\b",
            text,
        )
    ) and not is_change(text)


def _mixed_at(code: Code, statements: Sequence[Statement]) -> int:
    """The line of a change that does not belong with what stands before it; 0 where there is none."""
    kinds = [2 if is_severe(s.text) else 1 if is_change(s.text) else 0 for s in statements]
    changes = [i for i, k in enumerate(kinds) if k]
    if not changes:
        return 0
    first = changes[0]
    if (
        first > 0
        and any(kinds[i] == 2 or is_grave(statements[i].text) for i in changes)
        and not _is_saving(statements[0])
    ):
        grave = next(i for i in changes if kinds[i] == 2 or is_grave(statements[i].text))
        return statements[grave].lines.first
    verbs = {_verb(statements[i].text) for i in changes}
    if (
        len(changes) >= 2
        and len(verbs) >= 2
        and any(kinds[i] == 2 for i in changes)
        and len({kinds[i] for i in changes}) == 2
        and not _is_routine(verbs)
    ):
        return statements[next(i for i in changes if kinds[i] == 2)].lines.first
    numbered = [c for c in code.comments if re.match(r"(?:step\s*)?\d{1,2}[.):]", c.text, re.IGNORECASE)]
    if len(numbered) >= 2 and changes:
        return statements[first].lines.first
    between = any(k == 0 for k in kinds[changes[0] : changes[-1]]) if len(changes) >= 2 else False
    commented = sum(bool(s.comment) for s in statements)
    if between and len(verbs) >= 2 and commented >= 2:
        return statements[changes[-1]].lines.first
    if (
        first > 0
        and commented >= 2
        and kinds[first] == 1
        and len(changes) >= 1
        and not _is_saving(statements[first - 1])
    ):
        return statements[first].lines.first
    return 0


def _is_saving(statement: Statement) -> bool:
    """Whether the command before a change keeps what it changes."""
    return bool(
        re.search(
            r">\s*\S*(?:bak|backup|before|\.ya?ml|\.json|old|save)|\bcp\b|dump|snapshot save|backup|"
            r"\bcordon\b|history\b|BEGIN",
            statement.text,
        )
    )


def _verb(text: str) -> str:
    found = re.search(
        r"\b(delete|drain|cordon|uncordon|scale|patch|apply|restart|undo|rm|stop|start|create|label|taint|"
        r"annotate|kill|reboot|edit|replace|mv|cp|reset|drop|truncate|purge|flushall|defrag|scancel|"
        r"update|prune|mkfs\S*|umount|mount|wipefs|dd)\b",
        plain_command(text),
        re.IGNORECASE,
    )
    return found[1].lower() if found else text[:12]


def _is_routine(verbs: set[str]) -> bool:
    """Verbs that are one step together: cordon and drain, stop and start."""
    return any(
        verbs <= known
        for known in (
            {"cordon", "drain"},
            {"cordon", "drain", "uncordon"},
            {"stop", "start"},
            {"patch", "restart"},
            {"apply", "restart"},
            {"scale"},
            {"umount", "mount"},
            {"drain", "uncordon"},
        )
    )


_URL = re.compile(r"^(?:https?|ftp|mailto|slack|tel|ssh|git|file|data)(?=[:/])", re.IGNORECASE)
_BAD_URL = re.compile(
    r"^(?:https?:/(?!/)|https?//|https?:(?!/)|htp|htt?ps?:(?!//)|hhtp|http[^s:]|https[^:]|https?:///|"
    r"https?://\s|https?://[^/\s]*\s|https?://(?:https?:?//))|^https?://[^/]*(?:\.\.|,)|^https?://?$|"
    r"^(?:www\.)\S+$",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"^(?:TODO|TBD|FIXME|xxx+|link|url|#)?$|^<[\w -]+>$|%3C\w+%3E|^https?://(?:TODO|TBD|xxx+|<)", re.IGNORECASE
)


@check(
    "dead-link",
    STRUCTURE,
    Severity.WARNING,
    "a link to a file or heading that does not exist, or that is no address",
    "What the reader is sent to read is not there when it is needed.",
)
def dead_link(view: View) -> Iterator[Issue]:
    folder = _folder(view)
    for part in view.parts:
        for link in part.section.links:
            if message := _dead(view, folder, link.target, link.text):
                yield Issue(link.line, message, "mend the address, or say in a sentence what stands there")
        for prose in part.proses:
            for found in re.finditer(r"\[([^\[\]\n]{2,80})\]\[([^\[\]\n]{0,60})\](?!\()", prose.text):
                yield Issue(
                    prose.line_of(found.start()),
                    f"the link '{found[1]}' has no address: nothing defines [{found[2] or found[1]}]",
                    "define it at the end: `[name]: https://...`",
                )
            for found in re.finditer(r"\]\((?=[^)\s]*\s[^)\n]*\))([^)\n\"']{3,200})\)", prose.text):
                yield Issue(
                    prose.line_of(found.start()),
                    f"'{shortened(found[1], 50)}' is no address: it holds blanks",
                    "write %20 for a blank",
                )


def _folder(view: View) -> Path | None:
    try:
        path = Path(view.guide.path)
        return path.parent if path.is_file() else None
    except (OSError, ValueError):
        return None


def _dead(view: View, folder: Path | None, target: str, text: str) -> str:
    if _EMPTY.match(target) or (target.startswith("#") and len(target) == 1):
        return f"the link '{shortened(text, 40)}' leads nowhere"
    if _BAD_URL.match(target):
        return f"'{shortened(target, 60)}' is no valid address"
    try:
        parts = urlsplit(target)
        path, anchor = unquote(parts.path), unquote(parts.fragment)
    except ValueError:
        return f"'{shortened(target, 60)}' is no valid address"
    if parts.scheme or parts.netloc:
        host = parts.hostname or ""
        if parts.scheme in {"http", "https"} and (not host or (" " in host) or re.search(r"^-|\.\.|%20", host)):
            return f"'{shortened(target, 60)}' is no valid address"
        return ""
    if not path:
        known = anchor in view.guide.by_anchor or anchor.lower() in view.guide.by_anchor or not anchor
        return (
            ""
            if known
            else f"the link '{shortened(text, 40)}' leads to '#{shortened(anchor, 40)}', which no heading has"
        )
    return _missing_file(folder, path, target)


def _missing_file(folder: Path | None, path: str, target: str) -> str:
    if path.startswith("/") or "{" in path or folder is None or len(path) > 500 or "\0" in path:
        return ""
    try:
        there = (folder / path).exists() or (folder / (path.rstrip("/") + ".md")).exists()
    except (OSError, ValueError):
        there = True
    return "" if there else f"there is no file '{shortened(target, 60)}' beside this guide"


_STOPS = re.compile(
    r"\b(?:stop(?:s|ped)?|end(?:s|ed)?(?: here| the| this)?|close|closed|resolved?|done|exit|"
    r"finish(?:ed)?|complete|skip|go (?:to|back)|proceed|continue|escalate|return|no further|"
    r"nothing (?:else|more|further|to do)|not (?:use|apply|needed|required|follow|continue)|no action|"
    r"nothing (?:is )?(?:needed|required)|contact|page|call|open|report|next (?:step|section)|over|"
    r"silence|acknowledge|do not|leave|ignore|downgrade|wait|move on|jump|hand|log|note|record)\b|"
    r"\[[^\]]+\]",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"^\W*(?:then\s+|so\s+|and\s+|please\s+|you can\s+|in (?:that|this) case,?\s+)*"
    r"(?:stop|end|close|exit|finish|skip|go (?:to|back)|proceed|"
    r"continue|escalate|return|no (?:further|action)|nothing|do not|don't|"
    r"ignore|silence|acknowledge|resolve|leave|wait|"
    r"otherwise|if not|the (?:incident|alert|guide) (?:is|can be) (?:over|done|closed|finished|resolved))\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"^\W*(?:if|when|in case|where)\b[^.;\n]{3,200}?(?:,|:|\bthen\b)\s*(?:then\s+)?(?P<main>(?:this|"
    r"that|it|the (?:alert|issue|problem|alarm|incident|fault|node|cause|behaviou?r)|everything|there|"
    r"all|you|we|these|you're|it's|that's)\s+(?:is|are|was|were|has|'s|should be|can be|will be|"
    r"may be|must be)\s+[^.;\n]{3,160})",
    re.IGNORECASE,
)
_BENIGN = re.compile(
    r"\b(?:expected|normal|false (?:alarm|positive|alert)|benign|harmless|known (?:issue|problem|bug|"
    r"limitation)|not a (?:real )?(?:problem|fault|incident|concern|bug)|fine|ok|okay|intended|"
    r"by design|transient|temporary|no (?:real )?(?:problem|issue|fault|incident)|healthy|"
    r"already (?:fixed|gone|solved|recovered|cleared)|recovered|over|planned|maintenance|spurious|"
    r"noise|not (?:affected|ours|an outage)|works? (?:again|as (?:designed|intended)))\b",
    re.IGNORECASE,
)


@check(
    "unmarked-end",
    STRUCTURE,
    Severity.INFO,
    "a branch that is the end of the guide and does not say so",
    "The reader goes on with the next step, which was meant for the other case.",
)
def unmarked_end(view: View) -> Iterator[Issue]:
    parts = view.working
    for at, part in enumerate(parts):
        last_part = at + 1 == len(parts)
        for i, prose in enumerate(part.proses):
            for j, sentence in enumerate(prose.sentences):
                found = _VERDICT.match(sentence.text)
                if (
                    found is None
                    or not _BENIGN.search(found["main"])
                    or _STOPS.search(sentence.text[found.start("main") :].replace("is expected", ""))
                ):
                    continue
                if re.search(
                    r"\b(?:not|isn't|aren't) (?:expected|normal|fine|ok|healthy|intended)\b",
                    found["main"],
                    re.IGNORECASE,
                ):
                    continue
                after = " ".join(s.text for s in prose.sentences[j + 1 : j + 2])
                if not after and not prose.is_item and i + 1 < len(part.proses):
                    after = part.proses[i + 1].sentences[0].text if part.proses[i + 1].sentences else ""
                if _ENDS.match(after) or (
                    last_part and prose is part.proses[-1] and sentence is prose.sentences[-1] and len(parts) == 1
                ):
                    continue
                yield Issue(
                    sentence.line,
                    f"'{shortened(sentence.text)}' ends the matter and does not say so",
                    "add what happens: 'close the alert; nothing more is to be done'",
                )


_COMPLEMENT = re.compile(
    r"\b(?:otherwise|else|if not|if (?:it|this|that|they|none|no|neither)\b[^.]*\b(?:not|n't|none)|"
    r"in (?:all|any) other cases?|if none|unless|still|does not|doesn't|do not|not|no|none|nothing|"
    r"no longer|fails|cannot|persists?|remains?|any other|neither)\b",
    re.IGNORECASE,
)
_ESCALATES = re.compile(
    r"\b(?:escalate|contact|page|call|open (?:a|an) (?:ticket|case|incident|issue|bug)|file (?:a|an)|"
    r"support|notify|inform|report|engage|raise|ask|close|resolved|done|finished|on-call|hand (?:over|"
    r"off)|stop|end|postmortem|post-mortem|document|repeat|return|go (?:to|back))\b",
    re.IGNORECASE,
)


@check(
    "unexpected-end",
    STRUCTURE,
    Severity.WARNING,
    "the guide breaks off: after a colon, or with a condition and no word on the other case",
    "Who arrives there in the other case has no next step.",
)
def unexpected_end(view: View) -> Iterator[Issue]:
    for part in view.parts:
        if not part.flow:
            continue
        last = part.flow[-1]
        ends = isinstance(last, Prose) and not part.is_background and part.end == part.index + 1
        if (
            ends
            and isinstance(last, Prose)
            and re.search(
                r"(?:[:,;]|\b(?:then|and|or|the|to|with|by|run|following|if|of|for|from|otherwise|until))\s*[*_]*$",
                last.text.rstrip(),
            )
            and last.block.kind != "row"
            and not _is_label(last)
        ):
            yield Issue(
                last.lines.last,
                f"the text ends after '{shortened(last.text.strip()[-40:])}', and nothing follows",
                "finish the sentence, or remove it",
            )
    final = next((p for p in reversed(view.working) if p.flow), None)
    if final is None or view.native:
        return
    own = [f for f in final.flow if not (isinstance(f, Code) and f.inline)]
    for f in reversed(own):
        if isinstance(f, Code):
            return
        sentences = f.sentences
        break
    else:
        return
    last_sentence = sentences[-1].text if sentences else ""
    found = re.match(r"\W*(?:if|when)\b(?P<cond>[^,;]*)[,;:]", last_sentence, re.IGNORECASE)
    if found is None or _ESCALATES.search(last_sentence) or _COMPLEMENT.search(last_sentence):
        return
    before = " ".join(s.text for s in sentences[:-1][-2:]) + " ".join(p.text for p in final.proses if p is not f)[-400:]
    if re.search(r"\b(?:if|otherwise|else)\b", before, re.IGNORECASE) and _COMPLEMENT.search(before):
        return
    if not instructions_in(last_sentence):
        return
    yield Issue(
        sentences[-1].line,
        f"the guide ends with '{shortened(last_sentence)}' and no word on the other case",
        "add 'Otherwise ...': whom to tell, or that the incident is over",
    )


def _is_label(prose: Prose) -> bool:
    return bool(re.match(r"\W*[\w /-]{1,30}:\s*$", prose.text)) and prose.is_item


@check(
    "duplicate-step",
    STRUCTURE,
    Severity.INFO,
    "the same step twice",
    "One of the two is out of date sooner or later, and the reader wonders what is different.",
)
def duplicate_step(view: View) -> Iterator[Issue]:
    seen: dict[str, int] = {}
    for part in view.working:
        for code in part.codes:
            key = " ".join(code.body.split())
            if (
                len(key) >= 12
                and code.is_run
                and (any(is_change(s.text) for s in code.statements))
                and not _inside_options(part)
            ):
                if key in seen and code.section != seen.get("§" + key, -1):
                    yield Issue(
                        code.lines.first,
                        f"the same commands stand in line {seen[key]}",
                        "keep one, and refer to it by its heading",
                    )
                seen.setdefault(key, code.lines.first)
    texts: dict[str, tuple[int, StepView]] = {}
    for step in view.steps:
        key = _normal(step)
        if len(key.split()) < 5:
            continue
        if key in texts and texts[key][1] is not step:
            yield Issue(
                step.lines.first,
                f"the step is that of line {texts[key][0]} again",
                "keep one, and refer to it by its number",
            )
        texts.setdefault(key, (step.lines.first, step))
    yield from _same_titles(view)
    yield from _same_deeds(view)


def _inside_options(part: Part) -> bool:
    return bool(re.match(r"\W*(?:option|alternative|scenario|case|variant|if)\b", part.title, re.IGNORECASE))


def _normal(step: StepView) -> str:
    text = step.text + " " + " ".join(c.body for c in step.codes if not c.inline)
    return " ".join(re.findall(r"[\w./<>$-]+", text.lower()))


def _same_titles(view: View) -> Iterator[Issue]:
    titles: dict[str, Part] = {}
    for part in view.working:
        bare = re.sub(r"^\W*(?:step\s*)?\d+[a-z]?\s*[.):–—-]*\s*", "", part.title.lower()).strip()
        if len(bare.split()) < 2 or not part.number:
            continue
        if bare in titles and titles[bare].above == part.above:
            yield Issue(
                part.section.lines.first,
                f"the title is that of line {titles[bare].section.lines.first} again",
                "keep one, or say what is different",
            )
        titles.setdefault(bare, part)


def _same_deeds(view: View) -> Iterator[Issue]:
    """Two instructions of one section that order the same change of the same thing in near enough the same words."""
    for part in view.working:
        deeds: list[tuple[set[str], int, Prose]] = []
        for prose in part.proses:
            for sentence in prose.sentences:
                text = re.sub(r"^\W*(?:option|alternative)\s*\w*\W*", "", sentence.text, flags=re.IGNORECASE)
                verb = instructions_in(text)
                if verb not in ACT - LOOK or verb in {"run", "set", "add", "wait"}:
                    continue
                words = {w[:6] for w in re.findall(r"[a-z][a-z-]{3,}", text.lower())} - {
                    "this",
                    "that",
                    "with",
                    "from",
                    "manual",
                }
                if len(words) < 4 or len(deeds) > 200:
                    continue
                for known, line, other in deeds:
                    if (
                        other is not prose
                        and len(words & known) >= 4
                        and len(words & known) * 10 >= min(len(words), len(known)) * 6
                        and verb[:6] in known
                    ):
                        yield Issue(
                            sentence.line,
                            f"this orders the change of line {line} again",
                            "keep one of the two, or say how they differ",
                        )
                        break
                deeds.append((words | {verb[:6]}, sentence.line, prose))
