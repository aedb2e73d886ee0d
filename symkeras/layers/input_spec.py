"""`InputSpec`: what a layer demands of its input, checked at every call with the layer's name in the message."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import tree
from symkeras.arguments import axis_number, axis_size, boolean, checked, non_negative_int, optional, several, table_of, text
from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dtypes, provenance
from symkeras.graph.tensor import Tensor


def _dtype(value: Any, where: str) -> str:
    return dtypes.standardize(value)


class InputSpec:
    """Demands on one input: dtype, shape (None for any size), ndim, its bounds, and the size of single axes.

    Args:
        dtype: of the input.
        shape: sizes, None for any.
        ndim: number of axes.
        max_ndim, min_ndim: its bounds.
        axes: axis -> its size.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing, or be there beside.
        name: of the input.
        optional: whether None may come.

    Example:
        >>> InputSpec(shape=(None, 3)).shape
        (None, 3)
    """

    @checked(
        dtype=optional(_dtype), shape=optional(several(axis_size)), ndim=optional(non_negative_int), max_ndim=optional(non_negative_int),
        min_ndim=optional(non_negative_int), axes=optional(table_of(axis_number, axis_size)), allow_last_axis_squeeze=boolean,
        name=optional(text), optional=boolean,
    )  # fmt: skip
    def __init__(self, dtype: Any = None, shape: Any = None, ndim: int | None = None, max_ndim: int | None = None,
                 min_ndim: int | None = None, axes: dict[int, int] | None = None, allow_last_axis_squeeze: bool = False,
                 name: str | None = None, optional: bool = False):  # fmt: skip
        self.dtype = dtype
        self.shape = shape
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this spec again."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """A spec from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        shown = {k: v for k, v in vars(self).items() if v}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in shown.items())})"


def check_input_spec(spec: Any, inputs: Any, layer: str) -> None:
    """Raise ShapeError or DtypeError where `inputs` do not fit `spec`."""
    if spec is None or inputs is None:
        return
    specs = tree.flatten(spec)
    tensors = [x for x in tree.flatten(inputs) if isinstance(x, (Tensor, np.ndarray))]
    if len(specs) != len(tensors):
        raise ShapeError(f"layer {layer!r} expects {len(specs)} inputs, received {len(tensors)} ({provenance.user_line()})")
    for one, x in zip(specs, tensors, strict=True):
        _check(one, x, layer)


def _check(spec: InputSpec, x: Any, layer: str) -> None:
    shape = tuple(x.shape)

    def fail(expected: str) -> None:
        source = f" from {x._keras_history.operation.name!r}" if isinstance(x, Tensor) and x._keras_history else ""
        shown = tuple("batch" if k == 0 and d is None else d for k, d in enumerate(shape))
        raise ShapeError(f"layer {layer!r} expects {expected}, received shape {shown}{source} ({provenance.user_line()})")

    if spec.ndim is not None and len(shape) != spec.ndim:
        fail(f"{spec.ndim} axes")
    if spec.max_ndim is not None and len(shape) > spec.max_ndim:
        fail(f"at most {spec.max_ndim} axes")
    if spec.min_ndim is not None and len(shape) < spec.min_ndim:
        fail(f"at least {spec.min_ndim} axes")
    if spec.dtype is not None and str(x.dtype) != str(spec.dtype):
        raise DtypeError(f"layer {layer!r} expects dtype {spec.dtype}, received {x.dtype} ({provenance.user_line()})")
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            fail(f"size {size} on {'the last axis' if axis == -1 else f'axis {axis}'}")
    if spec.shape is not None:
        for axis, (want, have) in enumerate(zip(spec.shape, shape, strict=True)):
            if want is not None and have is not None and want != have:
                fail(f"shape {spec.shape} (axis {axis} differs)")
