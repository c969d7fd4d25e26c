"""In which language a block is, whatever its tag says, and what of it is command, remark or output."""

from __future__ import annotations

import pytest

from tsg.commands import Command, Does, Language, Remark, read_code


@pytest.mark.parametrize(
    ("tag", "body", "language"),
    [
        pytest.param("", "$ kubectl get pods", Language.SHELL, id="a prompt"),
        pytest.param("", "kubectl get pods\nkubectl describe pod x", Language.SHELL, id="known programs"),
        pytest.param("", "# kubectl get pods", Language.SHELL, id="the prompt of root"),
        pytest.param("", "[root@gpu03 ~]# nvidia-smi -q", Language.SHELL, id="a prompt that names the host"),
        pytest.param("", "user@gpu03:~$ uptime", Language.SHELL, id="a prompt that names the user"),
        pytest.param("console", "sh-4.4# ceph -s", Language.SHELL, id="the prompt of a shell in a container"),
        pytest.param("text", "systemctl restart kubelet", Language.SHELL, id="a command tagged as text"),
        pytest.param("code", "helm list -A", Language.SHELL, id="an odd tag"),
        pytest.param("bash-interactive", "nvidia-smi", Language.SHELL, id="an interactive tag"),
        pytest.param("shel", "ls", Language.SHELL, id="a misspelt tag"),
        pytest.param("command", "kubectl get pods", Language.SHELL, id="a tag that says command"),
        pytest.param("sh-session", "$ ls\na b", Language.SHELL, id="a session"),
        pytest.param("bash", "some-tool --flag", Language.SHELL, id="an unknown program in a shell block"),
        pytest.param("yaml", "kubectl get pods\nkubectl get nodes", Language.SHELL, id="commands tagged as yaml"),
        pytest.param("", "NAME     READY   STATUS\nweb-0    1/1     Running", Language.OUTPUT, id="a table"),
        pytest.param(
            "bash", "NAME     READY   STATUS\nweb-0    1/1     Running", Language.OUTPUT, id="a table in bash"
        ),
        pytest.param("console", "update.go:12] Rebooting node", Language.OUTPUT, id="a log line in a console block"),
        pytest.param(
            "bash", "E0219 01:25:20.89 8301 writer.go:226] Marking Degraded", Language.OUTPUT, id="a log in bash"
        ),
        pytest.param("", "2024-05-01T10:00:00Z level=error msg=x", Language.OUTPUT, id="a log"),
        pytest.param("", "[ERROR] cleanup failed: no space", Language.OUTPUT, id="an error"),
        pytest.param("log", "kubectl exploded", Language.OUTPUT, id="what is tagged as a log"),
        pytest.param("console", " - alertname = NodeDown\n...\n - node = a", Language.OUTPUT, id="labels of an alert"),
        pytest.param("", "Version : 2\nState    : on\nName     : a b", Language.OUTPUT, id="fields"),
        pytest.param(
            "powershell", "Queue: a\n  Version: 2.0\n  State: Active", Language.OUTPUT, id="fields as powershell"
        ),
        pytest.param("", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x", Language.YAML, id="a manifest"),
        pytest.param(
            "bash", "status:\n  conditions:\n  - type: Ready\n    status: 'True'", Language.YAML, id="yaml in bash"
        ),
        pytest.param("", '{"a": 1}', Language.JSON, id="json"),
        pytest.param("bash", '{\n  "a": [1, 2]\n}', Language.JSON, id="json in bash"),
        pytest.param("", "[global]\nfsid = 3f27\nmon host = a", Language.CONFIG, id="an ini file"),
        pytest.param("", "Prolog=/x/prolog.sh\nPrologFlags=Alloc", Language.CONFIG, id="settings"),
        pytest.param("toml", "a = 1", Language.CONFIG, id="toml"),
        pytest.param("promql", "rate(x_total[5m]) > 1", Language.PROMQL, id="promql"),
        pytest.param("bash", "rate(x_total[5m]) > 1", Language.PROMQL, id="promql in bash"),
        pytest.param(
            "console", 'sum by(code) (rate(http_total{code!~"2.."}[15m])) > 0', Language.PROMQL, id="promql in console"
        ),
        pytest.param("", 'up{job="node"} == 0', Language.PROMQL, id="a series"),
        pytest.param("", "slo:burn_rate:1h > 14.4", Language.PROMQL, id="a recorded series and a threshold"),
        pytest.param("promql", '{app="web"} |= "error"', Language.LOGQL, id="logql tagged as promql"),
        pytest.param("", '{app="web"} |= "error" | json', Language.LOGQL, id="logql"),
        pytest.param("sql", "SELECT 1", Language.SQL, id="sql"),
        pytest.param("text", "SELECT pid FROM pg_stat_activity;", Language.SQL, id="sql in text"),
        pytest.param("", "mysql> SHOW PROCESSLIST;", Language.SQL, id="the prompt of a client"),
        pytest.param("javascript", "db.tokens.deleteMany({})", Language.SQL, id="mongosh"),
        pytest.param("", "Heartbeat\n| where TimeGenerated > ago(1h)\n| summarize count()", Language.KQL, id="kql"),
        pytest.param("sql", "Heartbeat | where x == 1 | take 10", Language.KQL, id="kql tagged as sql"),
        pytest.param("powershell", "Get-Service x", Language.POWERSHELL, id="powershell"),
        pytest.param("", "Get-ClusterNode | ft Name, State", Language.POWERSHELL, id="cmdlets"),
        pytest.param("", "PS C:\\> Get-VM", Language.POWERSHELL, id="the prompt of powershell"),
        pytest.param("bash", "Get-ClusterNode\nRestart-Service x", Language.POWERSHELL, id="cmdlets in bash"),
        pytest.param("", "GET /api/v1/nodes", Language.HTTP, id="a request"),
        pytest.param("http", "POST /x", Language.HTTP, id="a tagged request"),
        pytest.param("python", "import os", Language.PYTHON, id="python"),
        pytest.param("", "import os\nprint(os.getcwd())", Language.PYTHON, id="untagged python"),
        pytest.param("mermaid", "graph TD\nA-->B", Language.DIAGRAM, id="mermaid"),
        pytest.param("", "flowchart LR\n  A --> B", Language.DIAGRAM, id="untagged mermaid"),
        pytest.param("", "┌───┐\n│ a │\n└─┬─┘\n  ▼", Language.DIAGRAM, id="boxes"),
        pytest.param("", "The volume is not visible to this node.", Language.PROSE, id="a sentence"),
        pytest.param(
            "bash",
            "🚨 FREEZE 🚨\nOnly emergency fixes are allowed.\nAll deployments stop.",
            Language.PROSE,
            id="a message",
        ),
        pytest.param("bash", "# Announce it in the channel", Language.SHELL, id="only comments"),
    ],
)
def test_the_content_decides_the_language(tag: str, body: str, language: Language) -> None:
    assert read_code(tag, body, 1).language is language


@pytest.mark.parametrize(
    ("tag", "tagged"),
    [
        ("bash", Language.SHELL),
        ("", None),
        ("text", None),
        ("klingon", None),
        ("PromQL", Language.PROMQL),
        ("yml", Language.YAML),
        ("ps1", Language.POWERSHELL),
        ("shell-session", Language.SHELL),
    ],
)
def test_what_the_tag_says(tag: str, tagged: Language | None) -> None:
    assert read_code(tag, "x", 1).tagged is tagged


def kinds(tag: str, body: str) -> list[str]:
    block = read_code(tag, body, 1)
    found: list[tuple[int, str]] = []
    for part in block.parts:
        if isinstance(part, Command):
            found.append((part.lines.first, f"{part.lines.first}-{part.lines.last} {part.does} {part.text}"))
        else:
            mark = "prose" if part.prose else "remark"
            found.append((part.lines.first, f"{part.lines.first}-{part.lines.last} {mark} {part.text}"))
    found += [(span.first, f"{span.first}-{span.last} output") for span in block.output]
    return [text for _, text in sorted(found, key=lambda f: f[0])]


def test_where_a_block_has_prompts_other_lines_are_output() -> None:
    body = "$ kubectl get pods\nNAME   READY\nweb-0  1/1\n$ kubectl delete pod web-0\npod deleted"
    assert kinds("", body) == [
        "1-1 reads kubectl get pods",
        "2-3 output",
        "4-4 changes kubectl delete pod web-0",
        "5-5 output",
    ]


def test_a_command_without_a_prompt_among_prompts_is_not_lost() -> None:
    assert kinds("console", "kubectl get pods\n$ kubectl delete pod x") == [
        "1-1 reads kubectl get pods",
        "2-2 changes kubectl delete pod x",
    ]


def test_a_continued_line_keeps_its_second_prompt_out() -> None:
    assert kinds("", "$ kubectl get pods \\\n> -A") == ["1-2 reads kubectl get pods -A"]


def test_comments_in_a_row_are_one_remark_and_stand_before_their_command() -> None:
    assert kinds("bash", "# one\n# two\nls -l # three\n\n# four") == [
        "1-2 remark one\ntwo",
        "3-3 reads ls -l",
        "3-3 remark three",
        "5-5 remark four",
    ]


def test_a_sentence_in_a_shell_block_is_a_remark() -> None:
    body = "kubectl scale deploy/web --replicas=3\n\nMake sure that the node has enough memory for it."
    assert kinds("bash", body) == [
        "1-1 changes kubectl scale deploy/web --replicas=3",
        "3-3 prose Make sure that the node has enough memory for it.",
    ]


def test_configuration_in_a_shell_block_is_no_command() -> None:
    body = "# In values.yaml:\ncleanup:\n  enabled: true\nhelm upgrade web ./chart -f values.yaml"
    assert kinds("bash", body) == [
        "1-1 remark In values.yaml:",
        "2-3 output",
        "4-4 changes helm upgrade web ./chart -f values.yaml",
    ]


def test_the_lines_of_a_heredoc_belong_to_its_command() -> None:
    body = "cat <<'EOF' > /tmp/x.yaml\n# note\nkind: Pod\nThe text is free here.\nEOF\nls -l"
    assert kinds("bash", body)[-1] == "6-6 reads ls -l"
    assert [c.lines.last for c in read_code("bash", body, 1).commands] == [5, 6]


def test_the_lines_of_a_quoted_text_belong_to_its_command() -> None:
    body = "kubectl patch pdb x -p '{\n  \"spec\": {}\n}'\nls -l"
    assert [(c.lines.first, c.lines.last) for c in read_code("bash", body, 1).commands] == [(1, 3), (4, 4)]


def test_a_comment_in_a_loop_stays_in_it() -> None:
    body = "for n in a b; do\n  # drop it\n  kubectl delete node $n\ndone"
    (only,) = read_code("bash", body, 1).parts
    assert isinstance(only, Command)
    assert "# drop it" in only.text


def test_a_page_copied_as_text_keeps_its_commands() -> None:
    body = "bash\nkubectl get pods -n x\nPurpose: Find the pods that are not ready.\n\nbash\nkubectl delete pod a -n x"
    assert kinds("", body) == [
        "1-1 output",
        "2-2 reads kubectl get pods -n x",
        "3-3 prose Purpose: Find the pods that are not ready.",
        "5-5 output",
        "6-6 changes kubectl delete pod a -n x",
    ]


def test_queries_are_parted_by_comments_and_complete_lines() -> None:
    body = "# rate\nsum(rate(a_total[5m]))\n/\nsum(rate(b_total[5m]))\n\n# other\nx > 1\ny < 2\nand\nz > 3"
    block = read_code("promql", body, 1)
    assert [(c.lines.first, c.lines.last, c.does) for c in block.commands] == [
        (2, 4, Does.READS),
        (7, 7, Does.READS),
        (8, 10, Does.READS),
    ]
    assert [p.text for p in block.parts if isinstance(p, Remark)] == ["rate", "other"]


def test_requests_are_parted_and_judged_by_method() -> None:
    block = read_code("http", "GET /a\nAccept: x\n\nDELETE /index\n\nPOST /index/_search\n{}", 1)
    assert [(c.lines.first, c.does, c.destructive) for c in block.commands] == [
        (1, Does.READS, False),
        (4, Does.CHANGES, True),
        (6, Does.READS, False),
    ]


def test_a_program_is_one_unknown_command() -> None:
    block = read_code("python", "# why\nimport os\n# inside\nos.system('x')", 1)
    assert [c.does for c in block.commands] == [Does.UNKNOWN]
    assert [p.text for p in block.parts if isinstance(p, Remark)] == ["why"]


def test_a_program_of_comments_only_runs_nothing() -> None:
    assert read_code("python", "# 1. look\n# 2. think", 1).commands == ()


@pytest.mark.parametrize("tag", ["yaml", "json", "toml", "mermaid", "log"])
def test_what_nobody_runs_has_no_parts(tag: str) -> None:
    assert read_code(tag, "a: 1", 1).parts == ()
