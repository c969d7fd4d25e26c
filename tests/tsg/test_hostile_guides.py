"""Texts that no author wrote: each ends, within a gigabyte and half a minute, with a plan or a clear finding."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

GIGABYTE = 1 << 30
LIMIT_S = 30  # of the promise, not a measurement

HOSTILE = {
    "ten-megabytes": b"# Disk\n\nCheck the disk.\n\n" * 400_000,
    "half-a-megabyte-of-steps": b"### 1. Check it\n\n```bash\ndf -h\n```\n" * 13_000,
    "deep-lists": "".join(f"{'  ' * i}- if a, check b\n" for i in range(300)).encode(),
    "deep-quotes": b">" * 5_000 + b" If so, check it.\n",
    "100,000-items": b"1. Check it\n" * 100_000,
    "nine-thousand-items": b"1. If the disk is full, check it with `df -h`.\n" * 9_000,
    "unclosed-fences": b"```bash\nrm -rf /\n~~~\n" * 2_000,
    "mixed-line-ends": b"# A\r\n\r## B\n\n1. Check it\r2. Restart it\r\n3. Stop it\n",
    "byte-order-mark": b"\xef\xbb\xbf# A\n\n1. Check it\n",
    "other-scripts": "# Сбой\n\n1. Проверьте узел: `kubectl get nodes`\n\n## 磁盘\n\n- 检查磁盘\n".encode(),
    "nul-bytes": b"# A\n\n1. Check\0 it\n",
    "not-utf-8": b"# A\n\n1. Check \xff\xfe it\n",
    "brackets": b"[" * 15_000 + b"\n\n" + b"(" * 15_000,
    "stars": b"*a **a " * 5_000,
    "commas": b"If a" + b", b or c" * 1_900 + b", check it.\n",
    "ifs": b"If " * 1_300 + b"check it.\n",
    "options": b"Option A " * 1_700 + b"\n",
    "one-long-line": b"1. Check " + b"a" * 500_000,
    "tables": b"| a | b |\n|---|---|\n" + b"| if x | restart it |\n" * 9_000,
    "headings": b"".join(b"#" * (i % 6 + 1) + b" If a is b\n" for i in range(9_000)),
    "a-command-of-pipes": b"```bash\n" + b"cat a | " * 5_000 + b"wc\n```\n",
    "a-command-of-quotes": b"```bash\necho " + b"\"$('" * 5_000 + b"\n```\n",
    "a-command-of-brackets": b"```bash\n" + b"$(" * 5_000 + b"\n```\n",
    "placeholders": b"```bash\nkubectl get pod " + b"<A> {{ b }} $C [D] " * 4_000 + b"\n```\n",
    "sql": b"```sql\nSELECT " + b"(" * 10_000 + b"\n```\n",
    "promql": b"```promql\n" + b"sum(" * 10_000 + b"\n```\n",
    "powershell": b"```powershell\n" + b"Get-Item { " * 5_000 + b"\n```\n",
    "escapes": b"\\" * 15_000 + b"`" * 15_000,
    "entities": b"&#x202e;&amp;" * 3_000,
    "html": b"<details>" * 5_000 + b"\n\n1. Check it\n",
    "headings-of-links": b"".join(b"## [a](#a-%d)\n\nGo to [a](#a-%d).\n" % (i, i + 1) for i in range(1_500)),
    "back-edges": b"".join(b"### %d. Look\n\nIf it fails, go to step 1.\n\n" % i for i in range(1, 1_500)),
}

LOOK = """
import sys
from tsg.findings import GuideError
from tsg.compile import compile_guide
from tsg.parse import read_guide

class Nothing:
    def facts(self, name): return None
    def kind_of(self, name): return None
    def __getattr__(self, name): return lambda *a, **k: None

try:
    plan = compile_guide(read_guide(sys.argv[1]), Nothing()).plan
except GuideError as exc:
    first = exc.findings[0]
    assert first.line >= 1 and first.message and first.hint, first
    print("refused", first.code)
else:
    print("plan", len(plan.steps))
"""


def _within_a_gigabyte() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTE, GIGABYTE))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_ends_with_a_plan_or_a_finding(tmp_path: Path, name: str) -> None:
    guide = tmp_path / "guide.md"
    guide.write_bytes(HOSTILE[name])
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(guide)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        preexec_fn=_within_a_gigabyte,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(("plan ", "refused "))
