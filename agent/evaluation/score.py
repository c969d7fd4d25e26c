"""What answers to cases are worth: pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median, quantiles

from agent.evaluation.cases import ABSTAIN, Case, Kind
from agent.run.judge import Usage

Z95 = 1.959964


class Verdict(StrEnum):
    """Of one answer."""

    RIGHT = "right"
    ABSTAINED = "abstained"  # though a branch was right: a person is asked, which costs little
    WRONG = "wrong"  # another branch than a right one, with confidence
    HARMFUL = "harmful"  # wrong, and a branch that the case calls unacceptable
    FAILED = "failed"  # no answer: the endpoint, or the budget


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said to one case, once. `choice` is where it leads, or `abstain`."""

    case: Case
    choice: str
    reason: str
    usage: Usage
    seconds: float
    failed: bool = False

    @property
    def verdict(self) -> Verdict:
        written = self.case.written
        if self.failed:
            return Verdict.FAILED
        if self.choice in written.right:
            return Verdict.RIGHT
        if self.choice in written.unacceptable:
            return Verdict.HARMFUL
        return Verdict.ABSTAINED if self.choice == ABSTAIN else Verdict.WRONG


@dataclass(frozen=True, slots=True)
class Score:
    """One model's answers in figures. Shares are of all answers; `low` to `high` is the accuracy at 95 %."""

    answers: int
    accuracy: float
    low: float
    high: float
    confident_and_wrong: float  # wrong or harmful
    harmful: float
    abstained: float
    failed: float
    agreement: float  # how often repetitions of a case say what most of them say
    by_kind: dict[Kind, float]  # accuracy
    prompt_tokens: int
    completion_tokens: int
    estimated: bool  # whether some tokens were not reported
    cost: float  # in the currency of the model's prices; 0 without them
    p50_s: float
    p95_s: float


def score(answers: Sequence[Answer]) -> Score:
    """Figures of one model. Raises ValueError without an answer."""
    if not answers:
        raise ValueError("there is nothing to score")
    count = Counter(a.verdict for a in answers)
    total = len(answers)
    right = count[Verdict.RIGHT]
    low, high = wilson(right, total)
    times = sorted(a.seconds for a in answers)
    usage = sum((a.usage for a in answers), Usage())
    return Score(
        answers=total,
        accuracy=right / total,
        low=low,
        high=high,
        confident_and_wrong=(count[Verdict.WRONG] + count[Verdict.HARMFUL]) / total,
        harmful=count[Verdict.HARMFUL] / total,
        abstained=sum(a.choice == ABSTAIN and not a.failed for a in answers) / total,
        failed=count[Verdict.FAILED] / total,
        agreement=_agreement(answers),
        by_kind=_by_kind(answers),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        estimated=usage.estimated,
        cost=usage.cost,
        p50_s=median(times),
        p95_s=quantiles(times, n=20, method="inclusive")[-1] if total > 1 else times[0],
    )


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of a share (E. B. Wilson, 1927): it stays within 0 and 1 for few answers, too."""
    share, spread = right / total, Z95**2 / total
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def _agreement(answers: Sequence[Answer]) -> float:
    said: dict[str, list[str]] = defaultdict(list)
    for a in answers:
        said[a.case.place].append(a.choice)
    return sum(Counter(choices).most_common(1)[0][1] for choices in said.values()) / len(answers)


def _by_kind(answers: Sequence[Answer]) -> dict[Kind, float]:
    verdicts: dict[Kind, list[bool]] = defaultdict(list)
    for a in answers:
        verdicts[a.case.written.kind].append(a.verdict is Verdict.RIGHT)
    return {kind: sum(v) / len(v) for kind, v in sorted(verdicts.items())}
