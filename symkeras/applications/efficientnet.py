"""EfficientNet: one network of blocks as in MobileNetV2, scaled in depth, width and size of the image together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Wanted, assemble, channel_axis, dense_head, is_channels_first
from symkeras.applications.imagenet_utils import DEVIATION, decode_predictions, preprocessing
from symkeras.applications.parts import act, channels_of, conv, depthwise, divisible, norm, pad_for_strides
from symkeras.applications.standard import described
from symkeras.models import Model

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5", "EfficientNetB6",
    "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

PAPER = "Tan and Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks"
SOURCE = "https://storage.googleapis.com/keras-applications/"
SCALES = (
    (1.0, 1.0, 224, 0.2), (1.0, 1.1, 240, 0.2), (1.1, 1.2, 260, 0.3), (1.2, 1.4, 300, 0.3), (1.4, 1.8, 380, 0.4), (1.6, 2.2, 456, 0.4),
    (1.8, 2.6, 528, 0.5), (2.0, 3.1, 600, 0.5),
)  # fmt: skip
"""Width, depth, size of the image and dropout of B0 to B7."""
STAGES = ((3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1), (5, 4, 192, 6, 2), (3, 1, 320, 6, 1))
"""Kernel, blocks, width, expansion, strides of the first block."""
DROPPED = 0.2
"""The share of samples for which the last residual branch is dropped in training; earlier ones less, in proportion."""

KERNELS = {"class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"}}
SCORES = {"class_name": "VarianceScaling", "config": {"scale": 1.0 / 3.0, "mode": "fan_out", "distribution": "uniform"}}


def _body(width: float, depth: float, weights: Any) -> Body:
    total = sum(math.ceil(depth * count) for _, count, *_ in STAGES)

    def body(x: Any) -> Any:
        x = layers.Normalization(axis=channel_axis())(layers.Rescaling(1.0 / 255.0)(x))
        if weights == "imagenet":  # these were trained on pixels over the root of the deviation
            x = layers.Rescaling([1.0 / math.sqrt(deviation) for deviation in DEVIATION])(x)
        x = pad_for_strides(x, 3, "stem_conv_pad")
        x = conv(x, divisible(32 * width), 3, "stem_conv", 2, "valid", kernel_initializer=KERNELS)
        x = act(norm(x, "stem_bn"), "swish", "stem_activation")
        done = 0
        for stage, (kernel, count, filters, expansion, strides) in enumerate(STAGES, 1):
            for k in range(math.ceil(depth * count)):
                name = f"block{stage}{chr(ord('a') + k)}_"
                x = _block(x, kernel, divisible(filters * width), expansion, 1 if k else strides, DROPPED * done / total, name)
                done += 1
        x = conv(x, divisible(1280 * width), 1, "top_conv", kernel_initializer=KERNELS)
        return act(norm(x, "top_bn"), "swish", "top_activation")

    return body


def _block(x: Any, kernel: int, filters: int, expansion: int, strides: int, dropped: float, name: str) -> Any:
    shortcut, channels = x, channels_of(x)
    if expansion != 1:
        x = conv(x, channels * expansion, 1, f"{name}expand_conv", kernel_initializer=KERNELS)
        x = act(norm(x, f"{name}expand_bn"), "swish", f"{name}expand_activation")
    x = pad_for_strides(x, kernel, f"{name}dwconv_pad") if strides > 1 else x
    x = depthwise(x, kernel, f"{name}dwconv", strides, depthwise_initializer=KERNELS)
    x = act(norm(x, f"{name}bn"), "swish", f"{name}activation")
    x = weighed(x, max(1, int(channels * 0.25)), name)
    x = norm(conv(x, filters, 1, f"{name}project_conv", kernel_initializer=KERNELS), f"{name}project_bn")
    return residual(x, shortcut, dropped, name) if strides == 1 and channels == filters else x


def weighed(x: Any, squeezed: int, name: str) -> Any:
    """Each channel times a weight between 0 and 1 that the means of all channels give (squeeze and excitation)."""
    channels = channels_of(x)
    y = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = layers.Reshape((channels, 1, 1) if is_channels_first() else (1, 1, channels), name=f"{name}se_reshape")(y)
    y = conv(y, squeezed, 1, f"{name}se_reduce", bias=True, activation="swish", kernel_initializer=KERNELS)
    y = conv(y, channels, 1, f"{name}se_expand", bias=True, activation="sigmoid", kernel_initializer=KERNELS)
    return layers.Multiply(name=f"{name}se_excite")([x, y])


def residual(x: Any, shortcut: Any, dropped: float, name: str) -> Any:
    """The sum; in training without `x` for a share of the samples."""
    x = layers.Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x) if dropped > 0 else x
    return layers.Add(name=f"{name}add")([x, shortcut])


def _architecture(k: int, weights: Any) -> Architecture:
    width, depth, size, dropout = SCALES[k]
    stem = f"efficientnetb{k}"
    head = dense_head("avg_pool", dropout, kernel_initializer=SCORES)
    return Architecture(
        f"EfficientNetB{k}", _body(width, depth, weights), (f"{stem}.h5", f"{stem}_notop.h5"), SOURCE, PAPER, head, size,
        pooled=("avg_pool", "max_pool"),
    )  # fmt: skip


def _function(k: int) -> Callable[..., Model]:
    def make(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
             classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = f"efficientnetb{k}") -> Model:  # fmt: skip
        wanted = Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
        return assemble(_architecture(k, weights), wanted)

    return described(make, _architecture(k, None))


EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3, EfficientNetB4, EfficientNetB5, EfficientNetB6, EfficientNetB7 = (
    _function(k) for k in range(8)
)
preprocess_input = preprocessing(None)
