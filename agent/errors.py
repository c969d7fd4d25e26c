"""The agent room's errors: everything a user may see derives from here."""


class StepfleetError(Exception):
    """stepfleet could not do what it was asked."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class SettingsError(StepfleetError):
    """The configuration cannot be used."""


class JournalError(StepfleetError):
    """The journal could not be written or read; nothing is done that it does not hold."""


class LeaseLost(StepfleetError):
    """Another process advances this run now; this one stops before its next write."""


class UnknownRun(StepfleetError):
    """No run has this id."""


class NotAllowed(StepfleetError):
    """The principal or the policy does not allow this."""
