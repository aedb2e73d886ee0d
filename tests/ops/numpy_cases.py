"""Ops that have NumPy's names, as a table: the call, what NumPy gives, the inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras import ops

NAN, INF = float("nan"), float("inf")


def F(numbers: Any) -> np.ndarray:
    """An array of single precision."""
    return np.array(numbers, "float32")


MIXED = F([[-3.5, 0.0, 1.25], [2.0, -0.5, 7.75]])
SMOOTH = F([[-3.5, 0.3, 1.25], [2.0, -0.6, 7.75]])
OTHER = F([[1.5, -2.0, 0.75], [3.0, -0.5, 2.5]])
HOLES = F([[1.0, NAN, -2.0, 5.0], [NAN, NAN, NAN, NAN], [INF, 3.0, NAN, -INF]])
GAPS = F([[1.0, NAN, -2.0, 5.0], [NAN, 4.0, 3.0, NAN]])
INTS = np.array([[3, -4, 0], [7, 5, -2]], "int32")
CUBE = np.arange(24, dtype="float32").reshape(2, 3, 4) - 7.5
BOOLS = np.array([[True, False, True], [False, False, True]])


@dataclass(frozen=True)
class Case:
    """One op on some inputs.

    Args:
        call: the op with its arguments, of the inputs.
        expected: what NumPy gives, of the inputs.
        inputs: arrays.
        dtype: of the results, where it is not that of the first input.
        grad: whether its gradient is held against finite differences, on the inputs in double precision.
        free: how many leading axes of the first input may be symbolic.
    """

    call: Callable[..., Any]
    expected: Callable[..., Any]
    inputs: tuple[Any, ...]
    dtype: str = ""
    grad: bool = False
    free: int = 1


def same(name: str, *inputs: Any, dtype: str = "", grad: bool = False, free: int = 1, **arguments: Any) -> Case:
    """An op that is called as NumPy's function of that name is; what is no array among its inputs is an argument."""
    arrays = tuple(x for x in inputs if isinstance(x, (np.ndarray, np.generic)))
    others = tuple(x for x in inputs if not isinstance(x, (np.ndarray, np.generic)))
    return Case(
        lambda *xs: getattr(ops, name)(*xs, *others, **arguments), lambda *xs: getattr(np, name)(*xs, *others, **arguments), arrays, dtype, grad, free
    )


def _segments(reduce: Any, start: Any, count: int) -> Callable[..., Any]:
    def of(data: Any, ids: Any) -> Any:
        return np.stack([reduce.reduce(data[ids == k], axis=0, initial=start) for k in range(count)])

    return of


def _updated(ufunc: Any) -> Callable[..., Any]:
    def of(x: Any, indices: Any, updates: Any) -> Any:
        out = x.copy()
        for k, u in zip(indices, updates, strict=True):
            out[tuple(k)] = u if ufunc is None else ufunc(out[tuple(k)], u)
        return out

    return of


