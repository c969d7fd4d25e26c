"""Markdown into a guide: every block keeps its lines, nothing that people write ends in a traceback."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin

from dag.model import Span
from tsg.findings import Code, Finding, GuideError, Severity
from tsg.front_matter import read_front_matter
from tsg.guide import Block, BlockKind, Fence, FrontMatter, Guide, Item, Piece, PieceKind, Section
from tsg.marks import Mark, has_marks, take_marks
from tsg.words import words

MAX_BYTES = 512 * 1024  # the longest public guide we know has 40 KB; a larger file is no guide
MAX_LINES = 10_000  # ... and 850 lines; ten thousand parse in about a second
MAX_PARAGRAPH = 16 * 1024  # characters; inline parsing of brackets is quadratic

_ATTRIBUTE = re.compile(r"""([A-Za-z_][\w.-]*)=("[^"]*"|'[^']*'|[^\s"']*)|(\S+)""")
_ANCHOR = re.compile(r"""<a\s+(?:name|id)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_TAG = re.compile(r"<([A-Za-z][\w.-]*)>")
_HTML = words(
    "a abbr b big blockquote br center code dd del details div dl dt em font h1 h2 h3 h4 h5 h6 hr i img ins kbd li"
    " mark ol p pre q s samp script small span strike strong style sub summary sup table tbody td tfoot th thead tr tt"
    " u ul var video"
)
_SPLIT = "split it into guides that link to each other"
_CALLABLE = frozenset({"action", "query"})


def read_guide(path: Path | str, *, name: str | None = None) -> Guide:
    """Read and parse a file; `name` is what findings call it, its path by default.

    Raises: GuideError when it cannot be read, is too large or is not UTF-8 text.
    """
    shown = name or str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            size = Path(path).stat().st_size
    except OSError as exc:
        message = f"the file cannot be read: {exc.strerror or exc}"
        raise GuideError([_error(shown, 1, Code.FILE_UNREADABLE, message, "check the path and its rights")]) from exc
    if len(data) > MAX_BYTES:
        raise GuideError([_too_large(shown, max(size, len(data)))])
    return parse_guide(data, shown)


def parse_guide(source: bytes | str, path: str) -> Guide:
    """Parse a guide's text. What is wrong with parts of it is in the guide's `findings`.

    Raises: GuideError when it is too large, holds NUL, or is not UTF-8.
    """
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > MAX_BYTES:
        raise GuideError([_too_large(path, len(data))])
    text = _decode(data, path)
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > MAX_LINES:
        message = f"the file has {len(lines):,} lines, the limit is {MAX_LINES:,}"
        raise GuideError([_error(path, 1, Code.FILE_TOO_LARGE, message, _SPLIT)])
    md = _markdown()
    env: dict[str, object] = {}
    marks: tuple[Mark, ...] = ()
    if has_marks(text):
        lines, marks = take_marks(lines, md.parse(text, {}))
        text = "\n".join(lines) + "\n"
    tokens = md.parse(text, env)
    walk = _Walk(path, md, env, lines, any(_was_written_for_us(t) for t in tokens))
    walk.run(tokens)
    if lines and re.fullmatch(r"---\s*", lines[0]) and walk.front is None and _looks_like_yaml(lines):
        hint = "close it with a line of three dashes"
        walk.findings.append(_error(path, 1, Code.FRONT_MATTER_UNCLOSED, "the front matter has no end", hint))
    sections = walk.finish()
    front = walk.front or FrontMatter()
    heading = next((s.title for s in sections if s.level == 1 and s.title), "")
    title = front.title or heading or next((s.title for s in sections if s.title), "") or Path(path).stem
    digest = hashlib.sha256(data).hexdigest()
    return Guide(path, digest, max(1, len(lines)), title, front, sections, tuple(walk.findings), marks)


def _error(path: str, line: int, code: Code, message: str, hint: str) -> Finding:
    return Finding(path, line, code, Severity.ERROR, message, hint)


def _too_large(path: str, size: int) -> Finding:
    message = f"the file has {size:,} bytes, the limit is {MAX_BYTES:,}"
    return _error(path, 1, Code.FILE_TOO_LARGE, message, _SPLIT)


def _decode(data: bytes, path: str) -> str:
    """UTF-8 text with `\\n` line ends and without a byte order mark."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        message = f"byte 0x{data[exc.start]:02x} at offset {exc.start} is not UTF-8"
        raise GuideError([_error(path, line, Code.FILE_NOT_TEXT, message, "save the file as UTF-8")]) from exc
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise GuideError([_error(path, line, Code.FILE_NOT_TEXT, "the line holds a NUL byte", "remove it")])
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown() -> MarkdownIt:
    """CommonMark with tables and front matter; inline text is parsed by us, block by block."""
    md = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
    md.core.ruler.enableOnly(["block"])
    return md


def _was_written_for_us(token: Token) -> bool:
    if token.type != "fence":
        return False
    words = token.info.split()
    return bool(words) and (words[0] in _CALLABLE or any(w.startswith("as=") for w in words[1:]))


def _looks_like_yaml(lines: Sequence[str]) -> bool:
    """Whether a rule on the first line was meant to open front matter."""
    return any(re.match(r"[A-Za-z_]+:(\s|$)", line) for line in lines[1:6])


def read_info(info: str) -> tuple[str, tuple[str, ...], Mapping[str, str]]:
    """Split a fence's info string into language, plain words and `key=value` attributes."""
    language, _, rest = info.strip().partition(" ")
    words: list[str] = []
    attributes: dict[str, str] = {}
    for key, value, word in _ATTRIBUTE.findall(rest):
        if key:
            attributes[key] = value.strip("\"'") if value[:1] in "\"'" else value
        else:
            words.append(word)
    return language.lower(), tuple(words), MappingProxyType(attributes)


@dataclass
class _Open:
    """The section that blocks are being added to."""

    title: str = ""
    level: int = 0
    slug: str = ""
    first: int = 1
    last: int = 1
    blocks: list[Block] = field(default_factory=list)
    code: tuple[str, ...] = ()
    anchors: list[str] = field(default_factory=list)


@dataclass
class _Walk:
    """One pass over the block tokens, in the order of the text."""

    path: str
    md: MarkdownIt
    env: dict[str, object]
    lines: Sequence[str]
    ours: bool
    front: FrontMatter | None = None
    findings: list[Finding] = field(default_factory=list)
    sections: list[_Open] = field(default_factory=lambda: [_Open()])
    items: list[Item] = field(default_factory=list)
    lists: list[tuple[int, int | None]] = field(default_factory=list)
    quotes: int = 0
    slugs: dict[str, int] = field(default_factory=dict)
    list_ids: Iterator[int] = field(default_factory=count)

    def run(self, tokens: Sequence[Token]) -> None:
        for i, token in enumerate(tokens):
            match token.type:
                case "front_matter":
                    span = self._span(token)
                    self.front, found = read_front_matter(token.content, span, self.path, ours=self.ours)
                    self.findings += found
                case "heading_open" if token.level == 0:
                    self._heading(token, tokens[i + 1])
                case "bullet_list_open" | "ordered_list_open":
                    start = token.attrGet("start")
                    first = int(start) if isinstance(start, int | str) else 1
                    self.lists.append((next(self.list_ids), first if token.type[0] == "o" else None))
                case "bullet_list_close" | "ordered_list_close":
                    self.lists.pop()
                case "list_item_open":
                    self._item(token)
                case "list_item_close":
                    self.items.pop()
                case "blockquote_open":
                    self.quotes += 1
                case "blockquote_close":
                    self.quotes -= 1
                case "inline" if tokens[i - 1].type not in {"th_open", "td_open", "heading_open"}:
                    self._add(self._prose(BlockKind.PARAGRAPH, token.content, self._span(token)))
                case "inline" if tokens[i - 1].type == "heading_open" and tokens[i - 1].level > 0:
                    self._add(self._prose(BlockKind.PARAGRAPH, token.content, self._span(token)))
                case "tr_open":
                    self._add(self._row(tokens, i))
                case "fence":
                    self._fence(token)
                case "code_block":
                    self._add(self._plain(BlockKind.CODE, token))
                case "html_block":
                    self._add(self._plain(BlockKind.HTML, token))

    def finish(self) -> tuple[Section, ...]:
        """Close the sections: each ends on the line before the next heading."""
        made = []
        for s in self.sections:
            if s.level or s.blocks:
                made.append(
                    Section(s.title, s.level, s.slug, Span(s.first, max(s.first, s.last)), tuple(s.blocks),
                            tuple(s.anchors), s.code)
                )  # fmt: skip
        return tuple(made)

    def _span(self, token: Token) -> Span:
        """Lines of a token, 1-based and inside the file, trailing blank lines left out."""
        first, last = token.map or (0, 1)
        end = min(max(last, first + 1), max(1, len(self.lines)))
        while end > first + 1 and not self.lines[end - 1].strip():
            end -= 1
        return Span(min(first + 1, end), end)

    def _heading(self, token: Token, inline: Token) -> None:
        span = self._span(token)
        pieces = self._pieces(inline.content, span)
        title = " ".join("".join(p.text for p in pieces).split())
        code = tuple(p.text for p in pieces if p.kind is PieceKind.CODE)
        level = int(token.tag[1:])
        self.sections.append(_Open(title, level, self._slug(title), span.first, span.last, code=code))
        self.sections[-1].anchors += _ANCHOR.findall(inline.content)

    def _slug(self, title: str) -> str:
        """The anchor that GitHub gives a heading: `Move sessions` -> `move-sessions`, a second one `-1`."""
        base = re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") or "section"
        n = self.slugs.get(base, -1) + 1
        self.slugs[base] = n
        if n == 0:
            return base
        slug = f"{base}-{n}"
        self.slugs.setdefault(slug, 0)
        return slug

    def _item(self, token: Token) -> None:
        list_id, number = self.lists[-1]
        own = int(token.info) if number is not None and token.info.isdigit() else number
        self.items.append(Item(list_id, own, self._span(token)))

    def _add(self, block: Block) -> None:
        section = self.sections[-1]
        if not section.level and not section.blocks:
            section.first = block.lines.first
        section.blocks.append(block)
        section.last = max(section.last, block.lines.last)
        if "<a" in block.text:
            section.anchors += _ANCHOR.findall(block.text)

    def _prose(self, kind: BlockKind, content: str, span: Span) -> Block:
        pieces = self._pieces(content, span)
        return Block(kind, span, content, pieces, tuple(self.items), self.quotes > 0)

    def _plain(self, kind: BlockKind, token: Token) -> Block:
        return Block(kind, self._span(token), token.content, (), tuple(self.items), self.quotes > 0)

    def _row(self, tokens: Sequence[Token], at: int) -> Block:
        """A table's row: its cells, separated by bars."""
        cells = []
        for token in tokens[at + 1 :]:
            if token.type == "tr_close":
                break
            if token.type == "inline":
                cells.append(token.content)
        return self._prose(BlockKind.ROW, " | ".join(cells), self._span(tokens[at]))

    def _fence(self, token: Token) -> None:
        first, last = token.map or (0, 1)
        end = self.lines[min(last, len(self.lines)) - 1].lstrip("> \t").rstrip() if self.lines else ""
        closed = last - first > 1 and len(end) >= len(token.markup) and not end.strip(token.markup[0])
        span = Span(first + 1, max(first + 1, min(last, len(self.lines))))
        if not closed:
            message = "the fenced block has no end, so the rest of the guide is inside it"
            self.findings.append(
                _error(self.path, span.first, Code.FENCE_UNCLOSED, message, f"close it with a line of {token.markup}")
            )
        language, words, attributes = read_info(token.info)
        body_line = min(span.first + 1, span.last)
        fence = Fence(language, words, attributes, token.content, span, body_line, closed)
        self._add(Block(BlockKind.FENCE, span, token.content, (), tuple(self.items), self.quotes > 0, fence=fence))

    def _pieces(self, content: str, span: Span) -> tuple[Piece, ...]:
        if len(content) > MAX_PARAGRAPH:
            self.findings.append(
                Finding(
                    self.path,
                    span.first,
                    Code.PARAGRAPH_TOO_LONG,
                    Severity.WARNING,
                    f"the paragraph has {len(content):,} characters; links and code in it are not read",
                    f"split it, the limit is {MAX_PARAGRAPH:,}",
                )
            )
            return (Piece(PieceKind.TEXT, content, span.first),)
        children: list[Token] = []
        self.md.inline.parse(content, self.md, self.env, children)
        return tuple(_flatten(children, span))


def _is_placeholder(html: str) -> bool:
    """Whether what Markdown takes for a tag stands for a value: `<NODE_NAME>`, `<pod-name>`."""
    found = _TAG.fullmatch(html)
    return found is not None and found[1].lower() not in _HTML


def _flatten(children: Sequence[Token], span: Span) -> Iterator[Piece]:
    """Inline tokens as pieces; a link is one piece, emphasis leaves its text only."""
    line = span.first
    link: tuple[str, int, list[str]] | None = None
    for token in children:
        kind = PieceKind.TEXT
        match token.type:
            case "text" | "text_special" | "html_inline" | "image":
                hidden = token.type == "html_inline" and not _is_placeholder(token.content)
                text = "" if hidden else token.content
            case "code_inline":
                text, kind = token.content, PieceKind.CODE
            case "softbreak" | "hardbreak":
                line = min(line + 1, span.last)
                text = "\n"
            case "link_open":
                link = (str(token.attrGet("href") or ""), line, [])
                continue
            case "link_close" if link is not None:
                yield Piece(PieceKind.LINK, "".join(link[2]), link[1], link[0])
                link = None
                continue
            case _:
                continue
        if link is not None:
            link[2].append(text)
        elif text:
            yield Piece(kind, text, line)
