"""Who takes part, where their Python is, and how the drivers talk to them.

`symkeras` runs in the environment of the driver, from this checkout; `symkeras-BACKEND` names one of its backends, and is absent where
nobody registered that one. The peers run in the environment that `peers.py` builds, on the CPU, with their own defaults for everything
else.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KERAS_PEERS = ("keras-jax", "keras-tensorflow", "keras-torch")
HAND_WRITTEN = ("torch", "jax", "pytensor")
"""Those without `fit` and without the Keras API."""
TRAINERS = (*KERAS_PEERS, "torch", "jax")
PREDICTORS = ("onnxruntime",)
"""Those that only predict."""
PREDICT_ONLY = (*PREDICTORS, "symkeras-onnxruntime")
"""Those that only predict, ours among them."""
PEERS = (*TRAINERS, *PREDICTORS)
OURS = ("symkeras", "symkeras-native")
ANSWER_WITHIN = 900.0
"""Seconds after which a contender that has not answered counts as failed."""


class ContenderError(RuntimeError):
    """A contender is absent, failed, or stopped answering."""


@dataclass(frozen=True)
class Contender:
    """One side of a comparison.

    Attributes:
        module: what it computes with: "symkeras", "keras", or a name of HAND_WRITTEN or PREDICTORS.
        python: the interpreter of its environment.
        settings: environment variables of its own.
    """

    name: str
    module: str
    python: Path
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The variables it runs with; a core type for OpenBLAS that happens to be set is no default of anybody's."""
        return {**{k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}, **self.settings}

    def absence(self) -> str:
        """Why it cannot take part, "" if it can."""
        return "" if self.python.exists() else f"no environment at {self.python.parent.parent} (make bench-peers)"


def peers_folder() -> Path:
    """Where the peers' environment is: SYMKERAS_PEERS, or .venv-peers in the checkout."""
    return ROOT / os.environ.get("SYMKERAS_PEERS", ".venv-peers")


def contender(name: str) -> Contender:
    """The contender called `name`.

    Raises:
        ContenderError: nobody is called so.
    """
    head, _, backend = name.partition("-")
    if head == "symkeras":
        settings = {"PYTHONPATH": str(ROOT), **({"SYMKERAS_BACKEND": backend} if backend else {})}
        return Contender(name, "symkeras", Path(sys.executable), settings)
    known = dict.fromkeys((*PEERS, *HAND_WRITTEN))
    if name not in known:
        raise ContenderError(f"unknown contender {name!r}; there are symkeras, symkeras-BACKEND, {', '.join(known)}")
    # A folder without keras.json, so that nobody's own settings count.
    settings = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": str(peers_folder() / "keras-home")}
    if backend:
        settings["KERAS_BACKEND"] = backend
    return Contender(name, head, peers_folder() / "bin" / "python", settings)


class Worker:
    """A running worker of a contender, told what to do one command at a time."""

    def __init__(self, one: Contender):
        if one.absence():
            raise ContenderError(one.absence())
        self.name = one.name
        self.started = time.perf_counter()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            [one.python, str(HERE / "worker.py"), one.module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            env=one.environment(), bufsize=0,
        )  # fmt: skip

    def __call__(self, do: str, **arguments: Any) -> Any:
        """Let the worker do something, and wait for its answer.

        Raises:
            ContenderError: it says that it failed, it ended, or it took too long.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ContenderError("the worker has no pipes")
        try:
            stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            ready, _, _ = select.select([stdout], [], [], ANSWER_WITHIN)
            line = stdout.readline() if ready else b""
        except BrokenPipeError:
            ready, line = [stdout], b""
        if not line:
            raise ContenderError(f"{do}: {self._last_words() if ready else f'no answer within {ANSWER_WITHIN:.0f} s'}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(f"{do}: {answer['error']}")
        return answer["value"]

    def _last_words(self) -> str:
        self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"the process ended with status {self._process.returncode}: {lines[-1] if lines else 'silent'}"

    def close(self) -> None:
        """End the worker."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def present(names: Iterable[str]) -> tuple[dict[str, Contender], dict[str, dict[str, str]], dict[str, str]]:
    """Ask who is there.

    Returns:
        The contenders that can take part, their versions, and for the absent ones the reason; all by name.
    """
    there, versions, absent = {}, {}, {}
    for name in names:
        one = contender(name)
        try:
            with Worker(one) as worker:
                versions[name] = worker("versions")
            there[name] = one
        except ContenderError as error:
            absent[name] = str(error)
    return there, versions, absent
