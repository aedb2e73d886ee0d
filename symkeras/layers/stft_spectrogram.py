"""Signals as spectrograms, by a convolution whose kernels may be trained."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from symkeras import config as settings
from symkeras import initializers, ops
from symkeras.arguments import boolean, checked, one_of, optional, positive_int
from symkeras.errors import ConfigError, DtypeError
from symkeras.initializers.spectral import window_check
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import data_format_of, padding_of

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """The Fourier transforms of the windows of a signal, channel by channel, as convolutions with two kernels.

    Args:
        mode: what is given: "log" (of magnitudes), "magnitude", "psd" (powers, those of both signs of a frequency together), "real" and "imag"
            parts, "angle", or "stft" (real, then imaginary parts).
        frame_length: samples of a window.
        frame_step: samples from one window to the next; half a window when None.
        fft_length: length L of a transform; the least power of two from `frame_length` on when None.
        window: "hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "bartlett", "barthann", "bohman", "tukey", "boxcar"; an array
            with a value for each sample of a window, or None for ones.
        periodic: whether the window lacks the last of one more value, which equals the first.
        scaling: "density" divides the window by the root of its sum of squares, "spectrum" by its sum, None by nothing.
        padding: "valid" or "same".
        expand_dims: whether frequencies have an axis of their own.
        data_format: where the channels are.
        **kwargs: those of `Layer`; `trainable=False` keeps the kernels as they are.

    Input shape:
        (B, T, C); (B, C, T) for "channels_first"

    Output shape:
        (B, F, C * K) for F windows and K = L // 2 + 1 frequencies, twice as many for "stft"; (B, F, K, C) where `expand_dims`.
        For "channels_first" (B, C * K, F) and (B, C, F, K).

    Raises:
        ConfigError: an argument of another kind, a step beyond the window, an `fft_length` below it.
        DtypeError: inputs that are no floats.
        ShapeError: another number of axes, unknown channels, or a window of another length.

    Example:
        >>> import numpy as np
        >>> STFTSpectrogram(frame_length=16, frame_step=8)(np.zeros((3, 160, 2), "float32")).shape
        (3, 19, 18)
    """

    @checked(
        mode=one_of(*MODES), frame_length=positive_int, frame_step=optional(positive_int), fft_length=optional(positive_int), window=window_check,
        periodic=boolean, scaling=one_of("density", "spectrum", None), expand_dims=boolean,
    )  # fmt: skip
    def __init__(self, mode: str = "log", frame_length: int = 256, frame_step: int | None = None, fft_length: int | None = None,
                 window: Any = "hann", periodic: bool = False, scaling: str | None = "density", padding: str = "valid",
                 expand_dims: bool = False, data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        if frame_step is not None and frame_step > frame_length:
            raise ConfigError(f"STFTSpectrogram: frame_step must be at most frame_length, received {frame_step} and {frame_length}")
        if fft_length is not None and fft_length < frame_length:
            raise ConfigError(f"STFTSpectrogram: fft_length must be at least frame_length, received {fft_length} and {frame_length}")
        if fft_length is not None and fft_length & (fft_length - 1):
            warnings.warn(f"STFTSpectrogram: fft_length should be a power of two, received {fft_length}")
        self.mode, self.frame_length, self.frame_step, self.fft_length = mode, frame_length, frame_step, fft_length
        self.window, self.periodic, self.scaling, self.expand_dims = window, periodic, scaling, expand_dims
        self._step = frame_step or max(frame_length // 2, 1)
        self._frequencies = (fft_length or 1 << (frame_length - 1).bit_length()) // 2 + 1
        self.padding = padding_of("STFTSpectrogram", padding)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        for side in ("real", "imag"):
            if self.mode in ("real", "imag") and self.mode != side:
                continue
            initializer = initializers.STFT(side, self.window, self.scaling, self.periodic)
            shape = (self.frame_length, 1, self._frequencies)
            setattr(self, f"{side}_kernel", self.add_weight(shape=shape, initializer=initializer, name=f"{side}_kernel"))

    def call(self, inputs: Any) -> Any:
        if not str(inputs.dtype).startswith("float"):
            raise DtypeError(f"STFTSpectrogram takes floats, received {inputs.dtype}")
        x = ops.transpose(inputs, (0, 2, 1)) if self.data_format == "channels_last" else inputs
        if self.mode in ("real", "imag"):
            return self._laid_out(self._transformed(x, getattr(self, f"{self.mode}_kernel")))
        real, imaginary = self._transformed(x, self.real_kernel), self._transformed(x, self.imag_kernel)
        if self.mode == "angle":
            return self._laid_out(ops.arctan2(imaginary, real))
        if self.mode == "stft":
            return self._laid_out(ops.concatenate([real, imaginary], axis=3))
        power = ops.add(ops.square(real), ops.square(imaginary))
        if self.mode == "psd":
            twice = np.full(self._frequencies, 2.0, str(power.dtype))
            twice[[0, -1]] = 1.0
            return self._laid_out(ops.multiply(power, twice))
        magnitude = ops.sqrt(ops.maximum(power, settings.epsilon()))
        return self._laid_out(magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, settings.epsilon())))

    def _transformed(self, x: Any, kernel: Any) -> Any:
        """(B, C, T) as (B, C, F, K)."""
        batch, channels, samples = ops.shape(x)
        rows = ops.reshape(x, (batch * channels, samples, 1))
        out = ops.conv(rows, kernel, self._step, self.padding, "channels_last")
        return ops.reshape(out, (batch, channels, *ops.shape(out)[1:]))

    def _laid_out(self, x: Any) -> Any:
        batch, channels, frames, count = ops.shape(x)
        is_last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(x, (0, 2, 3, 1)) if is_last else x
        if is_last:
            return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (batch, frames, channels * count))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2)), (batch, channels * count, frames))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, samples, channels = input_shape if self.data_format == "channels_last" else (input_shape[0], input_shape[2], input_shape[1])
        whole = -(-samples // self._step) if samples is not None else None
        frames = whole if self.padding == "same" or samples is None else (samples - self.frame_length) // self._step + 1
        count = self._frequencies * (2 if self.mode == "stft" else 1)
        if self.data_format == "channels_last":
            return (batch, frames, count, channels) if self.expand_dims else (batch, frames, count * channels)
        return (batch, channels, frames, count) if self.expand_dims else (batch, count * channels, frames)

    def get_config(self) -> dict[str, Any]:
        names = ("mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding", "data_format", "expand_dims")
        config = {**super().get_config(), **{name: getattr(self, name) for name in names}}
        return config if isinstance(self.window, str) or self.window is None else {**config, "window": np.asarray(self.window).tolist()}
