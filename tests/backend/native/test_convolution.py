"""Convolutions in C against the reference values in float64: every padding, stride, dilation and grouping, for each instruction set.

The bound is the one of sums of n products in any order, with or without fused multiply-adds:
|error| <= (n + 2) * eps * (the same convolution of absolute values), element by element, or, in Winograd's way, 64 eps times
the largest element.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import ops
from symkeras.backend.native.kernels.convolution import scratch_types
from symkeras.graph import dims
from symkeras.graph.types import TensorType
from symkeras.ops.convolution import explicit_padding
from symkeras.ops.op import OPS, apply

COMPILER = next((path for name in ("gcc", "clang", "cc") if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler found")

INCLUDE = Path(symkeras.__file__).parent / "backend" / "native" / "include"
FLAGS = ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-Werror", "-fwrapv", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
TEAM = ["-pthread", "-DSK_TEAM"]
BUILDS = {
    "native": ["-march=native", *TEAM],
    "portable": TEAM,
    "avx2": ["-mavx2", "-mfma", *TEAM],
    "serial": ["-march=native"],
}
NEEDS = {"avx2": {"avx2", "fma"}}

SOURCE = """
#include "symkeras/convolution.h"
enum { AT_ONCE, KEPT, BY_IMAGES };
#define EXPORT(NAME, T, S)                                                                                                  \\
    void NAME##_##S(T *out, const T *a, const T *w, const sk_conv_shape *s, T *laid, T *room, int threads, int way) {      \\
        if (way == AT_ONCE) {                                                                                              \\
            sk_##NAME##_##S(out, a, w, s, laid, room, NULL, threads);                                                      \\
            return;                                                                                                        \\
        }                                                                                                                  \\
        sk_##NAME##_ready_##S(w, s, laid, threads);                                                                        \\
        if (way == KEPT)                                                                                                   \\
            for (int k = 0; k < 2; k++) sk_##NAME##_kept_##S(out, a, w, laid, room, NULL, threads);                        \\
        else                                                                                                               \\
            for (int64_t n = 0; n < s->batch; n += 2)                                                                      \\
                sk_##NAME##_images_##S(out, a, w, laid, room, NULL, threads - 1, n, sk_min(n + 2, s->batch));              \\
    }
#define EXPORT_FILTER(T, S)                                                                                                \\
    void conv_filter_grad_##S(T *out, const T *a, const T *b, const sk_conv_shape *s, T *laid, T *room, int threads, int way) { \\
        (void)room, (void)way;                                                                                             \\
        sk_conv_filter_grad_##S(out, a, b, s, laid, NULL, threads);                                                        \\
    }
