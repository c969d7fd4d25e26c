"""One llama.cpp server: its slots, its tokens, and the move of one slot's KV to another server.

The only module that knows llama.cpp's HTTP wire format. The server trusts its caller in ways that
lose data quietly; what this module checks on its behalf:

- a slot id the server does not have acts on another slot (ids are taken modulo their number);
- a restore of another model's KV, or of a damaged file, answers 200;
- a streamed answer leaves out the ids of tokens that end inside a UTF-8 character;
- a completion that outgrows the context stops early and looks finished;
- a busy slot's save, restore or erase blocks its caller until the slot is idle.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from plugins.errors import PluginError, TargetUnreachable

CopyFile = Callable[[Path, Path], Awaitable[None]]
HASH_BLOCK = 1 << 20  # bytes


class ServerRefused(PluginError):
    """The server answered, and did not do what it was asked.

    `status` is its HTTP status, `type` its own word for the error.
    """

    def __init__(self, message: str, *, status: int, type: str = "", hint: str = "") -> None:  # noqa: A002
        super().__init__(message, hint=hint)
        self.status = status
        self.type = type


class UnknownSlot(PluginError):
    """The server has no slot of this id; it would have acted on another one."""


class ContextFull(PluginError):
    """Prompt and answer do not fit the slot's context."""


class MoveFault(StrEnum):
    """Why a slot's KV was not moved; each leaves the source slot as it was."""

    FINGERPRINT = "fingerprint"  # other weights, engine or KV layout
    BUSY = "busy"  # the destination decodes, or the source does not stop
    SAVE_FAILED = "save_failed"  # the source did not write the slot, or not whole
    CORRUPT_COPY = "corrupt_copy"  # the file that arrived is not the file that was saved
    RESTORE_FAILED = "restore_failed"  # the destination did not take it, or not whole


