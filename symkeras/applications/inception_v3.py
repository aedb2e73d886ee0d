"""Inception: branches of convolutions of several sizes side by side, joined along the channels."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, concat, conv, norm
from symkeras.applications.standard import standard

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

PAPER = "Szegedy et al. 2015, Rethinking the inception architecture for computer vision"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
FILES = ("inception_v3_weights_tf_dim_ordering_tf_kernels.h5", "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5")

Step = tuple[Any, ...]
"""Filters, size of the kernel, and "halve" where it moves in steps of two without borders."""


def chain(x: Any, *steps: Step) -> Any:
    """Convolutions one after the other, each normalised and rectified."""
    for filters, size, *how in steps:
        strides, padding = (2, "valid") if how else (1, "same")
        x = act(norm(conv(x, filters, size, None, strides, padding), scale=False), "relu")
    return x


def plain(x: Any, filters: int, size: int, strides: int = 1) -> Any:
    """One convolution without borders, normalised and rectified."""
    return act(norm(conv(x, filters, size, None, strides, "valid"), scale=False), "relu")


def averaged(x: Any) -> Any:
    return layers.AveragePooling2D(3, strides=1, padding="same")(x)


def halved(x: Any) -> Any:
    return layers.MaxPooling2D(3, strides=2)(x)


def stem(x: Any) -> Any:
    """Five convolutions and two poolings: an eighth of the size, 192 channels."""
    x = chain(plain(plain(x, 32, 3, 2), 32, 3), (64, 3))
    return halved(plain(plain(halved(x), 80, 1), 192, 3))


def _body(x: Any) -> Any:
    x = stem(x)
    for k, pooled in enumerate((32, 64, 64)):
        parts = [chain(x, (64, 1)), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3)), chain(averaged(x), (pooled, 1))]
        x = concat(parts, f"mixed{k}")
    x = concat([chain(x, (384, 3, "halve")), chain(x, (64, 1), (96, 3), (96, 3, "halve")), halved(x)], "mixed3")
    for k, n in enumerate((128, 160, 160, 192), 4):
        x = concat([
            chain(x, (192, 1)), chain(x, (n, 1), (n, (1, 7)), (192, (7, 1))),
            chain(x, (n, 1), (n, (7, 1)), (n, (1, 7)), (n, (7, 1)), (192, (1, 7))), chain(averaged(x), (192, 1)),
        ], f"mixed{k}")  # fmt: skip
    sevens = chain(x, (192, 1), (320, 3, "halve")), chain(x, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, "halve"))
    x = concat([*sevens, halved(x)], "mixed8")
    for k in range(2):
        first, wide = chain(x, (320, 1)), chain(x, (384, 1))
        wide = concat([chain(wide, (384, (1, 3))), chain(wide, (384, (3, 1)))], f"mixed9_{k}")
        deep = chain(x, (448, 1), (384, 3))
        deep = concat([chain(deep, (384, (1, 3))), chain(deep, (384, (3, 1)))])
        x = concat([first, wide, deep, chain(averaged(x), (192, 1))], f"mixed{9 + k}")
    return x


InceptionV3 = standard(Architecture("InceptionV3", _body, FILES, SOURCE, PAPER, size=299, least=75), "inception_v3")
preprocess_input = preprocessing("tf")
