"""The prompts' texts, kept as files beside this module; a name that is missing or unused is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "prompts"


@cache
def _load(name: str) -> Template:
    return Template((FOLDER / f"{name}.md").read_text(encoding="utf-8").rstrip("\n"))


def render(name: str, **values: str) -> str:
    """Fill the template `name`; values are inserted as they are and never searched for names again.

    Raises: ValueError when the template and the values do not have exactly the same names: a prompt
    with a hole in it, or evidence that never reached it, must not go out.
    """
    template = _load(name)
    wanted, given = set(template.get_identifiers()), set(values)
    if not template.is_valid() or wanted != given:
        odd = ", ".join(sorted(wanted ^ given))
        raise ValueError(f"prompts/{name}.md: names in the template and values given differ: {odd}")
    return template.substitute(values)
