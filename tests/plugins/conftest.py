"""The real Prometheus of the telemetry room's tests."""

from __future__ import annotations

from tests.telemetry.conftest import scraped

__all__ = ["scraped"]
