"""Layers that make one tensor of several: sums, products, extremes, and putting them side by side."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from symkeras import ops
from symkeras.arguments import axis_number, boolean, checked
from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.layers.calls import mask_of
from symkeras.layers.layer import Layer
from symkeras.layers.normalization import unit_length


class _Merge(Layer):
    """Checks a list of inputs and gives all of them the rank of the largest, by axes of size 1 behind the batch axis."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        check_list(self, input_shape)
        batches = {s[0] for s in input_shape if s} - {None}
        if len(batches) > 1:
            raise ShapeError(f"{type(self).__name__} {self.name!r} expects one batch size, received shapes {[tuple(s) for s in input_shape]}")
        inner: tuple[Any, ...] = ()
        for shape in input_shape:
            inner = self._broadcast(inner, tuple(shape[1:]), input_shape)

    def _broadcast(self, a: tuple[Any, ...], b: tuple[Any, ...], shapes: Any) -> tuple[Any, ...]:
        a, b = (1,) * (len(b) - len(a)) + a, (1,) * (len(a) - len(b)) + b
        if any(m != n and 1 not in (m, n) and None not in (m, n) for m, n in zip(a, b, strict=True)):
            raise ShapeError(f"{type(self).__name__} {self.name!r} expects shapes that broadcast, received {[tuple(s) for s in shapes]}")
        return tuple(n if m == 1 else None if n is None and m is None else m if n in (1, None) else n for m, n in zip(a, b, strict=True))

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise ShapeError(f"{type(self).__name__} {self.name!r} is called on a list of tensors, received {inputs!r}")
        masks = [mask_of(x) for x in inputs]
        rank = max(len(x.shape) for x in inputs)
        wide = [ops.expand_dims(x, tuple(range(1, 1 + rank - len(x.shape)))) if len(x.shape) < rank else x for x in inputs]
        return self._merge(wide, [None if m is None else ops.expand_dims(m, -1) for m in masks])

    def _merge(self, xs: list[Any], masks: list[Any]) -> Any:
        """The result; a mask has a last axis of size 1, or is None."""
        raise NotImplementedError

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None or any(m is None for m in masks_of(self, inputs, mask)):
            return None
        return functools.reduce(ops.logical_or, mask)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


def masks_of(layer: Layer, inputs: Any, mask: Any) -> Any:
    """`mask`, once it is a list of one mask, or None, for each of the `inputs`.

    Raises:
        ShapeError: it is none, or `inputs` are none, or they differ in length.
    """
    what = f"{type(layer).__name__} {layer.name!r}: compute_mask"
    for name, given in (("mask", mask), ("inputs", inputs)):
        if not isinstance(given, (list, tuple)):
            raise ShapeError(f"{what}: `{name}` should be a list, received {given!r}")
    if len(mask) != len(inputs):
        raise ShapeError(f"{what}: masks and inputs should have the same length, received {len(mask)} masks for {len(inputs)} inputs")
    return mask


def check_list(layer: Layer, input_shape: Any, count: int | None = None) -> None:
    """Raise ShapeError unless `input_shape` is a list of shapes (of `count` of them)."""
    name = f"{type(layer).__name__} {layer.name!r}"
    if not isinstance(input_shape, (list, tuple)) or not input_shape or not isinstance(input_shape[0], (list, tuple)):
        raise ShapeError(f"{name} is called on a list of tensors, received shape {input_shape}")
    if count is not None and len(input_shape) != count:
        raise ShapeError(f"{name} takes exactly {count} inputs, received {len(input_shape)}")


class Add(_Merge):
    """The sum of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast

    Output shape:
        what they broadcast to

    Example:
        >>> import numpy as np
        >>> Add()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[3.0]]
    """

    def _merge(self, xs: list[Any], masks: list[Any]) -> Any:
        return functools.reduce(ops.add, xs)


class Subtract(_Merge):
    """The first of two inputs less the second.

    Input shape:
        a list of two shapes that broadcast

    Output shape:
        what they broadcast to

    Raises:
        ShapeError: not exactly two inputs.

    Example:
        >>> import numpy as np
        >>> Subtract()([np.array([[1.0]]), np.array([[3.0]])]).tolist()
        [[-2.0]]
    """

    def build(self, input_shape: Any) -> None:
        check_list(self, input_shape, 2)
        super().build(input_shape)

    def _merge(self, xs: list[Any], masks: list[Any]) -> Any:
        return ops.subtract(xs[0], xs[1])


class Multiply(_Merge):
    """The product of the inputs, element by element; a masked step counts as 1, and as 0 where all are masked.

    Input shape:
        a list of shapes that broadcast

    Output shape:
        what they broadcast to

    Example:
        >>> import numpy as np
        >>> Multiply()([np.array([[2.0]]), np.array([[3.0]])]).tolist()
        [[6.0]]
    """

    def _merge(self, xs: list[Any], masks: list[Any]) -> Any:
        out = functools.reduce(ops.multiply, [x if m is None else ops.where(m, x, 1) for x, m in zip(xs, masks, strict=True)])
        if any(m is None for m in masks):
            return out
        return ops.where(functools.reduce(ops.logical_or, masks), out, 0)


class Average(_Merge):
    """The mean of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast

    Output shape:
        what they broadcast to

    Example:
        >>> import numpy as np
        >>> Average()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[1.5]]
    """

    def _merge(self, xs: list[Any], masks: list[Any]) -> Any:
        return ops.divide(functools.reduce(ops.add, xs), len(xs))


