"""The example fleet's errors."""

from __future__ import annotations


class FleetError(Exception):
    """The example fleet could not do what it was asked."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class ChildFailed(FleetError):
    """A child process ended or did not become ready in time."""


class ToolMissing(FleetError):
    """A program that the fleet needs is not on this machine and could not be fetched."""


class StateDamaged(FleetError):
    """A file of the fleet's state folder cannot be read as what it should be."""


class RequestRefused(FleetError):
    """The gateway does not do what a request asks: an HTTP status and a stable code."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
