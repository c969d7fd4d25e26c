"""Make foreign text safe to show, to people and to a model: nothing hidden in it, no secrets, of bounded length.

The order matters. Invisible characters become visible first, so that they cannot hide a secret's name
from the patterns; secrets go before the text is cut, so that no cut leaves half of one behind.

Known misses: a bare high-entropy string without a name beside it, and a secret spelled over several
values. Redaction lowers the risk; what bounds it is that only declared values reach the model at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

READ_CHARS = 200_000  # of one text; what follows is not looked at
WINDOW = 8  # times the characters wanted are redacted: secrets may shrink to almost nothing, and work is bounded
CUT = " … [cut: {} characters more]"
MOST_ITEMS = 200  # of one list or mapping
HIDDEN = "[redacted:value]"
DEEPEST = 100  # of what people read
DEPTH = 12  # of nested values; deeper ones are no evidence a step rests on

_SENSITIVE = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret(?:[-_ ]?(?:access)?[-_ ]?key)?|token|api[-_ ]?key|"
    r"access[-_ ]?key(?:[-_ ]?id)?|private[-_ ]?key(?:[-_]id)?|client[-_ ]?secret|credentials?|cookie|"
    r"account[-_ ]?key|client[-_]key[-_]data|registration[-_ ]?key|license[-_ ]?key|"
    r"signature|sig|authorization|dsn|connection[-_ ]?string|bearer"
)
# A few words may stand before it (DB_PASSWORD, my-api-key): few and short, so that matching stays linear.
_NAME = (
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,20}[-_.]){0,3}"
    rf"(?:{_SENSITIVE})(?:[-_](?:b64|base64|value|prod|dev|\d{{1,4}}))?"
)
_GONE = r"\[redacted:[a-z]{1,20}\]"
_SEP = r"(?:␛|\\?[\"']|[ \t])*(?:=>|[:=])(?:␛|[ \t])*"
_QUOTED = r"\\\"[^\"\\\n]*(?:\\\")?|\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?"
_HARMLESS = frozenset({"true", "false", "null", "none", "yes", "no", "ok"})

SENSITIVE_NAME = re.compile(rf"\A[^A-Za-z0-9]*{_NAME}[^A-Za-z0-9]*\Z", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CSI = re.compile(r"(?:\x1b\[|\x9b)[0-9;:?]{0,40}[ -/]{0,4}[@-~]")

# Whole matches that go.
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    # The END line may be missing when a log cut it off: then everything to the end of the text goes.
    (
        "pem",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|CERTIFICATE|SECRET)[A-Z0-9 ]{0,20}-----"
            r".*?(?:-----END [A-Z0-9 ]{1,80}-----|\Z)",
            re.DOTALL,
        ),
    ),
    ("userinfo", re.compile(r"(?<=://)[^\s/@:\"'<>]{0,200}:[^\s/@\"'<>]{1,400}(?=@)")),
    (
        "key",
        re.compile(
            r"(?<![A-Za-z0-9])(?:"
            r"sk-[A-Za-z0-9_-]{16,}|"  # OpenAI, Anthropic and others
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|"  # AWS
            r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|"
            r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|"  # Slack
            r"AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|"  # Google
            r"hf_[A-Za-z0-9]{20,}|nvapi-[A-Za-z0-9_-]{20,}|"  # Hugging Face, NVIDIA
            r"hvs\.[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{32,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|"
            r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|"  # Stripe
            r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|"  # SendGrid
            r"glsa_[A-Za-z0-9_]{20,}|dckr_pat_[A-Za-z0-9_-]{20,}|syt_[A-Za-z0-9_]{16,}|"  # Grafana, Docker, Matrix
            r"dapi[a-f0-9]{32}|AGE-SECRET-KEY-1[A-Z0-9]{50,}|GOCSPX-[A-Za-z0-9_-]{20,}|"  # Databricks, age, Google
            r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}|"  # Telegram
            r"[A-Za-z0-9_.-]{3}[78]Q~[A-Za-z0-9_.~-]{30,}"  # Microsoft Entra
            r")"
        ),
    ),
    ("webhook", re.compile(r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{10,}")),
    ("webhook", re.compile(r"(?<=/api/webhooks/)[0-9]{10,20}/[A-Za-z0-9_-]{20,}")),  # Discord
    ("hash", re.compile(r"\$(?:apr1|2[abxy]|5|6|y|argon2(?:id|i|d))\$[^\s:\"',]{16,}")),  # htpasswd, shadow
    ("authorization", re.compile(r"(?i)\bdigest[ \t]+username=[^\n]+")),
    # "basic idea" stays: a credential has a digit, "=", "_" or a capital inside.
    (
        "authorization",
        re.compile(
            r"(?i:\b(?:bearer|basic|negotiate|apikey))[ \t]+"
            r"(?=[^\s,;\"']*(?:[0-9=_]|[a-z][A-Z]))[^\s,;\"'\[]{6,}"
        ),
    ),
)
# Dotted base64url runs; the first part decides (see _drop_jwt). One start per run keeps this linear.
_DOTTED = re.compile(r"(?<![\w-])([\w-]{11,})\.([\w-]{8,})(?:\.[\w-]*){0,3}", re.ASCII)

# Matches that keep a name and drop what follows it.
_NAMED: tuple[re.Pattern[str], ...] = (
    re.compile(rf"(?i)(?P<keep>\b(?:proxy-)?(?:authorization|(?:set-)?cookie){_SEP}[\"']?)(?P<drop>{_GONE}|[^\n\"']+)"),
    # A line of YAML: the value is the rest of the line, spaces and all.
    re.compile(rf"(?im)^(?P<keep>[ \t]*(?:- )?{_NAME}[ \t]*:[ \t]+)(?P<drop>{_GONE}|[^\s\"'][^\n]*)"),
    # A container's environment: - name: DB_PASSWORD \n value: hunter2, as YAML or JSON.
    re.compile(
        rf"(?i)(?P<keep>[\"']?name[\"']?[ \t]*:[ \t]*[\"']?{_NAME}[\"']?[ \t]*,?\s{{0,40}}"
        rf"[\"']?value[\"']?[ \t]*:[ \t]*)(?P<drop>{_GONE}|{_QUOTED}|[^\s,}}]+)"
    ),
    re.compile(rf"(?i)(?P<keep>{_NAME}{_SEP})(?P<drop>{_GONE}|{_QUOTED}|[^\s,;&}}\])\"'␛\\]+)"),
    re.compile(rf"(?i)(?P<keep>--{_NAME}[ \t]+)(?P<drop>{_GONE}|(?!-)[^\s]+)"),
    re.compile(r"(?i)(?P<keep>\blogin[ \t\n]{1,20}\S{1,80}[ \t\n]{1,20}password[ \t\n]{1,20})(?P<drop>\S+)"),  # .netrc
    re.compile(rf"(?P<keep>(?:(?<=\s)|^)(?:-u|--user)[ \t]+[^\s:]{{1,80}}:)(?P<drop>{_GONE}|[^\s]+)"),
)
# What each pattern above and below needs to match: most text has none of it, and costs one look.
_TRIGGER = re.compile(
    rf"{_SENSITIVE}|eyJ|-----BEGIN|://[^\s/@]{{0,200}}:|sk-|AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat|glpat-|xox|xapp-|AIza|"
    r"ya29|hf_|nvapi|hvs\.|dop_v1|npm_|pypi-|[rs]k_|SG\.|glsa_|dckr_pat|syt_|dapi|gocspx|:AA|Q~|slack\.com|webhooks/|"
    r"\$[a-z0-9]{1,8}\$|basic|digest|negotiate|apikey|stringdata|(?:^|\s)(?:-u|--user)",
    re.IGNORECASE | re.MULTILINE,
)
_SECRET_MANIFEST = re.compile(
    r"(?im)^[ \t]*[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(?:Sealed)?Secret(?:List)?[\"']?[ \t]*,?[ \t]*$"
    r"|\"kind\"[ \t]*:[ \t]*\"Secret\""
)
_BLOCK = re.compile(r"[ \t]*(?:- )?[\"']?(?P<key>[\w.-]{1,80})[\"']?:[ \t]*(?:[|>][+-]?\d?[+-]?)?[ \t]*\Z")
_DATA_JSON = re.compile(r"(?P<keep>\"(?:data|stringData)\"[ \t]*:[ \t]*)\{[^{}]*\}")


def safe_text(text: str, limit: int) -> str:
    """`text` as a model or a report may see it, at most `limit` characters."""
    head, unseen = _window(text, limit)
    return bounded(redacted(visible(head), is_manifest=_is_manifest(text)), limit, unseen)


def one_line(text: str, limit: int) -> str:
    """The same for messages: white space folded, so that foreign text cannot start a line of its own."""
    head, unseen = _window(text, limit)
    safe = redacted(visible(head), is_manifest=_is_manifest(text))
    return bounded(" ".join(safe.split()), limit, unseen)


def safe_value(value: Any, limit: int, _depth: int = 0) -> Any:
    """A JSON-able value with every string made safe; a value under a sensitive name is dropped whole."""
    match value:
        case str():
            return safe_text(value, limit)
        case Mapping() if _depth < DEPTH:
            return _safe_mapping(value, limit, _depth)
        case list() | tuple() if _depth < DEPTH:
            rest = [f"[{len(value) - MOST_ITEMS} more]"] if len(value) > MOST_ITEMS else []
            return [safe_value(v, limit, _depth + 1) for v in value[:MOST_ITEMS]] + rest
        case None | bool() | int() | float():
            return value
        case _:
            return safe_text(str(value)[:READ_CHARS], limit)


def visible(text: str) -> str:
    r"""Write control, format (bidi, zero-width, tags), private and surrogate characters as `\u{hex}`.

    A terminal's colour or cursor sequence becomes one `␛`. Line feeds and tabs stay; a carriage return
    before a line feed goes.
    """
    text = _CSI.sub("␛", text.replace("\r\n", "\n"))
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c in "\n\t" or not _is_hidden(c) else f"\\u{{{ord(c):x}}}" for c in text)


def redacted(text: str, *, is_manifest: bool = False) -> str:
    """Replace everything that has the shape of a secret by `[redacted:kind]`. Doing it twice changes nothing.

    `is_manifest`: the text is part of a Secret manifest whose `kind` may stand elsewhere.
    """
    if not is_manifest and not _TRIGGER.search(text):
        return text
    is_manifest = is_manifest or _is_manifest(text)
    if is_manifest:
        text = _DATA_JSON.sub(r'\g<keep>"[redacted:secret]"', text)
    text = _without_blocks(text, ("data", "stringData") if is_manifest else ("stringData",))
    text = _DOTTED.sub(_drop_jwt, text)
    for kind, shape in _SHAPES:
        text = shape.sub(f"[redacted:{kind}]", text)
    for named in _NAMED:
        text = named.sub(_drop_value, text)
    return text


def bounded(text: str, limit: int, unseen: int = 0) -> str:
    """At most `limit` characters; says how many were cut, with those `unseen` before, where there is room."""
    if len(text) <= limit and not unseen:
        return text
    note = CUT.format(max(0, len(text) - limit) + unseen)
    return text[: limit - len(note)] + note if limit > 2 * len(note) else text[:limit]


@lru_cache(8_192)  # the names of a fleet's labels come again and again
def is_sensitive_name(name: str) -> bool:
    """Whether a key of that name usually holds a secret: `api_key`, `dbPassword`, `AWS_SECRET_ACCESS_KEY`."""
    return bool(SENSITIVE_NAME.match(_CAMEL.sub("_", name[:200])))


def _window(text: str, limit: int) -> tuple[str, int]:
    """The part of `text` worth working on and how much follows it; a token that the end splits is left out."""
    wanted = min(READ_CHARS, WINDOW * limit + 2_000)
    if len(text) <= wanted:
        return text, 0
    head = text[:wanted]
    head = head[: max(head.rfind(" "), head.rfind("\n"), 0)] or "[one very long token]"
    return head, len(text) - wanted


def _is_manifest(text: str) -> bool:
    return bool(_SECRET_MANIFEST.search(text, 0, READ_CHARS))


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")


def _drop_jwt(match: re.Match[str]) -> str:
    before, mark, _ = match[1].partition("eyJ")  # '{"' in base64: the start of a token's header
    return f"{before}[redacted:jwt]" if mark else match[0]


def _drop_value(match: re.Match[str]) -> str:
    """Keep the name, drop the value; true and null are no secrets, and `token: 17` is a count."""
    bare = match["drop"].strip("\\\"' \t")
    is_count = len(bare) < 8 and bare.isdecimal() and re.search(r"(?i)token\W*$", match["keep"])
    if not bare or bare.lower() in _HARMLESS or is_count:
        return match[0]
    return match[0] if bare.startswith("[redacted:") else f"{match['keep']}[redacted:value]"


def _without_blocks(text: str, keys: tuple[str, ...]) -> str:
    """Drop what is indented below `keys`, or below any key with a sensitive name (YAML maps, block scalars)."""
    out: list[str] = []
    pad: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" \t"))
        if pad is not None and (not line.strip() or indent > pad):
            out.append(f"{line[:indent]}[redacted:secret]" if line.strip() else line)
            continue
        block = _BLOCK.match(line) if line.rstrip().endswith((":", "|", ">", "-", "+")) else None
        pad = indent if block and (block["key"] in keys or is_sensitive_name(block["key"])) else None
        out.append(line)
    return "\n".join(out)


def redacted_value(value: Any, _depth: int = 0) -> Any:
    """A JSON-able value, whole, with every secret replaced: strings by their shape, entries by their name.

    What is nested deeper than anything that people read is shown as its redacted text.
    """
    match value:
        case str():
            return redacted(visible(value))
        case None | bool() | int() | float():
            return value
        case Mapping() if _depth < DEEPEST:
            return {
                _shown_key(str(k)): HIDDEN if _hides(value, k, v) else redacted_value(v, _depth + 1)
                for k, v in value.items()
            }
        case list() | tuple() if _depth < DEEPEST:
            return [redacted_value(v, _depth + 1) for v in value]
        case _:
            return redacted(visible(str(value)))


@lru_cache(8_192)
def _shown_key(key: str) -> str:
    return redacted(visible(key))


def _safe_mapping(value: Mapping[Any, Any], limit: int, depth: int) -> dict[str, Any]:
    safe: dict[str, Any] = {}
    for key, inner in islice(value.items(), MOST_ITEMS):
        safe[one_line(str(key), 120)] = HIDDEN if _hides(value, key, inner) else safe_value(inner, limit, depth + 1)
    return safe


def _hides(value: Mapping[Any, Any], key: Any, inner: Any) -> bool:
    """Whether an entry goes whole: by its name, or as the data of a Secret, or as the value of a named pair."""
    if is_sensitive_name(str(key)):
        return bool(inner) and not isinstance(inner, bool | int | float)
    if value.get("kind") == "Secret" and key in ("data", "stringData"):
        return True
    name = value.get("name") if key == "value" else None
    return isinstance(name, str) and is_sensitive_name(name)
