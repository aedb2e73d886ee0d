"""Convolution by matrix products over tiles of images: windows of a tile are laid out as rows, then one gemm.

A tile is as many images as keep the rows within the cache (`TILE_BYTES`). The gradient with respect to x runs the same
way backwards: one gemm gives the rows, which are added window by window. Depthwise kernels (one channel per group) need
no gemm: a product per tap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType

TILE_BYTES = 1 << 20


def _sides(node: Node) -> tuple[TensorType, TensorType, TensorType]:
    """The types of x, w and y of a convolution, whichever of them `node` computes."""
    if node.op.name == "conv":
        return node.inputs[0].tensor_type, node.inputs[1].tensor_type, node.tensor_type
    if node.op.name == "conv_input_grad":
        return node.tensor_type, node.inputs[1].tensor_type, node.inputs[0].tensor_type
    return node.inputs[0].tensor_type, node.tensor_type, node.inputs[1].tensor_type


def images_per_tile(spatial: Any, row: Any, itemsize: int) -> int | None:
    """How many images a tile has; None (all) where sizes are not known."""
    size = dims.product(spatial) * row * itemsize
    return max(1, TILE_BYTES // max(1, size)) if isinstance(size, int) else None


def scratch_types(node: Node) -> list[TensorType]:
    """The rows of a tile, the padded images of a tile where there is padding, and a partial sum for the kernel's gradient."""
    x, w, y = _sides(node)
    row = dims.product(w.shape[:-1])
    count = images_per_tile(y.shape[1:-1], row, 8 if x.dtype == "float64" else 4) or x.shape[0]
    out = [x.with_shape((count, *y.shape[1:-1], *w.shape[:-1]))]
    padding = node.attrs["padding"]
    if any(p != 0 for pair in padding for p in pair) or node.op.name == "conv_input_grad":
        spatial = (s + a + b for s, (a, b) in zip(x.shape[1:-1], padding, strict=True))
        out.append(x.with_shape((count, *spatial, w.shape[-2])))
    if node.op.name == "conv_filter_grad":
        out.append(x.with_shape((row, dims.floor_divide(w.shape[-1], node.attrs["groups"]))))
    return out


def _windows(x: Any, kernel: Any, outputs: Any, strides: Any, dilation: Any) -> Any:
    """A view (B, *S', *K, C) of the windows of x."""
    st = x.strides
    steps = (*(a * s for a, s in zip(st[1:-1], strides, strict=True)), *(a * d for a, d in zip(st[1:-1], dilation, strict=True)))
    return np.lib.stride_tricks.as_strided(x, (x.shape[0], *outputs, *kernel, x.shape[-1]), (st[0], *steps, st[-1]))


def _matrix(y: Any) -> Any:
    """(B, *S, O) as a matrix of rows of O, a view also where the channels are a slice of more."""
    rows = int(np.prod(y.shape[:-1]))
    return np.lib.stride_tricks.as_strided(y, (rows, y.shape[-1]), (y.strides[-2], y.itemsize))


def _tiles(total: int, count: int) -> Iterator[slice]:
    for start in range(0, total, max(1, count)):
        yield slice(start, min(start + count, total))


def _inner(padded: Any, x: Any, padding: Any) -> Any:
    return padded[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(x.shape[1:-1], padding, strict=True)))]


def _tap(x: Any, tap: Any, outputs: Any, strides: Any, dilation: Any) -> Any:
    return x[(slice(None), *(slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, outputs, strides, strict=True)))]


def _groups(x: Any, y: Any, groups: int) -> Iterator[tuple[Any, Any, slice]]:
    """The channels of x and y that belong together, and the kernel's outputs."""
    c, o = x.shape[-1] // groups, y.shape[-1] // groups
    for g in range(groups):
        yield x[..., g * c : (g + 1) * c], y[..., g * o : (g + 1) * o], slice(g * o, (g + 1) * o)


def _is_plain(kernel: Any, strides: Any, padding: Any, groups: int) -> bool:
    """A 1x1 kernel that visits every place: a matrix product of the whole."""
    return groups == 1 and all(k == 1 for k in kernel) and all(s == 1 for s in strides) and not any(map(any, padding))


def _rows(x: Any, tile: slice, scratch: Any, kernel: Any, outputs: Any, padding: Any, strides: Any, dilation: Any) -> tuple[Callable[[], None], Any]:
    """What lays the windows of a tile out as rows, and the rows."""
    n = tile.stop - tile.start
    cols = scratch[0][:n]
    rows = cols.reshape(-1, int(np.prod(cols.shape[len(kernel) + 1 :])))
    part = x[tile]
    if any(map(any, padding)):
        padded = scratch[1][:n]
        inner, view = _inner(padded, part, padding), _windows(padded, kernel, outputs, strides, dilation)

        def lay() -> None:
            np.copyto(inner, part)
            np.copyto(cols, view)

        return lay, rows
    view = _windows(part, kernel, outputs, strides, dilation)
    return lambda: np.copyto(cols, view), rows


