"""NASNet: two kinds of cells that a search found, one that keeps the size of the image and one that halves it.

Each cell reads the outputs of the two cells before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Wanted, assemble, dense_head, size_of
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, channels_of, concat, conv, norm, pad, pad_for_strides
from symkeras.applications.standard import described
from symkeras.models import Model

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

PAPER = "Zoph et al. 2017, Learning transferable architectures for scalable image recognition"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/"


@dataclass(frozen=True)
class Variant:
    """A size of the network: cells between two that halve, filters of the first cells and of the stem."""

    size: int
    cells: int
    filters: int
    stem: int
    skips_reduction: bool


VARIANTS = {"Mobile": Variant(224, 4, 44, 32, False), "Large": Variant(331, 6, 168, 96, True)}


def _norm(x: Any, name: str) -> Any:
    return norm(x, name, momentum=0.9997)


def _conv(x: Any, filters: int, name: str, **options: Any) -> Any:
    return conv(x, filters, 1, name, kernel_initializer="he_normal", **options)


def _body(variant: Variant) -> Body:
    cells, filters = variant.cells, variant.filters

    def body(x: Any) -> Any:
        x = conv(x, variant.stem, 3, "stem_conv1", 2, "valid", kernel_initializer="he_normal")
        x, before = _norm(x, "stem_bn1"), None
        for k, share in ((1, 4), (2, 2)):
            x, before = _reduction_cell(x, before, filters // share, f"stem_{k}")
        for stage in range(3):
            first = stage * cells + min(stage, 1)
            if stage:
                x, older = _reduction_cell(x, before, filters << stage, f"reduce_{stage * cells}")
                before = before if variant.skips_reduction else older
            for k in range(first, first + cells):
                x, before = _normal_cell(x, before, filters << stage, str(k))
        return act(x, "relu")

    return body


def _separable(x: Any, filters: int, size: int, name: str, strides: int = 1) -> Any:
    """Two separable convolutions, the first of which may halve the image."""
    cell = name
    x = act(x, "relu")
    if strides > 1:
        x = pad_for_strides(x, size, f"separable_conv_1_pad_{cell}")
    for k, step, padding in ((1, strides, "valid" if strides > 1 else "same"), (2, 1, "same")):
        x = act(x, "relu") if k == 2 else x
        x = layers.SeparableConv2D(filters, size, strides=step, padding=padding, use_bias=False, name=f"separable_conv_{k}_{cell}")(x)
        x = _norm(x, f"separable_conv_{k}_bn_{cell}")
    return x


def _adjusted(before: Any, x: Any, filters: int, cell: str) -> Any:
    """What the cell before the last gave, in the size of `x` and with `filters` channels."""
    if before is None:
        return x
    if size_of(before) != size_of(x):
        y = act(before, "relu", f"adjust_relu_1_{cell}")
        near = layers.AveragePooling2D(1, strides=2, padding="valid", name=f"adjust_avg_pool_1_{cell}")(y)
        near = _conv(near, filters // 2, f"adjust_conv_1_{cell}")
        far = layers.Cropping2D(((1, 0), (1, 0)))(pad(y, ((0, 1), (0, 1))))
        far = layers.AveragePooling2D(1, strides=2, padding="valid", name=f"adjust_avg_pool_2_{cell}")(far)
        return _norm(concat([near, _conv(far, filters // 2, f"adjust_conv_2_{cell}")]), f"adjust_bn_{cell}")
    if channels_of(before) != filters:
        return _norm(_conv(act(before, "relu"), filters, f"adjust_conv_projection_{cell}"), f"adjust_bn_{cell}")
    return before


def _mean(x: Any, name: str) -> Any:
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _sum(first: Any, second: Any, name: str | None = None) -> Any:
    return layers.Add(name=name)([first, second])


def _normal_cell(x: Any, before: Any, filters: int, cell: str) -> tuple[Any, Any]:
    p = _adjusted(before, x, filters, cell)
    h = _norm(_conv(act(x, "relu"), filters, f"normal_conv_1_{cell}"), f"normal_bn_1_{cell}")

    def separable(of: Any, size: int, side: str) -> Any:
        return _separable(of, filters, size, f"normal_{side}_{cell}")

    parts = [
        p,
        _sum(separable(h, 5, "left1"), separable(p, 3, "right1"), f"normal_add_1_{cell}"),
        _sum(separable(p, 5, "left2"), separable(p, 3, "right2"), f"normal_add_2_{cell}"),
        _sum(_mean(h, f"normal_left3_{cell}"), p, f"normal_add_3_{cell}"),
        _sum(_mean(p, f"normal_left4_{cell}"), _mean(p, f"normal_right4_{cell}"), f"normal_add_4_{cell}"),
        _sum(separable(h, 3, "left5"), h, f"normal_add_5_{cell}"),
    ]
    return concat(parts, f"normal_concat_{cell}"), x


def _reduction_cell(x: Any, before: Any, filters: int, cell: str) -> tuple[Any, Any]:
    p = _adjusted(before, x, filters, cell)
    h = _norm(_conv(act(x, "relu"), filters, f"reduction_conv_1_{cell}"), f"reduction_bn_1_{cell}")
    padded = pad_for_strides(h, 3, f"reduction_pad_1_{cell}")

    def separable(of: Any, size: int, side: str, strides: int = 2) -> Any:
        return _separable(of, filters, size, f"reduction_{side}_{cell}", strides)

    one = _sum(separable(h, 5, "left1"), separable(p, 7, "right1"), f"reduction_add_1_{cell}")
    two = layers.MaxPooling2D(3, strides=2, padding="valid", name=f"reduction_left2_{cell}")(padded)
    two = _sum(two, separable(p, 7, "right2"), f"reduction_add_2_{cell}")
    three = layers.AveragePooling2D(3, strides=2, padding="valid", name=f"reduction_left3_{cell}")(padded)
    three = _sum(three, separable(p, 5, "right3"), f"reduction_add3_{cell}")
    four = _sum(two, _mean(one, f"reduction_left4_{cell}"))
    five = separable(one, 3, "left4", 1)
    five = _sum(five, layers.MaxPooling2D(3, strides=2, padding="valid", name=f"reduction_right5_{cell}")(padded), f"reduction_add4_{cell}")
    return concat([two, three, four, five], f"reduction_concat_{cell}"), x


def _function(kind: str) -> Callable[..., Model]:
    variant, stem = VARIANTS[kind], f"nasnet_{kind.lower()}"
    files = (f"{stem}.h5", f"{stem}_no_top.h5")
    architecture = Architecture(f"NASNet{kind}", _body(variant), files, SOURCE, PAPER, dense_head(None), variant.size)

    def make(input_shape: Any = None, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, pooling: str | None = None,
             classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = stem) -> Model:  # fmt: skip
        return assemble(architecture, Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name))

    return described(make, architecture)


NASNetMobile, NASNetLarge = _function("Mobile"), _function("Large")
preprocess_input = preprocessing("tf")
