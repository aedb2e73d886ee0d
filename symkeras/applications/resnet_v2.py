"""Residual networks that normalise before they convolve, so that what is added is never changed."""

from __future__ import annotations

from typing import Any

from symkeras import layers
from symkeras.applications.building import Body
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, conv, norm, pad
from symkeras.applications.resnet import BLOCKS, EPSILON, architecture, stem
from symkeras.applications.standard import standard

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

PAPER = "He et al. 2016, Identity mappings in deep residual networks"


def _body(blocks: tuple[int, ...]) -> Body:
    def body(x: Any) -> Any:
        x = stem(x, is_normed=False)
        for stage, count in enumerate(blocks):
            for k in range(1, count + 1):
                strides = 2 if k == count and stage + 1 < len(blocks) else 1
                x = _bottleneck(x, 64 << stage, strides, f"conv{stage + 2}_block{k}", is_first=k == 1)
        return act(norm(x, "post_bn", epsilon=EPSILON), "relu", "post_relu")

    return body


def _bottleneck(x: Any, filters: int, strides: int, name: str, is_first: bool) -> Any:
    before = act(norm(x, f"{name}_preact_bn", epsilon=EPSILON), "relu", f"{name}_preact_relu")
    if is_first:
        shortcut = conv(before, 4 * filters, 1, f"{name}_0_conv", strides, "valid", bias=True)
    else:
        shortcut = layers.MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    x = conv(before, filters, 1, f"{name}_1_conv", padding="valid")
    x = act(norm(x, f"{name}_1_bn", epsilon=EPSILON), "relu", f"{name}_1_relu")
    x = conv(pad(x, 1, f"{name}_2_pad"), filters, 3, f"{name}_2_conv", strides, "valid")
    x = act(norm(x, f"{name}_2_bn", epsilon=EPSILON), "relu", f"{name}_2_relu")
    x = conv(x, 4 * filters, 1, f"{name}_3_conv", padding="valid", bias=True)
    return layers.Add(name=f"{name}_out")([shortcut, x])


ResNet50V2, ResNet101V2, ResNet152V2 = (
    standard(architecture(f"ResNet{depth}V2", _body(blocks), PAPER), f"resnet{depth}v2") for depth, blocks in BLOCKS.items()
)
preprocess_input = preprocessing("tf")
