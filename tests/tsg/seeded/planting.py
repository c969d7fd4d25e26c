"""Defects that are put into clean guides, one at a time and at a known place.

`clean/NAME.md` is a guide without a defect; `plants/CATEGORY/CHECK.yaml` lists what to put into one of them so that
the check of that name has something to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

HERE = Path(__file__).parent
CHECKS: Mapping[str, frozenset[str]] = {
    "clarity": frozenset(
        {
            "ambiguous-choice",
            "ambiguous-reference",
            "explanatory-command",
            "missing-command",
            "narrative-steps",
            "non-actionable-step",
            "title-mismatch",
            "vague-condition",
        }
    ),
    "query": frozenset(
        {
            "broken-command",
            "code-in-prose",
            "endless-command",
            "hardcoded-parameter",
            "interactive-command",
            "missing-connection",
            "missing-placeholder",
            "mixed-output",
            "prose-in-code",
            "prose-query-mismatch",
            "syntax-error",
            "template-unexpanded",
            "threshold-without-unit",
            "untagged-fence",
            "wrong-language",
        }
    ),
    "data-flow": frozenset(
        {
            "missing-schema",
            "placeholder-clash",
            "undefined-placeholder",
            "unknown-source",
            "unused-input",
            "wrong-source",
        }
    ),
    "structure": frozenset(
        {
            "dead-link",
            "duplicate-step",
            "fence-unclosed",
            "list-broken",
            "multi-step-fence",
            "numbering-gap",
            "table-ragged",
            "unexpected-end",
            "unmarked-end",
        }
    ),
    "control-flow": frozenset(
        {
            "action-without-undo",
            "action-without-verification",
            "condition-after-action",
            "condition-in-comment",
            "condition-without-action",
            "contradiction",
            "destructive-without-guard",
            "unbounded-loop",
            "unhandled-case",
            "wrong-next-step",
        }
    ),
}
NEAR = 1  # lines: a finding this far from the place is still at the place

Text = Annotated[str, Field(min_length=1)]


class PlantingError(Exception):
    """A file of plants, or one plant of it, cannot be used; the message names the file and the plant's index."""


class Plant(BaseModel):
    """What one file says of one defect.

    `find` occurs once in the clean guide and becomes `put`. The finding is expected on the line of `at`, or up to the
    line where `to` ends. `at` is looked for in `put`, and in the whole planted guide where `put` does not hold it.
    `also` are the codes of other findings that the same defect justly raises; one of them that is not the Mentor's
    own says the same thing in the compiler's words, and finds the defect as well.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    guide: Text
    find: Text
    put: str
    at: Text
    to: Text | None = None
    also: list[Text] = []
    note: Text


@dataclass(frozen=True)
class Planted:
    """A plant in its guide: `code` is expected on one of `lines` (1-based) of `text`. `where` is file and index."""

    where: str
    category: str
    code: str
    plant: Plant
    clean: str

    @cached_property
    def offset(self) -> int:
        """Where in the clean guide the defect goes, in characters."""
        if (count := self.clean.count(self.plant.find)) != 1:
            raise PlantingError(f"{self.where}: 'find' occurs {count} times in {self.plant.guide}, not once")
        return self.clean.index(self.plant.find)

    @cached_property
    def text(self) -> str:
        if self.plant.put == self.plant.find:
            raise PlantingError(f"{self.where}: 'put' is the same as 'find'")
        return self.clean[: self.offset] + self.plant.put + self.clean[self.offset + len(self.plant.find) :]

    @cached_property
    def lines(self) -> range:
        at, to = self.plant.at, self.plant.to
        first = self.offset + self._once(self.plant.put, at) if at in self.plant.put else self._once(self.text, at)
        last = first + len(at) - 1
        if to is not None:
            if to not in self.text[first:]:
                raise PlantingError(f"{self.where}: 'to' does not occur after 'at'")
            last = self.text.index(to, first) + len(to) - 1
        return range(line_of(self.text, first) - NEAR, line_of(self.text, last) + NEAR + 1)

    def clean_line(self, line: int) -> int | None:
        """The same line of the clean guide, or None for a line of the defect itself."""
        first = line_of(self.clean, self.offset)
        last = line_of(self.text, self.offset + max(len(self.plant.put), 1) - 1)
        if line < first:
            return line
        return None if line <= last else line - self.text.count("\n") + self.clean.count("\n")

    @cached_property
    def replaced(self) -> range:
        """Lines of the clean guide that the defect stands on."""
        end = self.offset + len(self.plant.find) - 1
        return range(line_of(self.clean, self.offset), line_of(self.clean, end) + 1)

    def _once(self, text: str, part: str) -> int:
        if (count := text.count(part)) != 1:
            raise PlantingError(f"{self.where}: 'at' occurs {count} times in the new text, not once")
        return text.index(part)


def line_of(text: str, offset: int) -> int:
    """The 1-based line that the character at `offset` stands on."""
    return text.count("\n", 0, offset) + 1


def clean_guides(folder: Path = HERE / "clean") -> dict[str, str]:
    """Texts by name."""
    return {p.stem: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.md"))}


def planted(guides: Mapping[str, str], folder: Path = HERE / "plants") -> tuple[Planted, ...]:
    """All plants below `folder`, each checked. Raises PlantingError for the first that cannot be used."""
    return tuple(p for path in sorted(folder.glob("*/*.yaml")) for p in _of_file(path, guides))


def _of_file(path: Path, guides: Mapping[str, str]) -> list[Planted]:
    category, code = path.parent.name, path.stem
    where = f"{category}/{path.name}"
    if code not in CHECKS.get(category, ()):
        raise PlantingError(f"{where}: no check of that category has this name")
    found = []
    for i, plant in enumerate(_read(path, where)):
        here = f"{where}[{i}]"
        if plant.guide not in guides:
            raise PlantingError(f"{here}: no clean guide is named {plant.guide}")
        made = Planted(here, category, code, plant, guides[plant.guide])
        if code in plant.also:
            raise PlantingError(f"{here}: 'also' names the expected code itself")
        assert made.lines  # raises where the plant does not fit its guide
        found.append(made)
    return found


def _read(path: Path, where: str) -> list[Plant]:
    try:
        return TypeAdapter(list[Plant]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as exc:
        raise PlantingError(f"{where}: {exc}") from exc
    except ValidationError as exc:
        problems = "; ".join(f"[{'.'.join(map(str, e['loc']))}] {e['msg']}" for e in exc.errors())
        raise PlantingError(f"{where}: {problems}") from exc
