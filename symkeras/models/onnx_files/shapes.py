"""ONNX operators that move elements, and those that compute with shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph import dims, room
from symkeras.graph.tensor import Tensor
from symkeras.models.onnx_files.operators import Reader, are_sizes, dtype_of_number
from symkeras.ops.elementwise import broadcast_shapes
from symkeras.ops.shaping import canonical_axis

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call


def _shape_of(x: Any) -> tuple[Any, ...]:
    return x.dims if isinstance(x, Tensor) else np.shape(x)


def _object(sizes: Any) -> np.ndarray:
    out = np.empty(len(sizes), object)
    out[:] = list(sizes)
    return out


def _shape(c: Call) -> Any:
    shape = _shape_of(c.input(0))
    found = shape[slice(c.attribute("start", 0), c.attribute("end", len(shape)))]
    return _object(found) if any(isinstance(d, dims.Dim) for d in found) else np.array(found, np.int64)


def _size(c: Call) -> Any:
    total = dims.product(_shape_of(c.input(0)))
    return np.array(total, object if isinstance(total, dims.Dim) else np.int64)


def _reshape(c: Call) -> Any:
    x = c.tensor()
    old = list(_shape_of(x))
    target = c.sizes(1)
    if not c.attribute("allowzero", 0):
        c.require(all(d != 0 or k < len(old) for k, d in enumerate(target)), "a size that it keeps is not there")
        target = [old[k] if isinstance(d, int) and d == 0 else d for k, d in enumerate(target)]
    return c.apply(lambda t: ops.reshape(t, _with_free_batch(c, old, target)), x)


def _with_free_batch(c: Call, old: list[Any], target: list[Any]) -> tuple[Any, ...]:
    """A target in which the number of rows that the file fixes is the batch again."""
    fixed = c.builder.batch
    batch = dims.symbol("batch")
    if fixed is None or not target or target[0] != fixed or not old or not isinstance(old[0], dims.Dim):
        return tuple(target)
    before = dims.evaluate(dims.product(old), {"batch": fixed}) if dims.symbols_of(tuple(old)) == {"batch"} else None
    after = math.prod(d for d in target[1:] if isinstance(d, int))
    is_batch = before is not None and (-1 in target[1:] or after * fixed == before) and old[0] == batch
    return (batch, *target[1:]) if is_batch else tuple(target)


def _flatten(c: Call) -> Any:
    def flat(x: Any) -> Any:
        axis = c.attribute("axis", 1)
        axis = x.ndim if axis == x.ndim else canonical_axis(axis, x.ndim)
        return ops.reshape(x, (dims.product(x.dims[:axis]), dims.product(x.dims[axis:])))

    return c.apply(flat, c.tensor())


def _transpose(c: Call) -> Any:
    return c.apply(lambda x: ops.transpose(x, c.attribute("perm")), c.tensor())


def _squeeze(c: Call) -> Any:
    axes = c.integers(1, "axes")
    if are_sizes(c.input(0)):
        return np.asarray(np.squeeze(c.input(0), None if axes is None else tuple(axes)), object)
    return c.apply(lambda x: ops.squeeze(x, axes), c.tensor())


def _unsqueeze(c: Call) -> Any:
    axes = c.integers(1, "axes")
    if are_sizes(c.input(0)):
        return np.expand_dims(c.input(0), tuple(axes or ()))
    return c.apply(lambda x: ops.expand_dims(x, axes), c.tensor())


def _concat(c: Call) -> Any:
    axis = c.needed("axis")
    if any(map(are_sizes, c.inputs)) and all(isinstance(x, np.ndarray) for x in c.inputs):
        return np.concatenate([x.astype(object) for x in c.inputs], axis)
    return c.apply(lambda *x: ops.concatenate(x, axis), *(c.operand(k) for k in range(len(c.inputs))))


def _split(c: Call) -> Any:
    sizes, axis = c.integers(1, "split"), c.attribute("axis", 0)

    def pieces(x: Any) -> Any:
        size = x.dims[axis]
        if sizes is None:
            c.require(isinstance(size, int), "an axis of unknown size cannot be split")
            count = c.attribute("num_outputs", len(c.outputs))
            each = -(-size // count)
            bounds = [min(size, each * k) for k in range(1, count)]
        else:
            bounds = [int(b) for b in np.cumsum(sizes)[:-1]]
        return tuple(ops.split(x, bounds, axis=axis))

    return c.apply(pieces, c.tensor())


def _slice(c: Call) -> Any:
    if c.opset < 10:
        starts, ends, axes, steps = c.needed("starts"), c.needed("ends"), c.attribute("axes"), None
    else:
        starts, ends, axes, steps = c.sizes(1), c.sizes(2), c.integers(3), c.integers(4)
    x = c.input(0)
    shape = _shape_of(x)
    axes = [canonical_axis(a, len(shape)) for a in (axes if axes is not None else range(len(starts)))]
    key: list[Any] = [slice(None)] * len(shape)
    for axis, a, b, s in zip(axes, starts, ends, steps or [1] * len(axes), strict=True):
        key[axis] = slice(_bound(a, shape[axis]), _bound(b, shape[axis]), s)
    if are_sizes(x):
        return x[tuple(key)]
    return c.apply(lambda t: t[tuple(key)], c.tensor())


def _bound(value: Any, size: Any) -> Any:
    """A bound of a slice; beyond any size it is the end, on both sides."""
    if isinstance(value, dims.Dim):
        return None if value == size else value
    return None if value >= 2**31 - 1 or value <= -(2**31) + 1 else value


def _gather(c: Call) -> Any:
    axis = c.attribute("axis", 0)
    data, indices = c.input(0), c.input(1)
    if are_sizes(data):
        return np.asarray(np.take(data, c.constant(1), axis), object)
    if isinstance(indices, Tensor) and c.node.input[0] in c.builder.weights and data.ndim == 2 and axis == 0:
        from symkeras.layers.embedding import Embedding

        return c.layer(Embedding(*data.shape, name=c.name(), dtype=str(data.dtype)), indices, [data])
    return c.apply(lambda x, i: ops.take(x, i, axis), c.operand(0), c.tensor(1))


def _gather_elements(c: Call) -> Any:
    return c.apply(lambda x, i: ops.op.apply(ops.OPS["take_along_axis"], [x, i], {"axis": canonical_axis(c.attribute("axis", 0), x.ndim)}),
                   c.tensor(0), c.tensor(1))  # fmt: skip


def _expand(c: Call) -> Any:
    target = c.sizes(1)

    def expanded(x: Any) -> Any:
        shape = broadcast_shapes(x.dims, tuple(target), what="Expand")
        return ops.broadcast_to(x, shape)

    return c.apply(expanded, c.operand(0))


def _tile(c: Call) -> Any:
    repeats = c.integers(1) or []
    return c.apply(lambda x: ops.tile(x, repeats), c.tensor())


def _constant(c: Call) -> Any:
    names = ("value", "value_float", "value_int", "value_floats", "value_ints")
    found = [(n, v) for n in names if (v := c.attribute(n)) is not None]
    c.require(len(found) == 1, "its value is of a kind that is not covered")
    name, value = found[0]
    return value if name == "value" else np.asarray(value, np.float32 if "float" in name else np.int64)


def _constant_of_shape(c: Call) -> Any:
    value = c.attribute("value", np.zeros(1, np.float32)).reshape(())
    shape = tuple(c.sizes(0))
    if any(isinstance(d, dims.Dim) for d in shape):
        return ops.broadcast_to(ops.as_tensor(value), shape)
    room.take(shape, str(value.dtype), c.where)
    return np.full(shape, value)


def _range(c: Call) -> Any:
    if any(map(are_sizes, c.inputs)):
        start, stop, step = (d if isinstance(d, dims.Dim) else int(d) for x in c.inputs for d in np.ravel(x))
        c.require(start == 0 and step == 1, "a range over a symbolic size that does not count from 0 is not covered")
        return ops.cast(ops.arange(stop), "int64")
    dtype = c.constant(0).dtype
    start, stop, step = (c.constant(k).reshape(()).item() for k in range(3))
    c.require(step != 0, "its step is 0")
    room.take((max(0, math.ceil((stop - start) / step)),), str(dtype), c.where)
    return np.arange(start, stop, step, dtype=dtype)


def _one_hot(c: Call) -> Any:
    depth = int(c.constant(1).reshape(-1)[0])
    off, on = c.constant(2).reshape(-1)

    def hot(x: Any) -> Any:
        x = ops.cast(x, "int64")
        x = ops.where(ops.less(x, 0), x + depth, x)
        return ops.where(ops.cast(ops.one_hot(x, depth, axis=c.attribute("axis", -1)), "bool"), on, off)

    return c.apply(hot, c.tensor())


def _triangle(c: Call) -> Any:
    k = int(c.constant(1).reshape(-1)[0]) if c.input(1) is not None else 0
    return c.apply(lambda x: (ops.triu if c.attribute("upper", 1) else ops.tril)(x, k), c.tensor())


def _eye_like(c: Call) -> Any:
    shape = _shape_of(c.input(0))
    c.require(len(shape) == 2 and all(isinstance(d, int) for d in shape), f"a matrix of shape {shape} is not covered")
    dtype = dtype_of_number(c.attribute("dtype", 0)) or str(c.tensor().dtype)
    room.take(shape, dtype, c.where)
    return np.eye(*shape, k=c.attribute("k", 0)).astype(dtype)


def _gather_nd(c: Call) -> Any:
    c.require(not c.attribute("batch_dims", 0), "batch_dims are not covered")

    def gathered(x: Any, at: Any) -> Any:
        depth = at.dims[-1]
        c.require(isinstance(depth, int) and 1 <= depth <= x.ndim, f"places of {depth} numbers do not fit {x.ndim} axes")
        place = 0
        for k in range(depth):
            one = at[..., k]
            place = place * x.dims[k] + ops.where(ops.less(one, 0), one + x.dims[k], one)
        return ops.take(ops.reshape(x, (dims.product(x.dims[:depth]), *x.dims[depth:])), place, 0)

    return c.apply(gathered, c.operand(0), c.tensor(1))


def _scatter_nd(c: Call) -> Any:
    how = c.attribute("reduction", "none")
    return c.apply(lambda x, at, new: ops.scatter_update(x, at, new, None if how == "none" else how), c.operand(0), c.tensor(1), c.operand(2))


def _reverse_sequence(c: Call) -> Any:
    time, batch = c.attribute("time_axis", 0), c.attribute("batch_axis", 1)
    c.require({time, batch} == {0, 1}, f"axes {time} and {batch} are not covered")

    def reversed_(x: Any, lengths: Any) -> Any:
        steps = ops.reshape(ops.arange(x.dims[time], dtype="int32"), (-1, 1) if time == 0 else (1, -1))
        length = ops.expand_dims(ops.cast(lengths, "int32"), time)
        at = ops.where(ops.less(steps, length), length - 1 - steps, steps)
        wide = ops.broadcast_to(ops.reshape(at, (*at.dims, *(1,) * (x.ndim - 2))), x.dims)
        return ops.take_along_axis(x, wide, time)

    return c.apply(reversed_, c.tensor(0), c.tensor(1))


def _space_to_depth(c: Call) -> Any:
    b, order = c.needed("blocksize"), (0, 3, 5, 1, 2, 4) if c.attribute("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)

    def gathered(x: Any) -> Any:
        n, ch, h, w = x.dims
        parts = (n, ch, dims.floor_divide(h, b), b, dims.floor_divide(w, b), b)
        return ops.reshape(ops.transpose(ops.reshape(x, parts), order), (n, ch * b * b, parts[2], parts[4]))

    return c.apply(gathered, c.tensor())


def _depth_to_space(c: Call) -> Any:
    b, mode = c.needed("blocksize"), c.attribute("mode", "DCR")

    def spread(x: Any) -> Any:
        n, ch, h, w = x.dims
        inner = dims.floor_divide(ch, b * b)
        parts, order = ((n, b, b, inner, h, w), (0, 3, 4, 1, 5, 2)) if mode == "DCR" else ((n, inner, b, b, h, w), (0, 1, 4, 2, 5, 3))
        return ops.reshape(ops.transpose(ops.reshape(x, parts), order), (n, inner, h * b, w * b))

    return c.apply(spread, c.tensor())


def _einsum(c: Call) -> Any:
    return c.apply(lambda *x: ops.einsum(c.needed("equation"), *x), *(c.operand(k) for k in range(len(c.inputs))))


TABLE: dict[str, Reader] = {
    "Shape": _shape, "Size": _size, "Reshape": _reshape, "Flatten": _flatten, "Transpose": _transpose, "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze, "Concat": _concat, "Split": _split, "Slice": _slice, "Gather": _gather, "GatherElements": _gather_elements,
    "Expand": _expand, "Tile": _tile, "Constant": _constant, "ConstantOfShape": _constant_of_shape, "Range": _range,
    "Identity": lambda c: c.input(0), "OneHot": _one_hot, "DepthToSpace": _depth_to_space,
    "Einsum": _einsum, "Trilu": _triangle, "EyeLike": _eye_like, "GatherND": _gather_nd, "ScatterND": _scatter_nd,
    "ReverseSequence": _reverse_sequence, "SpaceToDepth": _space_to_depth,
}  # fmt: skip
