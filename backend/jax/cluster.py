"""The devices of JAX, and its processes, joined by `jax.distributed`.

A process that is killed takes with it what the others wait for. Where one device waits for it, its collectives fail at once; where several do,
JAX may wait for ever. So whatever waits for other processes runs in a thread of its own, and gives up when JAX's service says that a process is
gone: `HEARTBEAT` seconds after its last sign of life.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from symkeras.backend.cluster import Cluster
from symkeras.errors import BackendError, ConfigError, DistributionError

T = TypeVar("T")
HEARTBEAT = 5
_SHUTDOWN = 3
_END = 300
"""Seconds: without a sign of life until a process counts as gone; for JAX to shut down; for which process 0 waits for the others to end."""


def known_devices(kind: str | None = None) -> dict[str, Any]:
    """JAX's devices by name, those of other processes included.

    Raises:
        BackendError: there is none of that kind.
    """
    try:
        return {f"{d.platform}:{d.id}": d for d in jax.devices(kind)}
    except RuntimeError as error:
        raise BackendError(f"jax has no devices of the kind {kind!r}; it has {', '.join(known_devices())}") from error


def mesh_of(device_mesh: Any) -> Mesh:
    """JAX's mesh for a `DeviceMesh`.

    Raises:
        BackendError: it names a device that is not there.
    """
    names = device_mesh.devices.ravel().tolist()
    known = known_devices(names[0].partition(":")[0].lower())
    lacking = [n for n in names if n.lower() not in known]
    if lacking:
        raise BackendError(f"jax has no device {', '.join(map(repr, lacking[:4]))}; it has {', '.join(known)}")
    return Mesh(np.array([known[n.lower()] for n in names], object).reshape(device_mesh.shape), device_mesh.axis_names)


def sharding_of(mesh: Mesh, axes: Any) -> NamedSharding:
    """How a tensor lies on a mesh."""
    return NamedSharding(mesh, PartitionSpec(*axes))


def placed(array: np.ndarray, sharding: NamedSharding) -> jax.Array:
    """A copy of an array that all processes have, of which each sends what its devices hold."""
    array = np.array(array)
    with jax.enable_x64(True):
        if sharding.is_fully_addressable:
            return jax.device_put(array, sharding)
        return jax.make_array_from_callback(array.shape, sharding, lambda where: array[where])


class JaxCluster(Cluster):
    """See `symkeras.backend.cluster.Cluster`."""

    def __init__(self) -> None:
        self.lost = ""
        self._live: set[int] = set()
        self._is_leaving = False
        self._watcher: Any = None
        self._runner: Any = None

    def devices(self, kind: str | None = None) -> list[str]:
        return list(known_devices(kind))

    def join(self, address: str, count: int, index: int) -> None:
        seconds = int(os.environ.get("SYMKERAS_DISTRIBUTION_JOIN_SECONDS", "300"))
        deadline = time.monotonic() + seconds
        late = f"process {index} of {count} did not meet the others at {address} within {seconds} s"
        self._runner = _Runner(lambda: self.lost or (late if time.monotonic() > deadline else ""))
        atexit.register(self._leave)
        jax.config.update("jax_enable_recoverability", True)  # a process that dies does not end the others
        jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM, which is to end the process
        try:  # JAX ends the process that waits in vain: so it is given more time, and not waited for
            self._runner(lambda: jax.distributed.initialize(address, count, index, initialization_timeout=2 * seconds + 60,
                                                            heartbeat_timeout_seconds=HEARTBEAT, shutdown_timeout_seconds=_SHUTDOWN))  # fmt: skip
        except DistributionError:
            raise
        except (RuntimeError, ValueError) as error:
            if "must be called before" in str(error):
                raise ConfigError("initialize: jax has computed something already; call initialize() first of all") from error
            raise DistributionError(f"process {index} of {count} cannot meet the others at {address}: {error}") from error
        self._runner.lost = lambda: self.lost
        self.count, self.index = count, index
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="symkeras-watch")
        self._watcher.start()

    def distribute(self, array: np.ndarray, layout: Any) -> Any:
        return placed(array, sharding_of(mesh_of(layout.device_mesh), layout.axes))

    def all_of(self, array: np.ndarray) -> np.ndarray:
        if self.count == 1:
            return array[None]
        return self.watched(lambda: _with_x64(lambda: np.asarray(multihost_utils.process_allgather(array))))

    def from_first(self, array: Any) -> np.ndarray:
        array = np.asarray(array)
        if self.count == 1:
            return array
        return self.watched(lambda: _with_x64(lambda: np.asarray(multihost_utils.broadcast_one_to_all(array))))

    def watched(self, run: Callable[[], T]) -> T:
        if self.count == 1:
            return run()
        try:
            return self._runner(run)
        except (RuntimeError, ValueError) as error:  # JAX's own error is either, by where it comes from
            if isinstance(error, DistributionError) or not any(w in str(error) for w in _TROUBLE):
                raise
            deadline = time.monotonic() + 2 * HEARTBEAT
            if self.index and _is_first_gone():
                self.lost = self.lost or self._said("process 0")
            while not self.lost and time.monotonic() < deadline:  # who it is shows a little later
                time.sleep(0.05)
            raise DistributionError(self.lost or self._said("another process")) from error

    def _said(self, who: str) -> str:
        return f"{who} of {self.count} is gone, and process {self.index} cannot go on without it: start all again, from the last checkpoint"

    def _watch(self) -> None:
        """Note which processes give signs of life."""
        client, everybody = _client(), list(range(self.count))
        while not self._is_leaving:
            try:
                self._live = set(client.get_live_nodes(everybody))
            except Exception:  # whatever it says, the service of process 0 does not answer any more
                self._live = {self.index}
                self.lost = self.lost or self._said("process 0")
                return
            gone = sorted(set(everybody) - self._live)
            if gone and not self.lost:
                self.lost = self._said(f"process {', '.join(map(str, gone))}")
            time.sleep(0.5)

    def _leave(self) -> None:
        """Process 0, which has JAX's service, ends last: without it JAX would end the others."""
        if self._watcher is None:
            if not self._runner.ended():
                os._exit(1)
            return
        failed = hasattr(sys, "last_value")
        deadline = time.monotonic() + (2 * HEARTBEAT if failed else _END)
        while self.index == 0 and self._live != {0} and time.monotonic() < deadline:
            time.sleep(0.05)
        self._is_leaving = True
        self._watcher.join(2 * HEARTBEAT)
        is_stuck = not self._runner.ended()
        if is_stuck or self._watcher.is_alive():  # a thread of JAX waits for ever, and with it would the end of Python
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(failed or is_stuck))
        if self.index:
            jax.distributed.shutdown()


