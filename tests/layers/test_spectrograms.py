"""Spectrograms and adaptive pooling as layers, and the initializer behind one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors, initializers, layers
from symkeras.ops.fourier import window_values
from tests import backends
from tests.layers.check_layer import check_layer

RNG = np.random.default_rng(4)
SIGNAL = RNG.normal(size=(2, 24, 2))


def transforms(x: np.ndarray, length: int, step: int, size: int, window: np.ndarray) -> np.ndarray:
    """(B, T, C) as (B, F, K, C), window by window."""
    frames = range(0, x.shape[1] - length + 1, step)
    return np.stack([np.fft.rfft(x[:, t : t + length] * window[:, None], size, axis=1) for t in frames], 1)


HANN = np.hanning(6)
EXPECTED = transforms(SIGNAL, 6, 3, 8, HANN / np.sqrt((HANN**2).sum()))
MODES = {
    "real": np.real(EXPECTED), "imag": np.imag(EXPECTED), "magnitude": np.abs(EXPECTED), "log": np.log(np.abs(EXPECTED)), "angle": np.angle(EXPECTED),
    "psd": np.abs(EXPECTED) ** 2 * np.array([1, 2, 2, 2, 1])[:, None], "stft": np.concatenate([np.real(EXPECTED), np.imag(EXPECTED)], 2),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_a_new_spectrogram_is_the_transform_of_each_window(mode: str) -> None:
    layer = layers.STFTSpectrogram(mode, frame_length=6, fft_length=8, expand_dims=True, dtype="float64")
    found = np.asarray(layer(SIGNAL))
    if mode == "angle":  # of a number that is negative and real but for rounding either end of the circle
        np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * MODES[mode]), atol=1e-8)
    else:
        np.testing.assert_allclose(found, MODES[mode], atol=1e-8)
    flat = layers.STFTSpectrogram(mode, frame_length=6, fft_length=8, dtype="float64")(SIGNAL)
    np.testing.assert_allclose(flat, found.swapaxes(2, 3).reshape(2, flat.shape[1], -1), atol=1e-8)
    first = layers.STFTSpectrogram(mode, frame_length=6, fft_length=8, data_format="channels_first", dtype="float64")(SIGNAL.swapaxes(1, 2))
    np.testing.assert_allclose(first, flat.swapaxes(1, 2), atol=1e-12)


@pytest.mark.parametrize("config", [{"mode": "psd"}, {"mode": "stft", "padding": "same", "expand_dims": True}, {"mode": "real", "window": None},
                                    {"mode": "psd", "window": [0.1, 0.2, 0.3, 0.4], "data_format": "channels_first"}], ids=str)  # fmt: skip
def test_spectrograms_are_layers_with_kernels_that_can_be_trained(config: dict[str, Any]) -> None:
    x = SIGNAL[:, :9].swapaxes(1, 2) if config.get("data_format") else SIGNAL[:, :9]
    sides = ("real",) if config["mode"] == "real" else ("real", "imag")
    check_layer(layers.STFTSpectrogram, {"frame_length": 4, **config}, x, weights=[(f"{s}_kernel", (4, 1, 3)) for s in sides])


def test_a_spectrogram_that_is_not_trainable_has_no_weights_to_train() -> None:
    layer = layers.STFTSpectrogram(frame_length=4, trainable=False)
    layer(SIGNAL.astype("float32"))
    assert len(layer.weights) == 2 and not layer.trainable_weights


def test_spectrograms_refuse_what_does_not_fit() -> None:
    for config in ({"frame_step": 300}, {"fft_length": 100}, {"mode": "power"}, {"scaling": "all"}, {"window": "round"}, {"padding": "causal"}):
        with pytest.raises(errors.ConfigError, match="STFTSpectrogram"):
            layers.STFTSpectrogram(**config)
    with pytest.warns(UserWarning, match="power of two"):
        layers.STFTSpectrogram(fft_length=300)
    with pytest.raises(errors.DtypeError, match="floats"):
        layers.STFTSpectrogram(frame_length=4, autocast=False)(np.zeros((1, 9, 1), int))
    with pytest.raises(errors.ShapeError, match="window has shape"):
        layers.STFTSpectrogram(frame_length=4, window=[1.0, 2.0])(SIGNAL)


def mel(hertz: Any) -> Any:
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def test_a_mel_spectrogram_sums_triangles_of_powers() -> None:
    for backend in backends.named:
        backends.skip_without(backend, "fft")
    x = RNG.normal(size=(2, 40))
    padded = np.pad(x, ((0, 0), (8, 8)), "reflect")[..., None]
    power = np.abs(transforms(padded, 16, 5, 16, 0.5 - 0.5 * np.cos(np.pi * np.arange(16) / 8))[..., 0]) ** 2
    edges = np.linspace(mel(10.0), mel(400.0), 6)
    bins = mel(np.linspace(0, 400, 9))
    weights = np.array([[0.0 if k == 0 else np.interp(f, edges[m : m + 3], [0, 1, 0]) for m in range(4)] for k, f in enumerate(bins)])
    config = {"fft_length": 16, "sequence_stride": 5, "sampling_rate": 800, "num_mel_bins": 4, "min_freq": 10.0}
    expected = (power @ weights).swapaxes(1, 2)
    check_layer(layers.MelSpectrogram, {**config, "power_to_db": False}, x, expected, tolerance=1e-8)
    decibels = 10 * np.log10(np.maximum(expected, 1e-10))
    found = layers.MelSpectrogram(**config, top_db=12.0, ref_power=10.0, dtype="float64")(x)
    np.testing.assert_allclose(found, np.maximum(decibels - 10, decibels.max() - 22), atol=1e-8)
    amplitudes = layers.MelSpectrogram(**config, power_to_db=False, mag_exp=1.0, dtype="float64")(x[0])
    np.testing.assert_allclose(amplitudes, (np.sqrt(power[0]) @ weights).T, atol=1e-8)


def test_mel_spectrograms_refuse_what_does_not_fit() -> None:
    for config in ({"sequence_length": 4000}, {"min_freq": 9000.0}, {"window": "round"}, {"num_mel_bins": 0}):
        with pytest.raises(errors.ConfigError, match="MelSpectrogram"):
            layers.MelSpectrogram(**config)


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "boxcar", None, [1.0, 2.0, 3.0, 4.0]])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
def test_the_stft_initializer_makes_windowed_waves(window: Any, scaling: str | None) -> None:
    named = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "boxcar": np.ones, None: np.ones}
    weights = np.asarray(window) if isinstance(window, list) else named[window](4)
    total = {"density": np.sqrt((weights**2).sum()), "spectrum": weights.sum(), None: 1}[scaling if window is not None else None]
    waves = np.exp(-2j * np.pi * np.outer(np.arange(4), np.arange(5)) / 8) * (weights / total)[:, None]
    for side, part in (("real", waves.real), ("imag", waves.imag)):
        made = initializers.get({"class_name": "STFT", "config": initializers.STFT(side, window, scaling).get_config()})
        np.testing.assert_allclose(made((4, 1, 5), "float64")[:, 0], part, atol=1e-12)
    assert initializers.STFTInitializer is initializers.STFT and isinstance(initializers.get("stft"), initializers.STFT)


ENDS = {"blackmanharris": 6e-05, "nuttall": 0.0003628, "flattop": -0.00042105, "bartlett": 0, "barthann": 0, "bohman": 0, "tukey": 0}


@pytest.mark.parametrize("window", ENDS)
def test_windows_begin_and_end_low_and_are_whole_in_their_middle(window: str) -> None:
    whole = window_values(window, 9, periodic=False)
    np.testing.assert_allclose(whole[[0, 4, 8]], [ENDS[window], 1, ENDS[window]], atol=1e-8)
    np.testing.assert_allclose(whole, whole[::-1], atol=1e-12)
    np.testing.assert_allclose(window_values(window, 8, periodic=True), whole[:-1], atol=1e-12)
    shapes = {"bartlett": np.bartlett(9), "tukey": [0, 0.5, 1, 1, 1, 1, 1, 0.5, 0]}
    np.testing.assert_allclose(whole, shapes.get(window, whole), atol=1e-12)
    assert initializers.STFT("real", window)((8, 1, 5)).shape == (8, 1, 5)


def test_the_stft_initializer_refuses_other_shapes() -> None:
    with pytest.raises(errors.ShapeError, match="kernels"):
        initializers.STFT()((4, 5))
    with pytest.raises(errors.ConfigError, match="side"):
        initializers.STFT("both")


# ---- adaptive pooling ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "reduce"), [("Average", np.mean), ("Max", np.max)])
def test_adaptive_pooling_layers_pool_axis_by_axis(kind: str, reduce: Any) -> None:
    x = RNG.normal(size=(2, 5, 2))
    expected = np.stack([reduce(x[:, a:b], axis=1) for a, b in ((0, 2), (1, 4), (3, 5))], 1)
    check_layer(getattr(layers, f"Adaptive{kind}Pooling1D"), {"output_size": 3}, x, expected)
    first = {"output_size": 3, "data_format": "channels_first"}
    check_layer(getattr(layers, f"Adaptive{kind}Pooling1D"), first, x.swapaxes(1, 2), expected.swapaxes(1, 2))
    image = RNG.normal(size=(2, 4, 3, 2))
    halves = reduce(image.reshape(2, 2, 2, 3, 2), axis=2)
    check_layer(getattr(layers, f"Adaptive{kind}Pooling2D"), {"output_size": [2, None]}, image, halves)
    volume = RNG.normal(size=(1, 2, 2, 2, 2))
    check_layer(getattr(layers, f"Adaptive{kind}Pooling3D"), {"output_size": 1}, volume, reduce(volume, axis=(1, 2, 3), keepdims=True))


def test_adaptive_pooling_refuses_sizes_that_are_none() -> None:
    for size in (0, 1.5, (1, 2, 3), "a"):
        with pytest.raises(errors.ConfigError, match="AdaptiveMaxPooling2D: output_size"):
            layers.AdaptiveMaxPooling2D(size)
