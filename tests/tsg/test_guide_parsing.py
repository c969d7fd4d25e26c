"""From bytes to sections, blocks, fences and links, every one with its lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dag.model import Span, ValueType
from tsg.findings import Code, GuideError
from tsg.guide import BlockKind, PieceKind
from tsg.parse import MAX_BYTES, MAX_LINES, parse_guide, read_guide, read_info

TEXT = """\
---
title: Replica hotspot
alerts: [ReplicaHotspot, {team: "~serv.*"}]
owners: oncall
inputs:
  - {name: fleet, type: string, from: labels.fleet, default: demo}
  - {name: limit, type: scalar, default: 2.5}
---

# Hot

Some *prose* with `code` and
a [link](#measure).

## Measure

1. First
2. Second:

   ```promql as=waiting timeout="10s" max_age=15s
   up
   ```

| a | b |
|---|---|
| x | [y](#hot) |
"""


def test_every_block_keeps_its_lines() -> None:
    guide = parse_guide(TEXT, "guide.md")
    hot, measure = guide.sections
    assert (hot.slug, hot.level, hot.lines) == ("hot", 1, Span(10, 13))
    assert (measure.slug, measure.level, measure.lines) == ("measure", 2, Span(15, 26))
    assert [(b.kind, b.lines) for b in measure.blocks] == [
        (BlockKind.PARAGRAPH, Span(17, 17)),
        (BlockKind.PARAGRAPH, Span(18, 18)),
        (BlockKind.FENCE, Span(20, 22)),
        (BlockKind.ROW, Span(24, 24)),
        (BlockKind.ROW, Span(26, 26)),
    ]


def test_a_fence_keeps_language_attributes_and_the_line_of_its_body() -> None:
    (fence,) = parse_guide(TEXT, "guide.md").sections[1].fences
    assert fence.language == "promql"
    assert dict(fence.attributes) == {"as": "waiting", "timeout": "10s", "max_age": "15s"}
    assert (fence.body, fence.body_line, fence.closed) == ("up\n", 21, True)


def test_links_and_inline_code_keep_the_line_they_stand_on() -> None:
    hot, measure = parse_guide(TEXT, "guide.md").sections
    assert [(link.text, link.target, link.line) for link in hot.links] == [("link", "#measure", 13)]
    assert [(link.text, link.target, link.line) for link in measure.links] == [("y", "#hot", 26)]
    assert [(p.text, p.line) for p in hot.blocks[0].pieces if p.kind is PieceKind.CODE] == [("code", 12)]


def test_front_matter_says_what_the_guide_is_for_and_needs() -> None:
    front = parse_guide(TEXT, "guide.md").front
    assert [dict(a) for a in front.alerts] == [{"alertname": "ReplicaHotspot"}, {"team": "~serv.*"}]
    assert front.owners == ("oncall",)
    fleet, limit = front.inputs
    assert (fleet.type, fleet.source, fleet.default, fleet.required) == (
        ValueType.STRING,
        "labels.fleet",
        "demo",
        False,
    )
    assert (limit.type, limit.default) == (ValueType.SCALAR, 2.5)
    assert dict(front.input_lines) == {"fleet": 6, "limit": 7}


def test_front_matter_of_another_tool_is_let_be() -> None:
    guide = parse_guide("---\nweight: 20\ntitle: Kubelet\n---\n# Kubelet down\n", "guide.md")
    assert guide.findings == ()
    assert guide.title == "Kubelet"


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param(lambda t: t.replace("\n", "\r\n"), id="as Windows ends lines"),
        pytest.param(lambda t: t.replace("\n", "\r"), id="as old Macs ended lines"),
        pytest.param(lambda t: "\ufeff" + t, id="with a byte order mark"),
        pytest.param(lambda t: t.rstrip("\n"), id="without a last line end"),
    ],
)
def test_the_same_text_parses_to_the_same_sections(ends: object) -> None:
    assert callable(ends)
    assert parse_guide(ends(TEXT), "guide.md").sections == parse_guide(TEXT, "guide.md").sections


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"# a\n\xff\n", "g.md:2: error file-not-text: byte 0xff at offset 4 is not UTF-8", id="not UTF-8"),
        pytest.param(b"# a\n\nb\0c\n", "g.md:3: error file-not-text: the line holds a NUL byte", id="a NUL byte"),
        pytest.param(
            b"x" * 10_485_760,
            f"g.md:1: error file-too-large: the file has 10,485,760 bytes, the limit is {MAX_BYTES:,}",
            id="10 MB",
        ),
        pytest.param(
            b"a\n" * (MAX_LINES + 1),
            f"g.md:1: error file-too-large: the file has {MAX_LINES + 1:,} lines, the limit is {MAX_LINES:,}",
            id="too many lines",
        ),
    ],
)
def test_what_is_no_guide_is_refused_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(GuideError) as refused:
        parse_guide(data, "g.md")
    (finding,) = refused.value.findings
    assert str(finding).splitlines()[0] == said
    assert finding.hint


def test_a_large_file_is_refused_by_its_whole_size_and_read_no_further(tmp_path: Path) -> None:
    path = tmp_path / "large.md"
    path.write_bytes(b"x" * (10 * 1024 * 1024))
    with pytest.raises(GuideError, match=re.escape("10,485,760 bytes")):
        read_guide(path, name="large.md")


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(GuideError) as refused:
        read_guide(tmp_path / "none.md", name="none.md")
    (finding,) = refused.value.findings
    assert (finding.code, finding.message) == (
        Code.FILE_UNREADABLE,
        "the file cannot be read: No such file or directory",
    )


def test_headings_get_the_anchors_that_forges_give_them() -> None:
    text = "## Move sessions\n## Move sessions\n## 2. What's `next`?\n## Ça va\n## !!!\n## <a name='old'></a>New\n"
    guide = parse_guide(text, "g.md")
    assert [s.slug for s in guide.sections] == [
        "move-sessions",
        "move-sessions-1",
        "2-whats-next",
        "ça-va",
        "section",
        "new",
    ]
    assert guide.by_anchor["old"] == 5


@pytest.mark.parametrize(
    ("info", "want"),
    [
        pytest.param("", ("", (), {}), id="nothing"),
        pytest.param("Bash", ("bash", (), {}), id="a language in any case"),
        pytest.param(
            "action kv_migrate as=moved", ("action", ("kv_migrate",), {"as": "moved"}), id="name and attribute"
        ),
        pytest.param("x a=\"b c\" d='e' f=", ("x", (), {"a": "b c", "d": "e", "f": ""}), id="quotes and nothing"),
    ],
)
def test_an_info_string_splits_into_language_words_and_attributes(info: str, want: tuple[object, ...]) -> None:
    language, words, attributes = read_info(info)
    assert (language, words, dict(attributes)) == want


def test_a_paragraph_without_end_is_text_and_nothing_else() -> None:
    guide = parse_guide("## Look\n\n" + "[" * 20_000, "g.md")
    assert [f.code for f in guide.findings] == [Code.PARAGRAPH_TOO_LONG]


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        pytest.param("alerts: &a [x]\nowners: *a", "anchors and aliases (&, *) are not read", id="an alias"),
        pytest.param("alerts: [x]\nalerts: [y]", "the key 'alerts' is written twice", id="a key twice"),
        pytest.param("alerts: [x]\n1: y", "a key is not a text", id="a number as a key"),
        pytest.param("alerts: !!binary eA==", "the tag 'tag:yaml.org,2002:binary' is not read", id="an odd tag"),
        pytest.param("alerts: " + "[" * 5_000, "nested too deeply", id="nested without end"),
        pytest.param("alerts: [x]\ntitle: .nan", "'nan' is not a number that can be compared", id="not a number"),
        pytest.param("- a\n- b", "front matter is not a mapping of keys to values", id="a list"),
    ],
)
def test_front_matter_holds_plain_values_only(yaml: str, said: str) -> None:
    guide = parse_guide(f"---\n{yaml}\n---\n\n## Ask\n", "g.md")
    assert [(f.code, f.message) for f in guide.findings] == [(Code.FRONT_MATTER_YAML, said)]
