"""Fourier transforms against NumPy's, their inverses and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, ConfigError, DtypeError, ShapeError
from symkeras.graph import Graph
from tests.backends import missing, skip_without
from tests.ops.check_op import check_gradient_of, placeholders

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(2, 3, 4, 8))


def pair(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.real(z), np.imag(z)


Z = X + 1j * Y
CASES: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...], tuple[np.ndarray, ...]]] = {
    "fft": (lambda a, b: ops.fft((a, b)), (X, Y), pair(np.fft.fft(Z))),
    "fft2": (lambda a, b: ops.fft2((a, b)), (X, Y), pair(np.fft.fft2(Z))),
    "ifft2": (lambda a, b: ops.ifft2((a, b)), (X, Y), pair(np.fft.ifft2(Z))),
    "rfft": (ops.rfft, (X,), pair(np.fft.rfft(X))),
    "rfft_cut": (lambda x: ops.rfft(x, 5), (X,), pair(np.fft.rfft(X, 5))),
    "rfft_continued": (lambda x: ops.rfft(x, 11), (X,), pair(np.fft.rfft(X, 11))),
    "irfft": (lambda a, b: (ops.irfft((a, b)),), (X, Y), (np.fft.irfft(Z),)),
    "irfft_odd": (lambda a, b: (ops.irfft((a, b), 9),), (X, Y), (np.fft.irfft(Z, 9),)),
    "irfft_longer": (lambda a, b: (ops.irfft((a, b), 20),), (X, Y), (np.fft.irfft(Z, 20),)),
}


def compiled(function: Callable[..., Any], arrays: tuple[np.ndarray, ...], types: tuple[str, ...], backend: str) -> list[np.ndarray]:
    inputs = [ops.placeholder(t, f"x{k}") for k, t in enumerate(types)]
    outputs = function(*inputs)
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), backend=backend)(*arrays)


@pytest.mark.parametrize("name", CASES)
def test_transforms_give_numpys_numbers_and_the_gradients_of_finite_differences(name: str, backend: str) -> None:
    function, arrays, expected = CASES[name]
    skip_without(backend, "fft")
    for found in (function(*arrays), compiled(function, arrays, ("f64[batch, 4, 8]",) * len(arrays), backend)):
        for a, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, e, atol=1e-12)
    given = [a[0, :2] for a in arrays]
    inputs = placeholders(given)
    first, *more = (ops.sum(t * RNG.normal(size=tuple(map(int, t.dims)))) for t in function(*inputs))
    loss = first + more[0] if more else first
    check_gradient_of(inputs, loss, given)


@pytest.mark.parametrize("other", ["jax", "torch", "tensorflow", "pytensor"])
def test_engines_transform_by_their_own_functions(other: str) -> None:
    if missing(other):
        pytest.skip(missing(other))
    for name, (function, arrays, expected) in CASES.items():
        for a, e in zip(compiled(function, arrays, ("f64[3, 4, 8]",) * len(arrays), other), expected, strict=True):
            np.testing.assert_allclose(a, e, atol=1e-10, err_msg=f"{name} on {other}")


def test_float32_stays_float32() -> None:
    assert {part.dtype for part in ops.rfft(X.astype("float32"))} == {np.dtype("float32")}


def test_native_refuses_a_transform_with_its_line() -> None:
    if missing("native"):
        pytest.skip(missing("native"))
    with pytest.raises(BackendError, match=r"native has no function for fft.*test_fourier.py"):
        compiled(ops.rfft, (X,), ("f64[3, 4, 8]",), "native")


def windows(x: np.ndarray, length: int, stride: int, size: int, weights: np.ndarray) -> np.ndarray:
    """The transforms of all windows, one by one."""
    left = (size - length) // 2
    padded = np.zeros(size)
    padded[left : left + length] = weights
    starts = range(0, x.shape[-1] - size + 1, stride)
    return np.stack([np.fft.rfft(x[..., s : s + size] * padded) for s in starts], -2)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(("window", "weights"), [("hann", 0.5 - 0.5 * np.cos(np.pi * np.arange(6) / 3)), (np.arange(6.0), np.arange(6.0)),
                                                 ("hamming", 0.54 - 0.46 * np.cos(np.pi * np.arange(6) / 3)), (None, np.ones(8))])  # fmt: skip
def test_stft_transforms_each_window(window: Any, weights: np.ndarray, center: bool) -> None:
    x = RNG.normal(size=(2, 30))
    padded = np.pad(x, ((0, 0), (4, 4)), "reflect") if center else x
    expected = windows(padded, len(weights), 3, 8, weights)
    found = ops.stft(x, 6, 3, 8, window, center)
    symbolic = compiled(lambda t: ops.stft(t, 6, 3, 8, window, center), (x,), ("f64[batch, time]",), "numpy")
    for part in (found, symbolic):
        np.testing.assert_allclose(part[0] + 1j * part[1], expected, atol=1e-12)


@pytest.mark.parametrize(("length", "stride", "size"), [(8, 4, 8), (6, 2, 9), (8, 2, 16)])
def test_istft_gives_the_signal_back(length: int, stride: int, size: int) -> None:
    x = RNG.normal(size=(2, 40))
    back = ops.istft(ops.stft(x, length, stride, size), length, stride, size, length=36)
    np.testing.assert_allclose(back, x[:, :36], atol=1e-10)
    inputs = placeholders([x[:1, :12]])
    out = ops.istft(ops.stft(inputs[0], 4, 2, 4), 4, 2, 4)
    check_gradient_of(inputs, ops.sum(ops.square(out)), [x[:1, :12]], rtol=1e-5)


def test_what_cannot_be_transformed_is_refused() -> None:
    with pytest.raises(ShapeError, match="tuple of two tensors"):
        ops.fft(X)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="real and imaginary parts have shapes"):
        ops.fft((X, X[0]))
    with pytest.raises(ShapeError, match="last 2 axes"):
        ops.fft2((np.ones(3), np.ones(3)))
    with pytest.raises(ShapeError, match="has none"):
        ops.rfft(np.zeros((2, 0)))
    with pytest.raises(DtypeError, match="stft takes `float32` or `float64`"):
        ops.stft(np.arange(9), 4, 2, 4)
    with pytest.raises(ConfigError, match="exceed sequence_length"):
        ops.stft(np.ones(9), 4, 2, 3)
    with pytest.raises(ConfigError, match="'hann', 'hamming'"):
        ops.stft(np.ones(9), 4, 2, 4, "round")
    with pytest.raises(ShapeError, match="mirrors 4 samples"):
        ops.stft(np.ones(3), 4, 2, 8)
