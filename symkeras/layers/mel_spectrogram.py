"""Signals as spectrograms on the mel scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import boolean, checked, either, non_negative, number, one_of, optional, positive, positive_int, real_numbers
from symkeras.errors import ConfigError
from symkeras.layers.layer import Layer


class MelSpectrogram(Layer):
    """The strength of a signal over time in bands whose width follows hearing.

    The bands are triangles that overlap by half, evenly spaced on the mel scale, 1127 log(1 + f / 700).

    Args:
        fft_length: samples L of a transform.
        sequence_stride: samples from one window to the next.
        sequence_length: how many samples a window weighs; `fft_length` when None.
        window: "hann", "hamming", an array, or None for ones.
        sampling_rate: samples per second.
        num_mel_bins: number M of bands.
        min_freq: where the first band begins, in Hertz.
        max_freq: where the last band ends; half the sampling rate when None.
        power_to_db: whether the result is in decibels.
        top_db: how many decibels below the largest of all values smaller ones are raised to.
        mag_exp: the power of the magnitudes that is summed.
        min_power: what smaller values are raised to before the logarithm.
        ref_power: what 0 decibels are.
        **kwargs: those of `Layer`.

    Input shape:
        (T,) or (B, T)

    Output shape:
        (M, F) or (B, M, F) for F windows, 1 + T // sequence_stride of them where L is even

    Raises:
        ConfigError: an argument of another kind, or an `fft_length` below `sequence_length`.
        ShapeError: a signal that is not longer than L // 2.

    Example:
        >>> import numpy as np
        >>> MelSpectrogram(num_mel_bins=64, sampling_rate=8000, sequence_stride=256)(np.zeros(16000)).shape
        (64, 63)
    """

    @checked(
        fft_length=positive_int, sequence_stride=positive_int, sequence_length=optional(positive_int),
        window=optional(either(one_of("hann", "hamming"), real_numbers)), sampling_rate=positive_int, num_mel_bins=positive_int,
        min_freq=non_negative, max_freq=optional(positive), power_to_db=boolean, top_db=number(), mag_exp=number(), min_power=positive,
        ref_power=number(),
    )  # fmt: skip
    def __init__(self, fft_length: int = 2048, sequence_stride: int = 512, sequence_length: int | None = None, window: Any = "hann",
                 sampling_rate: int = 16000, num_mel_bins: int = 128, min_freq: float = 20.0, max_freq: float | None = None,
                 power_to_db: bool = True, top_db: float = 80.0, mag_exp: float = 2.0, min_power: float = 1e-10, ref_power: float = 1.0,
                 **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride, self.window = fft_length, sequence_stride, window
        self.sequence_length = sequence_length or fft_length
        self.sampling_rate, self.num_mel_bins, self.min_freq = sampling_rate, num_mel_bins, min_freq
        self.max_freq = max_freq or sampling_rate // 2
        self.power_to_db, self.top_db, self.mag_exp, self.min_power, self.ref_power = power_to_db, top_db, mag_exp, min_power, ref_power
        if self.fft_length < self.sequence_length:
            raise ConfigError(f"MelSpectrogram: fft_length must be at least sequence_length, received {fft_length} and {sequence_length}")
        if not self.min_freq < self.max_freq:
            raise ConfigError(f"MelSpectrogram: min_freq must be below max_freq, received {min_freq} and {self.max_freq}")

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32")
        real, imaginary = ops.stft(x, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        power = ops.add(ops.square(real), ops.square(imaginary))
        strength = power if self.mag_exp == 2 else ops.power(power, self.mag_exp / 2)
        out = ops.tensordot(strength, self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq, dtype=x.dtype), axes=1)  # fmt: skip
        return ops.cast(ops.swapaxes(self._decibels(out) if self.power_to_db else out, -1, -2), self.compute_dtype)

    def _decibels(self, x: Any) -> Any:
        reference = 10.0 * float(np.log10(max(abs(self.ref_power), self.min_power)))
        x = ops.subtract(ops.multiply(ops.log10(ops.maximum(x, self.min_power)), 10.0), reference)
        return ops.maximum(x, ops.subtract(ops.max(x), self.top_db))

    def linear_to_mel_weight_matrix(
        self, num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sampling_rate: int = 8000, lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0, dtype: Any = "float32",
    ) -> np.ndarray:  # fmt: skip
        """How much each band takes of each frequency: (num_spectrogram_bins, num_mel_bins). The first frequency, 0, counts in none."""
        frequencies = _mel(np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins))[:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        weights = np.maximum(0.0, np.minimum(rising, falling))
        weights[:1] = 0.0
        return weights.astype(str(dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        *lead, samples = input_shape
        frames = None if samples is None else (samples + 2 * (self.fft_length // 2) - self.fft_length) // self.sequence_stride + 1
        return (*lead, self.num_mel_bins, frames)

    def get_config(self) -> dict[str, Any]:
        names = ("fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq", "max_freq",
                 "power_to_db", "top_db", "mag_exp", "min_power", "ref_power")  # fmt: skip
        config = {**super().get_config(), **{name: getattr(self, name) for name in names}}
        return config if isinstance(self.window, str) or self.window is None else {**config, "window": np.asarray(self.window).tolist()}


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