ELEMENTWISE: dict[str, Case] = {
    **{name: same(name, SMOOTH, grad=True) for name in ("deg2rad", "rad2deg", "cbrt", "fabs", "sinc", "conj", "conjugate", "real", "copy")},
    "sinc of little": same("sinc", F([0.0, 1e-6, -0.003, 0.0032, 3.0]), grad=True),
    "cbrt of ends": same("cbrt", F([0.0, -0.0, INF, -INF, NAN, 3e38, -1e-37, 27])),
    "cbrt of doubles": same("cbrt", np.linspace(-50, 50, 33)),
    "fabs of ints": same("fabs", INTS, dtype="float32"),
    "imag": same("imag", MIXED),
    "angle": same("angle", F([1, -1, 0.0, -0.0, NAN, -INF])),
    "isreal": same("isreal", MIXED, dtype="bool"),
    "isneginf": same("isneginf", HOLES, dtype="bool"),
    "isposinf": same("isposinf", HOLES, dtype="bool"),
    "isneginf of ints": same("isneginf", INTS, dtype="bool"),
    "signbit": same("signbit", F([1, -1, 0.0, -0.0, -INF, INF]), dtype="bool"),
    "signbit of ints": same("signbit", INTS, dtype="bool"),
    **{name: same(name, SMOOTH, OTHER, grad=True) for name in ("fmax", "fmin", "hypot", "logaddexp2")},
    **{f"{name} of ends": same(name, F([NAN, 1, NAN, INF, -INF, 0]), F([2, NAN, NAN, 1, -INF, 0])) for name in ("fmax", "fmin", "logaddexp2")},
    "fmax of ints": same("fmax", INTS, INTS[::-1].copy()),
    "hypot of ends": same("hypot", F([NAN, 0, 3e38, INF, 1e-30]), F([INF, 0, 1e38, -INF, 1e-30])),
    "hypot of ints": same("hypot", INTS, INTS, dtype="float32"),
    "fmod": same("fmod", SMOOTH, OTHER, grad=True),
    "fmod at multiples": same("fmod", MIXED, OTHER),
    "fmod of ends": same("fmod", F([-4, 4, 5.5, INF, 1, -0.0]), F([2, -2, INF, 2, 0, 3])),
    "fmod of ints": same("fmod", np.array([7, -7, 7, -7, -8]), np.array([3, 3, -3, -3, 4])),
    "gcd": same("gcd", np.array([[12, -18], [0, 7]]), np.array([18, 0])),
    "lcm": same("lcm", np.array([[12, -18], [0, 7]]), np.array([18, 4])),
    "heaviside": same("heaviside", F([-3, 0, 2, NAN, -0.0]), F([0.5])),
    "ldexp": same("ldexp", F([1.5, -3, 0.1, 0.0, INF]), np.array([4, -3, 120, 5, 1])),
    "ldexp to the ends": same("ldexp", np.array([1.5, 1e300, 1e-300]), np.array([1023, -1000, 1500])),
    "nextafter": same("nextafter", F([1, 1, -1, 1e30, 3.4028235e38, INF, 2, NAN, 1024, -1024]), F([2, 0, 0, -INF, INF, 0, 2, 1, 0, 0])),
    "nextafter of doubles": same("nextafter", np.array([1.0, -1.0, 0.1, 1e-290]), np.array([2.0, 2.0, 0.0, 1.0])),
    "nan_to_num": same("nan_to_num", HOLES),
    "nan_to_num as told": same("nan_to_num", HOLES, nan=1.5, posinf=9.0, neginf=-9.0),
    "nan_to_num of ints": same("nan_to_num", INTS),
    "divide_no_nan": Case(lambda x, y: ops.divide_no_nan(x, y), lambda x, y: np.where(y == 0, 0, x / np.where(y == 0, 1, y)), (MIXED, F([2, 0, -1]))),
    "divide_no_nan with a gradient": Case(ops.divide_no_nan, np.divide, (MIXED, F([2, 3, -1])), grad=True),
    "isclose": same("isclose", F([1, 2, NAN, INF, INF]), F([1.000001, 2.1, NAN, INF, -INF]), dtype="bool"),
    "isclose with NaN": same("isclose", F([1, 2, NAN, INF]), F([1.1, 2.1, NAN, 1]), dtype="bool", equal_nan=True, rtol=0.2, atol=0.0),
    "allclose": same("allclose", MIXED, MIXED + F(1e-7), dtype="bool"),
    "isin": same("isin", INTS, np.array([0, 7]), dtype="bool"),
    "isin not": same("isin", INTS, np.array([[0], [7]]), dtype="bool", invert=True),
    "isin of nothing": same("isin", INTS, np.zeros(0, "int32"), dtype="bool"),
    "i0": Case(ops.i0, np.i0, (F([0, 1, -3.5, 11.9, 12.1, 50, 80]),)),
    "i0 with a gradient": Case(ops.i0, np.i0, (F([0, 1, -3.5, 5.5]),), grad=True),
    "i0 farther out": Case(lambda x: ops.log(ops.i0(x)), lambda x: np.log(np.i0(x)), (F([11, 13, 40]),), grad=True),
    "i0 of doubles": Case(ops.i0, np.i0, (np.array([0, 0.01, 7.75, 11.999, 12.0, 30, 700]),)),
    "erfc": Case(ops.erfc, np.vectorize(math.erfc), (np.array([-3, -0.4, 0.0, 0.49, 0.5, 1, 2.7, 5, 9, 25]),), grad=True),
    "erfc of singles": Case(ops.erfc, lambda x: np.vectorize(math.erfc)(x.astype("float64")), (F([-INF, -3, 0.3, 0.7, 2, 4.5, 8, INF, NAN]),)),
    "bitwise_invert": same("bitwise_invert", INTS),
    "bitwise_left_shift": same("bitwise_left_shift", INTS, np.array([1, 2, 3], "int32")),
    "bitwise_right_shift": same("bitwise_right_shift", INTS, np.array([1, 2, 3], "int32")),
    "select": Case(lambda x: ops.select([x > 1, x < 0], [x, x * 2], 7.0), lambda x: np.select([x > 1, x < 0], [x, x * 2], F(7)), (SMOOTH,), grad=True),
    "saturate_cast": Case(lambda x: ops.saturate_cast(x, "uint8"), lambda x: np.array([0, 7, 255, 0, 255, 0]), (F([-3, 7.5, 300, NAN, INF, -INF]),), "uint8"),
    "saturate_cast to int32": Case(lambda x: ops.saturate_cast(x, "int32"), lambda x: np.array([2**31 - 1, -(2**31), -5]), (F([3e9, -3e9, -5.5]),), "int32"),
    "saturate_cast of ints": Case(lambda x: ops.saturate_cast(x, "uint8"), lambda x: np.clip(x, 0, 255), (INTS,), "uint8"),
}  # fmt: skip

