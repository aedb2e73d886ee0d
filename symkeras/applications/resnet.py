"""Residual networks: bottlenecks of 1x1, 3x3 and 1x1 convolutions, added to what they come from."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, conv, norm, pad
from symkeras.applications.standard import standard

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

PAPER = "He et al. 2015, Deep residual learning for image recognition"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
EPSILON = 1.001e-5
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Layers with weights -> bottlenecks of each of the four stages."""


def architecture(function: str, body: Body, paper: str) -> Architecture:
    stem = f"{function.lower()}_weights_tf_dim_ordering_tf_kernels"
    return Architecture(function, body, (f"{stem}.h5", f"{stem}_notop.h5"), SOURCE, paper, pooled=("avg_pool", "max_pool"))


def stem(x: Any, is_normed: bool) -> Any:
    """A 7x7 convolution and a pooling, each in steps of two."""
    x = conv(pad(x, 3, "conv1_pad"), 64, 7, "conv1_conv", 2, "valid", bias=True)
    if is_normed:
        x = act(norm(x, "conv1_bn", epsilon=EPSILON), "relu", "conv1_relu")
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(pad(x, 1, "pool1_pad"))


def _body(blocks: tuple[int, ...]) -> Body:
    def body(x: Any) -> Any:
        x = stem(x, is_normed=True)
        for stage, count in enumerate(blocks):
            for k in range(1, count + 1):
                x = _bottleneck(x, 64 << stage, 2 if stage and k == 1 else 1, f"conv{stage + 2}_block{k}", is_first=k == 1)
        return x

    return body


def _bottleneck(x: Any, filters: int, strides: int, name: str, is_first: bool) -> Any:
    shortcut = x
    if is_first:
        shortcut = conv(x, 4 * filters, 1, f"{name}_0_conv", strides, "valid", bias=True)
        shortcut = norm(shortcut, f"{name}_0_bn", epsilon=EPSILON)
    x = conv(x, filters, 1, f"{name}_1_conv", strides, "valid", bias=True)
    x = act(norm(x, f"{name}_1_bn", epsilon=EPSILON), "relu", f"{name}_1_relu")
    x = conv(x, filters, 3, f"{name}_2_conv", bias=True)
    x = act(norm(x, f"{name}_2_bn", epsilon=EPSILON), "relu", f"{name}_2_relu")
    x = norm(conv(x, 4 * filters, 1, f"{name}_3_conv", padding="valid", bias=True), f"{name}_3_bn", epsilon=EPSILON)
    return act(layers.Add(name=f"{name}_add")([shortcut, x]), "relu", f"{name}_out")


ResNet50, ResNet101, ResNet152 = (
    standard(architecture(f"ResNet{depth}", _body(blocks), PAPER), f"resnet{depth}") for depth, blocks in BLOCKS.items()
)
preprocess_input = preprocessing("caffe")
