"""What is wrong with a guide: findings with a place and a way out, and the room's errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # the guide cannot be run as it is
    WARNING = "warning"  # it can be run, and probably does not do what its author meant
    INFO = "info"  # worth knowing, nothing to mend


class Code(StrEnum):
    """Names of this room's findings; each has a section in docs/guide-checks.md."""

    FILE_UNREADABLE = "file-unreadable"
    FILE_TOO_LARGE = "file-too-large"
    FILE_NOT_TEXT = "file-not-text"
    FENCE_UNCLOSED = "fence-unclosed"
    PARAGRAPH_TOO_LONG = "paragraph-too-long"
    FRONT_MATTER_UNCLOSED = "front-matter-unclosed"
    FRONT_MATTER_YAML = "front-matter-yaml"
    FRONT_MATTER_KEY = "front-matter-key"
    FRONT_MATTER_VALUE = "front-matter-value"
    NO_PLAN = "no-plan"
    NO_STEPS = "no-steps"
    TOO_MANY_STEPS = "too-many-steps"
    BLOCK_ATTRIBUTE = "block-attribute"
    BLOCK_NAME_MISSING = "block-name-missing"
    BLOCK_OUTSIDE_STEP = "block-outside-step"
    BLOCK_ARGUMENTS = "block-arguments"
    CALL_UNKNOWN = "call-unknown"
    CALL_ARGUMENTS = "call-arguments"
    SECOND_ACTION = "second-action"
    HTTP_REQUEST = "http-request"
    NAME_INVALID = "name-invalid"
    NAME_TWICE = "name-twice"
    NAME_UNKNOWN = "name-unknown"
    PLACEHOLDER_MALFORMED = "placeholder-malformed"
    PROMQL_ERROR = "promql-error"
    PROMQL_PLACEHOLDER = "promql-placeholder"
    PROMQL_TYPE = "promql-type"
    CONDITION_ERROR = "condition-error"
    CONDITION_WORDS_IGNORED = "condition-words-ignored"
    BRANCH_UNREADABLE = "branch-unreadable"
    BRANCH_TWICE = "branch-twice"
    BRANCH_WITHOUT_ELSE = "branch-without-else"
    GOTO_DANGLING = "goto-dangling"
    GOTO_NO_STEP = "goto-no-step"
    GOTO_OTHER_GUIDE = "goto-other-guide"
    LINK_DANGLING = "link-dangling"
    LOOP_UNBOUNDED = "loop-unbounded"
    LOOP_DEFAULT = "loop-default"
    LOOP_FORWARD = "loop-forward"
    VERIFY_WITHOUT_ACTION = "verify-without-action"
    VERIFY_NOT_COMPUTED = "verify-not-computed"
    READ_BACK_UNUSED = "read-back-unused"
    UNDO_WITHOUT_ACTION = "undo-without-action"
    ENDING_MISSING = "ending-missing"
    KIND_OPEN = "kind-open"
    CONDITION_OPEN = "condition-open"
    COMMAND_OPEN = "command-open"
    REFERENCE_OPEN = "reference-open"
    MARK_INVALID = "mark-invalid"


@dataclass(frozen=True, slots=True)
class Fix:
    """A mechanical mend: lines `first` to `last` become `text`, whose lines are separated by `\\n`."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a guide: where, what, and what to write instead.

    `line` is 1-based, as editors count. `code` is stable and has a section in docs/guide-checks.md,
    docs/plan-checks.md or docs/mentor.md. `category` and `why` are the Mentor's: empty for what parsing,
    compiling and the plan's own checks find.
    """

    path: str
    line: int
    code: str
    severity: Severity
    message: str
    hint: str
    category: str = ""
    why: str = ""
    fix: Fix | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity} {self.code}: {self.message}\n  hint: {self.hint}"


class GuideRoomError(Exception):
    """The guide cannot be used."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class GuideError(GuideRoomError):
    """The guide cannot become a plan; `findings` holds everything that is wrong with it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = in_order(findings)
        super().__init__("\n".join(str(f) for f in self.findings), hint="mend the guide, then lint it again")


class LibraryError(GuideRoomError):
    """The folder of guides cannot be read."""


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by line, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.path, f.line, f.code, f.message)))


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that names the nearest known word, else `otherwise`."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else otherwise
