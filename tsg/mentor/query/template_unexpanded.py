"""An include, shortcode or template tag left in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsg.findings import Severity
from tsg.mentor.registry import Category, Issue, check
from tsg.mentor.view import View
from tsg.mentor.wording import shortened

_TEMPLATE = re.compile(
    r"\[!INCLUDE|\{\{[<%].{0,200}?[>%]\}\}|\{%-? ?.{0,200}? ?-?%\}|<%=? ?.{0,200}?%>|"
    r"^:::\s*(?:moniker|zone|row|column|image)|\{\{ ?(?:site|page|cookiecutter|config|book|include|"
    r"macro|template|partial|\.Values|\.Params|\.Site)[.\s]|^\{\{#|\{\{> ?\w|<!-- ?#?include|"
    r"\$\{\{ ?\w|@@\w+@@|\{\{(?:TODO|FIXME|TBD)\}\}|^\.\. (?:include|code-block|note|warning)::|"
    r"\[\[include\b|\{\{ ?\w+\([^)]*\) ?\}\}|<\?php|<#(?:if|include|list|assign)\b|<%@|^\s*-{1,2}8<-{1,2}"
    r"|<xi:include\b|!\[\[[^\]\n]{1,200}\]\]"
    r"|^include::\S{1,200}\[|\$\{[a-z]\w*(?:\.\w+)+\}|%%[A-Z][A-Z0-9_]{2,}%%|\[\[_TOC_\]\]|^\s*\[TOC\]\s*$"
    r"|^#include\s+[\"<]"
    r"|\{\{-? ?(?:(?:env|range|if|else|with|define|block|printf|index|toc|end)\b(?: [\w\".$]|[^\w}]{0,3}-?\}\})"
    r"|\$[A-Za-z]\w*|\.[A-Z]\w*)[^}\n]{0,200}\}\}|\{\{-? ?(?:end|else|toc) ?-?\}\}",
    re.IGNORECASE,
)


@check(
    "template-unexpanded",
    Category.QUERY,
    Severity.WARNING,
    "an include, shortcode or template tag left in the text",
    "What it stands for is not in the guide, and nobody at the incident has the generator.",
)
def template_unexpanded(view: View) -> Iterator[Issue]:
    inside = {line for c in view.codes for line in range(c.lines.first, c.lines.last + 1)}
    for at, line in enumerate(view.source, start=1):
        if (
            len(line) > 4000
            or at in inside
            or not (
                "{" in line
                or "<" in line
                or "[" in line
                or ":" in line
                or "@" in line
                or "%%" in line
                or line.startswith("#")
            )
        ):
            continue
        found = _TEMPLATE.search(re.sub(r"`[^`]*`", "", line))
        if found:
            yield Issue(at, f"'{shortened(found[0], 40)}' is left from a template", "write out what it stands for")
