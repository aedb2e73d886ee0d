"""Meshes of devices, and how tensors lie on them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from symkeras.arguments import is_integer
from symkeras.errors import ConfigError, ShapeError, nearest


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: sizes of the axes: `(8,)`, or `(4, 2)` for four groups of two.
        axis_names: a name for each axis.
        devices: names such as "cpu:0" or "gpu:1", as many as the grid has places; all that there are when None.

    Attributes:
        shape, axis_names: as given.
        devices: names in an array of that shape.

    Raises:
        ConfigError: shape, names and devices do not fit together, or a device comes twice.

    Example:
        >>> mesh = DeviceMesh((2, 2), ["batch", "model"], ["cpu:0", "cpu:1", "cpu:2", "cpu:3"])
        >>> mesh.devices[1].tolist()
        ['cpu:2', 'cpu:3']
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None):
        self.shape = tuple(_sequence(shape, "shape"))
        self.axis_names = tuple(_sequence(axis_names, "axis_names"))
        if not self.shape or not all(is_integer(n) and n > 0 for n in self.shape):
            raise ConfigError(f"DeviceMesh: shape must be positive integers, received {shape!r}")
        if not all(isinstance(n, str) and n for n in self.axis_names) or len(set(self.axis_names)) < len(self.axis_names):
            raise ConfigError(f"DeviceMesh: axis_names must be different names, received {axis_names!r}")
        if len(self.shape) != len(self.axis_names):
            raise ConfigError(f"DeviceMesh: shape {self.shape} has {len(self.shape)} axes, axis_names {self.axis_names} names {len(self.axis_names)}")
        if devices is None:
            from symkeras.distribution.devices import list_devices

            devices = list_devices()
        names = [str(d) for d in np.asarray(devices, dtype=object).ravel()]
        if math.prod(self.shape) != len(names):
            raise ConfigError(f"DeviceMesh: shape {self.shape} has {math.prod(self.shape)} places, there are {len(names)} devices: {_few(names)}")
        if len(set(names)) < len(names):
            raise ConfigError(f"DeviceMesh: every device comes once, received {_few(names)}")
        self.devices = np.array(names, object).reshape(self.shape)

    def size(self, axis: str) -> int:
        """The size of the axis of that name."""
        return self.shape[self.axis_names.index(axis)]

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Which axes of a tensor are split over which axes of a mesh.

    Args:
        axes: for each axis of the tensor the name of a mesh axis, or None: not split.
        device_mesh: the mesh; may be given later, once.

    Raises:
        ConfigError: a name that the mesh does not have, or one that comes twice.

    Example:
        >>> mesh = DeviceMesh((2,), ["model"], ["cpu:0", "cpu:1"])
        >>> TensorLayout((None, "model"), mesh)
        <TensorLayout axes=(None, 'model'), device_mesh=<DeviceMesh shape=(2,), axis_names=('model',)>>
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        self.axes = tuple(_sequence(axes, "axes", "TensorLayout"))
        named = [a for a in self.axes if a is not None]
        if not all(isinstance(a, str) for a in named) or len(set(named)) < len(named):
            raise ConfigError(f"TensorLayout: axes must be names of mesh axes, each once, or None, received {axes!r}")
        self._device_mesh: DeviceMesh | None = None
        if device_mesh is not None:
            self.device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh, None before it is given."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if not isinstance(mesh, DeviceMesh):
            raise ConfigError(f"TensorLayout: device_mesh must be a DeviceMesh, received {mesh!r}")
        if self._device_mesh is not None and self._device_mesh is not mesh:
            raise ConfigError(f"TensorLayout: the layout has a mesh already, {self._device_mesh!r}")
        for a in self.axes:
            if a is not None and a not in mesh.axis_names:
                raise ConfigError(f"TensorLayout: {mesh!r} has no axis {a!r}.{nearest(a, mesh.axis_names)}")
        self._device_mesh = mesh

    @property
    def spec(self) -> str:
        """The axes as a text: "batch,,model"."""
        return ",".join(a or "" for a in self.axes)

    def check(self, shape: Sequence[int], what: str) -> None:
        """Raise where a tensor of this shape cannot lie so.

        Raises:
            ConfigError: there is no mesh yet.
            ShapeError: another number of axes, or an axis that the mesh does not divide.
        """
        if self._device_mesh is None:
            raise ConfigError(f"{what}: the layout {self.axes} has no mesh")
        if len(shape) != len(self.axes):
            raise ShapeError(f"{what} has shape {tuple(shape)}, its layout {self.axes} is for {len(self.axes)} axes")
        for k, (n, a) in enumerate(zip(shape, self.axes, strict=True)):
            if a is not None and n % self._device_mesh.size(a):
                parts = self._device_mesh.size(a)
                raise ShapeError(f"{what} has shape {tuple(shape)}: its axis {k} cannot be split over the {parts} devices of mesh axis {a!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorLayout) and (self.axes, self._device_mesh) == (other.axes, other._device_mesh)

    def __hash__(self) -> int:
        return hash((self.axes, id(self._device_mesh)))

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self._device_mesh}>"


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by paths of variables: a key is a path, or a regular expression that a whole path matches.

    Args:
        device_mesh: the mesh of layouts that name none.

    Raises:
        ConfigError: a key that is there already, a value that is no layout, or a path that several keys match.

    Example:
        >>> mesh = DeviceMesh((2,), ["model"], ["cpu:0", "cpu:1"])
        >>> layouts = LayoutMap(mesh)
        >>> layouts[".*dense.*kernel"] = (None, "model")
        >>> layouts["net/dense_1/kernel"].axes
        (None, 'model')
        >>> layouts["net/conv/kernel"] is None
        True
    """

    def __init__(self, device_mesh: DeviceMesh | None = None):
        if device_mesh is not None and not isinstance(device_mesh, DeviceMesh):
            raise ConfigError(f"LayoutMap: device_mesh must be a DeviceMesh, received {device_mesh!r}")
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> TensorLayout | None:
        """The layout for a path; None where no key matches."""
        if key in self._layouts:
            return self._layouts[key]
        found = [k for k in self._layouts if re.fullmatch(k, key)]
        if len(found) > 1:
            raise ConfigError(f"LayoutMap: {key!r} matches several keys: {', '.join(map(repr, found))}")
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ConfigError(f"LayoutMap: there is a layout for {key!r} already: {self._layouts[key]!r}")
        try:
            re.compile(key)
        except (re.error, TypeError) as error:
            raise ConfigError(f"LayoutMap: {key!r} is no regular expression: {error}") from error
        if isinstance(layout, (tuple, list)):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ConfigError(f"LayoutMap: {key!r} needs a TensorLayout or a tuple of axis names, received {layout!r}")
        if layout.device_mesh is None and self.device_mesh is not None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)

    def __contains__(self, key: object) -> bool:
        return key in self._layouts

    def get(self, key: str, default: Any = None) -> Any:
        """The layout for a path, or `default`."""
        found = self[key]
        return default if found is None else found


def _sequence(value: Any, what: str, kind: str = "DeviceMesh") -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(f"{kind}: {what} must be a sequence, received {value!r}")
    return list(value)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