class _Extreme(_Merge):
    """An extreme of the inputs; a masked step takes the value of the others."""

    choose: Callable[..., Any]

    def _merge(self, xs: list[Any], masks: list[Any]) -> Any:
        out, out_mask = xs[0], masks[0]
        for x, mask in zip(xs[1:], masks[1:], strict=True):
            x = x if mask is None else ops.where(mask, x, out)
            out = out if out_mask is None else ops.where(out_mask, out, x)
            out_mask = None if mask is None or out_mask is None else ops.logical_or(out_mask, mask)
            out = type(self).choose(out, x)
        return out


class Maximum(_Extreme):
    """The largest of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast

    Output shape:
        what they broadcast to

    Example:
        >>> import numpy as np
        >>> Maximum()([np.array([[1.0, 4.0]]), np.array([[2.0, 3.0]])]).tolist()
        [[2.0, 4.0]]
    """

    choose = staticmethod(ops.maximum)


class Minimum(_Extreme):
    """The smallest of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast

    Output shape:
        what they broadcast to

    Example:
        >>> import numpy as np
        >>> Minimum()([np.array([[1.0, 4.0]]), np.array([[2.0, 3.0]])]).tolist()
        [[1.0, 3.0]]
    """

    choose = staticmethod(ops.minimum)


class Concatenate(_Merge):
    """The inputs one after the other along an axis.

    Args:
        axis: the axis that grows.

    Input shape:
        a list of shapes, equal except along `axis`

    Output shape:
        their shape, with the sizes along `axis` added up

    Raises:
        ShapeError: the other sizes differ.

    Example:
        >>> import numpy as np
        >>> Concatenate()([np.array([[1.0]]), np.array([[2.0, 3.0]])]).tolist()
        [[1.0, 2.0, 3.0]]
    """

    @checked(axis=axis_number)
    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        check_list(self, input_shape)
        rank = len(input_shape[0])
        fits = all(len(s) == rank for s in input_shape) and -rank <= self.axis < rank
        for axis in range(rank if fits else 0):
            if axis != self.axis % rank and len({s[axis] for s in input_shape} - {None}) > 1:
                fits = False
        if not fits:
            shapes = [tuple(s) for s in input_shape]
            raise ShapeError(f"Concatenate {self.name!r} along axis {self.axis} expects equal sizes elsewhere, received {shapes}")

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None or all(m is None for m in masks_of(self, inputs, mask)):
            return None
        full = []
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                full.append(ops.ones_like(x, dtype="bool"))
            else:
                full.append(ops.broadcast_to(ops.expand_dims(m, -1), ops.shape(x)) if len(m.shape) < len(x.shape) else m)
        return ops.any(ops.concatenate(full, axis=self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Dot(_Merge):
    """Products of two tensors summed along one axis of each, sample by sample.

    Args:
        axes: the axis of both, or one for each; not the batch axis.
        normalize: whether both are scaled to length 1 along that axis first, which gives cosines.

    Input shape:
        a list of two: (B, ..., I, ...) each

    Output shape:
        (B, the first's other axes, the second's other axes), or (B, 1) when there are none

    Raises:
        ShapeError: not two inputs, the batch axis, or sizes that differ.

    Example:
        >>> import numpy as np
        >>> Dot(1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
        [[11.0]]
    """

    @checked(normalize=boolean)
    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes) if isinstance(axes, (list, tuple)) else ()
        if len(pair) != 2 or not all(isinstance(a, int) for a in pair):
            raise ShapeError(f"Dot expects axes to be an integer or two of them, received {axes!r}")
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        check_list(self, input_shape, 2)
        a, b = (tuple(s) for s in input_shape)
        i, j = self._axes(a, b)
        if i == 0 or j == 0 or (a[i] != b[j] and None not in (a[i], b[j])):
            raise ShapeError(f"Dot {self.name!r} over axes {self.axes} expects equal sizes behind the batch axis, received {[a, b]}")

    def _axes(self, a: Any, b: Any) -> tuple[int, int]:
        i, j = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if not -len(a) <= i < len(a) or not -len(b) <= j < len(b):
            raise ShapeError(f"Dot {self.name!r} over axes {self.axes}: they do not exist in {[tuple(a), tuple(b)]}")
        return i % len(a), j % len(b)

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        i, j = self._axes(x.shape, y.shape)
        if self.normalize:
            x, y = unit_length(x, i, 1e-7), unit_length(y, j, 1e-7)
        return batch_dot(x, y, i, j)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def batch_dot(x: Any, y: Any, i: int, j: int) -> Any:
    """Sums over axis `i` of `x` and `j` of `y`, sample by sample; (B, 1) when no other axis is left."""
    rest_x, rest_y = [k for k in range(1, len(x.shape)) if k != i], [k for k in range(1, len(y.shape)) if k != j]
    sx, sy = ops.shape(x), ops.shape(y)
    a = ops.reshape(ops.transpose(x, (0, *rest_x, i)), (sx[0], dims.product(sx[k] for k in rest_x), sx[i]))
    b = ops.reshape(ops.transpose(y, (0, j, *rest_y)), (sy[0], sy[j], dims.product(sy[k] for k in rest_y)))
    shape = (sx[0], *(sx[k] for k in rest_x), *(sy[k] for k in rest_y))
    return ops.reshape(ops.matmul(a, b), shape if len(shape) > 1 else (sx[0], 1))


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> add([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[4.0, 6.0]]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> subtract([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[-2.0, -2.0]]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> multiply([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[3.0, 8.0]]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> average([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[2.0, 3.0]]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> maximum([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[3.0, 4.0]]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> minimum([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[1.0, 2.0]]
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`.

    >>> import numpy as np
    >>> concatenate([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot(axes, **kwargs)(inputs)`.

    >>> import numpy as np
    >>> dot([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
    [[11.0]]
    """
    return Dot(axes, **kwargs)(inputs)
