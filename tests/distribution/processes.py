"""Scripts that run in processes of their own: with several devices, or several together. Nothing outlives a test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.patience import SECONDS

ROOT = Path(__file__).parent.parent.parent
HEAD = """
import os, sys
import numpy as np
import symkeras
from symkeras import Input, Model, Sequential, callbacks, config, distribution, layers, ops, utils
from symkeras.errors import *
RANK, COUNT, PORT = int(os.environ["RANK"]), int(os.environ["COUNT"]), os.environ["PORT"]
config.set_backend(os.environ["ENGINE"])
def join():
    distribution.initialize(f"127.0.0.1:{PORT}", COUNT, RANK)
"""


@dataclass
class Done:
    """How a process ended."""

    code: int
    out: str
    err: str
    seconds: float


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def run(script: str, engine: str = "jax", devices: int = 1, count: int = 1, timeout: float = SECONDS, folder: Path | None = None,
        **names: str) -> list[Done]:  # fmt: skip
    """Run a script in `count` processes of `devices` devices each; all are killed after `timeout` seconds.

    Args:
        names: further variables of the environment.
    """
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "ENGINE": engine, "COUNT": str(count), "PORT": str(free_port()), "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count), **names,
    }  # fmt: skip
    environment["KERAS_DISTRIBUTION_JOB_ADDRESSES"] = f"127.0.0.1:{environment['PORT']}"
    source = HEAD + textwrap.dedent(script)
    begin = time.monotonic()
    started = [
        subprocess.Popen([sys.executable, "-c", source], cwd=folder, text=True, start_new_session=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env={**environment, "RANK": str(k), "KERAS_DISTRIBUTION_PROCESS_ID": str(k)})
        for k in range(count)
    ]  # fmt: skip
    found = []
    try:
        for p in started:
            out, err = p.communicate(timeout=max(begin + timeout - time.monotonic(), 1))
            found.append(Done(p.returncode, out, err, time.monotonic() - begin))
    finally:
        for p in started:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
                p.communicate()
    return found


def lines(done: Done) -> list[str]:
    """What a process that ended well printed in lines that begin with ">"."""
    assert done.code == 0, done.err[-3000:]
    return [line[1:].strip() for line in done.out.splitlines() if line.startswith(">")]
