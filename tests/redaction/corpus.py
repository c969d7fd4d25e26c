"""Secrets as they turn up in logs, labels and answers, and harmless text that looks like them. All of it is made up.

`python -m tests.redaction.corpus` prints how many of each kind are missed, and how much harmless text is taken.
"""

from __future__ import annotations

import base64
import json
import random
import string
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.redact import redacted, visible

EACH = 10
LETTERS, HEX = string.ascii_letters + string.digits, "0123456789abcdef"
B64 = string.ascii_letters + string.digits + "+/"
Maker = Callable[[random.Random], tuple[str, str]]


@dataclass(frozen=True)
class Planted:
    """One secret in a text of its kind. No part of it that is `secret` may be shown."""

    kind: str
    secret: str
    text: str


def some(rng: random.Random, length: int, of: str = LETTERS) -> str:
    return "".join(rng.choice(of) for _ in range(length))


def word(rng: random.Random) -> str:
    return rng.choice(["ingest", "decode", "prefill", "router", "trainer", "scraper", "gateway", "sidecar"])


def line(rng: random.Random, message: str) -> str:
    at = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:07Z"
    return f"{at} {rng.choice(['INFO', 'WARN', 'ERROR'])} {word(rng)}-{rng.randint(0, 63)}: {message}"


def _shaped(make: Callable[[random.Random], str], *messages: str) -> Maker:
    """A secret that is known by its own shape, wherever it stands."""
    frames = messages or (
        "request failed with {}",
        'retrying, body was {{"auth": "{}"}}',
        "env dump: A=1 B={} C=3",
        "using {} for the upload",
    )

    def planted(rng: random.Random) -> tuple[str, str]:
        secret = make(rng)
        return secret, line(rng, rng.choice(frames).format(secret))

    return planted


def _named(*frames: str, length: int = 24, of: str = LETTERS) -> Maker:
    """A secret that is known by the name beside it."""

    def planted(rng: random.Random) -> tuple[str, str]:
        secret = some(rng, length, of)
        return secret, rng.choice(frames).replace("§", secret)

    return planted


def _jwt(rng: random.Random) -> str:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256', 'kid': some(rng, 6)})}.{part({'sub': some(rng, 12)})}.{some(rng, 43)}"


def _pem(label: str) -> Maker:
    def planted(rng: random.Random) -> tuple[str, str]:
        body = [some(rng, 64, B64) for _ in range(3)]
        lines = [f"-----BEGIN {label}-----", *body, f"-----END {label}-----"]
        text = rng.choice(["\n".join(lines), json.dumps({"private_key": "\n".join(lines)}), "\n".join(lines[:3])])
        return body[0], text

    return planted


def _basic(rng: random.Random) -> tuple[str, str]:
    secret = base64.b64encode(f"svc-{word(rng)}:{some(rng, 12)}".encode()).decode()
    return secret, rng.choice(
        [f"> Authorization: Basic {secret}", f'curl -H "authorization: basic {secret}" http://x/']
    )


def _env_pair(rng: random.Random) -> tuple[str, str]:
    secret, name = some(rng, 20), rng.choice(["DB_PASSWORD", "S3_SECRET_KEY", "WANDB_API_KEY", "SENTRY_DSN"])
    pair = {"name": name, "value": secret}
    return secret, rng.choice([json.dumps({"env": [pair]}), f"        - name: {name}\n          value: {secret}"])


def _manifest(rng: random.Random) -> tuple[str, str]:
    secret = base64.b64encode(some(rng, 21).encode()).decode()
    text = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {word(rng)}\ndata:\n  blob: {secret}\n"
    return secret, rng.choice([text, json.dumps({"kind": "Secret", "data": {"blob": secret}})])