REDUCTIONS: dict[str, Case] = {
    **{f"{name} {axis}": same(name, GAPS, axis=axis, grad=(name, axis) != ("nanstd", 0)) for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin") for axis in (None, 0, 1)},
    **{f"{name} keeps": same(name, HOLES[::2].copy(), axis=(0, 1), keepdims=True) for name in ("nansum", "nanmax", "nanmin")},
    **{f"{name} of ints": same(name, INTS, axis=1) for name in ("nansum", "nanprod", "nanmax", "nanmin")},
    "nanmean of ints": same("nanmean", INTS, axis=1, dtype="float32"),
    "nansum of bools": same("nansum", BOOLS, axis=1, dtype="int32"),
    **{f"{name} of nothing": Case(lambda x, name=name: getattr(ops, name)(x, 1), lambda x, value=value: np.full(2, value), (F([[NAN], [NAN]]),))
       for name, value in (("nansum", 0), ("nanprod", 1), ("nanmean", NAN), ("nanvar", NAN), ("nanmax", NAN), ("nanmin", NAN))},
    **{f"{name} {axis}": same(name, GAPS, axis=axis, grad=True) for name in ("nancumsum", "nancumprod") for axis in (None, 0, 1)},
    **{f"{name} {axis}": same(name, GAPS, axis=axis, dtype="int32") for name in ("nanargmax", "nanargmin") for axis in (None, 0, 1)},
    "nanargmax of infinities": Case(lambda x: ops.nanargmax(x, 1), lambda x: [3, -1, 0], (F([[NAN, -INF, NAN, 2], [NAN] * 4, [INF, NAN, 1, INF]]),), "int32"),
    "nanargmax of the least": Case(lambda x: ops.nanargmax(x, 1), lambda x: [1], (F([[NAN, -INF]]),), "int32"),
    "nanargmin keeps": same("nanargmin", GAPS, axis=1, keepdims=True, dtype="int32"),
    **{f"median {axis}": same("median", MIXED, axis=axis, grad=True) for axis in (None, 0, 1, (0, 1))},
    "median of ints": same("median", INTS, axis=1, keepdims=True, dtype="float32"),
    "median of NaN": same("median", HOLES, axis=1),
    "median of infinities": Case(lambda x: ops.median(x), lambda x: F(2), (F([1, 2, INF]),)),
    **{f"quantile {method}": same("quantile", CUBE, np.array([0.0, 0.1, 0.5, 0.77, 1.0]), axis=1, method=method) for method in ("linear", "lower", "higher", "midpoint", "nearest")},
    "quantile of two axes": same("quantile", CUBE, 0.3, axis=(0, 2), keepdims=True, grad=False),
    "quantile of all": same("quantile", CUBE, [0.25, 0.5], keepdims=True),
    "quantile with a gradient": Case(lambda x: ops.quantile(x, 0.3, 1), lambda x: np.quantile(x, 0.3, 1), (MIXED,), grad=True),
    "percentile": same("percentile", MIXED, [10, 35.0, 90], axis=1),
    "nanquantile": same("nanquantile", GAPS, [0.2, 0.9], axis=1),
    "nanquantile keeps": same("nanquantile", GAPS, 0.4, axis=0, keepdims=True),
    "nanquantile of all": same("nanquantile", GAPS, 0.4, method="higher"),
    "nanpercentile": same("nanpercentile", GAPS, 40.0, axis=1),
    "nanmedian": same("nanmedian", GAPS, axis=1),
    "nanmedian of nothing": Case(lambda x: ops.nanmedian(x, 1), lambda x: [2, NAN], (F([[2, NAN], [NAN, NAN]]),)),
    "ptp": same("ptp", MIXED, axis=1, grad=True),
    "amax": same("amax", MIXED, axis=0, grad=True),
    "amin": same("amin", MIXED, axis=0, grad=True),
    "average": same("average", MIXED, axis=0, grad=True),
    "average of ints": same("average", INTS, dtype="float32"),
    "average weighted": Case(lambda x, w: ops.average(x, weights=w), lambda x, w: np.average(x, weights=w), (MIXED, F([[1, 2, 3], [0, 1, 2]])), grad=True),
    "average along an axis": Case(lambda x, w: ops.average(x, 1, w), lambda x, w: np.average(x, 1, w), (MIXED, F([1, 2, 3])), grad=True),
    "count_nonzero": same("count_nonzero", INTS, axis=1, dtype="int32"),
    "count_nonzero of all": same("count_nonzero", HOLES, dtype="int32"),
    "trapezoid": same("trapezoid", MIXED, dx=0.5, grad=True),
    "trapezoid over places": Case(lambda y, x: ops.trapezoid(y, x, axis=0), lambda y, x: np.trapezoid(y, x, axis=0), (MIXED.T.copy(), F([0, 1, 4])), grad=True, free=0),
    "trapezoid of ints": same("trapezoid", INTS, axis=0, dtype="float32"),
    "corrcoef": same("corrcoef", MIXED, grad=True),
    "corrcoef of a vector": same("corrcoef", F([1, 2, 4])),
    "cdist": Case(ops.cdist, lambda x, y: np.sqrt(np.square(x[:, None] - y[None]).sum(-1)), (MIXED, OTHER), grad=True),
    "psnr": Case(lambda x, y: ops.psnr(x, y, 255.0), lambda x, y: 20 * np.log10(255) - 10 * np.log10(np.square(x - y).mean()), (MIXED, OTHER), grad=True),
    "normalize": Case(ops.normalize, lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), (MIXED,), grad=True),
    "normalize of order 3": Case(lambda x: ops.normalize(x, 0, 3), lambda x: x / np.linalg.norm(x, 3, 0, True), (MIXED,), grad=False),
    "normalize of zeros": Case(ops.normalize, np.zeros_like, (F([[0, 0]]),)),
}  # fmt: skip

