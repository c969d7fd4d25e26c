"""A link to a file or heading that does not exist, or that is no address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

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
    Category.STRUCTURE,
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
