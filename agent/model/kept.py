"""What a model answered before, by the hash of everything that its answer rests on."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)


class KeptAnswers:
    """Answers below a folder; without one nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @staticmethod
    def key(parts: Sequence[Any]) -> str:
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def get(self, key: str, schema: type[T]) -> T | None:
        """An answer from before; a file that is broken, or of another schema, is none."""
        if self._folder is None:
            return None
        try:
            return schema.model_validate_json((self._folder / f"{key}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def put(self, key: str, answer: BaseModel) -> None:
        """Keep an answer. A folder that cannot be written costs a question the next time, and nothing else."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(answer.model_dump_json())
            Path(name).replace(self._folder / f"{key}.json")
        except OSError:
            return