_TROUBLE = ("Gloo", "gloo", "NCCL", "Connection", "Socket closed", "heartbeat", "coordination", "UNAVAILABLE", "DEADLINE_EXCEEDED")
"""What the errors of collectives name."""


def _client() -> Any:
    from jax._src import distributed  # there is no public way to ask which processes are alive

    return distributed.global_state.client


def _is_first_gone() -> bool:
    """Whether process 0, where JAX's service is, does not answer; JAX ends this process within a second then."""
    try:
        _client().key_value_try_get("symkeras")
    except Exception as error:
        return "UNAVAILABLE" in str(error)
    return False


def _with_x64(run: Callable[[], T]) -> T:
    with jax.enable_x64(True):
        return run()


class _Runner:
    """Runs functions one after the other in a thread of its own; who waits gives up when `lost` says something."""

    def __init__(self, lost: Callable[[], str]):
        self.lost = lost
        self._todo: SimpleQueue[Any] = SimpleQueue()
        self.is_stuck = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="symkeras-collectives")
        self._thread.start()

    def __call__(self, run: Callable[[], T]) -> T:
        if self.is_stuck:
            raise DistributionError(self.lost())
        done, found = threading.Event(), []
        self._todo.put((run, done, found))
        while not done.wait(0.2):
            if self.lost() and not done.wait(1):
                self.is_stuck = True
                raise DistributionError(self.lost())
        value, error = found[0]
        if error is not None:
            raise error
        return value

    def ended(self) -> bool:
        """End the thread; whether that was possible."""
        self._todo.put(None)
        self._thread.join(0.1 if self.is_stuck else HEARTBEAT)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (todo := self._todo.get()) is not None:
            run, done, found = todo
            try:
                found.append((run(), None))
            except BaseException as error:
                found.append((None, error))
            done.set()
