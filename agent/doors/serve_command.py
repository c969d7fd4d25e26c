"""`stepfleet serve`: the HTTP door over a running service, until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn

from agent.doors.api import create_app
from agent.doors.metrics import DoorMetrics
from agent.doors.signals import on_stop
from agent.errors import SettingsError
from agent.gate.principals import Role
from agent.redact import redacted_value
from agent.service import build_service
from agent.settings import Settings, load_settings

log = structlog.get_logger()

GRACE_S = 15  # how long open requests may take once we are asked to stop


def serve(config: Path | None, *, as_json: bool, advance: bool = True) -> int:
    """Raises SettingsError: the port is taken, or nobody could be told from anybody."""
    settings = load_settings(config)
    _require_a_webhook_principal(settings)
    log_to_stderr()
    listener = _listen(settings.api.host, settings.api.port)
    asyncio.run(_serve(settings, listener, as_json=as_json, advance=advance))
    return 0


def _require_a_webhook_principal(settings: Settings) -> None:
    if settings.api.without_secret or any(Role.WEBHOOK in p.roles for p in settings.principals):
        return
    raise SettingsError(
        "no principal has the role 'webhook': anybody could start runs",
        hint="add [[principals]] with roles = ['webhook'] and a token, or set [api] without_secret = true",
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(1_024)
    except OSError as exc:
        listener.close()
        raise SettingsError(
            f"{host}:{port} cannot be listened on: {exc.strerror}",
            hint="stop what listens there, or set [api] port (0 takes a free one)",
        ) from exc
    return listener


class _Server(uvicorn.Server):
    """uvicorn, told to stop by us: by itself it would raise the signal again, and end us before actions settle."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        log.info("stopping", grace_s=GRACE_S)
        self.handle_exit(signal.SIGTERM, None)


async def _serve(settings: Settings, listener: socket.socket, *, as_json: bool, advance: bool) -> None:
    metrics = DoorMetrics()
    service = build_service(settings, watch=metrics.watch, advance=advance)
    server = _Server(
        uvicorn.Config(
            create_app(service, settings, metrics),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            lifespan="off",
        )
    )
    with on_stop(server.stop):
        async with service:
            address = _address(listener)
            said = json.dumps({"address": address}) if as_json else f"stepfleet listens on {address}"
            sys.stdout.write(said + "\n")
            sys.stdout.flush()
            await server.serve(sockets=[listener])
    log.info("stopped")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def log_to_stderr() -> None:
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            lambda _logger, _method, said: redacted_value(said),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
