"""MobileNetV2: blocks that widen, filter each channel, and narrow again; what is added lies between the narrow ends."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Wanted, assemble, dense_head
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.mobilenet import named, published_size
from symkeras.applications.parts import channels_of, conv, depthwise, divisible, norm, pad_for_strides
from symkeras.applications.standard import described
from symkeras.arguments import positive
from symkeras.errors import ConfigError
from symkeras.graph.tensor import Tensor
from symkeras.models import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

PAPER = "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, width, number of blocks, strides of the first."""
WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
SIZES = (96, 128, 160, 192, 224)
MOMENTUM = 0.999


def _body(alpha: float) -> Body:
    def body(x: Any) -> Any:
        x = conv(x, divisible(32 * alpha), 3, "Conv1", 2)
        x = layers.ReLU(6.0, name="Conv1_relu")(norm(x, "bn_Conv1", momentum=MOMENTUM))
        k = 0
        for expansion, width, count, strides in STAGES:
            for repeat in range(count):
                x = _block(x, expansion, divisible(int(width * alpha)), 1 if repeat else strides, f"block_{k}" if k else "expanded_conv")
                k += 1
        x = norm(conv(x, divisible(1280 * alpha) if alpha > 1 else 1280, 1, "Conv_1", padding="valid"), "Conv_1_bn", momentum=MOMENTUM)
        return layers.ReLU(6.0, name="out_relu")(x)

    return body


def _block(x: Any, expansion: int, filters: int, strides: int, name: str) -> Any:
    shortcut, channels = x, channels_of(x)
    if expansion > 1:
        x = conv(x, expansion * channels, 1, f"{name}_expand")
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(norm(x, f"{name}_expand_BN", momentum=MOMENTUM))
    x = pad_for_strides(x, 3, f"{name}_pad") if strides > 1 else x
    x = norm(depthwise(x, 3, f"{name}_depthwise", strides), f"{name}_depthwise_BN", momentum=MOMENTUM)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = norm(conv(x, filters, 1, f"{name}_project"), f"{name}_project_BN", momentum=MOMENTUM)
    return layers.Add(name=f"{name}_add")([shortcut, x]) if strides == 1 and channels == filters else x


def _architecture(alpha: float, size: int) -> Architecture:
    stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    return Architecture("MobileNetV2", _body(alpha), (f"{stem}.h5", f"{stem}_no_top.h5"), SOURCE, PAPER, dense_head(None), size)


def _make(input_shape: Any = None, alpha: float = 1.0, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
          pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = None) -> Model:  # fmt: skip
    alpha = positive(alpha, "MobileNetV2: alpha")
    wanted = Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    shape = tuple(input_tensor.shape[1:]) if input_shape is None and isinstance(input_tensor, Tensor) else input_shape
    size = published_size("MobileNetV2", shape, wanted, SIZES)
    if weights == "imagenet" and alpha not in WIDTHS:
        raise ConfigError(f"MobileNetV2: weights='imagenet' are for alpha in {WIDTHS}, received alpha={alpha}")
    return assemble(_architecture(alpha, size), named(wanted, f"mobilenetv2_{alpha:0.2f}", size))


MobileNetV2 = described(_make, _architecture(1.0, 224), "alpha: what all widths are multiplied with.")
preprocess_input = preprocessing("tf")