SHAPES: dict[str, Case] = {
    **{f"{name} {k}": same(name, CUBE, k=k, grad=True) for name in ("tril", "triu") for k in (-1, 0, 2)},
    "tril of NaN": same("tril", F([[1, NAN], [NAN, 2]])),
    "triu of bools": same("triu", BOOLS),
    **{f"diag of a vector {k}": same("diag", F([1, NAN, 3]), k=k) for k in (-2, 0, 1)},
    "diag of ints": same("diag", np.array([1, 2], "int32"), k=1),
    **{f"diag of a matrix {k}": same("diag", MIXED, k=k, grad=True) for k in (-5, -1, 0, 2, 3)},
    "diagflat": same("diagflat", MIXED, k=-1, grad=True),
    **{f"diagonal {k}": same("diagonal", CUBE, offset=k, axis1=1, axis2=2, grad=True, free=3) for k in (-1, 0, 2)},
    "diagonal of other axes": same("diagonal", CUBE, axis1=2, axis2=0, free=3),
    "trace": same("trace", CUBE, offset=1, axis1=0, axis2=2, grad=True, free=3),
    "trace of ints": same("trace", INTS),
    "append": Case(lambda x, y: ops.append(x, y), np.append, (MIXED, OTHER), grad=True),
    "append along": Case(lambda x, y: ops.append(x, y, 1), lambda x, y: np.append(x, y, 1), (MIXED, OTHER), free=0),
    **{f"array_split {n}": same("array_split", np.arange(7, dtype="float32"), n) for n in (1, 3, 9)},
    "array_split at": Case(lambda x: ops.array_split(x, [1, 3], 1), lambda x: np.array_split(x, [1, 3], 1), (CUBE,)),
    "vsplit": Case(lambda x: ops.vsplit(x, 2), lambda x: np.vsplit(x, 2), (MIXED,), free=0),
    "hsplit": Case(lambda x: ops.hsplit(x, [1]), lambda x: np.hsplit(x, [1]), (MIXED,), grad=True),
    "hsplit of a vector": Case(lambda x: ops.hsplit(x, 2), lambda x: np.hsplit(x, 2), (F([1, 2, 3, 4]),), free=0),
    "dsplit": Case(lambda x: ops.dsplit(x, 2), lambda x: np.dsplit(x, 2), (CUBE,)),
    **{f"{name} of {kind}": Case(lambda x, y, name=name: getattr(ops, name)([x, y]), lambda x, y, name=name: getattr(np, name)([x, y]), (a, b), grad=True, free=0)
       for name in ("vstack", "hstack", "dstack") for kind, a, b in (("scalars", F(1), F(2)), ("vectors", F([1, 2]), F([3, 4])), ("matrices", MIXED, OTHER))},
    "hstack of kinds": Case(lambda x, y: ops.hstack([x, y]), lambda x, y: np.hstack([x, y]), (INTS, MIXED), "float32", free=0),
    "unstack": Case(lambda x: ops.unstack(x, axis=1), lambda x: list(np.moveaxis(x, 1, 0)), (CUBE,), grad=True),
    "unstack counted": Case(lambda x: ops.unstack(x, 2), list, (CUBE,)),
    **{f"roll {shift} {axis}": same("roll", CUBE, shift, axis=axis) for shift, axis in ((1, None), (-2, 0), (5, 2), ((1, 2), (0, 2)), (0, 1), (1, (0, 1)))},
    **{f"rot90 {k}": Case(lambda x, k=k: ops.rot90(x, k), lambda x, k=k: np.rot90(x, k), (MIXED,), grad=True) for k in (-1, 0, 1, 2, 3)},
    "rot90 of axes": Case(lambda x: ops.rot90(x, 1, (2, 0)), lambda x: np.rot90(x, 1, (2, 0)), (CUBE,)),
    "fliplr": same("fliplr", CUBE, grad=True),
    "flipud": same("flipud", CUBE, grad=True),
    **{f"meshgrid {kind}": Case(lambda x, y, z, kind=kind: ops.meshgrid(x, y, z, indexing=kind), lambda x, y, z, kind=kind: np.meshgrid(x, y, z, indexing=kind), (F([1, 2]), F([3, 4, 5]), F(6)), grad=True) for kind in ("xy", "ij")},
    "diff": same("diff", CUBE, grad=True),
    "diff twice": same("diff", CUBE, n=2, axis=0),
    "diff of bools": same("diff", BOOLS),
    "diff of one": same("diff", F([[1]]), axis=0),
    "inner": same("inner", MIXED, OTHER, grad=True),
    "inner of scalars": same("inner", F(2), MIXED),
    "vdot": same("vdot", MIXED, OTHER, grad=True),
    "vdot of ints": same("vdot", INTS, INTS),
    "kron": same("kron", MIXED, F([[1, 2], [3, 4]]), grad=True),
    "kron of ranks": same("kron", F([1, 2]), MIXED),
    "cross": same("cross", MIXED, OTHER, grad=True),
    "cross of axes": Case(lambda x, y: ops.cross(x, y, axisa=0, axisc=0), lambda x, y: np.cross(x, y, axisa=0, axisc=0), (MIXED.T.copy(), OTHER), free=0),
    **{f"vander {kind}": same("vander", F([1, 2, 3]), N=n, increasing=up, grad=True) for kind, n, up in (("down", 2, False), ("up", 4, True), ("of none", 0, False))},
    "vander of all": same("vander", SMOOTH[0], grad=True),
    "meshgrid of a matrix": Case(ops.meshgrid, np.meshgrid, (MIXED, F([1, 2]))),
    "repeat": Case(lambda x: ops.repeat(x, [2, 0, 3], 1), lambda x: np.repeat(x, [2, 0, 3], 1), (CUBE,), grad=True),
    "einsum of a diagonal": Case(lambda x: ops.einsum("iij->ji", x), lambda x: np.einsum("iij->ji", x), (CUBE[:, :2],), grad=True, free=0),
    "einsum of a trace": Case(lambda x, y: ops.einsum("ii,ij", x, y), lambda x, y: np.einsum("ii,ij", x, y), (SMOOTH[:, :2], OTHER), grad=True, free=0),
    "view of integers": Case(lambda x: ops.view(x, "uint32"), lambda x: x.view("uint32"), (INTS,), "uint32"),
    "vander of ints": same("vander", np.array([2, 3], "int32"), N=3),
    "get_item": Case(lambda x: ops.get_item(x, (slice(None), 1)), lambda x: x[:, 1], (CUBE,), grad=True),
    "array": same("array", MIXED),
    "empty_like": Case(ops.empty_like, np.zeros_like, (MIXED,)),
    "view": Case(ops.view, lambda x: x, (MIXED,)),
    "unravel_index": Case(lambda k: list(ops.unravel_index(k, (2, 3, 4))), lambda k: list(np.unravel_index(k % 24, (2, 3, 4))), (np.array([0, 23, 7, -1], "int32"),)),
    "logspace": Case(lambda a: ops.logspace(a, 2.0, 4), lambda a: np.logspace(a, 2.0, 4), (F([0, 1]),), grad=True),
    "geomspace": Case(lambda a: ops.geomspace(a, 100.0, 4, axis=1), lambda a: np.geomspace(a, 100.0, 4, axis=1), (F([1, 10]),), grad=True),
    "geomspace below": Case(lambda a: ops.geomspace(a, -8, 4, endpoint=False), lambda a: np.geomspace(a, -8, 4, endpoint=False), (F(-1),)),
    "extract_sequences": Case(lambda x: ops.extract_sequences(x, 3, 2), lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, -1)[..., ::2, :], (CUBE[..., None].reshape(2, 12),), grad=True, free=2),
    "multi_hot": Case(lambda k: ops.multi_hot(k, 4), lambda k: [[1, 0, 1, 0], [0, 1, 0, 0]], (np.array([[0, 2], [1, 1]]),), "float32"),
    "multi_hot of one": Case(lambda k: ops.multi_hot(k, 4, dtype="int32"), lambda k: [0, 1, 1, 0], (np.array([1, 2, 9, -1]),), "int32"),
    "vectorize": Case(lambda x, y: ops.vectorize(lambda a, b: a * b + 1)(x, y), lambda x, y: x * y + 1, (MIXED, F([1, 2, 3])), grad=True),
    "vectorize of vectors": Case(lambda x, y: ops.vectorize(ops.dot, signature="(n),(n)->()")(x, y), lambda x, y: x @ y, (MIXED, F([1, 2, 3])), grad=True),
}  # fmt: skip
IDS = np.array([0, 2, 0, 2, 2, 3], "int32")
ROWS = F([[1, -2], [3, 4], [-5, 6], [7, 0], [0.5, 2], [9, 9]])
PLACES = np.array([[0, 1], [1, 2], [0, 1]], "int32")

