"""MobileNet: depthwise and pointwise convolutions in turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symkeras import layers
from symkeras.applications.building import Architecture, Body, Head, Wanted, assemble, is_channels_first
from symkeras.applications.imagenet_utils import decode_predictions, preprocessing
from symkeras.applications.parts import conv, depthwise, norm, pad
from symkeras.applications.standard import described
from symkeras.arguments import fraction, positive, positive_int
from symkeras.errors import ConfigError
from symkeras.models import Model

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

PAPER = "Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications"
SOURCE = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""Width and strides of each block."""
WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
"""`alpha` of published weights -> its text in the name of their file."""
SIZES = (128, 160, 192, 224)


def published_size(function: str, shape: Any, wanted: Wanted, sizes: tuple[int, ...]) -> int:
    """The size of image that weights are published for: that of `shape` where it is one of `sizes`, else 224.

    Raises:
        ConfigError: the classifier of published weights is asked for, for an image of another size.
    """
    if isinstance(shape, (tuple, list)) and len(shape) == 3:
        height, width = shape[1:] if is_channels_first() else shape[:2]
        if height == width and height in sizes:
            return int(height)
        if wanted.weights == "imagenet" and wanted.include_top:
            raise ConfigError(f"{function}: weights='imagenet' with include_top=True are for square images of {sizes}, received {shape}")
    return 224


def named(wanted: Wanted, prefix: str, size: int) -> Wanted:
    """The same, with a name by the height of the image where none is given."""
    shape = wanted.input_shape
    height = size if wanted.include_top else None
    if isinstance(shape, (tuple, list)) and len(shape) == 3:
        height = shape[1 if is_channels_first() else 0]
    return replace(wanted, name=wanted.name or f"{prefix}_{height}")


def _body(alpha: float, multiplier: int) -> Body:
    def body(x: Any) -> Any:
        x = _rectified(conv(x, int(32 * alpha), 3, "conv1", 2), "conv1")
        for k, (width, strides) in enumerate(BLOCKS, 1):
            x = pad(x, ((0, 1), (0, 1)), f"conv_pad_{k}") if strides > 1 else x
            x = _rectified(depthwise(x, 3, f"conv_dw_{k}", strides, depth_multiplier=multiplier), f"conv_dw_{k}")
            x = _rectified(conv(x, int(width * alpha), 1, f"conv_pw_{k}"), f"conv_pw_{k}")
        return x

    return body


def _rectified(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu")(norm(x, f"{name}_bn"))


def _head(dropout: float) -> Head:
    def head(x: Any, classes: int, activation: Any) -> Any:
        x = layers.Dropout(dropout, name="dropout")(layers.GlobalAveragePooling2D(keepdims=True)(x))
        x = layers.Reshape((classes,), name="reshape_2")(conv(x, classes, 1, "conv_preds", bias=True))
        return layers.Activation(activation, name="predictions")(x)

    return head


def _make(input_shape: Any = None, alpha: float = 1.0, depth_multiplier: int = 1, dropout: float = 0.001, include_top: bool = True,
          weights: Any = "imagenet", input_tensor: Any = None, pooling: str | None = None, classes: int = 1000,
          classifier_activation: Any = "softmax", name: str | None = None) -> Model:  # fmt: skip
    alpha = positive(alpha, "MobileNet: alpha")
    depth_multiplier = positive_int(depth_multiplier, "MobileNet: depth_multiplier")
    dropout = fraction(dropout, "MobileNet: dropout")
    wanted = Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    size = published_size("MobileNet", input_shape, wanted, SIZES)
    if weights == "imagenet" and (depth_multiplier != 1 or alpha not in WIDTHS):
        raise ConfigError(
            f"MobileNet: weights='imagenet' are for depth_multiplier=1 and alpha in {tuple(WIDTHS)}, "
            f"received depth_multiplier={depth_multiplier} and alpha={alpha}"
        )
    stem = f"mobilenet_{WIDTHS.get(alpha, alpha)}_{size}_tf"
    files = (f"{stem}.h5", f"{stem}_no_top.h5")
    architecture = Architecture("MobileNet", _body(alpha, depth_multiplier), files, SOURCE, PAPER, _head(dropout), size)
    return assemble(architecture, named(wanted, f"mobilenet_{alpha:0.2f}", size))


MobileNet = described(_make, Architecture("MobileNet", _body(1.0, 1), ("", ""), SOURCE, PAPER), (
    "alpha: what all widths are multiplied with.\n"
    "depth_multiplier: filters of a depthwise convolution for each channel.\n"
    "dropout: the share of what the classifier reads that is dropped in training."
))  # fmt: skip
preprocess_input = preprocessing("tf")
