"""DenseNet: every layer of a block reads what all layers before it gave."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, channels_of, concat, conv, norm, pad
from symkeras.applications.standard import standard

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

PAPER = "Huang et al. 2016, Densely connected convolutional networks"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
EPSILON = 1.001e-5
GROWTH = 32
BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
"""Layers with weights -> layers of each of the four dense blocks."""


def _body(blocks: tuple[int, ...]) -> Body:
    def body(x: Any) -> Any:
        x = conv(pad(x, 3), 64, 7, "conv1_conv", 2, "valid")
        x = act(norm(x, "conv1_bn", epsilon=EPSILON), "relu", "conv1_relu")
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(pad(x, 1))
        for block, count in enumerate(blocks, 2):
            for k in range(1, count + 1):
                x = concat([x, _grown(x, f"conv{block}_block{k}")], f"conv{block}_block{k}_concat")
            if block < 1 + len(blocks):
                x = _transition(x, f"pool{block}")
        return act(norm(x, "bn", epsilon=EPSILON), "relu", "relu")

    return body


def _grown(x: Any, name: str) -> Any:
    x = act(norm(x, f"{name}_0_bn", epsilon=EPSILON), "relu", f"{name}_0_relu")
    x = conv(x, 4 * GROWTH, 1, f"{name}_1_conv", padding="valid")
    x = act(norm(x, f"{name}_1_bn", epsilon=EPSILON), "relu", f"{name}_1_relu")
    return conv(x, GROWTH, 3, f"{name}_2_conv")


def _transition(x: Any, name: str) -> Any:
    """Half of the channels, a quarter of the places."""
    x = act(norm(x, f"{name}_bn", epsilon=EPSILON), "relu", f"{name}_relu")
    x = conv(x, channels_of(x) // 2, 1, f"{name}_conv", padding="valid")
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _architecture(depth: int) -> Architecture:
    stem = f"densenet{depth}_weights_tf_dim_ordering_tf_kernels"
    files = (f"{stem}.h5", f"{stem}_notop.h5")
    return Architecture(f"DenseNet{depth}", _body(BLOCKS[depth]), files, SOURCE, PAPER, pooled=("avg_pool", "max_pool"))


DenseNet121, DenseNet169, DenseNet201 = (standard(_architecture(depth), f"densenet{depth}") for depth in BLOCKS)
preprocess_input = preprocessing("torch")
