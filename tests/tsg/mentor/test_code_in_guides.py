"""What the Mentor sees in a block of code: its statements with their comments, its language, whether it is run."""

from __future__ import annotations

import pytest

from tsg.commands import Language
from tsg.mentor.code import Code
from tsg.mentor.mentor import view_of
from tsg.parse import parse_guide


def only_code(body: str) -> Code:
    """The one block or inline command of a guide."""
    text = f"# Inbox is full\n\n## Look\n\n{body}\n"
    found = [c for part in view_of(parse_guide(text, "g.md"), text, None, native=False).parts for c in part.commands]
    assert len(found) == 1
    return found[0]


def test_a_statement_keeps_its_lines_and_the_comment_right_above_it() -> None:
    code = only_code("```bash\n# what waits\nmailq | \\\n  tail -1\n\n# apart\n\npostfix status\n```")
    assert [(s.lines.first, s.lines.last, s.comment) for s in code.statements] == [(7, 8, "what waits"), (12, 12, "")]


def test_a_loop_is_one_statement() -> None:
    code = only_code("```bash\nfor h in a b; do\n  ssh $h uptime\ndone\n```")
    assert [(s.lines.first, s.lines.last) for s in code.statements] == [(6, 8)]


def test_comments_within_a_loop_are_seen() -> None:
    code = only_code("```bash\nfor h in a b; do\n  # one by one\n  ssh $h uptime\ndone\n```")
    assert [(c.line, c.text) for c in code.comments] == [(7, "one by one")]


@pytest.mark.parametrize(
    ("body", "prompted"),
    [
        pytest.param("```\n$ mailq\n```", True, id="a dollar"),
        pytest.param("```\nops@mail1:~$ df -h\n```", True, id="user and host"),
        pytest.param("```bash\nmailq\n```", False, id="no prompt"),
        pytest.param("```bash\n$HOME/bin/check\n```", False, id="a variable is no prompt"),
        pytest.param("```text\nqueue is empty\n```", False, id="no command at all"),
    ],
)
def test_a_prompt_is_told_from_the_command(body: str, prompted: bool) -> None:
    assert only_code(body).is_prompted is prompted


@pytest.mark.parametrize(
    ("body", "language", "is_run"),
    [
        pytest.param("```bash\nmailq\n```", Language.SHELL, True, id="shell"),
        pytest.param("```\nSELECT id FROM mails;\n```", Language.SQL, True, id="SQL without a tag"),
        pytest.param("```yaml\nqueue: inbox\nsize: 3\n```", Language.YAML, False, id="configuration"),
        pytest.param("```console\n2026-01-01T00:00:00 qmgr: removed\n```", Language.OUTPUT, False, id="a log"),
        pytest.param("Run `systemctl status postfix` now.", Language.SHELL, True, id="an inline command"),
    ],
)
def test_content_tells_the_language_and_whether_it_is_run(body: str, language: Language, is_run: bool) -> None:
    code = only_code(body)
    assert (code.language, code.is_run) == (language, is_run)


def test_a_block_with_output_among_its_commands_is_not_bare() -> None:
    assert only_code("```bash\n# look\nmailq\n```").is_bare
    assert not only_code("```console\n$ uptime\n 10:01:22 up 3 days\n```").is_bare


def test_what_a_block_looks_like_may_differ_from_its_tag() -> None:
    code = only_code("```sql\nkubectl get pods -n mail\n```")
    assert (code.tagged, code.written) == (Language.SQL, Language.SHELL)


def test_a_name_in_backticks_is_no_command() -> None:
    text = "# Inbox is full\n\n## Look\n\nThe `postfix` service and the key `mail.queue size` matter.\n"
    assert not [c for p in view_of(parse_guide(text, "g.md"), text, None, native=False).parts for c in p.commands]
