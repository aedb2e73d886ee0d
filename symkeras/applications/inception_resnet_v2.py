"""Inception-ResNet: branches as in Inception, scaled and added to what they come from."""

from __future__ import annotations

from typing import Any

from symkeras.applications.building import Architecture
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.inception_v3 import Step, averaged, chain, halved, stem
from symkeras.applications.parts import act, channels_of, concat, conv, norm
from symkeras.applications.scaled_sum import CustomScaleLayer
from symkeras.applications.standard import standard

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

PAPER = "Szegedy et al. 2016, Inception-v4, inception-ResNet and the impact of residual connections on learning"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/inception_resnet_v2/"
FILES = ("inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5", "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5")
BRANCHES: dict[int, tuple[tuple[Step, ...], ...]] = {
    35: (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    17: (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    8: (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
}
"""Height of the image at 299 pixels -> the branches of its blocks."""


def _body(x: Any) -> Any:
    x = stem(x)
    parts = [chain(x, (96, 1)), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3)), chain(averaged(x), (64, 1))]
    x = _blocks(concat(parts, "mixed_5b"), 35, 10, 0.17)
    x = concat([chain(x, (384, 3, "halve")), chain(x, (256, 1), (256, 3), (384, 3, "halve")), halved(x)], "mixed_6a")
    x = _blocks(x, 17, 20, 0.1)
    parts = [chain(x, *steps, (width, 3, "halve")) for *steps, width in (((256, 1), 384), ((256, 1), 288), ((256, 1), (288, 3), 320))]
    x = _blocks(concat([*parts, halved(x)], "mixed_7a"), 8, 9, 0.2)
    x = _block(x, 8, 10, 1.0)
    return act(norm(conv(x, 1536, 1, "conv_7b"), "conv_7b_bn", scale=False), "relu", "conv_7b_ac")


def _blocks(x: Any, kind: int, count: int, scale: float) -> Any:
    for k in range(1, count + 1):
        x = act(_block(x, kind, k, scale), "relu", f"block{kind}_{k}_ac")
    return x


def _block(x: Any, kind: int, k: int, scale: float) -> Any:
    branches = concat([chain(x, *steps) for steps in BRANCHES[kind]], f"block{kind}_{k}_mixed")
    return CustomScaleLayer(scale)([x, conv(branches, channels_of(x), 1, f"block{kind}_{k}_conv", bias=True)])


InceptionResNetV2 = standard(Architecture("InceptionResNetV2", _body, FILES, SOURCE, PAPER, size=299, least=75), "inception_resnet_v2")
preprocess_input = preprocessing("tf")
