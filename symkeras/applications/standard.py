"""The functions of architectures whose arguments are the same, and the words about arguments that all have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras.applications.building import Architecture, Wanted, assemble
from symkeras.models import Model

ARGUMENTS = """include_top: whether the classifier follows the features.
        weights: None for weights as initializers make them; the path of a file of weights (`.weights.h5`, or `.h5` of Keras); or
            "imagenet" for Keras' own file in `$KERAS_HOME/models` (`~/.keras/models`). Nothing is downloaded.
        input_tensor: a symbolic tensor of images to begin with.
        input_shape: the shape of an image, ({size}, {size}, 3) when None with the classifier, else of any size; at least {least}x{least}.
        pooling: what the features become without the classifier: None for maps (B, H', W', O), "avg" or "max" for (B, O).
        classes: how many the classifier tells apart.
        classifier_activation: of the classifier; None for logits.
        name: of the model."""

TAIL = """Input shape:
        (B, H, W, C); the channels second for "channels_first"

    Output shape:
        (B, classes), or features

    Raises:
        ConfigError: an argument of a wrong kind, a size that is too small, or weights that do not go with the rest.
        DataError: the file of weights is not there; names it, and where it is published.

    Example:
        >>> {function}(weights=None, include_top=False, pooling="avg", input_shape=({example}, {example}, 3)).layers[0].batch_shape
        (None, {example}, {example}, 3)
    """


def described(function: Callable[..., Any], architecture: Architecture, more: str = "") -> Callable[..., Model]:
    """`function` under the architecture's name, with its docstring; `more` describes arguments of its own."""
    sizes = {"size": architecture.size, "least": architecture.least}
    arguments = ARGUMENTS.format(**sizes) + "".join(f"\n        {line}" for line in more.splitlines())
    tail = TAIL.format(function=architecture.function, example=max(32, architecture.least))
    function.__doc__ = f"{architecture.function} ({architecture.paper}).\n\n    Args:\n        {arguments}\n\n    {tail}"
    function.__name__ = function.__qualname__ = architecture.function
    return function


def standard(architecture: Architecture, model: str) -> Callable[..., Model]:
    """The function that makes an architecture with the arguments of most; `model` is the name of what it makes."""

    def make(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None,
             pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = model) -> Model:  # fmt: skip
        return assemble(architecture, Wanted(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name))

    return described(make, architecture)
