"""The Mentor's checks by code: what each is called, how grave it is, and why it matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tsg.findings import Fix, Severity

if TYPE_CHECKING:
    from tsg.mentor.view import View


class Category(StrEnum):
    CLARITY = "clarity"
    QUERY = "query"
    DATA_FLOW = "data-flow"
    STRUCTURE = "structure"
    CONTROL_FLOW = "control-flow"


@dataclass(frozen=True, slots=True)
class Issue:
    """What a check saw: where, what, what to write instead, and the mend where it is mechanical.

    `severity` is None for the check's own.
    """

    line: int
    message: str
    hint: str
    fix: Fix | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check; `summary` says what it reports, `why` what goes wrong otherwise."""

    code: str
    category: Category
    severity: Severity
    summary: str
    why: str
    run: Callable[[View], Iterator[Issue]]


CHECKS: dict[str, Check] = {}

Run = Callable[["View"], Iterator[Issue]]


def check(code: str, category: Category, severity: Severity, summary: str, why: str) -> Callable[[Run], Run]:
    """Register a check under its code. Raises ValueError: two checks of one code."""

    def register(run: Run) -> Run:
        if code in CHECKS:
            raise ValueError(f"two checks are named {code}")
        CHECKS[code] = Check(code, category, severity, summary, why, run)
        return run

    return register
