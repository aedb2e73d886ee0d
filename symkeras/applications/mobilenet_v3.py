"""MobileNetV3: the blocks of MobileNetV2 in a searched order, some with weights for channels that follow from the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Head, Wanted, assemble
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import act, channels_of, conv, depthwise, divisible, norm, pad_for_strides
from symkeras.applications.standard import described
from symkeras.arguments import boolean, fraction, positive
from symkeras.errors import ConfigError
from symkeras.models import Model

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

PAPER = "Howard et al. 2019, Searching for MobileNetV3"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/"
MOMENTUM = 0.999
# expansion, width, kernel, strides, whether channels are weighed, activation
BLOCKS: dict[str, tuple[tuple[float, int, int, int, bool, str], ...]] = {
    "small": (
        (1, 16, 3, 2, True, "relu"), (72 / 16, 24, 3, 2, False, "relu"), (88 / 24, 24, 3, 1, False, "relu"),
        (4, 40, 5, 2, True, "hard_silu"), *[(6, 40, 5, 1, True, "hard_silu")] * 2, *[(3, 48, 5, 1, True, "hard_silu")] * 2,
        (6, 96, 5, 2, True, "hard_silu"), *[(6, 96, 5, 1, True, "hard_silu")] * 2,
    ),
    "large": (
        (1, 16, 3, 1, False, "relu"), (4, 24, 3, 2, False, "relu"), (3, 24, 3, 1, False, "relu"),
        (3, 40, 5, 2, True, "relu"), *[(3, 40, 5, 1, True, "relu")] * 2,
        (6, 80, 3, 2, False, "hard_silu"), (2.5, 80, 3, 1, False, "hard_silu"), *[(2.3, 80, 3, 1, False, "hard_silu")] * 2,
        *[(6, 112, 3, 1, True, "hard_silu")] * 2, (6, 160, 5, 2, True, "hard_silu"), *[(6, 160, 5, 1, True, "hard_silu")] * 2,
    ),
}  # fmt: skip
LAST = {"small": 1024, "large": 1280}
"""Channels that the classifier reads."""


def _activated(x: Any, function: str, name: str | None = None) -> Any:
    return layers.ReLU(name=name)(x) if function == "relu" else act(x, function, name)


def _body(kind: str, alpha: float, minimalistic: bool, include_preprocessing: bool) -> Body:
    main = "relu" if minimalistic else "hard_silu"

    def body(x: Any) -> Any:
        x = layers.Rescaling(1 / 127.5, offset=-1.0)(x) if include_preprocessing else x
        x = _activated(norm(conv(x, 16, 3, "conv", 2), "conv_bn", momentum=MOMENTUM), main)
        for k, (expansion, width, kernel, strides, is_weighed, function) in enumerate(BLOCKS[kind]):
            if minimalistic:
                kernel, is_weighed, function = 3, False, "relu"
            x = _block(x, expansion, divisible(width * alpha), kernel, strides, is_weighed, function, k)
        return _activated(norm(conv(x, divisible(6 * channels_of(x)), 1, "conv_1"), "conv_1_bn", momentum=MOMENTUM), main)

    return body


def _block(x: Any, expansion: float, filters: int, kernel: int, strides: int, is_weighed: bool, function: str, k: int) -> Any:
    shortcut, channels = x, channels_of(x)
    name = f"expanded_conv_{k}" if k else "expanded_conv"
    wide = divisible(channels * expansion)
    if k:
        x = _activated(norm(conv(x, wide, 1, f"{name}_expand"), f"{name}_expand_bn", momentum=MOMENTUM), function)
    x = pad_for_strides(x, kernel, f"{name}_depthwise_pad") if strides > 1 else x
    x = norm(depthwise(x, kernel, f"{name}_depthwise", strides), f"{name}_depthwise_bn", momentum=MOMENTUM)
    x = _activated(x, function)
    x = _weighed(x, wide, f"{name}_squeeze_excite") if is_weighed else x
    x = norm(conv(x, filters, 1, f"{name}_project"), f"{name}_project_bn", momentum=MOMENTUM)
    return layers.Add(name=f"{name}_add")([shortcut, x]) if strides == 1 and channels == filters else x


def _weighed(x: Any, channels: int, name: str) -> Any:
    """Each channel times a weight between 0 and 1 that the means of all channels give (squeeze and excitation)."""
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    y = layers.ReLU(name=f"{name}_relu")(conv(y, divisible(channels * 0.25), 1, f"{name}_conv", bias=True))
    y = conv(y, channels, 1, f"{name}_conv_1", bias=True)
    return layers.Multiply(name=f"{name}_mul")([x, layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0)])


def _head(kind: str, alpha: float, minimalistic: bool, dropout: float) -> Head:
    width = divisible(LAST[kind] * alpha) if alpha > 1 else LAST[kind]

    def head(x: Any, classes: int, activation: Any) -> Any:
        x = conv(layers.GlobalAveragePooling2D(keepdims=True)(x), width, 1, "conv_2", bias=True)
        x = _activated(x, "relu" if minimalistic else "hard_silu")
        x = layers.Dropout(dropout)(x) if dropout > 0 else x
        x = layers.Flatten()(conv(x, classes, 1, "logits", bias=True))
        return layers.Activation(activation, name="predictions")(x)

    return head


def _architecture(kind: str, alpha: float, minimalistic: bool, dropout: float, include_preprocessing: bool) -> Architecture:
    stem = f"weights_mobilenet_v3_{kind}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
    return Architecture(
        f"MobileNetV3{kind.title()}", _body(kind, alpha, minimalistic, include_preprocessing), (f"{stem}.h5", f"{stem}_no_top_v2.h5"), SOURCE, PAPER,
        _head(kind, alpha, minimalistic, dropout), pooled=("avg_pool", "max_pool"), is_sized=False,
    )  # fmt: skip


def _function(kind: str) -> Callable[..., Model]:
    function = f"MobileNetV3{kind.title()}"

    def make(input_shape: Any = None, alpha: float = 1.0, minimalistic: bool = False, include_top: bool = True, weights: Any = "imagenet",
             input_tensor: Any = None, classes: int = 1000, pooling: str | None = None, dropout_rate: float = 0.2,
             classifier_activation: Any = "softmax", include_preprocessing: bool = True, name: str | None = function) -> Model:  # fmt: skip
        alpha = positive(alpha, f"{function}: alpha")
        minimalistic = boolean(minimalistic, f"{function}: minimalistic")
        dropout_rate = fraction(dropout_rate, f"{function}: dropout_rate")
        include_preprocessing = boolean(include_preprocessing, f"{function}: include_preprocessing")
        if weights == "imagenet" and alpha not in ((1.0,) if minimalistic else (0.75, 1.0)):
            known = "alpha=1.0 where minimalistic" if minimalistic else "alpha 0.75 or 1.0"
            raise ConfigError(f"{function}: weights='imagenet' are for {known}, received alpha={alpha}")
        architecture = _architecture(kind, alpha, minimalistic, dropout_rate, include_preprocessing)
        return assemble(architecture, Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name))

    return described(make, _architecture(kind, 1.0, False, 0.2, True), (
        "alpha: what all widths are multiplied with.\n"
        "minimalistic: whether the network has 3x3 kernels and ReLU alone, and weighs no channels.\n"
        "dropout_rate: the share of what the classifier reads that is dropped in training.\n"
        "include_preprocessing: whether the model scales pixels from 0 to 255 itself; else it expects -1 to 1."
    ))  # fmt: skip


MobileNetV3Small, MobileNetV3Large = _function("small"), _function("large")
preprocess_input = preprocessing(None)