KINDS: dict[str, Maker] = {
    "OpenAI or Anthropic key": _shaped(lambda r: f"sk-{r.choice(['proj-', 'ant-api03-', ''])}{some(r, 40)}"),
    "AWS key id": _shaped(lambda r: f"{r.choice(['AKIA', 'ASIA'])}{some(r, 16, string.ascii_uppercase + '234567')}"),
    "AWS secret key": _named(
        "aws_secret_access_key = §", "AWS_SECRET_ACCESS_KEY=§ aws s3 ls", '"SecretAccessKey": "§"', length=40, of=B64
    ),
    "GitHub token": _shaped(lambda r: f"gh{r.choice('pousr')}_{some(r, 36)}"),
    "GitLab token": _shaped(lambda r: f"glpat-{some(r, 20)}"),
    "Slack token": _shaped(lambda r: f"xoxb-{some(r, 11, string.digits)}-{some(r, 24)}"),
    "Slack or Discord webhook": _shaped(
        lambda r: r.choice([f"T{some(r, 8)}/B{some(r, 8)}/{some(r, 24)}"]),
        "posting to https://hooks.slack.com/services/{} failed: 500",
    ),
    "Hugging Face token": _shaped(lambda r: f"hf_{some(r, 34)}"),
    "NVIDIA key": _shaped(lambda r: f"nvapi-{some(r, 60)}"),
    "Google key": _shaped(lambda r: r.choice([f"AIza{some(r, 35)}", f"ya29.{some(r, 60)}", f"GOCSPX-{some(r, 28)}"])),
    "package registry token": _shaped(lambda r: r.choice([f"npm_{some(r, 36)}", f"pypi-{some(r, 60)}"])),
    "payment key": _shaped(lambda r: f"{r.choice(['sk', 'rk'])}_live_{some(r, 24)}"),
    "cloud vendor token": _shaped(
        lambda r: r.choice([f"dapi{some(r, 32, HEX)}", f"dop_v1_{some(r, 64, HEX)}", f"hvs.{some(r, 24)}"])
    ),
    "JWT": _shaped(_jwt),
    "PEM key": _pem("RSA PRIVATE KEY"),
    "SSH key": _pem("OPENSSH PRIVATE KEY"),
    "bearer token": _named(
        "authorization: Bearer §", "curl -H 'Authorization: Bearer §' http://gateway/", "sent header 'x-auth: Bearer §'"
    ),
    "basic authorization": _basic,
    "password in an address": _named(
        "dial postgres://svc:§@db-0.internal:5432/runs?sslmode=disable: timeout",
        "redis://:§@cache:6379/0",
        "amqp://worker:§@mq/vhost refused",
    ),
    "password by name": _named(
        "DB_PASSWORD=§ ok=1",
        '{"user": "svc", "password": "§"}',
        "password: §",
        "login failed, passwd='§' user=svc",
        '{\\"db\\": {\\"pwd\\": \\"§\\"}}',
        length=14,
    ),
    "command's option": _named("run --token § --verbose", "mysqldump --password=§ runs", "curl -u svc:§ http://x"),
    "cookie": _named("Cookie: session=§; theme=dark", "set-cookie: sid=§; HttpOnly; Path=/"),
    "signed address": _named(
        "GET /blob?sp=r&sv=2022-11-02&sr=b&sig=§ 403", "https://s3/x?X-Amz-Signature=§&X-Amz-Expires=60", length=43
    ),
    "storage account key": _named(
        "DefaultEndpointsProtocol=https;AccountName=runs;AccountKey=§;EndpointSuffix=x", length=86, of=B64
    ),
    "password hash": _shaped(
        lambda r: r.choice(
            [f"$apr1${some(r, 8)}${some(r, 22)}", f"$2y$10${some(r, 53)}", f"$6${some(r, 8)}${some(r, 86)}"]
        ),
        "svc:{}",
        "shadow entry {} for svc",
    ),
    ".netrc": _named("machine git.internal login svc password §", "machine x\n  login svc\n  password §\n"),
    "kubeconfig": _named("users:\n- name: a\n  user:\n    token: §", "    client-key-data: §\n", length=60),
    "container environment": _env_pair,
    "Secret manifest": _manifest,
}

# What redaction does not find, and cannot without taking what operators need: shown as what it is.
KNOWN_MISSES: dict[str, Maker] = {
    "bare hexadecimal": _shaped(lambda r: some(r, 40, HEX), "handshake with {} refused"),
    "bare password": _shaped(lambda r: some(r, 12), "tried {} and gave up"),
    "mysql's -p": _shaped(lambda r: some(r, 14), "mysql -usvc -p{} -h db"),
    "base64 of a dump": _shaped(lambda r: base64.b64encode(f"password={some(r, 12)}".encode()).decode(), "payload {}"),
}


