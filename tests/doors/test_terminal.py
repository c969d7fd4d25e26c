"""The terminal: quick to start, honest in its exit codes, and never a traceback for what a user can mend."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doors.conftest import TOKENS, settings_in

ROOT = Path(__file__).resolve().parents[2]
HOTSPOT = ROOT / "examples" / "guides" / "replica-hotspot.md"


def stepfleet(
    *arguments: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does. One that hangs says where before it is ended."""
    command = [sys.executable, "-X", "faulthandler", "-m", "agent.doors.cli", *map(str, arguments)]
    own = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "PYTHONPATH": str(ROOT), **(env or {})}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=cwd, stdout=pipe, stderr=pipe, text=True, env=own) as process:
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            pytest.fail(f"{command} hangs: {process.communicate()[1]}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def config_in(folder: Path, *more: str) -> Path:
    settings = settings_in(folder)
    lines = [
        f"[journal]\nurl = {json.dumps(settings.journal.url)}",
        "[library]\npath = 'guides'",
        *(
            f"[[principals]]\nname = '{name}'\nroles = {json.dumps(roles)}\ntoken = {{file = '{name}'}}"
            for name, (_, roles) in TOKENS.items()
        ),
        *more,
    ]
    file = folder / "stepfleet.toml"
    file.write_text("\n\n".join(lines))
    return file


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        pytest.param(
            ["--help"], {"torch", "openai", "langgraph", "pandas", "sqlalchemy", "fastapi", "rich"}, id="--help"
        ),
        pytest.param(["lint", HOTSPOT], {"torch", "openai", "langgraph", "pandas"}, id="lint"),
        pytest.param(["compile", HOTSPOT, "--json"], {"torch", "openai", "langgraph", "pandas"}, id="compile"),
        pytest.param(["dry-run", HOTSPOT], {"torch", "openai", "langgraph", "pandas"}, id="dry-run"),
    ],
)
def test_nothing_heavy_is_imported(arguments: list[Any], heavy: set[str]) -> None:
    program = (
        "import json, sys\n"
        f"sys.argv = ['stepfleet', *{[str(a) for a in arguments]!r}]\n"
        "from agent.doors.cli import main\n"
        "try:\n    main()\nexcept SystemExit as exit:\n    code = exit.code\n"
        "print(json.dumps([code or 0, sorted({m.split('.')[0] for m in sys.modules})]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    code, modules = json.loads(done.stderr.strip().splitlines()[-1])
    assert code == 0, done.stderr
    assert heavy.isdisjoint(modules)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["lint", "none.md"], 2, "none.md:1: error file-unreadable", id="a guide that is not there"),
        pytest.param(["compile", "none.md"], 2, "none.md:1", id="compiling nothing"),
        pytest.param(["show", "none"], 2, "no run 'none'", id="a run that is not there"),
        pytest.param(["cancel", "none"], 2, "STEPFLEET_TOKEN is not set", id="a command without a token"),
        pytest.param(["--config", "none.toml", "runs"], 2, "none.toml: no such file", id="settings that are not there"),
        pytest.param(["run", "ask", "--input", "x"], 2, "'x' is not NAME=VALUE", id="an input without a value"),
        pytest.param(["run", "ask", "--input", "x=1"], 2, "declares no input 'x'", id="an input nobody declared"),
        pytest.param(["run", "ask", "--llm"], 2, "no model is configured", id="a model nobody configured"),
        pytest.param(["dry-run", "ask", "--draw", "plan.gif"], 2, ".svg or .mmd", id="a picture of another kind"),
        pytest.param(["kill-switch", "maybe"], 2, "'on', 'off' or 'status'", id="half a switch"),
    ],
)
def test_what_goes_wrong_is_said_with_a_way_out(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    config_in(tmp_path)
    done = stepfleet(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_when_json_is_asked_for(tmp_path: Path) -> None:
    config_in(tmp_path)
    done = stepfleet("show", "none", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["error"]["hint"] == "see `stepfleet runs`"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[journal\n", "stepfleet.toml: cannot be read", id="no TOML"),
        pytest.param("[journl]\nurl='x'\n", "did you mean 'journal'?", id="an unknown section"),
        pytest.param("[api]\nprot=1\n", "did you mean 'port'?", id="an unknown setting"),
        pytest.param("[api]\nport=99999\n", "api.port", id="an impossible port"),
        pytest.param("[journal]\nurl='mysql://x'\n", "SQLite or PostgreSQL", id="another database"),
    ],
)
def test_bad_settings_name_the_file_and_the_setting(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "stepfleet.toml").write_text(text)
    done = stepfleet("runs", cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config_in(tmp_path, f"[api]\nport = {port}")
        done = stepfleet("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in done.stderr
    assert "hint: stop what listens there" in done.stderr


def test_without_a_webhook_secret_it_refuses_to_serve(tmp_path: Path) -> None:
    (tmp_path / "stepfleet.toml").write_text("[journal]\nurl='sqlite:///j.db'\n")
    done = stepfleet("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "anybody could start runs" in done.stderr


@pytest.mark.parametrize(
    ("command", "says", "hint"),
    [
        pytest.param(("worker",), "workers share a journal in PostgreSQL", "postgresql://", id="worker"),
        pytest.param(("serve", "--no-advance"), "nobody else advances the runs", "--no-advance", id="serve"),
    ],
)
def test_a_file_is_no_journal_to_share(tmp_path: Path, command: tuple[str, ...], says: str, hint: str) -> None:
    config_in(tmp_path, "[api]\nport = 0")
    done = stepfleet(*command, "--json", cwd=tmp_path)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert says in error["message"]
    assert hint in error["hint"]


def test_a_run_that_waits_exits_with_3_and_goes_on_once_answered(tmp_path: Path) -> None:
    config_in(tmp_path)
    began = stepfleet("run", "ask", "--json", cwd=tmp_path)
    assert began.returncode == 3, began.stderr
    run_id = json.loads(began.stdout)["run_id"]
    viewer = {"STEPFLEET_TOKEN": TOKENS["vera"][0]}
    operator = {"STEPFLEET_TOKEN": TOKENS["olga"][0]}
    refused = stepfleet("approve", run_id, "--done", cwd=tmp_path, env=viewer)
    assert refused.returncode == 2
    assert "lacks the role 'operator'" in refused.stderr
    said = stepfleet("approve", run_id, "--done", cwd=tmp_path, env=operator)
    assert said.returncode == 0, said.stderr
    resumed = stepfleet("resume", "--json", cwd=tmp_path)
    assert json.loads(resumed.stdout)["runs"][0]["outcome"] == "resolved"
    shown = json.loads(stepfleet("show", run_id, "--json", cwd=tmp_path).stdout)
    assert any("olga" in m["what"] for m in shown["timeline"])
    listed = json.loads(stepfleet("runs", "--json", cwd=tmp_path).stdout)["runs"]
    assert [(r["id"], r["outcome"]) for r in listed] == [(run_id, "resolved")]


def test_the_kill_switch_survives_the_process_that_set_it(tmp_path: Path) -> None:
    config_in(tmp_path)
    operator = {"STEPFLEET_TOKEN": TOKENS["olga"][0]}
    stepfleet("kill-switch", "on", "--reason", "drill", cwd=tmp_path, env=operator)
    status = json.loads(stepfleet("kill-switch", "status", "--json", cwd=tmp_path).stdout)
    assert status == {"engaged": True, "by": "olga", "reason": "drill"}


def test_a_compiled_plan_is_the_documented_document(tmp_path: Path) -> None:
    document = json.loads(stepfleet("compile", HOTSPOT, "--json", cwd=tmp_path).stdout)
    assert {"steps", "edges", "parallel_pairs", "digest", "guide_sha256", "findings"} <= document.keys()
    assert ["free-slots", "waiting-requests"] in document["parallel_pairs"]


def test_a_dry_run_walks_every_branch_and_says_what_would_be_asked(tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    done = stepfleet("dry-run", HOTSPOT, "-i", "replica=a", "--json", "--draw", picture, cwd=tmp_path)
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert {walk[-1] for walk in document["walks"]} == {"END.resolved", "END.escalate", "END.not_applicable"}
    assert [a["writes"] for a in document["actions"]] == [["sessions:demo"]]
    assert document["judged"][0]["default"] == "plan-the-moves"
    assert picture.read_text().startswith("<")
