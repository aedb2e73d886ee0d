"""What Keras 1 had of models and is called otherwise today; `symkeras run` has it under `keras.layers` and `keras.engine.training`."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ConfigError


def Merge(layers: Any = None, mode: Any = "sum", concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None, output_mask: Any = None,
          arguments: Any = None, name: str | None = None) -> Any:  # fmt: skip
    """Several models as one that merges what they give: the first layer of a `Sequential`, which has all their inputs then.

    Args:
        layers: models, or layers that were called once.
        mode, concat_axis, dot_axes, output_shape, output_mask, arguments: as of `symkeras.layers.merge`.
        name: of the model.

    Returns:
        A functional model, from the inputs of `layers`, each once.

    Raises:
        ConfigError: there are not two layers or more, or one has no output yet.

    >>> from symkeras import Sequential, layers
    >>> left, right = (Sequential([layers.Input((2,)), layers.Dense(3)]) for _ in range(2))
    >>> model = Sequential([Merge([left, right], mode="concat"), layers.Dense(1)])
    >>> model.input_shape, model.output_shape
    ([(None, 2), (None, 2)], (None, 1))
    """
    from symkeras.layers import merge
    from symkeras.models.functional import Functional

    if not isinstance(layers, (list, tuple)) or len(layers) < 2:
        raise ConfigError(f"Merge: expected a list of two models or more, received {layers!r}; layers.merge(tensors, mode=...) merges tensors")
    bare = [layer for layer in layers if not getattr(layer, "built", False) or not hasattr(layer, "output")]
    if bare:
        raise ConfigError(f"Merge: {bare[0]!r} has no output yet: give its first layer an input_shape")
    inputs = {id(t): t for layer in layers for t in _inputs_of(layer)}
    merged = merge([layer.output for layer in layers], mode, concat_axis, dot_axes, output_shape, output_mask, arguments)
    return Functional(list(inputs.values()), merged, name=name)


def _inputs_of(layer: Any) -> list[Any]:
    from symkeras.layers.sources import get_source_inputs
    from symkeras.models.model import Model

    return list(layer.inputs) if isinstance(layer, Model) else get_source_inputs(layer.output)


def slice_X(X: Any, start: Any = None, stop: Any = None) -> Any:
    """Some rows of an array, or of each of a list of arrays.

    Args:
        X: the array or arrays.
        start: the first row; or the numbers of the rows, as a list or an array.
        stop: the row behind the last.

    >>> import numpy as np
    >>> slice_X([np.arange(4), np.arange(4) * 2], 1, 3)
    [array([1, 2]), array([2, 4])]
    """
    if isinstance(X, list):
        return [slice_X(x, start, stop) for x in X]
    return X[start] if hasattr(start, "__len__") else X[start:stop]


def __dir__() -> list[str]:
    return ["Merge", "slice_X"]
