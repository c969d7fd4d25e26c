"""What people said, held against what the run made of it: each word once, to its question, while it is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.campaign.cases import Case
from tests.campaign.order import Row


def people_violations(case: Case, rows: Sequence[Row], commands: Mapping[int, Mapping[str, Any]]) -> list[str]:
    return [
        *_each_word_once(rows),
        *_each_answer_to_its_question(rows, commands),
        *_nothing_without_approval(case, rows),
    ]


def _each_word_once(rows: Sequence[Row]) -> list[str]:
    heard = Counter(r.payload["command"] for r in rows if "command" in r.payload)
    return [f"command {number} was heard {times} times" for number, times in heard.items() if times > 1]


def _each_answer_to_its_question(rows: Sequence[Row], commands: Mapping[int, Mapping[str, Any]]) -> list[str]:
    wrong = []
    answered: Counter[str] = Counter()
    for row in rows:
        if row.kind != "answered":
            continue
        question = commands[row.payload["command"]]["question"]
        if question != answered[row.key]:
            wrong.append(f"{row.key} asked question {answered[row.key]}, and took an answer to {question}")
        answered[row.key] += 1
    return wrong


def _nothing_without_approval(case: Case, rows: Sequence[Row]) -> list[str]:
    """Where people are to be asked, an intent follows their approval of that very call, while it is good."""
    if not case.needs_approval:
        return []
    wrong = []
    good_until: dict[tuple[str, str], datetime] = {}  # by step and digest of the call
    for row in rows:
        call = row.key, row.payload.get("digest", "")
        if row.kind == "approved":
            good_until[call] = datetime.fromisoformat(row.payload["expires_at"])
        elif row.kind == "rejected":
            good_until.pop(call, None)
        elif row.kind == "intent" and _asks_first(case, row.key):
            if call not in good_until:
                wrong.append(f"{row.key} acted, and nobody approved it")
            # A clock that jumps of itself may do so between the last look at the approval and the intent.
            elif not case.clock_jumps and good_until[call] <= datetime.fromisoformat(row.at).replace(tzinfo=UTC):
                wrong.append(f"{row.key} acted under an approval that had run out")
    return wrong


def _asks_first(case: Case, key: str) -> bool:
    return case.plan.by_id[key.partition("@")[0]].calls[0].plugin == "push_once"
