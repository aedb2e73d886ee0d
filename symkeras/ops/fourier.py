"""Fourier transforms, by NumPy's, with complex numbers as pairs of tensors: (real, imaginary)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DtypeError, ShapeError
from symkeras.graph import dims
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.linalg import _swap
from symkeras.ops.numpy import arange, zeros_like
from symkeras.ops.op import OPS, Op, Sample, apply, as_array, as_tensor, dtype_of, is_symbolic, register
from symkeras.ops.shaping import broadcast_to, concatenate, expand_dims, flip, reshape, slice_axis, transpose
from symkeras.ops.sizes import whole


@register
class Fft(Op):
    """The sums over n of x[n] exp(-2 pi i k n / N) along the last axis, or with the other sign where `inverse`, not divided by N.

    Inputs and results are real and imaginary parts. The gradient is the transform with the other sign.
    """

    name = "fft"
    attributes = {"inverse": at.BOOLEAN}
    samples = (
        Sample(("f64[2, 5]", "f64[2, 5]"), {"inverse": False}),
        Sample(("f32[4]", "f32[4]"), {"inverse": True}),
        Sample(("f32[0, 3]", "f32[0, 3]"), {"inverse": False}),
    )

    def may_raise(self, node: Any) -> bool:
        return not isinstance(node.inputs[0].shape[-1], int)

    def infer(self, real: TensorType, imaginary: TensorType, *, inverse: bool) -> tuple[TensorType, ...]:  # type: ignore[override]
        if real.dtype not in ("float32", "float64") or real.dtype != imaginary.dtype:
            raise DtypeError(f"fft takes real and imaginary parts in float32 or float64, received {real} and {imaginary}")
        if real.ndim != imaginary.ndim or not all(map(dims.same, real.shape, imaginary.shape)):
            raise ShapeError(f"fft takes real and imaginary parts of one shape, received {real} and {imaginary}")
        if real.ndim == 0 or (isinstance(real.shape[-1], int) and real.shape[-1] == 0):
            raise ShapeError(f"fft goes over elements of the last axis, of which {real} has none")
        return real, real

    def value(self, real: Any, imaginary: Any, *, inverse: bool) -> Any:  # type: ignore[override]
        x = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
        x.real, x.imag = real, imaginary
        y = np.fft.ifft(x, norm="forward") if inverse else np.fft.fft(x)
        return y.real.astype(real.dtype), y.imag.astype(real.dtype)

    def vjp(self, dy: Any, out: Any, real: Any, imaginary: Any, *, inverse: bool) -> Any:  # type: ignore[override]
        given = [zeros_like(real) if part is None else part for part in dy]
        return apply(self, given, {"inverse": not inverse})

    def flops(self, node: Any) -> dims.Size:
        return node.types[0].size * 40


def _pair(x: Any, what: str, rank: int = 1) -> tuple[Any, Any]:
    """Real and imaginary parts of one floating dtype and shape, of at least `rank` axes."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ShapeError(f"{what} takes a tuple of two tensors, real and imaginary parts, received {type(x).__name__}")
    real, imaginary = ew.promoted("float", *x)
    if len(shape(real)) != len(shape(imaginary)) or not all(map(dims.same, shape(real), shape(imaginary))):
        raise ShapeError(f"{what}: real and imaginary parts have shapes {shape(real)} and {shape(imaginary)}")
    if len(shape(real)) < rank:
        raise ShapeError(f"{what} goes over the last {'axis' if rank == 1 else f'{rank} axes'}, received shape {shape(real)}")
    return real, imaginary


def _along(pair: tuple[Any, Any], inverse: bool = False) -> tuple[Any, Any]:
    return apply(OPS["fft"], list(pair), {"inverse": inverse})


def fft(x: tuple[Any, Any]) -> tuple[Any, Any]:
    """The discrete Fourier transform along the last axis.

    Args:
        x: real and imaginary parts (..., N).

    Returns:
        Real and imaginary parts (..., N).

    Raises:
        ShapeError, DtypeError: no pair of tensors of one shape and of float32 or float64.

    >>> [part.tolist() for part in fft((np.array([1.0, 2.0]), np.array([0.0, 0.0])))]
    [[3.0, -1.0], [0.0, 0.0]]
    """
    return _along(_pair(x, "fft"))


