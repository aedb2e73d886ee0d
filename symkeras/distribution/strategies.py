"""How the work of a model is shared: `DataParallel` splits batches, `ModelParallel` weights as well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from symkeras import ops, tree
from symkeras.arguments import boolean, checked
from symkeras.distribution import scope
from symkeras.distribution.layouts import DeviceMesh, LayoutMap, TensorLayout
from symkeras.distribution.processes import joined
from symkeras.errors import ConfigError, ShapeError, nearest

BATCH = "batch"


class Distribution:
    """What both kinds have in common; made by their constructors.

    Attributes:
        device_mesh: the devices.
        batch_dim_name: the mesh axis over which batches are split.
        auto_shard_dataset: whether every process is given all data, and takes its part of each batch; if not, each is given its own rows,
            and a batch is those of all processes, in their order.
        places: where the values of each engine are that runs models with it.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool = True):
        self.device_mesh = device_mesh
        self.batch_dim_name = batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        self.places: dict[str, Any] = {}

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch is split."""
        return self.device_mesh.size(self.batch_dim_name)

    def get_data_layout(self, data_shape: Sequence[Any]) -> TensorLayout:
        """The layout of a batch of this shape: its first axis is split."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)][: len(data_shape)], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: whole on every device."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of a value inside of a model, such as "dense/output"; None: the engine decides."""
        return None

    def lay_out(self, outputs: Any, path: str) -> Any:
        """What a layer gives, laid out as its path says; called where models are traced."""
        layout = self.get_tensor_layout(path)
        if layout is None:
            return outputs
        from symkeras.distribution.devices import distribute_tensor

        return tree.map_structure(lambda y: distribute_tensor(y, layout) if ops.is_symbolic(y) else y, outputs)

    def check_batch(self, rows: int) -> None:
        """Raise where full batches of so many rows cannot be split evenly; the last one of an epoch may have any number.

        Args:
            rows: of the batches that this process is given.

        Raises:
            ShapeError: the mesh does not divide the batch.
        """
        parts, cluster = self.num_model_replicas, joined()
        if cluster is not None and not self.auto_shard_dataset:
            rows *= cluster.count
        if rows % parts:
            near = f"{rows - rows % parts} or {rows - rows % parts + parts}" if rows > parts else str(parts)
            raise ShapeError(f"a batch of {rows} rows cannot be split over the {parts} parts of mesh axis {self.batch_dim_name!r}: take {near} rows")

    def together(self, stretches: Iterable[Any], steps: int | None) -> Iterator[Any]:
        """The batches of an epoch (`symkeras.models.feeds.feed.Stretch`), looked at before they run.

        Args:
            stretches: the batches that this process is given.
            steps: how many there are; None where that shows only at the end: then processes ask each other before each.

        Raises:
            DistributionError: processes have different numbers of batches, for which they would wait in vain; or one is gone.
            ShapeError: the mesh does not divide the batch.
        """
        largest = 0
        if steps is not None:
            _agree_on_batches(steps)
        for stretch in stretches:
            if steps is None:
                _agree_on_batches(len(stretch.batches))
            if stretch.batch_size > largest:  # a smaller one is the last
                largest = stretch.batch_size
                self.check_batch(largest)
            yield stretch
        if steps is None:
            _agree_on_batches(0)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Surroundings in which this distribution is set.

        Raises:
            ConfigError: another one is set.
        """
        before = scope.distribution()
        scope.set_distribution(self)
        try:
            yield
        finally:
            scope.set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh!r}>"


class DataParallel(Distribution):
    """Every device has all weights and computes its rows of each batch; gradients, losses and metrics are those of the whole batch.

    Args:
        device_mesh: a mesh of one axis; or give `devices`.
        devices: names of devices; all there are when None.
        auto_shard_dataset: see `Distribution`.

    Raises:
        ConfigError: both a mesh and devices, or a mesh of several axes.

    Example:
        >>> DataParallel(devices=["cpu:0", "cpu:1"])
        <DataParallel device_mesh=<DeviceMesh shape=(2,), axis_names=('batch',)>>
    """

    @checked(auto_shard_dataset=boolean)
    def __init__(self, device_mesh: DeviceMesh | None = None, devices: Any = None, auto_shard_dataset: bool = True):
        if device_mesh is not None and devices is not None:
            raise ConfigError("DataParallel takes device_mesh or devices, not both")
        if device_mesh is None:
            from symkeras.distribution.devices import list_devices

            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((max(len(names), 1),), (BATCH,), names)
        if not isinstance(device_mesh, DeviceMesh):
            raise ConfigError(f"DataParallel: device_mesh must be a DeviceMesh, received {device_mesh!r}")
        if len(device_mesh.shape) > 1:
            raise ConfigError(f"DataParallel: the mesh must have one axis, received {device_mesh!r}; ModelParallel takes one of several")
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)


class ModelParallel(Distribution):
    """Weights are split over devices as a map says, and batches over one axis of the mesh.

    Args:
        layout_map: layouts by paths of variables; variables that no key matches lie whole on every device. The slots of an optimizer lie as
            the variables that they belong to.
        batch_dim_name: the mesh axis over which batches are split; the first one when None.
        auto_shard_dataset: see `Distribution`.

    Raises:
        ConfigError: no map, a map without a mesh, or an axis that the mesh does not have.

    Example:
        >>> mesh = DeviceMesh((1, 2), ("batch", "model"), ["cpu:0", "cpu:1"])
        >>> layouts = LayoutMap(mesh)
        >>> layouts[".*kernel"] = (None, "model")
        >>> ModelParallel(layout_map=layouts, batch_dim_name="batch").num_model_replicas
        1
    """

    @checked(auto_shard_dataset=boolean)
    def __init__(self, *, layout_map: LayoutMap, batch_dim_name: str | None = None, auto_shard_dataset: bool = True):
        if not isinstance(layout_map, LayoutMap):
            raise ConfigError(f"ModelParallel: layout_map must be a LayoutMap, received {layout_map!r}")
        mesh = layout_map.device_mesh
        if mesh is None:
            raise ConfigError("ModelParallel: the LayoutMap has no device_mesh")
        name = mesh.axis_names[0] if batch_dim_name is None else batch_dim_name
        if name not in mesh.axis_names:
            raise ConfigError(f"ModelParallel: {mesh!r} has no axis {name!r}.{nearest(str(name), mesh.axis_names)}")
        for key in layout_map:
            layout = layout_map[key]
            if layout is not None and layout.device_mesh is not mesh:
                raise ConfigError(f"ModelParallel: the layout of {key!r} is on another mesh, {layout.device_mesh!r}")
        super().__init__(mesh, name, auto_shard_dataset)
        self.layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable by its path, or by that of the variable whose slot it is; whole on every device where no key matches.

        Raises:
            ShapeError: the layout does not fit its shape.
        """
        owner = variable if variable.like is None else variable.like
        layout = self.layout_map[owner.path]
        if layout is None or owner.shape != variable.shape:
            return super().get_variable_layout(variable)
        layout.check(variable.shape, f"variable {owner.path!r}")
        return layout

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        return self.layout_map[path]


def _agree_on_batches(count: int) -> None:
    cluster = joined()
    if cluster is not None:
        cluster.agree(hashlib.sha256(str(count).encode()).digest(), "number of batches")
