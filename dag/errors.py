"""The plan room's errors."""


class PlanError(Exception):
    """The plan cannot be used as it is."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class CycleError(PlanError):
    """The plan's edges form a cycle that no loop edge bounds."""


class ConditionError(PlanError):
    """The condition is not a CEL expression of type BOOL over the declared names."""