def _run_all(before: Callable[[], object] | None, jobs: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        if before is not None:
            before()
        for job in jobs:
            job()

    return run


def conv(x: Any, w: Any, out: Any, strides: Any, padding: Any, dilation: Any, groups: int, scratch: Any) -> Callable[[], None]:
    """y = sum over the taps of the window of x times the kernel."""
    kernel, outputs = w.shape[:-2], out.shape[1:-1]
    if out.size == 0:
        return lambda: None
    if _is_plain(kernel, strides, padding, groups):
        return lambda: np.matmul(x.reshape(-1, x.shape[-1]), w.reshape(w.shape[-2:]), out=_matrix(out))  # type: ignore[return-value]
    jobs: list[Callable[[], object]] = []
    for tile in _tiles(x.shape[0], scratch[0].shape[0]):
        for xs, ys, o in _groups(x, out, groups):
            lay, rows = _rows(xs, tile, scratch, kernel, outputs, padding, strides, dilation)
            matrix, target = w[..., o].reshape(-1, ys.shape[-1]) if groups == 1 else None, _matrix(ys[tile])
            jobs += [lay, _product(rows, w, o, matrix, target)]
    return _run_all((lambda: scratch[1].fill(0)) if any(map(any, padding)) else None, jobs)


def _product(rows: Any, w: Any, o: slice, matrix: Any, target: Any) -> Callable[[], object]:
    if matrix is not None:
        return lambda: np.matmul(rows, matrix, out=target)
    return lambda: np.matmul(rows, w[..., o].reshape(rows.shape[1], -1), out=target)


def conv_filter_grad(x: Any, dy: Any, out: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int, scratch: Any) -> Callable[[], None]:
    """dw = windows of x, transposed, times dy; partial sums of tiles are added up."""
    outputs = dy.shape[1:-1]
    if dy.size == 0:
        return lambda: out.fill(0)
    if _is_plain(kernel, strides, padding, groups):
        return lambda: np.matmul(x.reshape(-1, x.shape[-1]).T, _matrix(dy), out=out.reshape(out.shape[-2:]))  # type: ignore[return-value]
    partial = scratch[-1]
    jobs: list[Callable[[], object]] = []
    for tile in _tiles(x.shape[0], scratch[0].shape[0]):
        for xs, ys, o in _groups(x, dy, groups):
            lay, rows = _rows(xs, tile, scratch, kernel, outputs, padding, strides, dilation)
            jobs += [lay, _partial(rows, _matrix(ys[tile]), partial, out[..., o], tile.start == 0)]
    return _run_all((lambda: scratch[1].fill(0)) if any(map(any, padding)) else None, jobs)


def _partial(rows: Any, dy: Any, partial: Any, target: Any, is_first: bool) -> Callable[[], object]:
    shaped = partial.reshape(target.shape)

    def job() -> None:
        np.matmul(rows.T, dy, out=partial)
        if is_first:
            np.copyto(target, shaped)
        else:
            np.add(target, shaped, out=target)

    return job


def conv_input_grad(dy: Any, w: Any, out: Any, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int, scratch: Any) -> Callable[[], None]:
    """dx = dy times the kernel, transposed, as rows that are added to their windows."""
    kernel, outputs = w.shape[:-2], dy.shape[1:-1]
    if dy.size == 0 or out.size == 0:
        return lambda: out.fill(0)
    if _is_plain(kernel, strides, padding, groups):
        return lambda: np.matmul(_matrix(dy), w.reshape(w.shape[-2:]).T, out=_matrix(out))  # type: ignore[return-value]
    jobs: list[Callable[[], object]] = []
    for tile in _tiles(dy.shape[0], scratch[0].shape[0]):
        for xs, ys, o in _groups(out, dy, groups):
            jobs.append(_spread(ys[tile], w, o, xs[tile], scratch, kernel, outputs, padding, strides, dilation))
    return _run_all(None, jobs)


def _spread(dy: Any, w: Any, o: slice, dx: Any, scratch: Any, kernel: Any, outputs: Any, padding: Any, strides: Any, dilation: Any) -> Callable[[], object]:
    n = dy.shape[0]
    cols, padded = scratch[0][:n], scratch[1][:n]
    rows = cols.reshape(-1, int(np.prod(cols.shape[len(kernel) + 1 :])))
    matrix, inner = _matrix(dy), _inner(padded, dx, padding)
    pairs = [(_tap(padded, tap, outputs, strides, dilation), cols[(..., *tap, slice(None))]) for tap in np.ndindex(*kernel)]

    def job() -> None:
        np.matmul(matrix, w[..., o].reshape(rows.shape[1], -1).T, out=rows)
        padded.fill(0)
        for place, part in pairs:
            np.add(place, part, out=place)
        np.copyto(dx, inner)

    return job
