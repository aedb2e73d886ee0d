"""EfficientNetV2: EfficientNet with one plain convolution in place of two in its early blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Wanted, assemble, channel_axis, dense_head, is_channels_first
from symkeras.applications.efficientnet import DROPPED, KERNELS, SCORES, residual, weighed
from symkeras.applications.imagenet_utils import DEVIATION, MEAN, decode_predictions, preprocessing
from symkeras.applications.parts import act, channels_of, conv, norm
from symkeras.applications.standard import described
from symkeras.arguments import boolean
from symkeras.models import Model

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]  # fmt: skip

PAPER = "Tan and Le 2021, EfficientNetV2: smaller models and faster training"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
MOMENTUM = 0.9
Stage = tuple[int, int, int, int, bool]
"""Blocks, width, expansion, strides of the first block, whether its convolutions are one ("fused")."""
_B: tuple[Stage, ...] = (
    (1, 16, 1, 1, True), (2, 32, 4, 2, True), (2, 48, 4, 2, True), (3, 96, 4, 2, False), (5, 112, 6, 1, False), (8, 192, 6, 2, False),
)  # fmt: skip
_S: tuple[Stage, ...] = (
    (2, 24, 1, 1, True), (4, 48, 4, 2, True), (4, 64, 4, 2, True), (6, 128, 4, 2, False), (9, 160, 6, 1, False), (15, 256, 6, 2, False),
)  # fmt: skip
_M: tuple[Stage, ...] = (
    (3, 24, 1, 1, True), (5, 48, 4, 2, True), (5, 80, 4, 2, True), (7, 160, 4, 2, False), (14, 176, 6, 1, False), (18, 304, 6, 2, False),
    (5, 512, 6, 1, False),
)  # fmt: skip
_L: tuple[Stage, ...] = (
    (4, 32, 1, 1, True), (7, 64, 4, 2, True), (7, 96, 4, 2, True), (10, 192, 4, 2, False), (19, 224, 6, 1, False), (25, 384, 6, 2, False),
    (7, 640, 6, 1, False),
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """A size of the network."""

    stages: tuple[Stage, ...]
    stem: int
    size: int
    width: float = 1.0
    depth: float = 1.0


VARIANTS = {
    "B0": Variant(_B, 32, 224), "B1": Variant(_B, 32, 240, depth=1.1), "B2": Variant(_B, 32, 260, 1.1, 1.2), "B3": Variant(_B, 32, 300, 1.2, 1.4),
    "S": Variant(_S, 24, 384), "M": Variant(_M, 24, 480), "L": Variant(_L, 32, 480),
}  # fmt: skip


def _body(kind: str, include_preprocessing: bool) -> Body:
    variant = VARIANTS[kind]
    total = sum(count for count, *_ in variant.stages)  # before scaling: deeper networks drop more

    def body(x: Any) -> Any:
        x = _scaled(x, kind) if include_preprocessing else x
        x = act(_conv(x, _rounded(variant.stem * variant.width), 3, "stem_conv", 2, "stem_bn"), "swish", "stem_activation")
        done = 0
        for stage, (count, filters, expansion, strides, is_fused) in enumerate(variant.stages, 1):
            for k in range(math.ceil(variant.depth * count)):
                name = f"block{stage}{chr(ord('a') + k)}_"
                block = _fused if is_fused else _separate
                x = block(x, _rounded(filters * variant.width), expansion, 1 if k else strides, DROPPED * done / total, name)
                done += 1
        return act(_conv(x, _rounded(1280 * variant.width), 1, "top_conv", 1, "top_bn"), "swish", "top_activation")

    return body


def _rounded(width: float) -> int:
    """The nearest multiple of 8."""
    return max(8, int(width + 4) // 8 * 8)


def _scaled(x: Any, kind: str) -> Any:
    if not kind.startswith("B"):
        return layers.Rescaling(1.0 / 128.0, offset=-1)(x)
    x = layers.Rescaling(1.0 / 255.0)(x)
    if is_channels_first():
        return x
    return layers.Normalization(mean=list(MEAN), variance=[d**2 for d in DEVIATION], axis=channel_axis())(x)


def _conv(x: Any, filters: int, size: int, name: str, strides: int, normed: str) -> Any:
    return norm(conv(x, filters, size, name, strides, kernel_initializer=KERNELS), normed, momentum=MOMENTUM)


def _fused(x: Any, filters: int, expansion: int, strides: int, dropped: float, name: str) -> Any:
    shortcut, channels = x, channels_of(x)
    if expansion == 1:
        x = act(_conv(x, filters, 3, f"{name}project_conv", strides, f"{name}project_bn"), "swish", f"{name}project_activation")
    else:
        x = act(_conv(x, channels * expansion, 3, f"{name}expand_conv", strides, f"{name}expand_bn"), "swish", f"{name}expand_activation")
        x = _conv(x, filters, 1, f"{name}project_conv", 1, f"{name}project_bn")
    return residual(x, shortcut, dropped, name) if strides == 1 and channels == filters else x


def _separate(x: Any, filters: int, expansion: int, strides: int, dropped: float, name: str) -> Any:
    shortcut, channels = x, channels_of(x)
    x = act(_conv(x, channels * expansion, 1, f"{name}expand_conv", 1, f"{name}expand_bn"), "swish", f"{name}expand_activation")
    filtered = layers.DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, depthwise_initializer=KERNELS, name=f"{name}dwconv2"
    )
    x = act(norm(filtered(x), f"{name}bn", momentum=MOMENTUM), "swish", f"{name}activation")
    x = weighed(x, max(1, int(channels * 0.25)), name)
    x = _conv(x, filters, 1, f"{name}project_conv", 1, f"{name}project_bn")
    return residual(x, shortcut, dropped, name) if strides == 1 and channels == filters else x


def _architecture(kind: str, include_preprocessing: bool) -> Architecture:
    stem = f"efficientnetv2-{kind.lower()}"
    return Architecture(
        f"EfficientNetV2{kind}", _body(kind, include_preprocessing), (f"{stem}.h5", f"{stem}_notop.h5"), SOURCE, PAPER,
        dense_head("avg_pool", 0.2, kernel_initializer=SCORES), VARIANTS[kind].size, pooled=("avg_pool", "max_pool"),
    )  # fmt: skip


def _function(kind: str) -> Callable[..., Model]:
    model = f"efficientnetv2-{kind.lower()}"

    def make(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
             classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
             name: str | None = model) -> Model:  # fmt: skip
        include_preprocessing = boolean(include_preprocessing, f"EfficientNetV2{kind}: include_preprocessing")
        wanted = Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
        return assemble(_architecture(kind, include_preprocessing), wanted)

    return described(make, _architecture(kind, True), (
        "include_preprocessing: whether the model scales pixels from 0 to 255 itself; else it expects -1 to 1."
    ))  # fmt: skip


EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2, EfficientNetV2B3, EfficientNetV2S, EfficientNetV2M, EfficientNetV2L = (
    _function(kind) for kind in VARIANTS
)
preprocess_input = preprocessing(None)
