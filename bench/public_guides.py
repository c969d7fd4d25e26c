"""How well public guides become plans: the corpus' own scorer over its hand-made plans, without a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CORPUS = "STEPFLEET_CORPUS"
GOALS = {
    "step": 0.92,
    "edge": 0.80,
    "condition": 0.75,
    "terminal": 0.70,
    "parallel": 0.75,
    "consumes": 0.75,
    "kind": 0.90,
    "unsafe_parallel": 0.0,
    "not_step_violations": 0.0,
}


def run() -> dict[str, Any]:
    corpus = os.environ.get(CORPUS)
    if not corpus or not (Path(corpus) / "score.py").is_file():
        rows: list[dict[str, Any]] = [{"metric": f"NOT RUN ({CORPUS} names no folder with a score.py)"}]
        verdict = "NOT RUN."
    else:
        scores = _score(Path(corpus))
        rows = [_row(name, value) for name, value in scores.items() if name not in ("guides", "failed")]
        verdict = (
            f"{scores['guides']} hand-made plans: step F1 {scores['step']['f1']:.3f}, edge F1"
            f" {scores['edge']['f1']:.3f}, risky recall {scores['risky']['recall']:.3f}. The rules were written with"
            " these plans in sight: on guides that were not looked at they do less well."
        )
    return {
        "title": "Public guides against hand-made plans",
        "verdict": verdict,
        "conditions": "Compiled by `stepfleet compile --json`, no model; metrics summed over all guides.",
        "rows": rows,
    }


def _score(corpus: Path) -> dict[str, Any]:
    command = Path(sys.executable).with_name("stepfleet")
    done = subprocess.run(
        [sys.executable, str(corpus / "score.py"), "--json", "--", str(command), "compile", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    scores: dict[str, Any] = json.loads(done.stdout)
    return scores


def _row(name: str, value: Any) -> dict[str, Any]:
    goal = GOALS.get(name, "")
    if isinstance(value, dict):
        return {"metric": name, **{k: round(v, 3) for k, v in value.items()}, "goal": goal}
    return {"metric": name, "f1": round(value, 3), "goal": goal}
