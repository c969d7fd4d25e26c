"""One replica: a llama.cpp server in a process of its own, on loopback, behind an API key.

`python -m examples.fleet.replica LAUNCH.json` serves until it is killed and writes its address to the
file the launch names. `Replica` in `examples.fleet.supervisor` starts it.
"""

from __future__ import annotations

import sys
import threading
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from examples.fleet.files import write_whole

KV_LAYOUT = "split, f16 keys, f16 values, flash attention auto"  # of the options `serve` leaves at default


class ReplicaLaunch(BaseModel):
    """Everything a replica process is told. Secrets come by file, never in arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Path
    slot_dir: Path
    address_file: Path
    api_key_file: Path
    slots: int
    slot_tokens: int  # context of one slot


def engine() -> str:
    """The engine's release: the server's own build_info holds none in these wheels."""
    return f"xllamacpp {version('xllamacpp')}"


def serve(launch: ReplicaLaunch) -> None:
    """Serve until killed."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(launch.model)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [launch.api_key_file.read_text().strip()]
    params.n_parallel = launch.slots
    params.n_ctx = launch.slots * launch.slot_tokens
    params.kv_unified = False  # each slot owns its share: a neighbour cannot fill it
    params.slot_save_path = f"{launch.slot_dir}/"  # the server concatenates; without the slash it leaves the folder
    params.endpoint_slots = params.endpoint_metrics = params.endpoint_props = True
    params.ui = False
    params.fit_params = False  # or the context depends on the memory that is free
    params.cache_ram_mib = 0  # or an erased slot's KV lives on beside it
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 4  # a deferred slot call holds one of them
    server = xllamacpp.Server(params)
    write_whole(launch.address_file, server.listening_address)
    threading.Event().wait()


if __name__ == "__main__":
    serve(ReplicaLaunch.model_validate_json(Path(sys.argv[1]).read_text()))
