"""Kernels that are a Fourier transform of windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, either, one_of, optional, real_numbers
from symkeras.errors import ShapeError
from symkeras.graph import dtypes
from symkeras.initializers.initializer import Initializer
from symkeras.ops.fourier import WINDOWS, window_values

window_check = optional(either(one_of(*WINDOWS), real_numbers))


class STFT(Initializer):
    """The real or imaginary parts of exp(-2 pi i k t / L), times a window over t: a convolution with it is a transform of windows.

    Args:
        side: "real" or "imag".
        window: "hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "bartlett", "barthann", "bohman", "tukey", "boxcar"; an array
            with a value for each t, or None for ones.
        scaling: "density" divides the window by the root of its sum of squares, "spectrum" by its sum, None by nothing.
        periodic: whether the window lacks the last of one more value, which equals the first.

    Raises:
        ConfigError: another side, window or scaling.

    >>> STFT("real", window=None)((4, 1, 3))[:, 0].round(6).tolist()
    [[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -1.0, 1.0], [1.0, -0.0, -1.0]]
    """

    @checked(side=one_of("real", "imag"), window=window_check, scaling=one_of("density", "spectrum", None), periodic=boolean)
    def __init__(self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False):
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """A kernel (T, 1, L // 2 + 1) for windows of T samples and transforms of length L.

        Raises:
            ShapeError: another number of axes, or a window of another length.
        """
        if len(shape) != 3:
            raise ShapeError(f"STFT makes kernels (T, 1, L // 2 + 1), received shape {tuple(shape)}")
        length, _, bins = shape
        turns = np.outer(np.arange(length), np.arange(bins)) * (2 * np.pi / max(2 * (bins - 1), 1))
        kernel = np.cos(turns) if self.side == "real" else -np.sin(turns)
        if self.window is not None:
            window = window_values(self.window, length, self.periodic) if isinstance(self.window, str) else np.asarray(self.window, np.float64)
            if window.shape != (length,):
                raise ShapeError(f"STFT: window has shape {window.shape}, the kernel {tuple(shape)} takes ({length},)")
            total = {None: 1.0, "density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window))}[self.scaling]
            kernel *= (window / total)[:, None]
        return np.broadcast_to(kernel[:, None], shape).astype(dtypes.standardize(dtype))

    def get_config(self) -> dict[str, Any]:
        window = self.window if self.window is None or isinstance(self.window, str) else np.asarray(self.window).tolist()
        return {"side": self.side, "window": window, "periodic": self.periodic, "scaling": self.scaling}
