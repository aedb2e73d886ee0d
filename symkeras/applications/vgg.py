"""VGG: stacks of 3x3 convolutions, each followed by a pooling that halves the image."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body
from symkeras.applications.parts import conv

PAPER = "Simonyan and Zisserman 2014, Very deep convolutional networks for large-scale image recognition"
WIDTHS = (64, 128, 256, 512, 512)


def architecture(function: str, convolutions: tuple[int, ...]) -> Architecture:
    """The network with so many convolutions in each stack."""
    stem = f"{function.lower()}_weights_tf_dim_ordering_tf_kernels"
    source = f"https://storage.googleapis.com/tensorflow/keras-applications/{function.lower()}/"
    return Architecture(function, _body(convolutions), (f"{stem}.h5", f"{stem}_notop.h5"), source, PAPER, _head)


def _body(convolutions: tuple[int, ...]) -> Body:
    def body(x: Any) -> Any:
        for block, (width, count) in enumerate(zip(WIDTHS, convolutions, strict=True), 1):
            for k in range(1, count + 1):
                x = conv(x, width, 3, f"block{block}_conv{k}", bias=True, activation="relu")
            x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
        return x

    return body


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4096, activation="relu", name="fc1")(x)
    x = layers.Dense(4096, activation="relu", name="fc2")(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)
