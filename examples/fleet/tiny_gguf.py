"""A language model with random weights: small enough for many replicas, real enough for a real engine.

A llama of 4 layers, 675,200 parameters, 2.7 MB; it says nothing sensible and always the same. Two seeds
give models of the same shape and other weights: what a KV move must refuse.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

WIDTH, HEADS, KV_HEADS, LAYERS, FEED_FORWARD = 128, 4, 2, 4, 256
CONTEXT = 4096  # tokens
KV_WIDTH = KV_HEADS * (WIDTH // HEADS)
CHARACTERS = "\u2581abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?-"
SPECIAL = (b"<unk>", b"<s>", b"</s>")
VOCABULARY = len(SPECIAL) + 256 + len(CHARACTERS)
FIRST_CHARACTER = len(SPECIAL) + 256  # ids below are special tokens and single bytes
RECIPE = 1  # raise it when the file's bytes change: caches are keyed by it


def tiny_model(cache: Path, *, seed: int = 0) -> Path:
    """Return the model of a seed, made on first use; the same bytes wherever it is made."""
    path = cache / "models" / f"tiny-llama-r{RECIPE}-c{CONTEXT}-s{seed}.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may make it at once; each renames its own complete file into place.
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        write_model(part, seed=seed)
        part.replace(path)
    return path


def write_model(path: Path, *, seed: int) -> None:
    writer = gguf.GGUFWriter(str(path), "llama")
    _describe(writer)
    _add_vocabulary(writer)
    _add_weights(writer, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_name("tiny-random")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(1e4)


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    kind = gguf.TokenType
    single_bytes = [f"<0x{i:02X}>".encode() for i in range(256)]
    characters = [c.encode() for c in CHARACTERS]
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([*SPECIAL, *single_bytes, *characters])
    writer.add_token_scores([0.0] * FIRST_CHARACTER + [-1.0] * len(characters))
    writer.add_token_types(
        [kind.UNKNOWN, kind.CONTROL, kind.CONTROL, *[kind.BYTE] * 256, *[kind.NORMAL] * len(characters)]
    )
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def _add_weights(writer: gguf.GGUFWriter, rng: np.random.Generator) -> None:
    def random(rows: int, columns: int, scale: float) -> NDArray[np.float32]:
        spread = np.float64(scale / columns**0.5)
        return (rng.standard_normal((rows, columns)) * spread).astype(np.float32)

    # The scales keep the answers varied: smaller ones make greedy decoding repeat one token for ever.
    writer.add_tensor("token_embd.weight", random(VOCABULARY, WIDTH, 8))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("output.weight", random(VOCABULARY, WIDTH, 3))
    shapes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (KV_WIDTH, WIDTH),
        "attn_v": (KV_WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (FEED_FORWARD, WIDTH),
        "ffn_up": (FEED_FORWARD, WIDTH),
        "ffn_down": (WIDTH, FEED_FORWARD),
    }
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
        for name, (rows, columns) in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", random(rows, columns, 2))
