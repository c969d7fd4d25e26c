"""What holds for any text: nothing raises, lines lie in the block, the work grows with the size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsg.commands import CodeBlock, Command, Does, Language, read_code, read_inline

TAGS = [
    "",
    "bash",
    "console",
    "text",
    "powershell",
    "sql",
    "promql",
    "logql",
    "kql",
    "python",
    "http",
    "yaml",
    "json",
    "log",
]
PIECES = [
    "kubectl", "get", "delete", "pods", "$", "(", ")", "$(", "`", "'", '"', "|", "&&", ";", "\n",
    "\\\n", "\t", " ", "<", ">",
    "<<EOF", "EOF", "<POD>", "{{ x }}", "[X]", "#", "# rm", "for i in a; do", "done", "if", "fi",
    "case", "esac", "{", "}",
    "sudo", "sh -c", "xargs", "rm -rf /", "Get-VM", "Remove-Item", "PS C:\\> ", "SELECT", "FROM",
    "DROP TABLE x", ";;",
    "rate(x[5m])", "GET /x", "key: value", "...", "é", "\x00", "\u2028", "\r\n", "=", "X=1", "-n", "--",
    "@'", "'@", "${",
]  # fmt: skip
texts = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
relaxed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(block: CodeBlock, body: str, first: int) -> None:
    last = first + max(0, body.count("\n"))
    firsts = [p.lines.first for p in block.parts]
    assert firsts == sorted(firsts)
    for span in [*(p.lines for p in block.parts), *block.output]:
        assert first <= span.first <= span.last <= last
    for command in block.commands:
        assert bool(command.why) == (command.does in {Does.CHANGES, Does.UNKNOWN})
        assert not command.destructive or command.does is Does.CHANGES
        assert not command.destructive or command.reversible is False


@relaxed
@given(tag=st.sampled_from(TAGS), body=texts, first=st.integers(1, 10_000))
def test_any_text_is_read(tag: str, body: str, first: int) -> None:
    block = read_code(tag, body, first)
    check(block, body, first)
    assert read_code(tag, body, first) == block


@relaxed
@given(code=texts)
def test_any_inline_code_is_read(code: str) -> None:
    command = read_inline(code, 3)
    assert command is None or (command.lines.first, command.lines.last) == (3, 3)


@relaxed
@given(before=st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_no_text_before_it_hides_a_destructive_line_as_a_read(before: str) -> None:
    if (
        before.count("'") % 2
        or before.count('"') % 2
        or "#" in before
        or "<<" in before
        or "\\\n" in before
        or "@'" in before
    ):
        return  # the line may be part of a text or of a comment
    block = read_code("bash", before + "\nkubectl delete pod web-0 --now", 1)
    if block.language is Language.SHELL and not block.output:
        assert any(c.does in {Does.CHANGES, Does.UNKNOWN} for c in block.commands)


HARM = st.sampled_from(
    ["reboot", "rm -rf /data", "kubectl delete pod web-0", "sudo systemctl reboot", "dd if=/dev/zero of=/dev/sda"]
)
CALM = st.sampled_from(
    ["ls -l", "kubectl get pods", "echo 'a b'", "true", 'echo "x y"', "X=1", "cat /etc/hosts", "sleep 1"]
)


def around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Shell text in which another stands where it is carried out."""
    calm = CALM
    return st.one_of(
        st.builds("{}; {}".format, calm, inner),
        st.builds("{}; {}".format, inner, calm),
        st.builds("{}\n{}".format, calm, inner),
        st.builds("{} && {}".format, calm, inner),
        st.builds("{} || {}".format, calm, inner),
        st.builds("{} | {}".format, calm, inner),
        st.builds("{} & {}".format, calm, inner),
        st.builds("( {} )".format, inner),
        st.builds("{{ {}; }}".format, inner),
        st.builds("echo $( {} )".format, inner),
        st.builds('echo "a $( {} ) b"'.format, inner),
        st.builds("X=$( {} )".format, inner),
        st.builds("export X=$( {} )".format, inner),
        st.builds("cat <( {} )".format, inner),
        st.builds("if {}; then {}; fi".format, calm, inner),
        st.builds("if {}; then {}; fi".format, inner, calm),
        st.builds("if {}; then\n  {}\nelse\n  {}\nfi".format, calm, calm, inner),
        st.builds("for i in a b; do {}; done".format, inner),
        st.builds("for i in $( {} ); do {}; done".format, inner, calm),
        st.builds("while {}; do {}; done".format, calm, inner),
        st.builds("case $x in\n  a) {};;\n  *) {};;\nesac".format, calm, inner),
        st.builds("f() {{ {}; }}".format, inner),
        st.builds("! {}".format, inner),
        st.builds("{} 2>/dev/null".format, inner),
        st.builds("{{ {}; }} < file".format, inner),
        st.builds("cat <<EOF\n$( {} )\nEOF".format, inner),
        st.builds("[[ -n $( {} ) ]]".format, inner),
        st.builds("echo ${{x:-$( {} )}}".format, inner),
        st.builds("# note\n{}\n# end".format, inner),
    )


