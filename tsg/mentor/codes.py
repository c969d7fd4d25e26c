"""Every code that a finding can have, and the category it is chosen by."""

from __future__ import annotations

from dag.rules.problem import Code as PlanCode
from tsg.findings import Code, Finding
from tsg.mentor.registry import CHECKS

GUIDE = "guide"  # what parsing and compiling find
PLAN = "plan"  # what the plan's own checks find
SUPPRESSION = "suppression"
UNKNOWN_SUPPRESSION = "unknown-suppression"
UNUSED_SUPPRESSION = "unused-suppression"
MODEL_REVIEW = "model-review"  # both code and category: what a language model claims


def categories() -> dict[str, str]:
    """The category of each code."""
    return {
        **{str(c): GUIDE for c in Code},
        **{str(c): PLAN for c in PlanCode},
        **{c.code: str(c.category) for c in CHECKS.values()},
        UNKNOWN_SUPPRESSION: SUPPRESSION,
        UNUSED_SUPPRESSION: SUPPRESSION,
        MODEL_REVIEW: MODEL_REVIEW,
    }


def category_of(f: Finding) -> str:
    return str(f.category) or (PLAN if f.code in set(PlanCode) else GUIDE)
