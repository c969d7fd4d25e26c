"""What a gateway is told at its start: one JSON file, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ReplicaName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class ReplicaSpec(BaseModel):
    """One replica: `seed` chooses the weights (equal seeds: KV can move between them)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ReplicaName
    seed: int = 0


class GatewayConfig(BaseModel):
    """Sizes and paths of one fleet.

    Pacing: a session decodes `chunk_tokens` at once, `tokens_per_s` on average. Real engines of real
    models are that slow; the tiny one gives 2,000 tokens a second, too fast to watch anything happen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fleet: str = "demo"
    state_dir: Path
    cache_dir: Path
    port: int = 0  # 0: a free one, kept in the address file
    replicas: tuple[ReplicaSpec, ...]
    max_replicas: int = Field(default=5, ge=1)
    slots: int = Field(default=2, ge=1, le=16)
    slot_tokens: int = Field(default=4096, ge=64, le=4096)
    tokens_per_s: float = Field(default=20.0, gt=0)
    chunk_tokens: int = Field(default=4, ge=1)
    call_timeout_s: float = Field(default=5.0, gt=0)
    max_sessions: int = Field(default=256, ge=1)
    faults: bool = False

    @property
    def ledger_file(self) -> Path:
        return self.state_dir / "ledger.jsonl"

    @property
    def address_file(self) -> Path:
        return self.state_dir / "gateway.address"

    @property
    def read_token_file(self) -> Path:
        return self.state_dir / "tokens" / "read"

    @property
    def change_token_file(self) -> Path:
        return self.state_dir / "tokens" / "change"

    @property
    def logs_dir(self) -> Path:
        return self.state_dir / "logs"
