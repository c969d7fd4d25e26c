"""What foreign text looks like before a model or a report sees it."""

from __future__ import annotations

import json
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.redact import (
    READ_CHARS,
    bounded,
    is_sensitive_name,
    one_line,
    redacted,
    safe_text,
    safe_value,
    visible,
)

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAK\nhunter2\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(f"key:\n{PEM}\nend", "key:\n[redacted:pem]\nend", id="a private key"),
        pytest.param(PEM[:60], "[redacted:pem]", id="a private key cut off by a log"),
        pytest.param(f"got {JWT}!", "got [redacted:jwt]!", id="a JWT"),
        pytest.param("-H 'X: Bearer abc123def'", "-H 'X: [redacted:authorization]'", id="a bearer token"),
        pytest.param(
            "Authorization: Basic dXNlcjpwYXNz", "Authorization: [redacted:authorization]", id="basic authorization"
        ),
        pytest.param("Authorization: abc def", "Authorization: [redacted:value]", id="any other authorization"),
        pytest.param("Cookie: a=b; c=d\nnext", "Cookie: [redacted:value]\nnext", id="cookies"),
        pytest.param(
            "postgres://u:p%40@db:5432/x", "postgres://[redacted:userinfo]@db:5432/x", id="a password in a URL"
        ),
        pytest.param("redis://:hunter2@cache", "redis://[redacted:userinfo]@cache", id="a password without a user"),
        pytest.param("password: correct horse battery", "password: [redacted:value]", id="a pass phrase in YAML"),
        pytest.param("DB_PASSWORD=hunter2 ok=1", "DB_PASSWORD=[redacted:value] ok=1", id="an environment variable"),
        pytest.param('{"api_key": "a b", "x": 1}', '{"api_key": [redacted:value], "x": 1}', id="a JSON field"),
        pytest.param(
            '{\\"api_key\\": \\"a b\\"}', '{\\"api_key\\": [redacted:value]}', id="a JSON field inside a JSON string"
        ),
        pytest.param("?access_token=abc&x=1", "?access_token=[redacted:value]&x=1", id="a query parameter"),
        pytest.param("run --token abc --x", "run --token [redacted:value] --x", id="a command's option"),
        pytest.param("curl -u me:hunter2 http://x", "curl -u me:[redacted:value] http://x", id="curl's user"),
        pytest.param(
            "\x1b[31mpassword\x1b[0m=\x1b[35mhunter2\x1b[0m ok",
            "␛password␛=␛[redacted:value]␛ ok",
            id="coloured output",
        ),
        pytest.param(
            "- name: DB_PASSWORD\n  value: hunter2\n- name: A\n  value: b",
            "- name: DB_PASSWORD\n  value: [redacted:value]\n- name: A\n  value: b",
            id="a container's environment",
        ),
        pytest.param(
            "data:\n  a: YWJj\n  b: ZGVm\nkind: Secret\nmetadata:\n  name: x",
            "data:\n  [redacted:secret]\n  [redacted:secret]\nkind: Secret\nmetadata:\n  name: x",
            id="a Secret manifest in YAML",
        ),
        pytest.param(
            '{"data": {"a": "YWJj"}, "kind": "Secret"}',
            '{"data": "[redacted:secret]", "kind": "Secret"}',
            id="a Secret manifest in JSON",
        ),
        pytest.param("stringData:\n  a: x\nb: 1", "stringData:\n  [redacted:secret]\nb: 1", id="stringData anywhere"),
        pytest.param(
            "password: |\n  line one\n  line two\nx: 1",
            "password: [redacted:value]\n  [redacted:secret]\n  [redacted:secret]\nx: 1",
            id="a block scalar",
        ),
        pytest.param("sk-proj-abcdefghij0123456789", "[redacted:key]", id="an OpenAI key"),
        pytest.param("AKIAIOSFODNN7EXAMPLE", "[redacted:key]", id="an AWS key id"),
        pytest.param("ghp_" + "a1" * 18, "[redacted:key]", id="a GitHub token"),
        pytest.param("hf_" + "aB" * 17, "[redacted:key]", id="a Hugging Face token"),
        pytest.param("xoxb-12345-67890-abc", "[redacted:key]", id="a Slack token"),
    ],
)
def test_secrets_go(text: str, want: str) -> None:
    assert redacted(visible(text)) == want


@pytest.mark.parametrize(
    "text",
    [
        "max(vllm:num_requests_waiting) > 2",
        "tokens: 17 token: 17 max_tokens=512 generated_tokens 4.5",
        "kv_cache_tokens_used: 40213, tokens_per_second: 12.5",
        "the secret to success is practice; the basic idea of bearer plants",
        "session_id=abc moved from replica a to replica b",
        "data:\n  replicas: 3\nkind: ConfigMap",
        "https://grafana.example/d/abc?var-node=gpu03",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "password: null\nauthorization=true",
    ],
)
def test_evidence_stays(text: str) -> None:
    assert safe_text(text, 1_000) == text


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("a\x00b\x08c", "a\\u{0}b\\u{8}c", id="control characters"),
        pytest.param("user\u202eexe.txt", "user\\u{202e}exe.txt", id="right-to-left override"),
        pytest.param("a\u200bb\ufeff", "a\\u{200b}b\\u{feff}", id="zero width"),
        pytest.param("x\U000e0041y", "x\\u{e0041}y", id="tag characters"),
        pytest.param("a\u2028b", "a\\u{2028}b", id="a line separator"),
        pytest.param("a\r\nb\rc", "a\nb\\u{d}c", id="carriage returns"),
        pytest.param("\x1b[2J\x9b31mhi", "␛␛hi", id="terminal sequences"),
        pytest.param("\ud800", "\\u{d800}", id="half a surrogate pair"),
        pytest.param("Größe 3 µs 模型", "Größe 3 µs 模型", id="letters of any script stay"),
    ],
)
def test_what_hides_becomes_visible(text: str, want: str) -> None:
    assert visible(text) == want


