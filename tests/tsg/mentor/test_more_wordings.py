"""Further ways in which authors leave a gap, beside their sound twins."""

from __future__ import annotations

import pytest

from tsg.catalogue import Catalogue
from tsg.lint import lint

FRAME = "# Mail queue is long\n\nThe relay runs in cluster `eu-1`, namespace `mail`.\n\n## Procedure\n\n{body}\n"

GAPS = [
    pytest.param(
        "condition-without-action",
        "Is only one sender slow? → A rate limit at the provider.",
        "Is only one sender slow? → Ask the provider to raise the limit.",
        id="an answer that is only a cause",
    ),
    pytest.param(
        "condition-without-action",
        "- Are all relays affected? -> Trouble with DNS.\n- Is one affected? -> See step 3.",
        "- Are all relays affected? -> See the DNS guide.\n- Is one affected? -> See step 3.",
        id="answers in a list",
    ),
    pytest.param(
        "condition-without-action",
        "- If the relay is stuck, call its owner.\n- If the disk is full, call the storage team.\n"
        "- The relay answers with code 451.",
        "- If the relay is stuck, call its owner.\n- If the disk is full, call the storage team.\n"
        "- At the top of the page look at how much of the limit (if any) is left.",
        id="a case among cases that says nothing; an instruction behind its place",
    ),
    pytest.param(
        "vague-condition",
        "Only restart the relay after the underlying problem has been solved.",
        "Only restart the relay after `mailq` prints fewer than 10 lines.",
        id="a gate on a problem being solved",
    ),
    pytest.param(
        "vague-condition",
        "Do not restart the relay until you have understood the root cause.",
        "Do not restart the relay until step 2 has named the slow sender.",
        id="a gate on a cause being understood",
    ),
    pytest.param(
        "ambiguous-choice",
        "**If the relay is stuck in `active`:**\n\nOption 1: Restart the relay in the console.\n\n"
        "Option 2: Purge the queue in the console.",
        "**If the relay is stuck in `active`:**\n\nOption 1, if the queue is empty: Restart the relay.\n\n"
        "Option 2, otherwise: Purge the queue in the console.",
        id="options below one condition that holds for all of them",
    ),
    pytest.param(
        "undefined-placeholder",
        "Scale by hand with `kubectl -n mail scale deploy/relay --replicas=N`.",
        "Let `N` be the number of relays from step 1, plus one. Scale by hand with"
        " `kubectl -n mail scale deploy/relay --replicas=N`.",
        id="a lone letter for a number",
    ),
    pytest.param(
        "undefined-placeholder",
        '```bash\nls "${SPOOL}/deferred"\n```',
        '```bash\nls "${SPOOL:-/var/spool/postfix}/deferred"\n```',
        id="a variable without a default",
    ),
    pytest.param(
        "undefined-placeholder",
        "```bash\nkubectl -n mail get pods\nkubectl -n mail describe svc <name>\n```",
        "```bash\nkubectl -n mail get pods\nkubectl -n mail describe pod <name>\n```",
        id="a nameless thing whose kind is listed above it",
    ),
    pytest.param(
        "undefined-placeholder",
        "```bash\nkubectl -n mail get pods\n\n# its log\nkubectl -n mail logs <RELAY_POD>\n```",
        "```bash\n# find the relay pod of the node\nkubectl -n mail get pods\n\n"
        "# its log\nkubectl -n mail logs <RELAY_POD>\n```",
        id="a thing that a comment further up looks up",
    ),
    pytest.param(
        "unused-input",
        "The inputs:\n\n- `limit`: how long the queue may be\n\n```sql\nSELECT id FROM mails -- over the limit\n```",
        "The inputs:\n\n- `limit`: how long the queue may be\n\n```sql\nSELECT id FROM mails LIMIT <limit>\n```",
        id="an input that only a comment names",
    ),
    pytest.param(
        "list-broken",
        "1. Show the queue:\n```bash\nmailq\n```\nIt shows for each mail\n\n- its sender\n- its size\n\n"
        "and the time.\n\n2. Call the sender.",
        "1. Show the queue:\n\n   ```bash\n   mailq\n   ```\n\n   It shows for each mail\n\n   - its sender\n"
        "   - its size\n\n2. Call the sender.",
        id="a long item broken by its fence",
    ),
    pytest.param(
        "wrong-language",
        "```console\n2026-03-01T10:00:00 qmgr[2]: 4F1: removed\n2026-03-01T10:00:01 qmgr[2]: 4F2: removed\n```",
        "```console\n$ mailq\n2026-03-01T10:00:00 qmgr[2]: 4F1: removed\n```",
        id="a session without a command",
    ),
    pytest.param(
        "wrong-language",
        "```promql\nSELECT count(*) FROM mails;\n```",
        '```promql\nmail_queue_length{\n  relay="a"\n}\n```',
        id="SQL as PromQL; a selector over several lines",
    ),
    pytest.param(
        "endless-command",
        "```bash\nkubectl -n mail port-forward svc/relay 2525:25\n```",
        "```bash\nkubectl -n mail port-forward svc/relay 2525:25 &\n```",
        id="a command that holds the terminal, and one in the background",
    ),
    pytest.param(
        "condition-in-comment",
        "```bash\nkubectl -n mail get pods\n# if the relay is disabled, set:\nrelay:\n  enabled: true\n```",
        "```bash\n# prints nothing if the relay is disabled\nkubectl -n mail get pods\n```",
        id="a comment above configuration",
    ),
    pytest.param(
        "broken-command",
        "```bash\ndocker images-all\n```\n\n```bash\nkubectl rollout deploy/relay -n mail\n```",
        "```bash\ndocker images\n```\n\n```bash\nkubectl rook-ceph mons list\n```",
        id="a sub-command that is none; a plug-in's",
    ),
]


@pytest.mark.parametrize(("code", "defect", "sound"), GAPS)
def test_a_gap_is_seen_and_its_sound_twin_is_left_in_peace(
    code: str, defect: str, sound: str, catalogue: Catalogue
) -> None:
    def found(body: str) -> set[str]:
        return {str(f.code) for f in lint(FRAME.format(body=body), catalogue, path="g.md")}

    assert code in found(defect)
    assert code not in found(sound)
