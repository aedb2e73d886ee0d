"""ConvNeXt: a residual network with the parts of a transformer: large kernels for each channel, layer normalisation, GELU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Head, Wanted, assemble, channel_axis
from symkeras.applications.imagenet_utils import DEVIATION, MEAN, decode_predictions, preprocessing
from symkeras.applications.layer_scale import LayerScale
from symkeras.applications.standard import described
from symkeras.arguments import boolean
from symkeras.models import Model, Sequential

__all__ = ["ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "decode_predictions", "preprocess_input"]

PAPER = "Liu et al. 2022, A ConvNet for the 2020s"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/convnext/"
VARIANTS = {"Tiny": ((3, 3, 9, 3), 96), "Small": ((3, 3, 27, 3), 96), "Base": ((3, 3, 27, 3), 128), "Large": ((3, 3, 27, 3), 192),
            "XLarge": ((3, 3, 27, 3), 256)}  # fmt: skip
"""Size -> blocks of each of four stages, and the width of the first; each stage is twice as wide as the one before."""
EPSILON = 1e-6


def _norm(name: str | None) -> Any:
    return layers.LayerNormalization(epsilon=EPSILON, name=name)


def _body(size: str, name: str, include_preprocessing: bool) -> Body:
    blocks, first = VARIANTS[size]

    def body(x: Any) -> Any:
        x = _scaled(x, name) if include_preprocessing else x
        for stage, count in enumerate(blocks):
            width = first << stage
            x = _downsampling(width, stage, name)(x)
            for k in range(count):
                x = _block(x, width, f"{name}_stage_{stage}_block_{k}")
        return x

    return body


def _scaled(x: Any, name: str) -> Any:
    mean, variance = [255 * m for m in MEAN], [(255 * d) ** 2 for d in DEVIATION]
    return layers.Normalization(axis=channel_axis(), mean=mean, variance=variance, name=f"{name}_prestem_normalization")(x)


def _downsampling(width: int, stage: int, name: str) -> Sequential:
    if stage == 0:
        parts = [layers.Conv2D(width, 4, strides=4, name=f"{name}_stem_conv"), _norm(f"{name}_stem_layernorm")]
        return Sequential(parts, name=f"{name}_stem")
    parts = [_norm(f"{name}_downsampling_layernorm_{stage - 1}"), layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{stage - 1}")]
    return Sequential(parts, name=f"{name}_downsampling_block_{stage - 1}")


def _block(x: Any, width: int, name: str) -> Any:
    y = layers.Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(x)
    y = _norm(f"{name}_layernorm")(y)
    y = layers.Activation("gelu", name=f"{name}_gelu")(layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(y))
    y = layers.Dense(width, name=f"{name}_pointwise_conv_2")(y)
    y = LayerScale(EPSILON, width, name=f"{name}_layer_scale")(y)
    return x + layers.Activation("linear", name=f"{name}_identity")(y)


def _head(name: str) -> Head:
    def head(x: Any, classes: int, activation: Any) -> Any:
        x = _norm(f"{name}_head_layernorm")(layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x))
        return layers.Dense(classes, activation=activation, name=f"{name}_head_dense")(x)

    return head


def _architecture(size: str, name: str, include_preprocessing: bool) -> Architecture:
    stem = f"convnext_{size.lower()}"
    return Architecture(
        f"ConvNeXt{size}", _body(size, name, include_preprocessing), (f"{stem}.h5", f"{stem}_notop.h5"), SOURCE, PAPER, _head(name),
        last=lambda x: _norm(None)(x),
    )  # fmt: skip


def _function(size: str) -> Callable[..., Model]:
    model = f"convnext_{size.lower()}"

    def make(include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
             input_shape: Any = None, pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax",
             name: str | None = model) -> Model:  # fmt: skip
        include_preprocessing = boolean(include_preprocessing, f"ConvNeXt{size}: include_preprocessing")
        name = name or model
        wanted = Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
        return assemble(_architecture(size, name, include_preprocessing), wanted)

    return described(make, _architecture(size, model, True), (
        "include_preprocessing: whether the model itself normalises pixels from 0 to 255 by the means and deviations of ImageNet."
    ))  # fmt: skip


ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase, ConvNeXtLarge, ConvNeXtXLarge = (_function(size) for size in VARIANTS)
preprocess_input = preprocessing(None)