def _harmless(rng: random.Random) -> Iterator[str]:
    yield line(rng, f"image digest sha256:{some(rng, 64, HEX)} pulled")
    yield line(rng, f"commit {some(rng, 40, HEX)} deployed to pool {word(rng)}")
    yield line(rng, f"trace_id={some(rng, 32, HEX)} span_id={some(rng, 16, HEX)} tokens={rng.randint(1, 9_999)}")
    yield line(rng, f"pod vllm-{word(rng)}-{some(rng, 10, HEX)}-{some(rng, 5, string.ascii_lowercase)} is ready")
    yield line(
        rng,
        f"request {uuid.UUID(int=rng.getrandbits(128))} took 0.3 s, prompt_tokens={rng.randint(1, 9000)}",
    )
    yield line(rng, f"NVRM: Xid (PCI:0000:{some(rng, 2, HEX)}:00): 79, GPU has fallen off the bus")
    yield line(
        rng,
        f"ncclCommInitRank comm 0x{some(rng, 12, HEX)} rank 7 nranks 512 commId 0x{some(rng, 16, HEX)}",
    )
    yield line(
        rng, f"torch.OutOfMemoryError: tried to allocate {rng.random() * 80:.2f} GiB, free {rng.random():.2f} GiB"
    )
    yield line(rng, f"GPU-{uuid.UUID(int=rng.getrandbits(128))} temperature 83 C, power 640 W")
    yield line(rng, f"http://gateway.internal:8000/v1/completions answered 200 in {rng.random():.3f} s")
    yield line(
        rng, f"token throughput {rng.randint(100, 9_999)} tok/s, tokens: {rng.randint(1, 999)}, secret santa postponed"
    )
    yield line(
        rng,
        f"s3://checkpoints/run-{rng.randint(1, 99)}/step-{rng.randint(1, 99999)}/shard-003-of-064.pt saved",
    )
    yield line(rng, "basic idea of the bearer network: signature dish of the day")
    yield line(rng, f"the password of svc-{word(rng)} expired; nobody is told what it was")
    yield line(
        rng,
        f"job {rng.randint(1000, 99999)}: node gpu-7 drained, key metric kv_cache_usage=0.{rng.randint(10, 99)}",
    )
    yield line(rng, f"cache key model={word(rng)}/{some(rng, 8, HEX)} hit, key_count={rng.randint(1, 999)}")
    yield json.dumps(
        {"labels": {"instance": f"10.0.{rng.randint(0, 9)}.{rng.randint(0, 255)}:9400", "uid": some(rng, 36, HEX)}}
    )
    yield json.dumps({"blob": base64.b64encode(rng.randbytes(48)).decode(), "etag": some(rng, 32, HEX)})
    yield f"- name: REPLICAS\n  value: {rng.randint(1, 64)}\n- name: MODEL\n  value: {word(rng)}"
    yield f"stepfleet approve 20260101-0000-{some(rng, 6, HEX)} --digest {some(rng, 12, HEX)}"


def planted(kinds: dict[str, Maker] = KINDS, seed: int = 1) -> list[Planted]:
    rng = random.Random(seed)
    return [Planted(kind, *make(rng)) for kind, make in kinds.items() for _ in range(EACH)]


def harmless(seed: int = 2) -> list[str]:
    rng = random.Random(seed)
    return [text for _ in range(EACH + 1) for text in _harmless(rng)]


def shown(text: str) -> str:
    return redacted(visible(text))


def missed(secrets: list[Planted]) -> Counter[str]:
    return Counter(p.kind for p in secrets if p.secret in shown(p.text))


def taken() -> list[str]:
    return [text for text in harmless() if shown(text) != text]


def page() -> str:
    """The counts as a table."""
    rows = ["| kind | planted | missed |", "|---|---|---|"]
    for kinds in (KINDS, KNOWN_MISSES):
        secrets = planted(kinds)
        misses = missed(secrets)
        rows += [f"| {kind} | {EACH} | {misses[kind]} |" for kind in kinds]
    harm, wrongly = harmless(), taken()
    rows += ["", f"Of {len(harm)} harmless texts that look alike, {len(wrongly)} lost something."]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
    sys.stdout.writelines(f"taken: {text} -> {shown(text)}\n" for text in taken())
