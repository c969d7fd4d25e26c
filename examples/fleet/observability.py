"""Prometheus and Alertmanager beside a fleet: real ones, on loopback, with its rules, for as long as it runs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from string import Template

import httpx

from examples.fleet.debian import find_program
from examples.fleet.files import write_whole
from examples.fleet.processes import Child, free_port

READY_S = 30.0
TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where alerts are sent, and the file with the bearer token that is sent with them."""

    url: str
    token_file: Path


class _Rendered(Template):
    delimiter = "@"  # Prometheus' own templates use the dollar


class Monitoring:
    """The two child processes."""

    def __init__(self, prometheus: Child, alertmanager: Child, ports: tuple[int, int]) -> None:
        self.prometheus, self.alertmanager = prometheus, alertmanager
        self.prometheus_url, self.alertmanager_url = (f"http://127.0.0.1:{port}" for port in ports)

    async def stop(self) -> None:
        await asyncio.gather(self.prometheus.stop(), self.alertmanager.stop())


async def start_monitoring(
    *, folder: Path, cache: Path, logs: Path, gateway_url: str, webhook: Webhook | None
) -> Monitoring:
    """Return when both answer. Data and rendered configuration go to `folder`.

    Raises: ToolMissing, ChildFailed.
    """
    ports = free_port(), free_port()
    _configure(folder, gateway_url, ports[1], webhook)
    alertmanager = await _start_alertmanager(folder, cache, logs, ports[1])
    try:
        prometheus = await _start_prometheus(folder, cache, logs, ports[0])
    except BaseException:
        await alertmanager.stop()
        raise
    running = Monitoring(prometheus, alertmanager, ports)
    try:
        await asyncio.gather(_ready(prometheus, running.prometheus_url), _ready(alertmanager, running.alertmanager_url))
    except BaseException:
        await running.stop()
        raise
    return running


async def _start_prometheus(folder: Path, cache: Path, logs: Path, port: int) -> Child:
    program = await asyncio.to_thread(find_program, cache, "prometheus", "prometheus")
    command: list[str | Path] = [
        program.path,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    return await Child.start("prometheus", command, log=logs / "prometheus.log", cwd=program.cwd)


async def _start_alertmanager(folder: Path, cache: Path, logs: Path, port: int) -> Child:
    program = await asyncio.to_thread(
        find_program, cache, "prometheus-alertmanager", "prometheus-alertmanager", "alertmanager"
    )
    command: list[str | Path] = [
        program.path,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",  # or it gossips on all interfaces
        "--log.level=warn",
    ]
    return await Child.start("alertmanager", command, log=logs / "alertmanager.log", cwd=program.cwd)


async def _ready(child: Child, url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as http:

        async def answers() -> bool:
            try:
                return (await http.get(f"{url}/-/ready")).status_code == 200
            except httpx.HTTPError:
                return False

        await child.ready(answers, within_s=READY_S)


def _configure(folder: Path, gateway_url: str, alertmanager_port: int, webhook: Webhook | None) -> None:
    values = {
        "rules": folder / "rules.yml",
        "alertmanager": f"127.0.0.1:{alertmanager_port}",
        "gateway": gateway_url.removeprefix("http://"),
        "webhooks": [_webhook(webhook)] if webhook else [],
    }
    # JSON is YAML: quoted whatever a path or an address may hold.
    quoted = {k: json.dumps(v, default=str) for k, v in values.items()}
    for template in sorted(TEMPLATES.glob("*.yml")):
        write_whole(folder / template.name, _Rendered(template.read_text()).substitute(quoted))


def _webhook(webhook: Webhook) -> dict[str, object]:
    authorization = {"type": "Bearer", "credentials_file": str(webhook.token_file.resolve())}
    return {
        "url": webhook.url,
        "send_resolved": True,
        "http_config": {"authorization": authorization, "follow_redirects": False},
    }
