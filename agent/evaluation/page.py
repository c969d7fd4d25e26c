"""The evaluation as one HTML page that needs nothing else: the table, and each case with what was said to it.

What stands in it was written by others (evidence, a model's reasons): all of it is escaped, and nothing is loaded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

from agent.evaluation.cases import Case
from agent.evaluation.score import Answer, Verdict
from agent.redact import redacted, visible

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .6rem }
.right { color: #1a7f37 } .wrong, .harmful { color: #cf222e; font-weight: bold } .abstained, .failed { color: #9a6700 }
@media (prefers-color-scheme: dark) { .right { color: #4ac26b } .wrong, .harmful { color: #ff7b72 } }
"""


def page(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    cases: Sequence[Case],
    answers: Mapping[str, Sequence[Answer]],
    not_run: Mapping[str, str],
) -> str:
    """`rows` are the table as it is printed; `answers` are by model, without the baselines; `not_run` says why."""
    head = "".join(f"<th>{_text(c)}</th>" for c in columns)
    body = "".join(f"<tr>{''.join(_cell(i, c) for i, c in enumerate(row))}</tr>" for row in rows)
    said: dict[str, list[tuple[str, Answer]]] = defaultdict(list)
    for model, given in answers.items():
        for a in given:
            said[a.case.place].append((model, a))
    details = "".join(_case(case, said[case.place]) for case in cases)
    reasons = "".join(f"<p>{_text(name)}: NOT RUN: {_text(why)}</p>" for name, why in not_run.items())
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Evaluation of judgement</title><style>{STYLE}</style><h1>Evaluation of judgement</h1>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{reasons}<h2>Cases</h2>{details}</html>\n"
    )


def _cell(place: int, text: str) -> str:
    return f"<td{' class=number' if place else ''}>{_text(text)}</td>"


def _case(case: Case, said: Sequence[tuple[str, Answer]]) -> str:
    w = case.written
    worst = _worst(said)
    evidence = json.dumps({"alert": dict(case.question.alert), "values": w.values}, indent=2, ensure_ascii=False)
    unacceptable = f"; unacceptable: {', '.join(w.unacceptable)}" if w.unacceptable else ""
    options = "".join(f"<li>{_text(case.leads_to[o.edge])}: {_text(o.condition)}</li>" for o in case.question.options)
    rows = "".join(
        f"<tr><td>{_text(model)}</td><td class={a.verdict}>{a.verdict}</td><td>{_text(a.choice)}</td>"
        f"<td>{_text(a.reason)}</td></tr>"
        for model, a in said
    )
    return (
        f"<details><summary><span class='{worst}'>{worst}</span> {_text(case.id)} ({w.kind})</summary>"
        f"<p>Right: {_text(', '.join(w.right))}{_text(unacceptable)}. {_text(w.because)}</p><ul>{options}</ul>"
        f"<pre>{_text(evidence)}</pre><table><tbody>{rows}</tbody></table></details>"
    )


def _worst(said: Sequence[tuple[str, Answer]]) -> str:
    if not said:
        return "not asked"
    order = (Verdict.HARMFUL, Verdict.WRONG, Verdict.FAILED, Verdict.ABSTAINED)
    found = {a.verdict for _, a in said}
    return next((v for v in order if v in found), Verdict.RIGHT)


def _text(text: str) -> str:
    return escape(redacted(visible(str(text))))