@relaxed
@given(body=st.recursive(HARM, around, max_leaves=6), tag=st.sampled_from(["bash", "shell", "console"]))
def test_a_destructive_command_shows_wherever_it_stands(body: str, tag: str) -> None:
    commands = read_code(tag, body, 1).commands
    assert any(c.does in {Does.CHANGES, Does.UNKNOWN} for c in commands), commands


@relaxed
@given(
    body=st.recursive(HARM, around, max_leaves=6),
    before=st.sampled_from(
        ["", "Check the disk first.\n", "The pod isn't ready.\n", "DEVICE    SIZE\nsda1      10G\n"]
    ),
    after=st.sampled_from(["\nDEVICE    SIZE\nsda1      10G", "\nThis takes a while, don't worry."]),
)
def test_a_destructive_command_shows_among_sentences_and_output(body: str, before: str, after: str) -> None:
    commands = read_code("bash", before + body + after, 1).commands
    assert any(c.does in {Does.CHANGES, Does.UNKNOWN} for c in commands), commands


HOSTILE = {
    "commands": "kubectl get pods | grep x\n",
    "sentences": "The pod isn't ready; (see below.\n",
    "open quotes": "echo 'a\n",
    "open double quotes": 'echo "a\n',
    "heredocs without an end": "cat <<EOF\n",
    "open brackets": "(\n",
    "substitutions": "echo $(\n",
    "backticks": "`\n",
    "braces": "{\n",
    "ifs": "if true; then\n",
    "cases": "case x in\n",
    "expansions": "${\n",
    "backslashes": "a \\\n",
    "placeholders": "<a b c d\n",
    "comments": "# a\n",
    "tables": "NAME   READY\n",
    "cmdlets": "Get-VM | Where-Object { $_.a -eq 1 }\n",
    "assignments": "X=1\n",
    "queries": "SELECT 1;\n",
    "arrays": "a=(\n",
    "groups in loops without an end": "while true; do {\n}\n",
}


def work(action: Callable[[], object]) -> int:
    """Lines of Python that an action takes: a measure that no busy machine changes."""
    count = 0

    def trace(_frame: FrameType, _event: str, _arg: object) -> Callable[..., object]:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("tag", ["bash", "", "powershell", "sql", "promql"])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_grows_with_the_size(name: str, tag: str) -> None:
    read_code(tag, HOSTILE[name], 1)
    small = work(lambda: read_code(tag, HOSTILE[name] * 300, 1))
    large = work(lambda: read_code(tag, HOSTILE[name] * 1200, 1))
    assert large < 4.6 * small + 5_000


@pytest.mark.parametrize("name", HOSTILE)
def test_twenty_thousand_lines_are_read(name: str) -> None:
    body = HOSTILE[name] * 20_000
    check(read_code("bash", body, 1), body, 1)


@pytest.mark.parametrize("tag", ["bash", "powershell", "sql", "promql", ""])
@pytest.mark.parametrize(
    "piece", ["(", "$(", "((", "`", '"$(', "{", "[", "${", "not ", "case when ", "- ", "sh -c ", "sudo ", "<"]
)
def test_deep_nesting_ends(tag: str, piece: str) -> None:
    body = "echo " + piece * 20_000 + " x"
    check(read_code(tag, body, 1), body, 1)


@pytest.mark.parametrize(
    "body",
    [
        "echo " + "$(echo " * 60 + "$(rm -rf /)" + ")" * 60,
        "sh -c 'sh -c \"sh -c reboot\"'",
        "sudo " * 40 + "reboot",
        "eval eval eval eval eval eval eval eval reboot",
        "( " * 100 + "reboot" + " )" * 100,
        "if true; then " * 90 + "reboot; " + "fi; " * 90,
        "alias a=b; alias b=a; a; reboot",
    ],
)
def test_nothing_hides_in_depth(body: str) -> None:
    assert any(c.does in {Does.CHANGES, Does.UNKNOWN} for c in read_code("bash", body, 1).commands)


def test_commands_come_in_the_order_of_the_text() -> None:
    body = "ls -l; pwd\n# note\nkubectl get pods"
    assert [p.text for p in read_code("bash", body, 1).parts] == ["ls -l", "pwd", "note", "kubectl get pods"]


def test_importing_the_room_loads_no_parser() -> None:
    code = (
        "import sys, tsg.commands, tsg.commands.read, tsg.commands.inline; "
        "print(sorted({'tree_sitter', 'tree_sitter_bash', 'tree_sitter_powershell', 'sqlglot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_shell_block_loads_only_its_parser() -> None:
    code = (
        "import sys; from tsg.commands import Command, read_code; "
        "assert isinstance(read_code('bash', 'ls', 1).parts[0], Command); "
        "print(sorted({'tree_sitter_bash', 'tree_sitter_powershell', 'sqlglot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tree_sitter_bash']"


def test_a_command_is_a_value() -> None:
    (command,) = read_code("bash", "ls", 1).commands
    assert isinstance(command, Command)
    assert hash(command) == hash(read_code("bash", "ls", 1).commands[0])
