"""The telemetry room's errors."""


class TelemetryError(Exception):
    """The fleet's signals could not be read."""

    def __init__(self, message: str | None = None, *, hint: str = "") -> None:
        super().__init__(message or self.__class__.__doc__ or "")
        self.hint = hint


class PrometheusUnreachable(TelemetryError):
    """Prometheus did not answer."""


class PrometheusSlow(PrometheusUnreachable):
    """Prometheus did not answer in time."""


class PrometheusRefused(TelemetryError):
    """Prometheus answered that it cannot evaluate the query."""


class PrometheusNonsense(TelemetryError):
    """The answer is not what Prometheus' HTTP API promises."""


class BadAlert(TelemetryError):
    """The webhook's payload is not an alert notification that can be read."""
