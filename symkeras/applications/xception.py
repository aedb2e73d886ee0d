"""Xception: depthwise separable convolutions in place of Inception's branches."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, conv, norm
from symkeras.applications.standard import standard

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

PAPER = "Chollet 2016, Xception: deep learning with depthwise separable convolutions"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/xception/"
FILES = ("xception_weights_tf_dim_ordering_tf_kernels.h5", "xception_weights_tf_dim_ordering_tf_kernels_notop.h5")
SHRINKING = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (728, 1024)}
"""Number of the block that halves the image -> the widths of its two convolutions."""


def _body(x: Any) -> Any:
    for k, (width, strides) in enumerate(((32, 2), (64, 1)), 1):
        x = conv(x, width, 3, f"block1_conv{k}", strides, "valid")
        x = act(norm(x, f"block1_conv{k}_bn"), "relu", f"block1_conv{k}_act")
    for block in range(2, 14):
        x = _shrinking(x, block) if block in SHRINKING else _keeping(x, block)
    for k, width in enumerate((1536, 2048), 1):
        x = act(_separable(x, width, f"block14_sepconv{k}"), "relu", f"block14_sepconv{k}_act")
    return x


def _separable(x: Any, width: int, name: str) -> Any:
    return norm(layers.SeparableConv2D(width, 3, padding="same", use_bias=False, name=name)(x), f"{name}_bn")


def _shrinking(x: Any, block: int) -> Any:
    widths = SHRINKING[block]
    shortcut = norm(conv(x, widths[-1], 1, strides=2))
    for k, width in enumerate(widths, 1):
        name = f"block{block}_sepconv{k}"
        x = x if (block, k) == (2, 1) else act(x, "relu", f"{name}_act")  # the first block begins with what is rectified already
        x = _separable(x, width, name)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.Add()([x, shortcut])


def _keeping(x: Any, block: int) -> Any:
    shortcut = x
    for k in range(1, 4):
        name = f"block{block}_sepconv{k}"
        x = _separable(act(x, "relu", f"{name}_act"), 728, name)
    return layers.Add()([x, shortcut])


Xception = standard(Architecture("Xception", _body, FILES, SOURCE, PAPER, size=299, least=71), "xception")
preprocess_input = preprocessing("tf")