def _two(x: Any, what: str, inverse: bool) -> tuple[Any, Any]:
    real, imaginary = _along(_pair(x, what, rank=2), inverse)
    real, imaginary = _along((_swap(real), _swap(imaginary)), inverse)
    return _swap(real), _swap(imaginary)


def fft2(x: tuple[Any, Any]) -> tuple[Any, Any]:
    """The discrete Fourier transform over the last two axes.

    Args:
        x: real and imaginary parts (..., H, W).

    Returns:
        Real and imaginary parts (..., H, W).

    Raises:
        ShapeError, DtypeError: no pair of tensors of one shape and of float32 or float64.

    >>> fft2((np.ones((2, 2)), np.zeros((2, 2))))[0].tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _two(x, "fft2", inverse=False)


def ifft2(x: tuple[Any, Any]) -> tuple[Any, Any]:
    """The inverse of `fft2`.

    Args:
        x: real and imaginary parts (..., H, W).

    Returns:
        Real and imaginary parts (..., H, W).

    Raises:
        ShapeError, DtypeError: no pair of tensors of one shape and of float32 or float64.

    >>> ifft2((np.array([[4.0, 0.0], [0.0, 0.0]]), np.zeros((2, 2))))[0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    real, imaginary = _two(x, "ifft2", inverse=True)
    count = cast(shape(real)[-1] * shape(real)[-2], dtype_of(real))
    return ew.divide(real, count), ew.divide(imaginary, count)


def _resized(x: Any, size: dims.Size) -> Any:
    """The last axis cut, or continued with zeros, to `size` elements."""
    own = shape(x)[-1]
    if own == size:
        return x
    if not isinstance(own, int) or not isinstance(size, int):
        raise ShapeError(f"a length of {size} cuts or continues an axis of known size, received shape {shape(x)}")
    if size < own:
        return slice_axis(x, len(shape(x)) - 1, 0, size)
    return apply(OPS["pad"], [x], {"padding": ((0, 0, 0),) * (len(shape(x)) - 1) + ((0, size - own, 0),), "value": 0.0})


def _length(value: Any, what: str) -> int:
    try:
        count = whole(value, what)
    except ShapeError:
        count = 0
    if count < 1:
        raise ShapeError(f"{what} must be a positive integer, received {value!r}")
    return count


def rfft(x: Any, fft_length: int | None = None) -> tuple[Any, Any]:
    """The first half of the discrete Fourier transform of real numbers along the last axis, which the second mirrors.

    Args:
        x: (..., N).
        fft_length: the length L that the axis is cut or continued with zeros to; N for None.

    Returns:
        Real and imaginary parts (..., L // 2 + 1).

    Raises:
        ShapeError, DtypeError: no elements, or no float32 or float64.

    >>> [part.tolist() for part in rfft(np.array([1.0, 2.0, 3.0, 2.0]))]
    [[8.0, -2.0, 0.0], [0.0, 0.0, 0.0]]
    """
    (x,) = ew.promoted("float", x)
    if not shape(x):
        raise ShapeError("rfft goes over the last axis, received a scalar")
    x = x if fft_length is None else _resized(x, _length(fft_length, "rfft: fft_length"))
    half = shape(x)[-1] // 2 + 1
    last = len(shape(x)) - 1
    real, imaginary = _along((x, zeros_like(x)))
    return slice_axis(real, last, 0, half), slice_axis(imaginary, last, 0, half)


def irfft(x: tuple[Any, Any], fft_length: int | None = None) -> Any:
    """Real numbers from the first half of their discrete Fourier transform: the inverse of `rfft`.

    Args:
        x: real and imaginary parts (..., K).
        fft_length: how many numbers L; 2 (K - 1) for None.

    Returns:
        (..., L).

    Raises:
        ShapeError, DtypeError: no pair of tensors of one shape and of float32 or float64.

    >>> irfft((np.array([8.0, -2.0, 0.0]), np.zeros(3))).tolist()
    [1.0, 2.0, 3.0, 2.0]
    """
    real, imaginary = _pair(x, "irfft")
    last = len(shape(real)) - 1
    if fft_length is None:
        length = 2 * (shape(real)[-1] - 1)
        if isinstance(length, int) and length < 1:
            raise ShapeError(f"irfft: of shape {shape(real)} follows no length; give fft_length")
    else:
        length = _length(fft_length, "irfft: fft_length")
        real, imaginary = (_resized(part, length // 2 + 1) for part in (real, imaginary))
    rest = length - (length // 2 + 1)
    mirrored = [flip(slice_axis(part, last, 1, rest + 1), last) for part in (real, imaginary)]
    whole_ = concatenate([real, mirrored[0]], last), concatenate([imaginary, ew.negative(mirrored[1])], last)
    return ew.divide(_along(whole_, inverse=True)[0], cast(length, dtype_of(real)))


_COSINES: dict[str, tuple[float, ...]] = {
    "hann": (0.5, 0.5), "hamming": (0.54, 0.46), "blackman": (0.42, 0.5, 0.08), "boxcar": (1.0,),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168), "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}  # fmt: skip
"""Windows as sums of cosines, of which every second one is subtracted."""
_SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bartlett": lambda d: 1 - d,
    "barthann": lambda d: 0.62 - 0.24 * d + 0.38 * np.cos(np.pi * d),
    "bohman": lambda d: (1 - d) * np.cos(np.pi * d) + np.sin(np.pi * d) / np.pi,
    "tukey": lambda d: np.where(d <= 0.5, 1.0, 0.5 * (1 + np.cos(np.pi * (2 * d - 1)))),
}
"""Windows as functions of the distance from their middle, which is 1 at the ends."""
WINDOWS = (*_COSINES, *_SHAPES)


def window_values(name: str, length: int, periodic: bool = True) -> Any:
    """The values of a window in float64; a periodic one lacks the last of `length + 1`."""
    turns = np.arange(length) * (2 * np.pi / max(length if periodic else length - 1, 1))
    if length == 1:
        return np.ones(1)
    if name in _SHAPES:
        return _SHAPES[name](np.abs(turns / np.pi - 1))
    return np.sum([(-1) ** k * a * np.cos(k * turns) for k, a in enumerate(_COSINES[name])], axis=0)


def _window(window: Any, sequence_length: int, fft_length: int, dtype: str, what: str) -> Any:
    """The weights of a frame (fft_length), zero beside the `sequence_length` in its middle."""
    if fft_length < sequence_length:
        raise ConfigError(f"{what}: `fft_length` must equal or exceed sequence_length, received {fft_length} and {sequence_length}")
    if window is None:
        return np.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ConfigError(f"{what}: window is 'hann', 'hamming', None or a tensor, received {window!r}")
        window = window_values(window, sequence_length).astype(dtype)
    if shape(window) != (sequence_length,):
        raise ShapeError(f"{what}: window has shape {shape(window)}, expected ({sequence_length},)")
    left = (fft_length - sequence_length) // 2
    padding = ((left, fft_length - sequence_length - left, 0),)
    return apply(OPS["pad"], [cast(as_tensor(window) if is_symbolic(window) else as_array(window), dtype)], {"padding": padding, "value": 0.0})


def _places(frames: dims.Size, length: Any, stride: int) -> Any:
    """Which element each place of each frame is: (frames, length)."""
    return ew.add_(expand_dims(ew.multiply(arange(frames, dtype="int32"), stride), 1), np.arange(length, dtype="int32"))


def stft(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True) -> tuple[Any, Any]:
    """Fourier transforms of overlapping windows of a signal.

    Args:
        x: (..., T), of float32 or float64.
        sequence_length: how many samples a window weighs.
        sequence_stride: from window to window.
        fft_length: samples L of a transform, at least `sequence_length`; the window lies in the middle.
        window: "hann", "hamming", a tensor (sequence_length,), or None for ones.
        center: whether L // 2 samples before the first and after the last are mirrored, so that windows lie around the samples.

    Returns:
        Real and imaginary parts (..., F, L // 2 + 1) of F windows.

    Raises:
        ConfigError, ShapeError, DtypeError: lengths that do not fit, an unknown window, a signal shorter than one window, no floats.

    >>> stft(np.ones(8), 4, 2, 4, window=None, center=False)[0].tolist()
    [[4.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 0.0, 0.0]]
    """
    if dtype_of(x) not in ("float32", "float64"):
        raise DtypeError(f"stft takes `float32` or `float64`, received {dtype_of(x)}")
    lengths = [_length(v, f"stft: `{n}`") for n, v in (("sequence_length", sequence_length), ("sequence_stride", sequence_stride),
                                                      ("fft_length", fft_length))]  # fmt: skip
    x = as_tensor(x) if is_symbolic(x) else as_array(x)
    weights = _window(window, lengths[0], lengths[2], dtype_of(x), "stft")
    if not shape(x):
        raise ShapeError("stft goes over the last axis, received a scalar")
    x = _mirrored(x, lengths[2] // 2) if center else x
    size = shape(x)[-1]
    if isinstance(size, int) and size < lengths[2]:
        raise ShapeError(f"stft: a signal of {size} samples, mirrored ones among them, has no window of {lengths[2]}")
    frames = (size - lengths[2]) // lengths[1] + 1
    pieces = take(x, _places(frames, lengths[2], lengths[1]), axis=-1)
    return rfft(ew.multiply(pieces, weights))


def _mirrored(x: Any, count: int) -> Any:
    """`count` elements before the first and after the last of the last axis, mirrored at those."""
    last, size = len(shape(x)) - 1, shape(x)[-1]
    if isinstance(size, int) and size <= count:
        raise ShapeError(f"stft with center=True mirrors {count} samples: the signal needs more than that, received shape {shape(x)}")
    before, after = slice_axis(x, last, 1, count + 1), slice_axis(x, last, size - count - 1, size - 1)
    return concatenate([flip(before, last), x, flip(after, last)], last) if count else x


def istft(x: tuple[Any, Any], sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None, window: Any = "hann",
          center: bool = True) -> Any:  # fmt: skip
    """A signal from the Fourier transforms of its windows: the inverse of `stft` with the same arguments.

    Overlapping windows are added and divided by the sum of their squared weights; with `window=None` they are only added.

    Args:
        x: real and imaginary parts (..., F, L // 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: see `stft`.
        length: how many samples are given; all for None.

    Returns:
        (..., T).

    Raises:
        ConfigError, ShapeError, DtypeError: lengths that do not fit, an unknown window, no pair of tensors of floats.

    >>> signal = np.arange(8.0)
    >>> istft(stft(signal, 4, 2, 4), 4, 2, 4).round(6).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    real, imaginary = _pair(x, "istft", rank=2)
    sequence, stride, size = (_length(v, f"istft: `{n}`") for n, v in (("sequence_length", sequence_length), ("sequence_stride", sequence_stride),
                                                                    ("fft_length", fft_length)))  # fmt: skip
    weights = _window(window, sequence, size, dtype_of(real), "istft")
    pieces = irfft((real, imaginary), size)
    count = shape(pieces)[-2]
    if window is None:
        signal = _overlapped(pieces, stride)
    else:
        signal = _overlapped(ew.multiply(pieces, weights), stride)
        total = _overlapped(broadcast_to(ew.square(weights), (count, size)), stride)
        signal = ew.divide(signal, ew.where(ew.greater(total, 1e-10), total, 1))
    last, everything = len(shape(signal)) - 1, shape(signal)[-1]
    start = size // 2 if center else 0
    stop = everything - start if length is None else start + _length(length, "istft: length")
    if isinstance(everything, int) and isinstance(stop, int) and stop > everything:
        signal = _resized(signal, stop)
    return slice_axis(signal, last, start, stop)


def _overlapped(pieces: Any, stride: int) -> Any:
    """The sum of pieces (..., F, L), each `stride` elements behind the one before: (..., L + stride (F - 1))."""
    *lead, count, size = shape(pieces)
    rank = len(lead) + 2
    rows = size + stride * (count - 1)
    places = reshape(_places(count, size, stride), (-1,))
    front = reshape(transpose(pieces, (rank - 2, rank - 1, *range(rank - 2))), (count * size, *lead))
    added = apply(OPS["scatter_add"], [places, front], {"rows": rows})
    return transpose(added, (*range(1, rank - 1), 0))
