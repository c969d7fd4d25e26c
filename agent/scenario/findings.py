"""What a test has to say against a scenario: where in its file, and what to write instead."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from agent.scenario.files import Place


@dataclass(frozen=True, slots=True)
class Finding:
    """`place` is the part of the scenario that it is about, empty for the whole; `hint` what to write."""

    message: str
    hint: str = ""
    place: Place = ()

    def to_json(self, file: str, line: int) -> dict[str, Any]:
        return {"file": file, "line": line, **{k: v for k, v in asdict(self).items() if k != "place"}}