SECRETS = st.from_regex(r"[A-Za-z][A-Za-z0-9]{10,30}[0-9][A-Za-z]", fullmatch=True).map("Zq9".__add__)
CARRIERS = st.sampled_from(
    [
        "password: {}",
        "Password = '{}'",
        "MY_API_KEY={}",
        '{{"client_secret":"{}"}}',
        "token => {}",
        "https://user:{}@host/path",
        "Authorization: Bearer {}",
        "authorization=Basic {}",
        "Bearer {}",
        "--password {}",
        "kind: Secret\ndata:\n  key: {}",
        "stringData:\n    k: {}",
        "eyJ{0}.{0}.{0}",
        "sk-{0}",
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
        "- name: APP_TOKEN\n  value: {}",
        "\x1b[1mapi_key\x1b[0m: \x1b[32m{}\x1b[0m",
    ]
)
PROSE = st.text(st.characters(codec="utf-8", exclude_characters="\"'"), max_size=60)


@given(secret=SECRETS, carrier=CARRIERS, before=PROSE, after=PROSE, limit=st.integers(1, 300))
@settings(max_examples=300, deadline=None)
def test_no_cut_leaves_any_part_of_a_secret(secret: str, carrier: str, before: str, after: str, limit: int) -> None:
    text = safe_text(f"{before}\n{carrier.format(secret)}\n{after}", limit)
    rest = text.replace("…", "")
    assert not any(secret[i : i + 8] in rest for i in range(len(secret) - 7))


@given(st.text(st.characters(), max_size=400), st.integers(1, 200))
@example("password: \x1b[0m", 40)
@settings(max_examples=300, deadline=None)
def test_output_is_bounded_and_shows_everything(text: str, limit: int) -> None:
    safe = safe_text(text, limit)
    assert len(safe) <= limit
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in safe)
    assert "\n" not in one_line(text, limit)
    safe.encode("utf-8")


@given(
    st.lists(st.sampled_from([PEM, JWT, "password: ", "x\n", "  ", "token=", '"', "kind: Secret\n", "data:\n", "abc1"]))
)
@settings(max_examples=200, deadline=None)
def test_redacting_twice_changes_nothing(parts: list[str]) -> None:
    once = redacted("".join(parts))
    assert redacted(once) == once


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_a_safe_value_is_json_of_the_same_kind(value: object) -> None:
    safe = safe_value(value, 100)
    json.dumps(safe)
    assert isinstance(safe, list) == isinstance(value, list)
    assert isinstance(safe, dict) == isinstance(value, dict)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        pytest.param({"dbPassword": "x", "rows": 3}, {"dbPassword": "[redacted:value]", "rows": 3}, id="a camel name"),
        pytest.param({"token": 17}, {"token": 17}, id="a count of tokens"),
        pytest.param({"api-key": ["x"]}, {"api-key": "[redacted:value]"}, id="a list under a sensitive name"),
        pytest.param(
            {"env": [{"name": "A_SECRET", "value": "x"}, {"name": "A", "value": "y"}]},
            {"env": [{"name": "A_SECRET", "value": "[redacted:value]"}, {"name": "A", "value": "y"}]},
            id="environment pairs",
        ),
        pytest.param(
            {"kind": "Secret", "data": {"a": "x"}}, {"kind": "Secret", "data": "[redacted:value]"}, id="a Secret"
        ),
        pytest.param({"u": "http://a:b@c"}, {"u": "http://[redacted:userinfo]@c"}, id="text inside"),
        pytest.param(list(range(250)), [*range(200), "[50 more]"], id="a long list"),
    ],
)
def test_structured_values_are_made_safe_by_name(value: object, want: object) -> None:
    assert safe_value(value, 200) == want


def test_nesting_beyond_reason_ends() -> None:
    deep: object = "x"
    for _ in range(500):
        deep = [deep]
    assert len(json.dumps(safe_value(deep, 100))) < 200


@pytest.mark.parametrize(("name", "want"), [("api_key", True), ("APIKEY", True), ("AWS_SECRET_ACCESS_KEY", True),
                                            ("x-auth-token", True), ("replica", False), ("tokens", False),
                                            ("compass", False), ("keyspace", False)])  # fmt: skip
def test_names_that_hold_secrets(name: str, want: bool) -> None:
    assert is_sensitive_name(name) is want


def test_a_secret_manifest_is_known_by_a_kind_far_below_its_data() -> None:
    text = "data:\n" + "".join(f"  key{i}: c3dvcmRmaXNo\n" for i in range(2_000)) + "kind: Secret\n"
    assert "c3dvcmRmaXNo" not in safe_text(text, 200)


def test_a_cut_says_how_much_is_missing() -> None:
    assert bounded("x" * 200, 100).endswith("… [cut: 100 characters more]")
    assert len(bounded("x" * 200, 100)) == 100
    assert bounded("xyz", 2) == "xy"


HOSTILE = ["a", "a-", "a.b_c-", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "eyJ", "eyJaaaaaaaa.", "://a:", "bearer ",
           "password", "password:", 'password " ', "name: password ", '"data":{', "kind: Secret\ndata:\n", "pass_", " ",
           "sk-", '\\"', 'password \\"', "\x1b[0m", "\x1b[", "password:\n", "Authorization: "]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_no_more_than_linear_time(unit: str) -> None:
    began = time.process_time()
    safe_text(unit * (READ_CHARS // len(unit) + 10), READ_CHARS)
    assert time.process_time() - began < 2.0  # about 0.1 s here; a quadratic pattern takes minutes
