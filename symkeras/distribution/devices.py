"""Which devices there are, over all processes, and joining those."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import is_integer
from symkeras.backend_names import DISTRIBUTES
from symkeras.distribution import processes
from symkeras.distribution.layouts import TensorLayout
from symkeras.errors import BackendError, ConfigError, ShapeError


def _cluster() -> Any:
    """The processes and devices of the default backend."""
    from symkeras.backend import interface

    name = config.backend()
    if name not in DISTRIBUTES:
        raise BackendError(
            f"the default backend {name!r} cannot distribute; {' and '.join(DISTRIBUTES)} can: call symkeras.config.set_backend("
            f"{next(iter(DISTRIBUTES))!r}) first, or set SYMKERAS_BACKEND"
        )
    return interface.get(name).cluster


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of the devices that the default backend can compute on, those of all processes.

    Args:
        device_type: "cpu", "gpu" or "tpu"; the best kind that there is when None.

    Raises:
        BackendError: the default backend cannot distribute, or there is no device of that kind.
        ConfigError: a kind that is no text.

    Example:
        >>> list_devices()
        Traceback (most recent call last):
        symkeras.errors.BackendError: the default backend 'numpy' cannot distribute; jax and torch can: call symkeras.config.set_backend('jax') \
first, or set SYMKERAS_BACKEND
    """
    if device_type is not None and not isinstance(device_type, str):
        raise ConfigError(f'list_devices: device_type must be "cpu", "gpu", "tpu" or None, received {device_type!r}')
    return _cluster().devices(None if device_type is None else device_type.lower())


def get_device_count(device_type: str | None = None) -> int:
    """How many devices `list_devices` gives.

    Args:
        device_type: as there.

    Raises:
        BackendError: as there.
    """
    return len(list_devices(device_type))


def initialize(job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Join the processes that compute together; to be called in each of them, before anything is computed.

    All draw the same random numbers from here on: they take over the seed of process 0.

    Args:
        job_addresses: "host:port" of process 0, or those of all processes with commas between; `KERAS_DISTRIBUTION_JOB_ADDRESSES` when None.
        num_processes: how many there are; `KERAS_DISTRIBUTION_NUM_PROCESSES` when None.
        process_id: which one this is, from 0; `KERAS_DISTRIBUTION_PROCESS_ID` when None.

    Raises:
        ConfigError: an argument is missing or makes no sense, or the processes have been joined before.
        BackendError: the default backend cannot distribute.
        DistributionError: the others do not come within `SYMKERAS_DISTRIBUTION_JOIN_SECONDS` (300).
    """
    addresses = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    count = _whole(num_processes, "num_processes", "KERAS_DISTRIBUTION_NUM_PROCESSES", 1)
    index = _whole(process_id, "process_id", "KERAS_DISTRIBUTION_PROCESS_ID", 0)
    if not isinstance(addresses, str) or ":" not in addresses:
        raise ConfigError(f'initialize: job_addresses must be "host:port" of process 0, received {addresses!r}')
    given = [a.strip() for a in addresses.split(",")]
    if len(given) not in (1, count):
        raise ConfigError(f"initialize: {len(given)} addresses came for {count} processes")
    if index >= count:
        raise ConfigError(f"initialize: process_id must lie below num_processes={count}, received {index}")
    cluster = _cluster()
    if cluster.count > 1:
        raise ConfigError(f"initialize: this process is {cluster.index} of {cluster.count} already")
    cluster.join(given[0], count, index)
    processes.note(cluster)
    from symkeras.random.seed_generator import make_default_seed
    from symkeras.utils.random_seed import set_random_seed

    set_random_seed(int(cluster.from_first(make_default_seed() % 2**32)))


def _whole(value: Any, name: str, variable: str, least: int) -> int:
    if value is None:
        text = os.environ.get(variable, "")
        value = int(text) if text.isdigit() else text or None
    if not is_integer(value) or value < least:
        raise ConfigError(f"initialize: {name} (or {variable}) must be an integer of at least {least}, received {value!r}")
    return int(value)


def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """A tensor laid out over devices.

    Args:
        tensor: an array, which is sent out and becomes a tensor of the engine; or a symbolic tensor inside of a model, for which the engine
            is told how the value is to lie, and nothing else changes.
        layout: with a mesh.

    Raises:
        ConfigError: no layout, or one without a mesh.
        ShapeError: the layout does not fit.
        BackendError: the default backend cannot distribute.
    """
    from symkeras import ops

    if not isinstance(layout, TensorLayout):
        raise ConfigError(f"distribute_tensor: layout must be a TensorLayout, received {layout!r}")
    if ops.is_symbolic(tensor):
        if len(tensor.shape) != len(layout.axes):
            raise ShapeError(f"distribute_tensor: a tensor of shape {tensor.shape} came with the layout {layout.axes}")
        return ops.laid_out(tensor, spec=layout.spec)
    array = np.asarray(tensor)
    layout.check(array.shape, "distribute_tensor: the tensor")
    return _cluster().distribute(array, layout)
