"""The plan room's errors."""


class PlanError(Exception):
    """The plan cannot be used as it is."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class CycleError(PlanError):
    """The plan's edges form a cycle that no loop edge bounds. `steps`: the cycle, each step once."""

    def __init__(self, message: str | None = None, *, hint: str = "", steps: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.steps = steps


class ConditionError(PlanError):
    """The condition is not a CEL expression of type BOOL over the declared names."""
