"""The plugin room's errors: what happened, at which address, what to do."""


class PluginError(Exception):
    """A plugin could not do what it was asked."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class UnknownPlugin(PluginError):
    """No plugin of that name is installed."""


class BadArguments(PluginError):
    """The arguments do not fit the plugin's schema."""


class NoData(PluginError):
    """The source answered, and holds nothing fresh enough to decide on."""


class TargetUnreachable(PluginError):
    """The target did not answer in time; whether it acted is not known."""


class PrecheckFailed(PluginError):
    """The action must not be applied now; nothing has been changed."""


class ApplyFailed(PluginError):
    """The target refused the action; it says that nothing was changed."""
