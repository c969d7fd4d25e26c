"""Blocks of shell read into statements on the guide's lines."""

from __future__ import annotations

from tests.tsg.commands.shell_rows import the_worst
from tsg.commands import Does, Language, read_code


def test_a_slip_loses_no_command() -> None:
    commands = read_code("bash", "kubectl get pods\necho 'open\nkubectl delete pod a\nfor x in\nreboot", 10).commands
    assert [(c.lines.first, c.does) for c in commands if c.does is Does.CHANGES] == [
        (12, Does.CHANGES),
        (14, Does.CHANGES),
    ]


def test_lines_after_a_shell_in_a_container_run_inside_it() -> None:
    body = "kubectl exec -it <POD> -- bash\ndcgmi discovery -l\nexit\nkubectl get pods"
    opened, inside, left, after = read_code("bash", body, 1).commands
    assert (opened.does, bool(opened.interactive)) == (Does.NOTHING, True)
    assert inside.touches == ("pod:<POD>",)
    assert left.does is Does.NOTHING
    assert after.touches == ("pod:*",)


def test_one_command_a_statement_on_the_guides_lines() -> None:
    body = "# first\nkubectl get pods \\\n  -A\n\nfor n in a b; do\n  kubectl cordon $n\ndone\nls; ls -l"
    block = read_code("bash", body, 100)
    assert block.language is Language.SHELL
    assert [(c.lines.first, c.lines.last) for c in block.commands] == [(101, 102), (104, 106), (107, 107), (107, 107)]
    assert block.commands[0].text == "kubectl get pods -A"


def test_a_redirection_is_told_from_a_placeholder() -> None:
    assert the_worst("cat <in.txt>out.txt").does is Does.CHANGES
    assert the_worst("cat <in>/etc/passwd").does is Does.CHANGES
    assert the_worst("cat <file>").does is Does.READS


def test_a_hole_hides_no_command() -> None:
    assert the_worst("echo {{ $(reboot) }}").destructive
    assert the_worst("echo [ $(reboot) ]").destructive
