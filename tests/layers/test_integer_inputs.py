"""Whole numbers as inputs: every layer either computes in floats, as it does for the same numbers as floats, or keeps their dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers, ops
from symkeras.layers import Layer

IMAGE, SERIES, ROWS = (5, 5, 2), (5, 2), (4,)

# name -> (arguments, shape of a row)
IN_FLOATS: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "Dense": ((2,), ROWS), "EinsumDense": (("ab,bc->ac", 3), ROWS), "Softmax": ((), ROWS), "LeakyReLU": ((), ROWS), "PReLU": ((), ROWS),
    "ELU": ((), ROWS), "UnitNormalization": ((), ROWS), "LayerNormalization": ((), ROWS), "BatchNormalization": ((), ROWS),
    "GroupNormalization": ((2,), ROWS), "RMSNormalization": ((), ROWS), "Conv1D": ((2, 2), SERIES), "Conv2D": ((2, 2), IMAGE),
    "Conv3D": ((2, 2), (3, 3, 3, 2)), "Conv1DTranspose": ((2, 2), SERIES), "Conv2DTranspose": ((2, 2), IMAGE),
    "Conv3DTranspose": ((2, 2), (3, 3, 3, 2)), "SeparableConv1D": ((2, 2), SERIES), "SeparableConv2D": ((2, 2), IMAGE),
    "DepthwiseConv1D": ((2,), SERIES), "DepthwiseConv2D": ((2,), IMAGE), "AveragePooling1D": ((2,), SERIES), "AveragePooling2D": ((2,), IMAGE),
    "AveragePooling3D": ((2,), (3, 3, 3, 2)), "GlobalAveragePooling1D": ((), SERIES), "GlobalAveragePooling2D": ((), IMAGE),
    "GlobalAveragePooling3D": ((), (3, 3, 3, 2)), "SimpleRNN": ((2,), SERIES), "LSTM": ((2,), SERIES), "GRU": ((2,), SERIES),
    "TimeDistributed": ((layers.Dense(2),), SERIES), "Rescaling": ((0.5, 1), IMAGE), "Normalization": ((-1, 3.0, 4.0), SERIES),
    **{f"AdaptiveAveragePooling{rank}D": ((2,), shape) for rank, shape in ((1, SERIES), (2, IMAGE), (3, (3, 3, 3, 2)))},
    "CenterCrop": ((2, 3), IMAGE), "AutoContrast": ((), IMAGE), "ContrastLimitedAdaptiveHistogramEqualization": (((0, 255), 4.0, (2, 2)), IMAGE),
    "Bidirectional": ((layers.LSTM(2),), SERIES), "Activation": (("tanh",), ROWS), "MelSpectrogram": ((8, 2), (20,)),
    "ThresholdedReLU": ((1.5,), ROWS), "LocallyConnected1D": ((2, 2), SERIES), "LocallyConnected2D": ((2, 2), IMAGE), "MaxoutDense": ((2,), ROWS),
    "Highway": ((), ROWS), "ConvLSTM1D": ((2, 2), (3, 4, 2)), "ConvLSTM2D": ((2, 2), (3, 4, 4, 2)), "ConvLSTM3D": ((2, 2), (2, 3, 3, 3, 2)),
    "SpectralNormalization": ((layers.Dense(2),), ROWS),
}  # fmt: skip
KEPT: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "Flatten": ((), SERIES), "Reshape": (((2, 2),), ROWS), "Permute": (((2, 1),), SERIES), "RepeatVector": ((2,), ROWS), "Masking": ((), SERIES),
    "ZeroPadding1D": ((1,), SERIES), "ZeroPadding2D": ((1,), IMAGE), "ZeroPadding3D": ((1,), (3, 3, 3, 2)), "Cropping1D": ((1,), SERIES),
    "Cropping2D": ((1,), IMAGE), "Cropping3D": ((1,), (3, 3, 3, 2)), "UpSampling1D": ((2,), SERIES), "UpSampling2D": ((2,), IMAGE),
    "UpSampling3D": ((2,), (3, 3, 3, 2)), "MaxPooling1D": ((2,), SERIES), "MaxPooling2D": ((2,), IMAGE), "MaxPooling3D": ((2,), (3, 3, 3, 2)),
    "GlobalMaxPooling1D": ((), SERIES), "GlobalMaxPooling2D": ((), IMAGE), "GlobalMaxPooling3D": ((), (3, 3, 3, 2)), "ReLU": ((), ROWS),
    "Identity": ((), ROWS), "ActivityRegularization": ((0.1,), ROWS), "Dropout": ((0.5,), ROWS), "SpatialDropout1D": ((0.5,), SERIES),
    "SpatialDropout2D": ((0.5,), IMAGE), "SpatialDropout3D": ((0.5,), (3, 3, 3, 2)), "GaussianNoise": ((0.5,), ROWS),
    **{f"AdaptiveMaxPooling{rank}D": ((2,), shape) for rank, shape in ((1, SERIES), (2, IMAGE), (3, (3, 3, 3, 2)))},
    "GaussianDropout": ((0.5,), ROWS), "AlphaDropout": ((0.5,), ROWS), "Resizing": ((3, 7, "nearest"), IMAGE),
}  # fmt: skip
MERGED_IN_FLOATS = {"Average": ROWS, "Attention": SERIES, "AdditiveAttention": SERIES}
MERGED = dict.fromkeys(("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Concatenate"), ROWS) | {"Dot": ROWS}
ELSEWHERE = {
    "Embedding", "Lambda", "GraphLayer", "Layer", "InputLayer", "Wrapper", "RNN", "StackedRNNCells", "SimpleRNNCell", "LSTMCell", "GRUCell",
    "ReversibleEmbedding",
    "MultiHeadAttention", "GroupQueryAttention", "WithWeight", "RandomFlip", "RandomCrop", "RandomContrast", "RandomBrightness", "RandomTranslation",
    "RandomRotation", "RandomZoom", "StringLookup", "IntegerLookup", "TextVectorization", "CategoryEncoding", "Discretization", "Hashing",
    "HashedCrossing", "Pipeline", "RandomShear", "RandomHue", "RandomSaturation", "RandomColorDegeneration", "RandomGrayscale",
    "RandomColorJitter", "Equalization", "Solarization", "RandomInvert", "RandomPosterization", "RandomErasing", "MixUp", "CutMix",
    "STFTSpectrogram", "RandomSharpness", "RandomGaussianBlur", "RandomPerspective", "RandomElasticTransform", "RandAugment", "AugMix",
    "MaxNumBoundingBoxes",
}  # fmt: skip


def test_every_layer_is_looked_at() -> None:
    classes = [found for name in dir(layers) if isinstance(found := getattr(layers, name), type)]
    known = {found.__name__ for found in classes if "_stands_for" not in vars(found)}  # another name of Keras 1
    known = {name for name in known if issubclass(getattr(layers, name, object), Layer)}
    assert known == {*IN_FLOATS, *KEPT, *MERGED_IN_FLOATS, *MERGED, *ELSEWHERE}


def numbers(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 5, (2, *shape)).astype(dtype)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
@pytest.mark.parametrize("name", IN_FLOATS)
def test_layers_that_compute_in_floats_take_whole_numbers_as_such(name: str, dtype: str) -> None:
    arguments, shape = IN_FLOATS[name]
    layer, x = getattr(layers, name)(*arguments), numbers(shape, dtype)
    expected = layer(x.astype("float32"))
    found = layer(x)
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, expected)
    entry = Input(shape, dtype=dtype)
    model = Model(entry, layer(entry))
    assert model.output.dtype == "float32"
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
@pytest.mark.parametrize("name", KEPT)
def test_layers_that_move_numbers_keep_their_dtype(name: str, dtype: str) -> None:
    arguments, shape = KEPT[name]
    layer, x = getattr(layers, name)(*arguments), numbers(shape, dtype)
    found = layer(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, layer(x.astype("float32")))


@pytest.mark.parametrize("name", [name for name in KEPT if "Dropout" in name or "Noise" in name])
def test_noise_on_whole_numbers_gives_floats(name: str) -> None:
    arguments, shape = KEPT[name]
    assert getattr(layers, name)(*arguments)(numbers(shape, "int32"), training=True).dtype == "float32"


@pytest.mark.parametrize("name", [*MERGED, *MERGED_IN_FLOATS])
def test_merging_whole_numbers(name: str) -> None:
    shape = (MERGED | MERGED_IN_FLOATS)[name]
    layer, x = layers.Dot(1) if name == "Dot" else getattr(layers, name)(), numbers(shape, "int32")
    found = layer([x, x])
    assert found.dtype == ("int32" if name in MERGED else "float32")
    np.testing.assert_allclose(found, layer([x.astype("float32")] * 2), rtol=1e-5)


def test_the_transposed_convolution_refuses_a_kernel_of_another_dtype() -> None:
    with pytest.raises(TypeError, match="one dtype"):
        ops.op.apply(ops.OPS["conv_input_grad"], [np.ones((1, 2, 1), "int32"), np.ones((1, 1, 1), "float32")],
                     {"spatial": (2,), "strides": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1})  # fmt: skip
