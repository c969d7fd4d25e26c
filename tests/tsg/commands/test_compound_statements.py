"""A loop, a branch, a function or a group is one statement, whatever it holds and whatever stands around it."""

from __future__ import annotations

import pytest

from tsg.commands import Does, Language, Remark, read_code

COMPOUNDS = {
    "a branch in a group": "{ case $x in\n  a) ls -l;;\n  *) reboot;;\nesac; }",
    "a text in a group that reads as a sentence": "{\n  df -h\n  echo the disk is full of logs\n  reboot\n}",
    "a subshell": "(\n  cd /data\n  reboot\n)",
    "a function of strange names": "heal() {\n  Quux corge grault\n  reboot\n}",
    "a function whose brace stands alone": "heal()\n{\n  reboot\n}",
    "a heredoc with an apostrophe": "if true; then\n  cat <<END\nIt isn't over.\nEND\n  reboot\nfi",
    "a branch in a loop": "for p in a b; do\n  case $p in\n    a) echo 'it is fine';;\n    *) reboot;;\n  esac\ndone",
    "a loop that a file feeds": "while read -r n; do\n  reboot\ndone < nodes",
}
AROUND = {
    "alone": "{}",
    "after a sentence": "The disk isn't full, so go on with this.\n{}",
    "before a sentence": "{}\nThis takes a while, so don't stop it.",
    "before its output": "{}\nDEVICE    SIZE   USED\nsda1      10G    9G",
    "at a prompt": "$ {}",
    "between outputs": "$ df -h\nDEVICE    SIZE   USED\n$ {}\nFAILED to reboot",
}


@pytest.mark.parametrize("tag", ["bash", "console"])
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("compound", COMPOUNDS)
def test_a_compound_statement_is_one_command(compound: str, around: str, tag: str) -> None:
    code = COMPOUNDS[compound]
    block = read_code(tag, AROUND[around].format(code), 1)
    (found,) = [c for c in block.commands if c.destructive]
    assert found.lines.last - found.lines.first == code.count("\n")
    assert found.argv == ("reboot",)


def test_the_second_prompt_is_no_part_of_a_statement() -> None:
    block = read_code("console", "$ for n in a b; do\n>   kubectl cordon $n\n> done\nnode/a cordoned\n$ df -h", 1)
    assert [(c.lines.first, c.lines.last, c.does) for c in block.commands] == [
        (1, 3, Does.CHANGES),
        (5, 5, Does.READS),
    ]
    assert [(s.first, s.last) for s in block.output] == [(4, 4)]


@pytest.mark.parametrize(
    "line",
    [
        "true; if reboot; then df -h; fi",
        "echo 'the disk' | f() { reboot; }",
        "! reboot",
        "( reboot )",
        "{ reboot; } < in",
    ],
)
def test_operators_make_statements_of_what_reads_as_words(line: str) -> None:
    assert any(c.destructive for c in read_code("console", line, 1).commands)


@pytest.mark.parametrize(
    "body",
    [
        "Check the disk of the node first",
        "Wait for the node; ask the team after that",
        "The disk is full (see below)",
    ],
)
def test_a_sentence_that_parses_is_no_command(body: str) -> None:
    block = read_code("bash", body + "\ndf -h", 1)
    assert [c.text for c in block.commands] == ["df -h"]
    assert [p.text for p in block.parts if isinstance(p, Remark)] == [body]


@pytest.mark.parametrize("body", ['{\n  "disk": 1\n}', '{\n  "disk": "full",\n  "size": 3\n}'])
def test_an_object_that_parses_is_no_group(body: str) -> None:
    block = read_code("bash", body, 1)
    assert block.language is not Language.SHELL
    assert not block.commands


def test_a_loop_that_never_closes_hides_nothing_after_it() -> None:
    block = read_code("bash", "The disk isn't full.\nfor n in a b; do\n  df -h\nkubectl delete pod web-0", 1)
    assert [c.lines.first for c in block.commands if c.destructive] == [4]


@pytest.mark.parametrize(
    "harm", ["rm -rf /data", "reboot", "systemctl stop slurmd.service", "dd if=/dev/zero of=/dev/sda"]
)
def test_a_command_without_a_prompt_among_prompted_ones_is_seen(harm: str) -> None:
    block = read_code("console", f"$ ls /data\nold  new\n{harm}\n$ df -h\n", 1)
    assert [c.text for c in block.commands if c.does is Does.CHANGES] == [harm]
    assert [(s.first, s.last) for s in block.output] == [(2, 2)]


@pytest.mark.parametrize(
    "printed", ["rm: cannot remove 'x'", "service nginx is running", "stat of all disks", "kill sent"]
)
def test_what_a_prompted_command_printed_stays_output(printed: str) -> None:
    assert [c.text for c in read_code("console", f"$ ls\n{printed}\n", 1).commands] == ["ls"]
