"""Convolution by matrix products over tiles of images: windows of a tile are laid out as rows, then one gemm.

A tile is as many images as keep the rows within the cache (`TILE_BYTES`); the members of the team take tiles each. The
gradient with respect to x is for strides of 1 a convolution of dy with the kernel turned round; else it runs backwards:
one gemm for each tap, whose results are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symkeras.backend.emitted import threads
from symkeras.backend.numpy import team
from symkeras.backend.numpy.kernels.depthwise import (
    depthwise,
    depthwise_filter_grad,
    depthwise_input_grad,
    depthwise_scratch,
    is_one_channel_each,
    windows,
)
from symkeras.backend.numpy.kernels.linalg import matmul
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.convolution import sides

TILE_BYTES = 1 << 20
SLICES_BYTES = 1 << 24
"""Most bytes of the partial sums of a kernel's gradient, where there are more than two."""


def images_per_tile(spatial: Any, row: Any, itemsize: int) -> int | None:
    """How many images a tile has; None (all) where sizes are not known."""
    size = dims.product(spatial) * row * itemsize
    return max(1, TILE_BYTES // max(1, size)) if isinstance(size, int) else None


def _is_turned(node: Node) -> bool:
    """Whether the gradient with respect to x is computed as a convolution of dy."""
    a = node.attrs
    ones = all(s == 1 for s in a["strides"]) and all(d == 1 for d in a["dilation"])
    _, w, _ = sides(node)
    fits = all(all(isinstance(v, int) for v in (p, q, k)) and p < k and q < k for (p, q), k in zip(a["padding"], w.shape[:-2], strict=True))
    return node.op.name == "conv_input_grad" and ones and fits


def turned_padding(kernel: Any, padding: Any) -> tuple[tuple[int, int], ...]:
    """The padding of dy for the convolution that gives dx."""
    return tuple((k - 1 - p, k - 1 - q) for k, (p, q) in zip(kernel, padding, strict=True))


def scratch_types(node: Node) -> list[TensorType]:
    """For each member of the team the rows of a tile and the padded images of a tile; for the kernel's gradient one more sum each, and
    for each slice of the images a partial sum."""
    x, w, y = sides(node)
    op, padding, dilation, kernel, groups = node.op.name, node.attrs["padding"], node.attrs["dilation"], w.shape[:-2], node.attrs["groups"]
    if _is_turned(node) and not is_one_channel_each(w, padding, dilation, groups):
        op, x, y, padding = "conv", y, x, turned_padding(kernel, padding)
        w = w.with_shape((*kernel, dims.floor_divide(w.shape[-1], groups), w.shape[-2] * groups))
    if is_one_channel_each(w, padding, dilation, groups):
        return depthwise_scratch(op, x, w, padding, dilation)
    row = dims.product(w.shape[:-1])
    count = images_per_tile(y.shape[1:-1], row, 8 if x.dtype == "float64" else 4)
    members = threads.count() if count is not None else 1
    count = x.shape[0] if count is None else count
    out = [x.with_shape((members, count, *y.shape[1:-1], *w.shape[:-1]))]
    whole = node.attrs["strides"] if op == "conv_input_grad" else (1,) * len(kernel)
    spatial = tuple(dims.ceil_divide(n + a + b, s) * s for n, (a, b), s in zip(x.shape[1:-1], padding, whole, strict=True))
    out.append(x.with_shape((members, count, *spatial, w.shape[-2])))
    if op == "conv_filter_grad":
        outputs = dims.floor_divide(w.shape[-1], groups)
        out += [x.with_shape((members, row, outputs)), x.with_shape((_slices(w), *w.shape))]
    return out


def _slices(w: TensorType) -> int:
    """Into how many slices the sum over images may be cut that gives the kernel's gradient."""
    return max(2, min(team.MOST_PARTS, SLICES_BYTES // max(1, w.nbytes))) if isinstance(w.nbytes, int) else 1


def _matrix(y: Any) -> Any:
    """(B, *S, O) as a matrix of rows of O, a view also where the channels are a slice of more.

    The step from row to row is that of the last axis with more than one place: those of the others may be anything.
    """
    steps = [step for size, step in zip(y.shape[:-1], y.strides[:-1], strict=True) if size > 1]
    rows = int(np.prod(y.shape[:-1]))
    return np.lib.stride_tricks.as_strided(y, (rows, y.shape[-1]), (steps[-1] if steps else y.shape[-1] * y.itemsize, y.itemsize))


def _tiles(total: int, count: int) -> Iterator[slice]:
    for start in range(0, total, max(1, count)):
        yield slice(start, min(start + count, total))


def _inner(padded: Any, x: Any, padding: Any) -> Any:
    return padded[(slice(None), *(slice(a, a + s) for s, (a, _) in zip(x.shape[1:-1], padding, strict=True)))]


def _groups(x: Any, y: Any, groups: int) -> Iterator[tuple[Any, Any, slice]]:
    """The channels of x and y that belong together, and the kernel's outputs."""
    c, o = x.shape[-1] // groups, y.shape[-1] // groups
    for g in range(groups):
        yield x[..., g * c : (g + 1) * c], y[..., g * o : (g + 1) * o], slice(g * o, (g + 1) * o)


def _is_plain(kernel: Any, strides: Any, padding: Any, groups: int) -> bool:
    """A 1x1 kernel that visits every place: a matrix product of the whole."""
    return groups == 1 and all(k == 1 for k in kernel) and all(s == 1 for s in strides) and not any(map(any, padding))


def _rows(
    x: Any, tile: slice, scratch: Any, kernel: Any, outputs: Any, padding: Any, strides: Any, dilation: Any
) -> tuple[Callable[[], object], Any]:
    """What lays the windows of a tile out as rows, and the rows."""
    n, part = tile.stop - tile.start, x[tile]
    is_padded = any(map(any, padding))
    source = scratch[1][:n] if is_padded else part
    cols, view = scratch[0][:n], windows(source, kernel, outputs, strides, dilation)
    taps = int(np.prod(cols.shape[len(kernel) + 1 :]))
    if x.shape[-1] == 1:  # the pixels of a tap are a run of memory, the taps of a pixel are scattered: the rows are laid out as columns
        view = np.moveaxis(view[..., 0], range(len(kernel) + 1), range(-len(kernel) - 1, 0))
        cols = cols.reshape(view.shape)
        rows = cols.reshape(taps, -1).T
    else:
        rows = cols.reshape(-1, taps)
    if not is_padded:
        return lambda: np.copyto(cols, view), rows
    inner = _inner(source, part, padding)

    def lay() -> None:
        np.copyto(inner, part)
        np.copyto(cols, view)

    return lay, rows


def _deal(
    total: int, scratch: Any, slices: int, job: Callable[[slice, Any, int, bool], list[Callable[[], object]]],
    before: Callable[[Any], object] | None,
) -> list[Callable[[], object]]:  # fmt: skip
    """One function per member of the team: the tiles of its slices one after the other, in scratch of its own.

    Args:
        slices: into how many slices the images are cut, which rests on sizes alone; a member takes several.
        job: for a tile, a member's scratch, the number of the slice, and whether the tile is the first of it.
    """
    tiles = list(_tiles(total, scratch[0].shape[1]))
    members = min(scratch[0].shape[0], slices)
    out: list[Callable[[], object]] = []
    for k in range(members):
        own = [s[k] for s in scratch]
        jobs: list[Callable[[], object]] = [] if before is None else [lambda own=own: before(own)]
        for n in range(slices * k // members, slices * (k + 1) // members):
            for i, tile in enumerate(tiles[len(tiles) * n // slices : len(tiles) * (n + 1) // slices]):
                jobs += job(tile, own, n, i == 0)
        out.append(_in_order(jobs))
    return out


def _slices_of(total: int, scratch: Any, flops: float, most: int = team.MOST_PARTS) -> int:
    return team.parts(-(-total // max(1, scratch[0].shape[1])), flops, most)


def _in_order(jobs: list[Callable[[], object]]) -> Callable[[], None]:
    def run() -> None:
        for job in jobs:
            job()

    return run


def _clear_borders(own: Any) -> None:
    own[1].fill(0)


def _flops(y: Any, w_shape: Any) -> float:
    return 2.0 * y.size * float(np.prod(w_shape[:-1]))


def conv(x: Any, w: Any, out: Any, strides: Any, padding: Any, dilation: Any, groups: int, scratch: Any) -> Callable[[], object]:
    """y = sum over the taps of the window of x times the kernel."""
    kernel, outputs = w.shape[:-2], out.shape[1:-1]
    if out.size == 0:
        return lambda: None
    if is_one_channel_each(w, padding, dilation, groups):
        return depthwise(x, w, out, strides, padding, dilation, scratch)
    if _is_plain(kernel, strides, padding, groups):
        return matmul(x.reshape(-1, x.shape[-1]), w.reshape(w.shape[-2:]), _matrix(out), False, False)

    def tile_jobs(tile: slice, own: Any, number: int, is_first: bool) -> list[Callable[[], object]]:
        jobs: list[Callable[[], object]] = []
        for xs, ys, o in _groups(x, out, groups):
            lay, rows = _rows(xs, tile, own, kernel, outputs, padding, strides, dilation)
            jobs += [lay, _product(rows, w, o, groups, _matrix(ys[tile]))]
        return jobs

    slices = _slices_of(x.shape[0], scratch, _flops(out, w.shape))
    parts = _deal(x.shape[0], scratch, slices, tile_jobs, _clear_borders if any(map(any, padding)) else None)
    return lambda: team.TEAM.run(parts)


def _product(rows: Any, w: Any, o: slice, groups: int, target: Any) -> Callable[[], object]:
    if groups == 1:
        matrix = w.reshape(rows.shape[1], -1)
        return lambda: np.matmul(rows, matrix, out=target)
    return lambda: np.matmul(rows, w[..., o].reshape(rows.shape[1], -1), out=target)


def conv_filter_grad(
    x: Any, dy: Any, out: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int, scratch: Any
) -> Callable[[], object]:
    """dw = windows of x, transposed, times dy; partial sums of tiles, then of slices, are added up in order."""
    outputs = dy.shape[1:-1]
    if dy.size == 0:
        return lambda: out.fill(0)
    if is_one_channel_each(out, padding, dilation, groups):
        return depthwise_filter_grad(x, dy, out, strides, padding, dilation, scratch)
    if _is_plain(kernel, strides, padding, groups):
        return matmul(x.reshape(-1, x.shape[-1]), _matrix(dy), out.reshape(out.shape[-2:]), True, False)
    sums = scratch[3][: _slices_of(x.shape[0], scratch, _flops(dy, out.shape), len(scratch[3]))]

    def tile_jobs(tile: slice, own: Any, number: int, is_first: bool) -> list[Callable[[], object]]:
        jobs: list[Callable[[], object]] = []
        for xs, ys, o in _groups(x, dy, groups):
            lay, rows = _rows(xs, tile, own, kernel, outputs, padding, strides, dilation)
            jobs += [lay, _partial(rows, _matrix(ys[tile]), own[2], sums[number][..., o], is_first)]
        return jobs

    parts = _deal(x.shape[0], scratch[:3], len(sums), tile_jobs, _clear_borders if any(map(any, padding)) else None)

    def run() -> None:
        team.TEAM.run(parts)
        np.copyto(out, sums[0])
        for s in sums[1:]:
            np.add(out, s, out=out)

    return run


def _partial(rows: Any, dy: Any, partial: Any, target: Any, is_first: bool) -> Callable[[], object]:
    if is_first and target.flags.c_contiguous:
        whole = target.reshape(partial.shape)
        return lambda: np.matmul(rows.T, dy, out=whole)
    shaped = partial.reshape(target.shape)

    def job() -> None:
        np.matmul(rows.T, dy, out=partial)
        if is_first:
            np.copyto(target, shaped)
        else:
            np.add(target, shaped, out=target)

    return job


def conv_input_grad(
    dy: Any, w: Any, out: Any, spatial: Any, strides: Any, padding: Any, dilation: Any, groups: int, scratch: Any
) -> Callable[[], object]:
    """dx: the convolution of dy with the kernel turned round, or dy times the kernel added to the windows of dx."""
    kernel, outputs = w.shape[:-2], dy.shape[1:-1]
    if dy.size == 0 or out.size == 0:
        return lambda: out.fill(0)
    if is_one_channel_each(w, padding, dilation, groups):
        return depthwise_input_grad(dy, w, out, strides, padding, dilation, scratch)
    if _is_plain(kernel, strides, padding, groups):
        return matmul(_matrix(dy), w.reshape(w.shape[-2:]), _matrix(out), False, True)
    if _may_turn(kernel, strides, padding, dilation):
        turned = np.empty((*kernel, w.shape[-1] // groups, w.shape[-2] * groups), w.dtype)
        source = np.flip(w, tuple(range(len(kernel)))).reshape(*w.shape[:-1], groups, -1)
        target, source = turned.reshape(*turned.shape[:-1], groups, -1), np.moveaxis(source, -3, -1).swapaxes(-3, -2)
        run_conv = conv(dy, turned, out, strides, turned_padding(kernel, padding), dilation, groups, scratch)

        def run() -> None:
            np.copyto(target, source)
            run_conv()

        return run

    def tile_jobs(tile: slice, own: Any, number: int, is_first: bool) -> list[Callable[[], object]]:
        return [_spread(ys[tile], w, o, xs[tile], own, kernel, outputs, padding, strides, dilation) for xs, ys, o in _groups(out, dy, groups)]

    parts = _deal(dy.shape[0], scratch, _slices_of(dy.shape[0], scratch, _flops(dy, w.shape)), tile_jobs, None)
    return lambda: team.TEAM.run(parts)


def _may_turn(kernel: Any, strides: Any, padding: Any, dilation: Any) -> bool:
    ones = all(s == 1 for s in strides) and all(d == 1 for d in dilation)
    return ones and all(p < k and q < k for (p, q), k in zip(padding, kernel, strict=True))


def _spread(
    dy: Any, w: Any, o: slice, dx: Any, scratch: Any, kernel: Any, outputs: Any, padding: Any, strides: Any, dilation: Any
) -> Callable[[], object]:
    """dy times the kernel, one product per tap, added up in `phases`: the places of dx that are equal modulo the strides lie side by side there,
    so that a tap is added to whole rows of them."""
    n, channels = dy.shape[0], w.shape[-2]
    matrix = _matrix(dy)
    taps = scratch[0][:n].reshape(-1, *dy.shape[:-1], channels)
    products = taps.reshape(len(taps), -1, channels)
    room = scratch[1][:n]
    phases = room.reshape(*strides, n, *(size // s for size, s in zip(room.shape[1:-1], strides, strict=True)), channels)
    pairs = []
    for tap, product in zip(np.ndindex(*kernel), taps, strict=True):
        reach = [t * d for t, d in zip(tap, dilation, strict=True)]
        phase = phases[tuple(r % s for r, s in zip(reach, strides, strict=True))]
        pairs.append((phase[(slice(None), *(slice(r // s, r // s + n) for r, s, n in zip(reach, strides, outputs, strict=True)))], product))
    places = [_of_phase(dx, phases, phase, padding, strides) for phase in np.ndindex(*strides)]

    def job() -> None:
        np.matmul(matrix, w[..., o].reshape(len(taps), channels, -1).swapaxes(-1, -2), out=products)
        phases.fill(0)
        for place, product in pairs:
            np.add(place, product, out=place)
        for place, sums in places:
            np.copyto(place, sums)

    return job


def _of_phase(dx: Any, phases: Any, phase: tuple[int, ...], padding: Any, strides: Any) -> tuple[Any, Any]:
    """The places of dx that belong to a phase, and where their sums are."""
    first = [(f - p) % s for f, (p, _), s in zip(phase, padding, strides, strict=True)]
    place = dx[(slice(None), *(slice(i, None, s) for i, s in zip(first, strides, strict=True)))]
    begin = [(i + p - f) // s for i, f, (p, _), s in zip(first, phase, padding, strides, strict=True)]
    return place, phases[phase][(slice(None), *(slice(b, b + n) for b, n in zip(begin, place.shape[1:-1], strict=True)))]