class MoveFailed(PluginError):
    """The KV was not moved. `code` says at which check."""

    def __init__(self, code: MoveFault, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must be equal before KV may be exchanged; the server checks none but part of the layout."""

    model_sha256: str
    build: str
    kv_layout: str

    def difference(self, other: Fingerprint) -> str | None:
        """Name the first field that differs, or None when KV can be exchanged."""
        for name in ("model_sha256", "build", "kv_layout"):
            if getattr(self, name) != getattr(other, name):
                return name
        return None


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server was started: facts its HTTP interface does not tell.

    `engine` is the engine's release; the server's own build_info may hold no number. `kv_layout` names
    everything a slot file's bytes depend on but the number of slots, which the server tells itself.
    """

    model_sha256: str
    engine: str
    kv_layout: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One decoding slot. `tokens` are held in its KV, `n_ctx` fit."""

    id: int
    n_ctx: int
    is_processing: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens of one completion call, and what they cost.

    `evaluated` prompt tokens were computed, `cached` ones were already in the slot's KV.
    """

    tokens: tuple[int, ...]
    evaluated: int
    cached: int


@dataclass(frozen=True, slots=True)
class KvMove:
    """A slot's KV that now is at the destination too; the source keeps its own until erased."""

    kv_tokens: int
    file_bytes: int
    sha256: str
    save_s: float
    copy_s: float
    restore_s: float


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


W = TypeVar("W", bound=_Wire)


class _Props(_Wire):
    total_slots: int
    build_info: str


class _Slot(_Wire):
    id: int
    n_ctx: int
    is_processing: bool
    n_prompt_tokens: int = 0  # absent until the slot has run once


class _Tokens(_Wire):
    tokens: list[int]


class _Timings(_Wire):
    prompt_n: int
    cache_n: int = 0


class _Completion(_Wire):
    tokens: list[int]
    id_slot: int
    truncated: bool
    timings: _Timings


class _Saved(_Wire):
    n_saved: int
    n_written: int


class _Restored(_Wire):
    n_restored: int
    n_read: int


class _Erased(_Wire):
    n_erased: int


class SlotServer:
    """An async client of one llama.cpp server whose slot files this host can reach.

    Use it as a context manager. `timeout_s` bounds every call; a call that was cut may still run at the
    server (only a wait for idle or an erase tells). Errors of all calls: TargetUnreachable when the
    server did not answer, ServerRefused when it said no or nonsense.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        slot_dir: Path,
        launch: Launch,
        timeout_s: float = 5.0,
    ) -> None:
        self.url = url
        self.slot_dir = slot_dir
        self._launch = launch
        self._layout: dict[int, int] = {}  # slot id -> n_ctx; fixed for the server's life
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout_s,
            trust_env=False,  # a proxy from the environment must not see a loopback server's key
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def healthy(self) -> bool:
        """Does the server listen and say that its model is loaded? (It says nothing about its work.)"""
        try:
            return (await self._http.get("/health")).status_code == 200
        except httpx.HTTPError:
            return False

    async def fingerprint(self) -> Fingerprint:
        props = _read(_Props, await self._call("GET", "/props"), self.url)
        return Fingerprint(
            self._launch.model_sha256,
            f"{self._launch.engine} {props.build_info}",
            f"{props.total_slots} slots, {self._launch.kv_layout}",
        )

    async def slots(self) -> tuple[Slot, ...]:
        reply = await self._call("GET", "/slots")
        if not isinstance(reply, list):
            raise ServerRefused(f"{self.url}/slots answered no list", status=200)
        wire = [_read(_Slot, item, self.url) for item in reply]
        self._layout = {s.id: s.n_ctx for s in wire}
        return tuple(Slot(s.id, s.n_ctx, s.is_processing, s.n_prompt_tokens) for s in wire)

    async def slot(self, slot_id: int) -> Slot:
        """Raises: UnknownSlot."""
        for slot in await self.slots():
            if slot.id == slot_id:
                return slot
        raise self._unknown(slot_id)

    async def tokenize(self, text: str) -> list[int]:
        """Return the text's token ids, begin-of-text included."""
        reply = await self._call("POST", "/tokenize", {"content": text, "add_special": True})
        return _read(_Tokens, reply, self.url).tokens

    async def complete(self, prompt: Sequence[int], n: int, slot_id: int) -> Chunk:
        """Decode exactly `n` (at least 1) greedy tokens after `prompt` in one slot.

        Only tokens of `prompt` that the slot's KV does not hold are computed. Not streamed: a streamed
        answer omits the ids of tokens that do not complete a UTF-8 character.

        Raises: UnknownSlot, ContextFull; ServerRefused also when another slot did the work.
        """
        n_ctx = await self._context(slot_id)
        if n < 1:
            raise ValueError(f"n is {n}: the server emits one token even when asked for none")
        if len(prompt) + n > n_ctx:
            raise ContextFull(
                f"{len(prompt)} + {n} tokens do not fit the {n_ctx} of slot {slot_id} at {self.url}",
                hint="ask for fewer tokens",
            )
        body = {
            "prompt": list(prompt),
            "n_predict": n,
            "id_slot": slot_id,
            "cache_prompt": True,
            "temperature": 0,
            "top_k": 1,
            "seed": 1,
            "ignore_eos": True,
            "return_tokens": True,
            "stream": False,
        }
        done = _read(_Completion, await self._call("POST", "/completion", body), self.url)
        if done.id_slot != slot_id or done.truncated or len(done.tokens) != n:
            raise ServerRefused(
                f"{self.url} gave {len(done.tokens)} of {n} tokens on slot {done.id_slot} (asked: {slot_id})",
                status=200,
                type="short_completion",
            )
        return Chunk(tuple(done.tokens), done.timings.prompt_n, done.timings.cache_n)

    async def stream(
        self, prompt: Sequence[int], max_tokens: int, slot_id: int, *, chunk_tokens: int = 8
    ) -> AsyncIterator[Chunk]:
        """Yield `max_tokens` tokens in chunks; between two chunks the slot is idle and may be moved."""
        history = list(prompt)
        end = len(history) + max_tokens
        while len(history) < end:
            chunk = await self.complete(history, min(chunk_tokens, end - len(history)), slot_id)
            history += chunk.tokens
            yield chunk

    async def save(self, slot_id: int, filename: str) -> tuple[int, int]:
        """Write an idle slot to its folder. Returns: tokens saved, bytes written. Raises: UnknownSlot."""
        saved = _read(_Saved, await self._slot_action(slot_id, "save", {"filename": filename}), self.url)
        return saved.n_saved, saved.n_written

    async def restore(self, slot_id: int, filename: str) -> tuple[int, int]:
        """Overwrite a slot with a file; a refusal empties it. Returns: tokens, bytes. Raises: UnknownSlot."""
        reply = await self._slot_action(slot_id, "restore", {"filename": filename})
        restored = _read(_Restored, reply, self.url)
        return restored.n_restored, restored.n_read

    async def erase(self, slot_id: int) -> int:
        """Forget a slot's KV; harmless to repeat. Returns: tokens forgotten. Raises: UnknownSlot."""
        return _read(_Erased, await self._slot_action(slot_id, "erase"), self.url).n_erased

    async def wait_idle(self, slot_id: int, *, timeout_s: float = 5.0) -> None:
        """Return once the slot decodes nothing. Raises: UnknownSlot, TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while (await self.slot(slot_id)).is_processing:  # noqa: ASYNC110 (the server has no event to await)
                await asyncio.sleep(0.005)

    async def _context(self, slot_id: int) -> int:
        if not self._layout:
            await self.slots()
        if slot_id not in self._layout:
            raise self._unknown(slot_id)
        return self._layout[slot_id]

    def _unknown(self, slot_id: int) -> UnknownSlot:
        known = ", ".join(map(str, sorted(self._layout)))
        return UnknownSlot(f"{self.url} has no slot {slot_id}", hint=f"its slots are {known}")

    async def _slot_action(self, slot_id: int, action: str, body: Mapping[str, Any] | None = None) -> Any:
        await self._context(slot_id)
        return await self._call("POST", f"/slots/{slot_id}?action={action}", body or {})

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            reply = await self._http.request(method, path, json=body)
        except httpx.TimeoutException as exc:
            raise TargetUnreachable(
                f"{self.url}{path} did not answer in time", hint="the call may still run there"
            ) from exc
        except httpx.HTTPError as exc:
            raise TargetUnreachable(f"{self.url}{path}: {exc!r}", hint="is the replica running?") from exc
        if reply.status_code != 200:
            raise _refusal(f"{self.url}{path}", reply)
        try:
            return reply.json()
        except ValueError as exc:
            raise ServerRefused(f"{self.url}{path} answered no JSON", status=reply.status_code) from exc


async def move_kv(
    source: SlotServer,
    source_slot: int,
    target: SlotServer,
    target_slot: int,
    *,
    copy: CopyFile | None = None,
    idle_s: float = 5.0,
) -> KvMove:
    """Copy one idle slot's KV to a slot of another server that may be lost.

    The source keeps its KV: whatever fails here, decoding can go on there. After a failure the target
    slot is empty or holds KV that nobody asked for; erase it before use. Slot files are removed in any
    case. `copy` carries a file between the two slot folders (by default, a plain copy on this host).

    Raises: MoveFailed with its code; UnknownSlot.
    """
    await _check_exchangeable(source, target)
    await _check_idle(source, source_slot, target, target_slot, idle_s)
    name = f"{uuid.uuid4().hex}.bin"
    here, there = source.slot_dir / name, target.slot_dir / name
    try:
        began = time.monotonic()
        kv_tokens, file_bytes, digest = await _save(source, source_slot, here)
        saved = time.monotonic()
        await _carry(here, there, file_bytes, digest, copy or copy_file)
        copied = time.monotonic()
        await _restore(target, target_slot, there, kv_tokens)
        restored = time.monotonic()
    finally:
        await asyncio.to_thread(_remove, here, there)
    return KvMove(kv_tokens, file_bytes, digest, saved - began, copied - saved, restored - copied)


async def copy_file(source: Path, target: Path) -> None:
    """Copy a file on this host, off the event loop."""
    await asyncio.to_thread(shutil.copyfile, source, target)


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes. Blocks: call it off the event loop."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


async def _check_exchangeable(source: SlotServer, target: SlotServer) -> None:
    try:
        ours, theirs = await asyncio.gather(source.fingerprint(), target.fingerprint())
    except PluginError as exc:
        raise MoveFailed(MoveFault.FINGERPRINT, f"a fingerprint cannot be read: {exc}", hint=exc.hint) from exc
    if field := ours.difference(theirs):
        raise MoveFailed(
            MoveFault.FINGERPRINT,
            f"{field} of {source.url} and {target.url} differ: {getattr(ours, field)} and {getattr(theirs, field)}",
            hint="the server would take the KV and answer nonsense; move between equal replicas only",
        )


async def _check_idle(
    source: SlotServer, source_slot: int, target: SlotServer, target_slot: int, idle_s: float
) -> None:
    try:
        if (await target.slot(target_slot)).is_processing:
            raise MoveFailed(
                MoveFault.BUSY,
                f"slot {target_slot} at {target.url} is decoding",
                hint="a restore would wait for it, then overwrite it; take a free slot",
            )
        await source.wait_idle(source_slot, timeout_s=idle_s)
    except TimeoutError as exc:
        raise MoveFailed(
            MoveFault.BUSY,
            f"slot {source_slot} at {source.url} did not stop in {idle_s} s",
            hint="stop decoding it first",
        ) from exc
    except (TargetUnreachable, ServerRefused) as exc:
        raise MoveFailed(MoveFault.BUSY, f"a slot's state cannot be read: {exc}", hint=exc.hint) from exc


async def _save(source: SlotServer, slot: int, path: Path) -> tuple[int, int, str]:
    """Return tokens, bytes and sha256 of the slot's file as it was written."""
    try:
        kv_tokens, file_bytes = await source.save(slot, path.name)
        digest = await asyncio.to_thread(sha256_file, path)
        found = (await asyncio.to_thread(path.stat)).st_size
    except (TargetUnreachable, ServerRefused, OSError) as exc:
        raise MoveFailed(MoveFault.SAVE_FAILED, f"slot {slot} at {source.url} was not saved: {exc}") from exc
    if kv_tokens < 1 or found != file_bytes:
        raise MoveFailed(
            MoveFault.SAVE_FAILED,
            f"slot {slot} at {source.url}: {kv_tokens} tokens saved, {found} of {file_bytes} bytes on disk",
            hint="an empty slot needs no move; a short file means a full disk",
        )
    return kv_tokens, file_bytes, digest


async def _carry(here: Path, there: Path, file_bytes: int, digest: str, copy: CopyFile) -> None:
    try:
        if here != there:  # servers that share one slot folder need no copy
            await copy(here, there)
        found = await asyncio.to_thread(lambda: (there.stat().st_size, sha256_file(there)))
    except OSError as exc:
        raise MoveFailed(MoveFault.CORRUPT_COPY, f"{there.name} did not arrive: {exc}") from exc
    if found != (file_bytes, digest):
        raise MoveFailed(
            MoveFault.CORRUPT_COPY,
            f"{there.name} arrived with {found[0]} of {file_bytes} bytes, sha256 {found[1][:12]} instead of "
            f"{digest[:12]}",
            hint="the server would restore it without a word; check the way between the two hosts",
        )


async def _restore(target: SlotServer, slot: int, path: Path, kv_tokens: int) -> None:
    try:
        restored, _ = await target.restore(slot, path.name)
    except (TargetUnreachable, ServerRefused) as exc:
        raise MoveFailed(
            MoveFault.RESTORE_FAILED,
            f"slot {slot} at {target.url} did not take the KV: {exc}",
            hint="its log names the cause; the answer has one text for all",
        ) from exc
    if restored != kv_tokens:
        raise MoveFailed(
            MoveFault.RESTORE_FAILED,
            f"slot {slot} at {target.url} took {restored} of {kv_tokens} tokens",
            hint="erase the slot before use",
        )


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _read(model: type[W], reply: Any, url: str) -> W:
    try:
        return model.model_validate(reply)
    except ValidationError as exc:
        raise ServerRefused(
            f"{url} answered something else than a {model.__name__.strip('_').lower()}: {exc.errors()[0]['msg']}",
            status=200,
            hint="is this a llama.cpp server of a known release?",
        ) from exc


def _refusal(where: str, reply: httpx.Response) -> ServerRefused:
    try:
        error = reply.json()["error"]
        kind, text = str(error["type"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        kind, text = "", reply.text[:200]
    return ServerRefused(f"{where}: {reply.status_code} {text}", status=reply.status_code, type=kind)
