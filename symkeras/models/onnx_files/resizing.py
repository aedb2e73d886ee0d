"""ONNX' Resize and Pad by places: along every axis, which elements are read, and with what weights, by ONNX' own rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph import dims, room
from symkeras.graph.tensor import Tensor
from symkeras.models.onnx_files.operators import Reader
from symkeras.ops.shaping import canonical_axis

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call

_PLACES: dict[str, Callable[[Any, float, int, int], Any]] = {
    "half_pixel": lambda x, scale, old, new: (x + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda x, scale, old, new: (x + 0.5) / scale - 0.5 if new > 1 else x * 0.0,
    "align_corners": lambda x, scale, old, new: x * ((old - 1) / (old * scale - 1)) if new > 1 else x * 0.0,
    "asymmetric": lambda x, scale, old, new: x / scale,
    "half_pixel_symmetric": lambda x, scale, old, new: old / 2 * (1 - new / (scale * old)) + (x + 0.5) / scale - 0.5,
}  # fmt: skip
"""Where a place of the result lies among the old ones."""
_ROUNDINGS: dict[str, Callable[[Any], Any]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5), "round_prefer_ceil": lambda x: np.floor(x + 0.5), "floor": np.floor, "ceil": np.ceil,
}  # fmt: skip


def _resize(c: Call) -> Any:
    x = c.tensor()
    shape = x.dims if isinstance(x, Tensor) else x.shape
    mode = c.attribute("mode", "nearest")
    is_old = c.kind == "Upsample" or c.opset < 11
    place = "asymmetric" if is_old else c.attribute("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if is_old else c.attribute("nearest_mode", "round_prefer_floor")
    c.require(mode in ("nearest", "linear", "cubic"), f"mode {mode!r} is not covered")
    c.require(place in _PLACES and rounding in _ROUNDINGS, f"coordinates by {place!r} and rounding by {rounding!r} are not covered")
    c.require(not c.attribute("antialias", 0) and not c.attribute("exclude_outside", 0), "antialias and exclude_outside are not covered")
    c.require(c.attribute("keep_aspect_ratio_policy", "stretch") == "stretch", "keep_aspect_ratio_policy is not covered")
    axes = [canonical_axis(a, len(shape)) for a in c.attribute("axes") or range(len(shape))]
    for axis, (size, scale) in zip(axes, _targets(c, [shape[a] for a in axes]), strict=True):
        old = shape[axis]
        if scale == 1 and size == old:
            continue
        if not isinstance(old, int) or not isinstance(size, int):
            raise c.refused(f"an axis of unknown size ({old}) cannot be resized")
        room.take((size, 4), "float64", c.where)
        at = _PLACES[place](np.arange(size, dtype=np.float64), scale, old, size)
        taps: list[tuple[np.ndarray, np.ndarray | None]]
        if mode == "nearest":
            taps = [(_ROUNDINGS[rounding](at), None)]
        else:
            taps = _linear(at) if mode == "linear" else _cubic(at, c.attribute("cubic_coeff_a", -0.75))
        x = c.apply(lambda t, axis=axis, taps=taps, old=old: _read(t, axis, taps, old), x)
    return x


def _targets(c: Call, old: list[Any]) -> list[tuple[Any, float]]:
    """The new size and the scale along each axis."""
    given = c.input(1 if c.kind == "Upsample" or c.opset < 11 else 2)
    scales = c.attribute("scales") if given is None or not np.size(given) else [float(s) for s in np.ravel(given)]
    if scales:
        c.require(len(scales) == len(old) and all(0 < s < 1e6 for s in scales), f"scales {scales} do not fit {len(old)} axes")
        return [(d if s == 1 else math.floor(d * s) if isinstance(d, int) else None, s) for d, s in zip(old, scales, strict=True)]
    sizes = c.sizes(3)
    c.require(len(sizes) == len(old), f"sizes {sizes} do not fit {len(old)} axes")
    batch = c.builder.batch
    kept = [isinstance(d, dims.Dim) and (n == d or (k == 0 and n == batch)) for k, (d, n) in enumerate(zip(old, sizes, strict=True))]
    return [(d, 1.0) if same else (n, n / d if isinstance(d, int) and isinstance(n, int) and d else 0.0)
            for d, n, same in zip(old, sizes, kept, strict=True)]  # fmt: skip


def _linear(at: np.ndarray) -> list[tuple[np.ndarray, np.ndarray | None]]:
    low = np.floor(at)
    return [(low, 1 - (at - low)), (low + 1, at - low)]


def _cubic(at: np.ndarray, a: float) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Keys' kernel (1981) over four elements."""
    low = np.floor(at)
    t = at - low
    def near(d: np.ndarray) -> np.ndarray:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: np.ndarray) -> np.ndarray:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [(low - 1, far(1 + t)), (low, near(t)), (low + 1, near(1 - t)), (low + 2, far(2 - t))]


def _read(x: Any, axis: int, taps: list[tuple[np.ndarray, np.ndarray | None]], size: int) -> Any:
    """The weighted sum of elements along an axis; places beyond the ends are the ends."""
    total = None
    for place, weight in taps:
        part = ops.take(x, np.clip(place, 0, size - 1).astype(np.int32), axis)
        if weight is not None:
            wide = tuple(-1 if k == axis else 1 for k in range(x.ndim))
            part = part * weight.astype(x.dtype).reshape(wide)
        total = part if total is None else total + part
    return total


def _pad(c: Call) -> Any:
    mode = c.attribute("mode", "constant")
    c.require(mode in ("constant", "edge", "reflect", "wrap"), f"mode {mode!r} is not covered")
    pads = c.integers(1, "pads") or []
    value, axes = c.number(2, "value", 0.0), c.integers(3)

    def padded(x: Any) -> Any:
        named = list(range(x.ndim)) if axes is None else [canonical_axis(a, x.ndim) for a in axes]
        c.require(len(pads) == 2 * len(named), f"pads {pads} do not fit {len(named)} axes")
        pairs = {axis: (pads[k], pads[k + len(named)]) for k, axis in enumerate(named)}
        if mode == "constant":
            both = [pairs.get(k, (0, 0)) for k in range(x.ndim)]
            if any(min(p) < 0 for p in both):  # takes elements away
                x = x[tuple(slice(max(0, -a), -max(0, -b) or None) for a, b in both)]
            triples = tuple((max(0, a), max(0, b), 0) for a, b in both)
            return ops.op.apply(ops.OPS["pad"], [x], {"padding": triples, "value": value})
        for axis, (a, b) in pairs.items():
            x = _padded_by_places(c, x, axis, a, b, mode) if (a, b) != (0, 0) else x
        return x

    return c.apply(padded, c.tensor())


def _padded_by_places(c: Call, x: Any, axis: int, before: int, behind: int, mode: str) -> Any:
    size = x.dims[axis]
    c.require(isinstance(size, int) and size > 0, f"mode {mode!r} over an axis of size {size} is not covered")
    room.take((max(0, before + size + behind),), "int64", c.where)
    at = np.arange(-before, size + behind)
    if mode == "edge":
        at = np.clip(at, 0, size - 1)
    elif mode == "wrap":
        at = at % size
    else:
        period = max(1, 2 * size - 2)
        at = at % period
        at = np.where(at < size, at, period - at)
    return ops.take(x, at.astype(np.int32), axis)


TABLE: dict[str, Reader] = {"Resize": _resize, "Upsample": _resize, "Pad": _pad}
