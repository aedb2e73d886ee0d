"""From the arguments that all architectures share to a model: the input, the features, the classifier, the weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symkeras import activations, config, layers
from symkeras.applications.imagenet_utils import CLASSES
from symkeras.arguments import boolean, one_of, optional, positive_int
from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import record_of
from symkeras.layers.input import InputLayer
from symkeras.models import Model
from symkeras.saving.places import kind_of, require_file
from symkeras.utils.file_cache import home


@dataclass(frozen=True)
class Wanted:
    """What the caller of an architecture asks for."""

    include_top: Any
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: Any
    classes: Any
    classifier_activation: Any
    name: Any


Body = Callable[[Any], Any]
Head = Callable[[Any, int, Any], Any]


@dataclass(frozen=True)
class Architecture:
    """One published network.

    Attributes:
        function: the name that users call it by.
        body: from images to features.
        head: from features, the number of classes and the activation to scores.
        files: names of Keras' weight files, with the classifier and without.
        source: where they are published.
        paper: who described it.
        size: height and width of an input with the classifier, where none are given.
        least: the smallest height and width.
        pooled: the names of the layers for pooling="avg" and "max", None for names made up.
        last: what the features go through without the classifier, behind the pooling.
        is_sized: whether the classifier needs an image of known size, its weights one of `size`.
    """

    function: str
    body: Body
    files: tuple[str, str]
    source: str
    paper: str = ""
    head: Head | None = None
    size: int = 224
    least: int = 32
    pooled: tuple[str | None, str | None] = (None, None)
    last: Body | None = None
    is_sized: bool = True


def assemble(architecture: Architecture, wanted: Wanted) -> Model:
    """The model, with its weights read where they are asked for."""
    where = architecture.function
    include_top = boolean(wanted.include_top, f"{where}: include_top")
    classes = positive_int(wanted.classes, f"{where}: classes")
    pooling = optional(one_of("avg", "max"))(wanted.pooling, f"{where}: pooling")
    file = _file(architecture, wanted.weights, include_top)
    activation = activations.get(wanted.classifier_activation)
    if include_top and wanted.weights == "imagenet" and classes != CLASSES:
        raise ConfigError(f"{where}: weights='imagenet' with include_top=True has {CLASSES} classes, received classes={classes}")
    if include_top and file is not None and activation not in (activations.get("softmax"), activations.get(None)):
        raise ConfigError(f"{where}: weights go with classifier_activation 'softmax' or None, received {wanted.classifier_activation!r}")
    image = _image(architecture, wanted, include_top)
    x = architecture.body(image)
    if include_top:
        x = (architecture.head or dense_head("avg_pool"))(x, classes, wanted.classifier_activation)
    elif pooling is not None:
        kind = layers.GlobalAveragePooling2D if pooling == "avg" else layers.GlobalMaxPooling2D
        x = kind(name=architecture.pooled[pooling == "max"])(x)
    if not include_top and architecture.last is not None:
        x = architecture.last(x)
    model = Model(source_inputs(image), x, name=wanted.name)
    if file is not None:
        model.load_weights(file)
    return model


def dense_head(pool: str | None, dropout: float = 0.0, **dense: Any) -> Head:
    """The mean over space, dropout, and a layer called "predictions"."""

    def head(x: Any, classes: int, activation: Any) -> Any:
        x = layers.GlobalAveragePooling2D(name=pool)(x)
        x = layers.Dropout(dropout, name="top_dropout")(x) if dropout else x
        return layers.Dense(classes, activation=activation, name="predictions", **dense)(x)

    return head


def source_inputs(tensor: Any) -> Any:
    """The inputs that a symbolic tensor is computed from; one stands alone. The tensor itself where there are none."""
    found, seen, todo = {}, set(), [tensor.node]
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        record = record_of(node)
        if record is not None and isinstance(record.layer, InputLayer):
            found[node] = record.outputs[0]
        else:
            todo.extend([t.node for t in record.inputs] if record is not None else node.inputs)
    inputs = [found[node] for node in sorted(found, key=lambda n: n.uid)] or [tensor]
    return inputs[0] if len(inputs) == 1 else inputs


# ---- the input -----------------------------------------------------------------------------------------------------


def is_channels_first() -> bool:
    """Whether images have their channels before height and width, as configured."""
    return config.image_data_format() == "channels_first"


def channel_axis() -> int:
    """The axis of the channels in the configured format."""
    return 1 if is_channels_first() else -1


def size_of(x: Any) -> tuple[int | None, int | None]:
    """Height and width of images, None where unknown."""
    height, width = x.shape[2:4] if is_channels_first() else x.shape[1:3]
    return height, width


def _image(architecture: Architecture, wanted: Wanted, include_top: bool) -> Any:
    shape = _input_shape(architecture, wanted, include_top)
    tensor = wanted.input_tensor
    if tensor is None:
        return layers.Input(shape=shape)
    if not isinstance(tensor, Tensor):
        raise ConfigError(f"{architecture.function}: input_tensor must be a symbolic tensor (from Input), received {tensor!r}")
    if len(tensor.shape) != 4:
        raise ShapeError(f"{architecture.function}: input_tensor must be images of shape (B, H, W, C), received shape {tuple(tensor.shape)}")
    return tensor


def _input_shape(architecture: Architecture, wanted: Wanted, include_top: bool) -> tuple[int | None, ...]:
    """The shape of an image: what is asked for where it will do, else three channels, of the architecture's size or any."""
    where, size, shape = architecture.function, architecture.size, wanted.input_shape
    is_first, needs_size = is_channels_first(), include_top and architecture.is_sized
    if shape is None:
        sizes = (size, size) if needs_size else (None, None)
        return (3, *sizes) if is_first else (*sizes, 3)
    form = "(C, H, W)" if is_first else "(H, W, C)"
    shape = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    if len(shape) != 3 or not all(d is None or (isinstance(d, int) and d > 0) for d in shape):
        raise ConfigError(f"{where}: input_shape must be three sizes {form}, received {wanted.input_shape!r}")
    channels, sizes = (shape[0], shape[1:]) if is_first else (shape[2], shape[:2])
    if wanted.weights == "imagenet" and channels != 3:
        raise ConfigError(f"{where}: weights='imagenet' needs 3 channels, received input_shape={shape}")
    if wanted.weights == "imagenet" and needs_size and sizes != (size, size):
        raise ConfigError(f"{where}: weights='imagenet' with include_top=True needs an image of {size}x{size}, received input_shape={shape}")
    if any(d is not None and d < architecture.least for d in sizes):
        raise ConfigError(f"{where}: an image must be at least {architecture.least}x{architecture.least}, received input_shape={shape}")
    if channels is None or (needs_size and None in sizes):
        raise ConfigError(f"{where}: with include_top={include_top} input_shape {form} must be known, received {shape}")
    return shape


# ---- the weights ---------------------------------------------------------------------------------------------------


def _file(architecture: Architecture, weights: Any, include_top: bool) -> Path | None:
    """The file of weights that is asked for.

    Raises:
        ConfigError: neither None, "imagenet" nor a path.
        DataError: it is not there.
    """
    where = architecture.function
    if weights is None:
        return None
    if not isinstance(weights, (str, os.PathLike)) or not os.fspath(weights):
        raise ConfigError(f"{where}: weights must be None, 'imagenet' or the path of a file, received {weights!r}")
    if weights == "imagenet":
        name = architecture.files[0 if include_top else 1]
        file = home() / "models" / name
        if kind_of(file) is None:
            raise DataError(
                f"{where}: there is no file {str(file)!r}; symkeras downloads nothing: put {architecture.source}{name} there, set KERAS_HOME, "
                f"or begin with weights=None"
            )
        return file
    file = Path(weights)
    if kind_of(file) is None:
        raise ConfigError(f"{where}: weights must be None, 'imagenet' or the path of a file; there is no file {str(file)!r}")
    require_file(file)
    return file
