"""The plan: its values, and what can be asked of them without running it.

The model and the errors are at hand here; what costs an import has a module of its own: `dag.conditions`,
`dag.effects`, `dag.order`, `dag.checks`, `dag.serial`, `dag.schema`, `dag.draw`.
"""

from dag.errors import ConditionError, CycleError, PlanError
from dag.model import (
    START,
    TERMINALS,
    Call,
    Condition,
    Edge,
    EdgeKind,
    Effect,
    Input,
    Join,
    Kind,
    Plan,
    Span,
    Step,
    Terminal,
    ValueType,
    Verify,
)

__all__ = [
    "START",
    "TERMINALS",
    "Call",
    "Condition",
    "ConditionError",
    "CycleError",
    "Edge",
    "EdgeKind",
    "Effect",
    "Input",
    "Join",
    "Kind",
    "Plan",
    "PlanError",
    "Span",
    "Step",
    "Terminal",
    "ValueType",
    "Verify",
]