EXPORT(conv, float, f32)
EXPORT(conv_input_grad, float, f32)
EXPORT_FILTER(float, f32)
EXPORT(conv, double, f64)
EXPORT(conv_input_grad, double, f64)
EXPORT_FILTER(double, f64)
"""
AT_ONCE, KEPT, BY_IMAGES = 0, 1, 2
OPS_OF = ("conv", "conv_input_grad", "conv_filter_grad")
Three = ctypes.c_int64 * 3


class Shape(ctypes.Structure):
    _fields_ = (
        ("batch", ctypes.c_int64),
        *((name, Three) for name in ("in", "out", "kernel", "stride", "dilation", "before")),
        *((name, ctypes.c_int64) for name in ("channels", "outputs", "groups")),
    )


@pytest.fixture(scope="module", params=BUILDS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The header, built for one instruction set."""
    if request.param in NEEDS:
        is_x86 = platform.machine() in ("x86_64", "AMD64")
        known = Path("/proc/cpuinfo").read_text() if is_x86 and os.path.exists("/proc/cpuinfo") else ""
        if not NEEDS[request.param] <= set(known.split()):
            pytest.skip(f"this machine does not run {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "convolution.c").write_text(SOURCE)
    built = subprocess.run(
        [
            str(COMPILER),
            *FLAGS,
            *BUILDS[request.param],
            "-shared",
            "-fPIC",
            f"-I{INCLUDE}",
            str(folder / "convolution.c"),
            "-o",
            str(folder / "convolution.so"),
            "-lm",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return ctypes.CDLL(str(folder / "convolution.so"))


def guarded(shape: tuple[Any, ...], dtype: str) -> np.ndarray[Any, Any]:
    """Room for an array of NaN, with 64 numbers behind it that nobody may write."""
    room = np.full(int(np.prod(shape)) + 64, np.nan, dtype)
    room[-64:] = 7
    return room


class Case:
    """One convolution with random x, w and dy.

    Args:
        x, w: shapes (B, *S, C) and (*K, C / groups, O).
        padding: pairs, or one of Keras' names.
    """

    def __init__(
        self, x: Any, w: Any, strides: Any = 1, padding: Any = "valid", dilation: Any = 1, groups: int = 1, dtype: str = "float32", seed: int = 0
    ) -> None:
        n = len(x) - 2
        spread = [(v,) * n if isinstance(v, int) else tuple(v) for v in (strides, dilation)]
        padding = explicit_padding(padding, x[1:-1], w[:n], *spread) if isinstance(padding, str) else tuple(padding)
        self.attrs = {"strides": spread[0], "padding": padding, "dilation": spread[1], "groups": groups}
        rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.x, self.w = rng.standard_normal(x).astype(dtype), rng.standard_normal(w).astype(dtype)
        out = OPS["conv"].infer(TensorType(x, dtype), TensorType(w, dtype), **self.attrs).shape
        self.dy = rng.standard_normal(out).astype(dtype)

    @property
    def may_be_winograd(self) -> bool:
        """Whether errors may be relative to the largest result: then by less than 64 eps, 1e-5 in float32."""
        a, w = self.attrs, self.w.shape
        return w[-4:-2] == (3, 3) and all(v == 1 for v in (*a["strides"], *a["dilation"], a["groups"])) and not (w[-1] | w[-2]) % 16

    def operands(self, op: str) -> tuple[list[np.ndarray[Any, Any]], dict[str, Any], int]:
        """Inputs, attributes, and how many products an element of the result is the sum of."""
        n = self.x.ndim - 2
        taps = int(np.prod(self.w.shape[:n]))
        return {
            "conv": ([self.x, self.w], self.attrs, taps * self.w.shape[-2]),
            "conv_input_grad": ([self.dy, self.w], {"spatial": self.x.shape[1:-1], **self.attrs}, taps * self.w.shape[-1]),
            "conv_filter_grad": ([self.x, self.dy], {"kernel": self.w.shape[:n], **self.attrs}, self.dy[..., 0].size),
        }[op]

    def run(self, library: ctypes.CDLL, op: str, threads: int = 1, way: int = AT_ONCE) -> np.ndarray[Any, Any]:
        """The result in C, with NaN in working memory and in what the result replaces; nothing behind them may change."""
        inputs, attrs, _ = self.operands(op)
        symbols = [ops.placeholder(TensorType(v.shape, self.dtype)) for v in inputs]
        node = apply(OPS[op], symbols, attrs).node
        shape = node.tensor_type.shape
        written = [guarded(t.shape, self.dtype) for t in (node.tensor_type, *scratch_types(node, threads))]
        x, w, y = self.x.shape, self.w.shape, self.dy.shape
        a = self.attrs
        axes = zip(x[1:-1], y[1:-1], w[:-2], a["strides"], a["dilation"], [before for before, _ in a["padding"]], strict=True)
        lifted = [(1, 1, 1, 1, 1, 0)] * (5 - len(x)) + list(axes)
        sizes = Shape(x[0], *(Three(*row) for row in zip(*lifted, strict=True)), x[-1], y[-1], a["groups"])
        out, laid, room = [v.ctypes.data_as(ctypes.c_void_p) for v in (*written, written[-1])][:3]
        given = [v.ctypes.data_as(ctypes.c_void_p) for v in inputs]
        library[f"{op}_{'f32' if self.dtype == 'float32' else 'f64'}"](out, *given, ctypes.byref(sizes), laid, room, threads, way)
        assert all((v[-64:] == 7).all() for v in written)
        return written[0][:-64].reshape(shape)

    def check(self, library: ctypes.CDLL, threads: int = 1) -> None:
        for op in OPS_OF:
            inputs, attrs, count = self.operands(op)
            got = self.run(library, op, threads)
            want = OPS[op].value(*(v.astype("float64") for v in inputs), **attrs)
            bound = (count + 2) * np.finfo(self.dtype).eps * OPS[op].value(*(abs(v.astype("float64")) for v in inputs), **attrs)
            if self.may_be_winograd:
                bound = np.full_like(bound, min(bound.max(initial=0), np.finfo(self.dtype).eps * 64 * abs(want).max(initial=0)))
            assert got.shape == want.shape
            assert (abs(got - want) <= bound).all(), f"{op}: {abs(got - want).max()} off"
            if op != "conv_filter_grad":
                np.testing.assert_array_equal(self.run(library, op, threads, KEPT), got)
                by_images = self.run(library, op, threads, BY_IMAGES)
                assert (abs(by_images - want) <= bound).all(), f"{op} by images: {abs(by_images - want).max()} off"


CASES = {
    "ResNet, 16 channels": Case((2, 32, 32, 16), (3, 3, 16, 16), padding="same"),
    "ResNet, to 32 channels": Case((2, 32, 32, 16), (3, 3, 16, 32), 2, "same"),
    "ResNet, 64 channels": Case((3, 8, 8, 64), (3, 3, 64, 64), padding="same"),
    "ResNet, projection": Case((2, 16, 16, 32), (1, 1, 32, 64), 2, "same"),
    "odd sizes, 32 channels": Case((2, 13, 15, 32), (3, 3, 32, 48), padding=((0, 2), (1, 0))),
    "three dimensions, a 1x3x3 kernel": Case((2, 3, 8, 9, 16), (1, 3, 3, 16, 32), padding=((0, 0), (1, 1), (0, 0))),
    "more columns than a piece holds, 16 channels": Case((1, 8, 700, 16), (3, 3, 16, 16), padding="same"),
    "256 channels": Case((2, 6, 8, 256), (3, 3, 256, 64), padding="same"),
    "one image, 128 outputs": Case((1, 8, 8, 32), (3, 3, 32, 128), padding="same"),
    "three images, 192 channels": Case((3, 7, 8, 192), (3, 3, 192, 112), padding="same"),
    "one channel": Case((2, 28, 28, 1), (3, 3, 1, 32)),
    "three channels": Case((2, 32, 32, 3), (3, 3, 3, 16), padding="same"),
    "one output": Case((2, 9, 11, 20), (3, 3, 20, 1), padding="same"),
    "ten outputs, seven channels": Case((2, 9, 11, 7), (3, 3, 7, 10), padding="same"),
    "96 outputs, 128 channels": Case((5, 9, 7, 128), (3, 2, 128, 96), 2, "same"),
    "groups of 80 channels": Case((5, 8, 7, 160), (2, 3, 80, 192), padding="same", groups=2),
    "a product": Case((3, 5, 5, 40), (1, 1, 40, 24)),
    "a padded 1x1 kernel": Case((2, 4, 4, 3), (1, 1, 3, 5), padding=((1, 0), (0, 2))),
    "uneven padding and strides": Case((2, 11, 14, 5), (4, 3, 5, 18), (3, 2), ((2, 0), (1, 3))),
    "more padding than kernel": Case((2, 3, 4, 4), (2, 3, 4, 16), padding=((4, 3), (5, 6))),
    "steps larger than the kernel": Case((2, 13, 12, 4), (2, 1, 4, 16), (5, 3)),
    "dilation": Case((2, 17, 19, 6), (3, 3, 6, 20), 1, "same", (2, 5)),
    "dilation and strides that share a factor": Case((2, 23, 19, 6), (3, 4, 6, 20), (4, 6), ((3, 3), (8, 9)), (2, 4)),
    "what the last stride leaves": Case((2, 10, 12, 4), (3, 3, 4, 16), (4, 5)),
    "groups": Case((2, 8, 9, 12), (3, 3, 4, 48), 1, "same", groups=3),
    "groups of odd sizes": Case((2, 8, 9, 15), (3, 2, 5, 21), 2, "same", groups=3),
    "depthwise, 96 channels": Case((3, 9, 10, 96), (3, 3, 1, 96), 1, "same", groups=96),
    "depthwise": Case((2, 9, 10, 32), (3, 3, 1, 32), 1, "same", groups=32),
    "depthwise, odd, strided, dilated": Case((2, 17, 18, 19), (3, 4, 1, 19), (2, 3), "same", (2, 1), groups=19),
    "depthwise, three outputs each": Case((2, 9, 10, 7), (5, 3, 1, 21), 2, "same", groups=7),
    "one row of time": Case((3, 500, 8), (5, 8, 24), 1, "causal", 3),
    "more columns than a piece holds": Case((1, 3000, 24), (3, 24, 16), 1, "same"),
    "more channels than a piece holds": Case((1, 4, 20, 700), (3, 3, 700, 20), 1, "same"),
    "three dimensions": Case((2, 5, 6, 12, 3), (3, 2, 3, 3, 17), (2, 1, 1), ((1, 1), (0, 1), (1, 1)), (1, 2, 1)),
    "no images": Case((0, 6, 6, 3), (3, 3, 3, 16)),
    "no rows": Case((2, 0, 6, 3), (3, 3, 3, 16), padding=((1, 1), (0, 0))),
    "float64": Case((2, 16, 16, 8), (3, 3, 8, 24), 1, "same", dtype="float64"),
    "float64, odd and strided": Case((2, 15, 14, 5), (3, 2, 5, 9), (2, 1), "same", dtype="float64"),
    "float64, 32 channels": Case((2, 9, 10, 32), (3, 3, 32, 16), padding="same", dtype="float64"),
    "float64, depthwise": Case((2, 15, 14, 11), (3, 3, 1, 11), 1, "same", groups=11, dtype="float64"),
}  # fmt: skip


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_convolutions_and_gradients_are_right(library: ctypes.CDLL, name: str, threads: int) -> None:
    CASES[name].check(library, threads)


def drawn(count: int) -> Iterator[tuple[Case, int]]:
    """Cases of all kinds, and a number of threads for each."""
    rng = np.random.default_rng(5)

    def pick(*values: int) -> int:
        return int(rng.choice(values))

    while count:
        n, is_depthwise, dtype = pick(1, 2, 2, 3), pick(0, 0, 0, 1), ("float32", "float64")[pick(0, 1)]
        groups = pick(2, 16, 19, 40) if is_depthwise else pick(1, 1, 2, 3)
        channels, outputs = (1, pick(1, 1, 2)) if is_depthwise else (pick(1, 2, 3, 5, 16, 17), pick(1, 3, 8, 10, 16, 17, 32, 48))
        sizes = [pick(1, 2, 5, 7, 9, 13, 17, 20) if n < 3 else pick(1, 3, 6) for _ in range(n)]
        kernel = [pick(1, 2, 3, 3, 4, 5) for _ in range(n)]
        strides, dilation = [pick(1, 1, 2, 3) for _ in range(n)], [pick(1, 1, 2, 3) for _ in range(n)]
        padding = [(pick(0, 1, 2), pick(0, 1, 2)) for _ in range(n)]
        if any(s + a + b < (k - 1) * d + 1 for s, (a, b), k, d in zip(sizes, padding, kernel, dilation, strict=True)):
            continue
        count -= 1
        shapes = (pick(1, 2, 5), *sizes, groups * channels), (*kernel, channels, groups * outputs)
        yield Case(*shapes, strides, padding, dilation, groups, dtype, count), pick(1, 2, 4)


def test_any_combination_is_right(library: ctypes.CDLL) -> None:
    for case, threads in drawn(150):
        case.check(library, threads)


@pytest.mark.parametrize("op", OPS_OF)
@pytest.mark.parametrize("batch", [1, 8])
def test_any_number_of_threads_gives_the_same_bits(library: ctypes.CDLL, op: str, batch: int) -> None:
    case = Case((batch, 24, 24, 16), (3, 3, 16, 40), padding="same")
    for threads in (1, 2, 3, 4, 11):
        for _ in range(3):
            np.testing.assert_array_equal(case.run(library, op, threads), case.run(library, op, 1))


def test_kernels_too_large_for_partial_sums_are_shared_by_blocks(library: ctypes.CDLL) -> None:
    case = Case((4, 5, 5, 400), (3, 3, 400, 320), padding="same")
    case.check(library, 4)
    np.testing.assert_array_equal(case.run(library, "conv_filter_grad", 4), case.run(library, "conv_filter_grad", 1))


@pytest.mark.parametrize("sizes", [
    ((2, 20, 20, 4), (3, 3, 4, 16)), ((2, 20, 20, 4), (3, 3, 4, 40)), ((2, 20, 20, 24), (3, 3, 1, 24)), ((2, 20, 20, 16), (3, 3, 16, 32)),
])  # fmt: skip
def test_nan_and_infinity_stay_where_they_meet_a_tap(library: ctypes.CDLL, sizes: Any) -> None:
    case = Case(*sizes, groups=24 if sizes[0][-1] == 24 else 1)
    case.x[0, 3, 4, 1], case.x[1, 9, 9, 2] = np.inf, np.nan
    case.dy[0, 7, 0, 0], case.dy[1, 2, 17, 3] = -np.inf, np.nan
    for op in OPS_OF:
        inputs, attrs, _ = case.operands(op)
        if op == "conv_filter_grad":
            case.dy[...] = abs(case.dy)
        with np.errstate(invalid="ignore"):
            want = OPS[op].value(*(v.astype("float64") for v in inputs), **attrs)
        got = case.run(library, op)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        np.testing.assert_array_equal(np.isinf(got), np.isinf(want))


def test_working_memory_depends_on_neither_batch_nor_image() -> None:
    x, w = ops.placeholder("f32[batch, time, 24]"), ops.placeholder("f32[5, 24, 40]")
    y = apply(OPS["conv"], [x, w], {"strides": (1,), "padding": ((2, 2),), "dilation": (1,), "groups": 1})
    assert all(isinstance(t.size, int) for t in scratch_types(y.node, 4))
    dx, dw = OPS["conv"].vjp(ops.placeholder(y.node.tensor_type), y, x, w, **y.node.attrs)
    assert not any(isinstance(t.size, dims.Dim) for tensor in (dx, dw) for t in scratch_types(tensor.node, 4))