COUNTS: dict[str, Case] = {
    **{f"searchsorted {side}": Case(lambda v, side=side: ops.searchsorted(F([1, 2, 2, 5, NAN]), v, side), lambda v, side=side: np.searchsorted(F([1, 2, 2, 5, NAN]), v, side), (F([[0, 1, 2], [5.5, NAN, INF]]),), "int32") for side in ("left", "right")},
    "searchsorted in a tensor": Case(lambda t: ops.searchsorted(t, F([0, 2, 9])), lambda t: np.searchsorted(t, F([0, 2, 9])), (F([1, 2, 2, 5]),), "int32"),
    "searchsorted of ints": Case(lambda v: ops.searchsorted(np.array([1, 3]), v), lambda v: np.searchsorted([1, 3], v), (INTS,), "int32"),
    "digitize": Case(lambda x: ops.digitize(x, [-1.0, 0.0, 2.0]), lambda x: np.digitize(x, [-1.0, 0.0, 2.0]), (MIXED,), "int32"),
    "digitize falling": Case(lambda x, b: ops.digitize(x, b), np.digitize, (MIXED, F([2, 0, -1])), "int32"),
    "histogram": Case(lambda x: ops.histogram(x, 3)[0], lambda x: np.histogram(x, 3)[0], (F([0, 1, 1, 4, 9, 2.5]),)),
    "histogram ends": Case(lambda x: ops.histogram(x, 3)[1], lambda x: np.histogram(x, 3)[1], (F([0, 1, 1, 4, 9, 2.5]),)),
    "histogram within": Case(lambda x: ops.histogram(x, 4, (1, 3))[0], lambda x: np.histogram(x, 4, (1, 3))[0], (F([0, 1, 1, 4, 3, 2.5, NAN]),)),
    "histogram of equals": Case(lambda x: ops.histogram(x, 2)[0], lambda x: np.histogram(x, 2)[0], (F([2, 2, 2]),)),
    "argpartition": Case(lambda x: ops.take_along_axis(x, ops.argpartition(x, 1), -1), np.sort, (MIXED,)),
    "in_top_k": Case(lambda k, p: ops.in_top_k(k, p, 2), lambda k, p: [True, False, True, False], (np.array([0, 1, 2, 0]), F([[3, 1, 2], [3, 1, 2], [2, 2, 2], [NAN, 1, 0]])), "bool", free=0),
    "segment_sum": Case(lambda x, k: ops.segment_sum(x, k, 4), _segments(np.add, 0, 4), (ROWS, IDS), grad=True),
    "segment_prod": Case(lambda x, k: ops.segment_prod(x, k, 4), _segments(np.multiply, 1, 4), (ROWS, IDS), grad=True),
    "segment_max": Case(lambda x, k: ops.segment_max(x, k, 4), _segments(np.maximum, -INF, 4), (ROWS, IDS), grad=False),
    "segment_min": Case(lambda x, k: ops.segment_min(x, k, 4), _segments(np.minimum, INF, 4), (ROWS, IDS), grad=False),
    "segment_max with a gradient": Case(lambda x, k: ops.segment_max(x, k, 2), _segments(np.maximum, -INF, 2), (ROWS, np.array([0, 1, 0, 1, 1, 0])), grad=True),
    "segment_max of NaN": Case(lambda x, k: ops.segment_max(x, k, 2), _segments(np.maximum, -INF, 2), (F([1, NAN, 3]), np.array([0, 0, 1]))),
    "segment_min of ints": Case(lambda x, k: ops.segment_min(x, k, 3), _segments(np.minimum, 2**31 - 1, 3), (np.array([4, 2, 3], "int32"), np.array([0, 0, 1]))),
    "segment_sum of others": Case(lambda x, k: ops.segment_sum(x, k, 2), _segments(np.add, 0, 2), (ROWS, np.array([0, -1, 5, 1, 1, 2]))),
    **{f"scatter_update {kind}": Case(lambda x, k, u, kind=kind: ops.scatter_update(x, k, u, kind), _updated(ufunc), (MIXED, PLACES, F([10, 20, -30])), grad=kind != "min" and kind != "max", free=0)
       for kind, ufunc in ((None, None), ("add", np.add), ("mul", np.multiply), ("max", np.maximum), ("min", np.minimum))},
    "scatter_update of rows": Case(lambda x, k, u: ops.scatter_update(x, k, u), _updated(None), (CUBE, np.array([[1], [-2]]), -CUBE), grad=True, free=0),
    "switch": Case(lambda k, x: ops.switch(k, [ops.negative, ops.square, ops.sqrt], x), lambda k, x: x * x, (np.int32(1), F([2, 3])), "float32", free=0),
    "switch beyond": Case(lambda k, x: ops.switch(k, [ops.negative, ops.square, ops.sqrt], x), lambda k, x: np.sqrt(x), (np.int32(7), F([2, 3])), "float32", free=0),
    **{f"correlate {mode} {n} {m}": Case(lambda x, y, mode=mode: ops.correlate(x, y, mode), lambda x, y, mode=mode: np.correlate(x, y, mode), (np.arange(1, n + 1, dtype="float32"), np.arange(2, m + 2, dtype="float32")), grad=True, free=0)
       for mode in ("valid", "same", "full") for n, m in ((5, 2), (2, 5), (4, 3), (3, 4), (3, 3))},
}  # fmt: skip
TABLES = {"elementwise": ELEMENTWISE, "reductions": REDUCTIONS, "shapes": SHAPES, "counts": COUNTS}
